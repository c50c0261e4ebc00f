"""A match in one honest line: how near it came, how likely that is the same kind of sound, what is still off."""

import math
from collections.abc import Sequence

from ddx7.matching.differences import differences as differences

QUALITY_LIMITS = ((3.0, "very close"), (6.0, "same family"), (9.0, "roughly similar"))
FAR = "far off"
CHANCE, SCALE_DB = 0.171, 2.12
"""Of `same_category_probability`; made by `experiments/inference/confidence.py`."""


def match_quality(distance_db: float) -> str:
    """A log-mel distance in words.

    Where the limits come from, for `ddx7.audio.log_mel_distance`. Of 100 voices from public collections at middle C,
    95 of 100 with a few small edits stay within 3 dB of themselves, and 2 of 100 voices taken at random. Near-copies in
    the same collections (a bank's variations on one voice): 58 within 3 dB, 75 within 6, 90 within 9; voices at random:
    2, 11 and 29. Recordings are further apart, since noise counts too: two of the same instrument on the same note, of
    any dynamics and articulation, 7.5 dB in the median of 143; a semitone apart 9.6; another instrument on the same
    note 10.9.

    >>> verdict(2.9), verdict(3.0), verdict(14.0)
    ('very close', 'same family', 'far off')
    """
    return next((words for limit, words in QUALITY_LIMITS if distance_db < limit), FAR)


def same_category_probability(distance_db: float, chance: float = CHANCE, scale_db: float = SCALE_DB) -> float:
    """How likely an answer at a log-mel distance is the same kind of sound: a piano for a piano, a bell for a bell.

    Half a logistic curve, from 1 at no distance to chance far away. Calibrated on human DX7 voices, not on listeners:
    the answer was the nearest of 30 to 5,000 voices from other families, and of the same kind if the names that people
    gave both speak of one of 16 kinds. For voices of held-out families what was found is 0.04 away from what is said
    here, in the mean over ten bins; the table is in ``docs/match.md``.

    Args:
      distance_db: by `ddx7.audio.log_mel_distance`, at least 0.
      chance: for an answer that is far off.
      scale_db: how fast certainty is lost.

    >>> confidence(0.0), confidence(math.inf) == CHANCE
    (1.0, True)
    """
    return chance + (1 - chance) * (1 - math.tanh(distance_db / (2 * scale_db)))


def describe(distance_db: float, differences: Sequence[str] = ()) -> str:
    """One line about a match.

    >>> describe(2.1, ["attack 30 ms slower", "vibrato missing"])
    '2.1 dB from the recording: very close (the same kind of sound: 62 %); attack 30 ms slower, vibrato missing'
    """
    sure = f"the same kind of sound: {100 * same_category_probability(distance_db):.0f} %"
    line = f"{distance_db:.1f} dB from the recording: {match_quality(distance_db)} ({sure})"
    return "; ".join([line, ", ".join(differences)] if differences else [line])
