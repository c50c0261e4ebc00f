"""The quality of a match: words for its distance, and the probability that it is of the recording's category."""

import math
from collections.abc import Sequence

QUALITY_LIMITS = ((3.0, "very close"), (6.0, "same family"), (9.0, "roughly similar"))
BEYOND_LIMITS = "far off"
CHANCE, SCALE_DB = 0.171, 2.12
"""Of `same_category_probability`; fitted by `experiments/matching/same_category.py`."""


def match_quality(distance_db: float | int) -> str:
    """Put a log-mel distance into words.

    Source of the limits, for `ddx7.audio.log_mel_distance`: of 100 voices from public collections at middle C, 95 stay
    within 3 dB of themselves after a few small edits, and 2 of 100 voices at random lie within 3 dB. Near-copies in the
    same collections (a bank's variations on one voice): 58 of 100 within 3 dB, 75 within 6, 90 within 9; voices at
    random: 2, 11 and 29. Recordings lie further apart, since noise counts, too: the median of 143 pairs of the same
    instrument on the same note, of any dynamics and articulation, is 7.5 dB; a semitone apart 9.6; of another
    instrument on the same note 10.9.

    >>> match_quality(2.9), match_quality(3.0), match_quality(14.0)
    ('very close', 'same family', 'far off')
    """
    return next((words for limit, words in QUALITY_LIMITS if distance_db < limit), BEYOND_LIMITS)


def same_category_probability(distance_db: float | int, chance: float = CHANCE, scale_db: float = SCALE_DB) -> float:
    """Probability that a match at a log-mel distance is of the target's category: a piano for a piano.

    Half a logistic curve, from 1 at no distance to chance far away. Fitted to existing DX7 voices and not to
    listeners: the match was the nearest of 30 to 5,000 voices outside the target's near-duplicate cluster, and of the
    same category if the names of both share one of 16 categories. For voices of held-out clusters the mean error over
    ten bins is 0.04; ``docs/match.md`` has the table.

    Args:
      distance_db: `ddx7.audio.log_mel_distance`, at least 0.
      chance: probability at a great distance.
      scale_db: scale of the curve.

    >>> same_category_probability(0.0), same_category_probability(math.inf) == CHANCE
    (1.0, True)
    """
    return chance + (1 - chance) * (1 - math.tanh(distance_db / (2 * scale_db)))


def describe(distance_db: float | int, differences: Sequence[str] = ()) -> str:
    """Describe a match in one line.

    >>> describe(2.1, ["attack 30 ms slower", "vibrato missing"])
    '2.1 dB from the recording: very close (the same kind of sound: 62 %); attack 30 ms slower, vibrato missing'
    """
    probability = f"the same kind of sound: {100 * same_category_probability(distance_db):.0f} %"
    line = f"{distance_db:.1f} dB from the recording: {match_quality(distance_db)} ({probability})"
    return "; ".join([line, ", ".join(differences)] if differences else [line])
