"""Errors of pitch and loudness over frames that were extracted before, whatever the extractor."""

from typing import NamedTuple

import numpy as np

from ddx7.audio.pitch import cents_between
from ddx7.errors import Ddx7Error

GROSS_CENTS = 50.0
"""A frame further off than this is a gross error: a quarter-tone, beyond which another key is nearer."""
QUIETEST_DB = -80.0
"""Levels below count as this, as in the features of DDX7."""


class F0Error(NamedTuple):
    """How far one pitch track is from another.

    Attributes:
      mean_cents: mean absolute error over the frames that are voiced in both; NaN if there are none.
      median_cents: median of the same, which gross errors do not move.
      gross_share: share of these frames that are more than 50 cents off, 0 to 1; NaN if there are none.
      voicing_share: share of all frames in which one track is voiced and the other is not, 0 to 1.
      n_voiced: frames voiced in both.
      n_frames: all frames.
    """

    mean_cents: float
    median_cents: float
    gross_share: float
    voicing_share: float
    n_voiced: int
    n_frames: int


class LoudnessError(NamedTuple):
    """How far one loudness track is from another.

    Attributes:
      mean_db: mean absolute error.
      bias_db: mean of found less wanted; positive where the sound is too loud.
      n_frames: frames compared.
    """

    mean_db: float
    bias_db: float
    n_frames: int


def f0_error(wanted_hz: np.ndarray, found_hz: np.ndarray) -> F0Error:
    """Compare two pitch tracks frame by frame.

    Args:
      wanted_hz: float [frame]; 0 or NaN where there is no pitch (`librosa.pyin` says NaN).
      found_hz: likewise, as many frames.

    Returns:
      the errors.

    Raises:
      Ddx7Error: the tracks are not alike in shape, are empty, or hold negative or infinite values.
    """
    wanted, found = _tracks("f0", wanted_hz, found_hz)
    voiced = []
    for track in (wanted, found):
        if (track < 0).any() or np.isinf(track).any():
            raise Ddx7Error("an f0 track holds negative or infinite values, Hz or NaN are wanted")
        voiced.append(track > 0)
    both = voiced[0] & voiced[1]
    disagreement = float(np.mean(voiced[0] != voiced[1]))
    if not both.any():
        return F0Error(np.nan, np.nan, np.nan, disagreement, 0, len(wanted))
    cents = np.abs(cents_between(found[both], wanted[both]))
    gross = float(np.mean(cents > GROSS_CENTS))
    return F0Error(float(cents.mean()), float(np.median(cents)), gross, disagreement, int(both.sum()), len(wanted))


def loudness_error(wanted_db: np.ndarray, found_db: np.ndarray, *, quietest_db: float = QUIETEST_DB) -> LoudnessError:
    """Compare two loudness tracks frame by frame.

    Args:
      wanted_db: float [frame], A-weighted level in dB; minus infinity is silence.
      found_db: likewise, as many frames.
      quietest_db: lower levels count as this.

    Returns:
      the errors in dB.

    Raises:
      Ddx7Error: the tracks are not alike in shape, are empty, or hold NaN or plus infinity.
    """
    wanted, found = _tracks("loudness", wanted_db, found_db)
    for track in (wanted, found):
        if np.isnan(track).any() or np.isposinf(track).any():
            raise Ddx7Error("a loudness track holds NaN or infinite values, dB are wanted")
    apart = np.maximum(found, quietest_db) - np.maximum(wanted, quietest_db)
    return LoudnessError(float(np.abs(apart).mean()), float(apart.mean()), len(wanted))


def _tracks(what: str, wanted: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    wanted, found = np.asarray(wanted, np.float64), np.asarray(found, np.float64)
    if wanted.ndim != 1 or wanted.shape != found.shape or not len(wanted):
        raise Ddx7Error(f"{what} tracks of shapes {wanted.shape} and {found.shape}, two equal [frame] are wanted")
    return wanted, found
