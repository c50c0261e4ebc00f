"""The quality of a match: words for its distance, and how recorded notes at that distance are related."""

from collections.abc import Sequence

QUALITY_LIMITS = ((3.0, "very close"), (6.0, "close"), (9.0, "similar"))
BEYOND_LIMITS = "far off"
SCALE_EXPLAINED = (
    "distance: below 3 very close, below 6 close, below 9 similar; "
    "log-mel: mean difference of the two spectrograms in dB, 2-3 is very close and 14 like any other voice"
)
"""One line for the reader of either number."""
EVEN, STEEPNESS = 8.55, 2.63
"""Of `same_instrument_share`; fitted by `experiments/matching/same_instrument.py`."""


def match_quality(distance: float | int) -> str:
    """Put a perceptual distance into words.

    Source of the limits, for `ddx7.audio.perceptual_distance`: pairs of recorded notes of seven instruments on the same
    pitch, of any dynamics and articulation, as many of one instrument as of two. Of pairs below 3 all are of one
    instrument, of those from 3 to 6 87 %, from 6 to 9 54 %, and beyond 9 33 %.

    >>> match_quality(2.9), match_quality(3.0), match_quality(14.0)
    ('very close', 'close', 'far off')
    """
    return next((words for limit, words in QUALITY_LIMITS if distance < limit), BEYOND_LIMITS)


def same_instrument_share(distance: float | int) -> float:
    """Share of pairs of recorded notes at a perceptual distance that are of one instrument.

    A logistic curve over the logarithm of the distance, fitted to the pairs that `match_quality` describes: as many of
    one instrument as of two. For instruments that the fit left out the mean error over ten bins is 0.05. The pairs are
    recordings, so the figure does not judge a synthesiser.

    Args:
      distance: `ddx7.audio.perceptual_distance`, at least 0.

    >>> same_instrument_share(0.0), round(same_instrument_share(EVEN), 3), same_instrument_share(float("inf"))
    (1.0, 0.5, 0.0)
    """
    return 1.0 / (1.0 + (distance / EVEN) ** STEEPNESS)


def describe(distance: float | int, distance_db: float | int, differences: Sequence[str] = ()) -> str:
    """Describe a match in one line.

    Args:
      distance: perceptual distance.
      distance_db: log-mel distance.
      differences: what differs, in a few words each.

    >>> describe(2.14, 2.6, ["attack 30 ms slower", "vibrato missing"])
    'distance 2.1, very close (log-mel 2.6 dB); attack 30 ms slower, vibrato missing'
    """
    line = f"distance {distance:.1f}, {match_quality(distance)} (log-mel {distance_db:.1f} dB)"
    return "; ".join([line, ", ".join(differences)] if differences else [line])
