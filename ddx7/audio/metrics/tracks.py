"""Errors of pitch and loudness tracks, frame by frame, from any extractor."""

from typing import NamedTuple

import numpy as np

from ddx7.audio.pitch import cents_between
from ddx7.errors import Ddx7Error

GROSS_CENTS = 50.0
"""A larger error is a gross error: beyond a quarter-tone another note is nearer."""
QUIETEST_DB = -80.0
"""Lower levels count as this, as in the features of DDX7."""


class F0Error(NamedTuple):
    """Error of a pitch track.

    Attributes:
      mean_cents: mean absolute error over the frames that are voiced in both; NaN if there are none.
      median_cents: median over the same frames, robust to gross errors.
      gross_share: share of these frames with an error above 50 cents, 0..1; NaN if there are none.
      voicing_share: share of all frames that are voiced in one track only, 0..1.
      n_voiced: number of frames voiced in both.
      n_frames: number of all frames.
    """

    mean_cents: float
    median_cents: float
    gross_share: float
    voicing_share: float
    n_voiced: int
    n_frames: int


class LoudnessError(NamedTuple):
    """Error of a loudness track.

    Attributes:
      mean_db: mean absolute error.
      bias_db: mean of estimate less target; positive if the sound is too loud.
      n_frames: number of frames.
    """

    mean_db: float
    bias_db: float
    n_frames: int


def f0_error(target_hz: np.ndarray, estimate_hz: np.ndarray) -> F0Error:
    """Compare two pitch tracks frame by frame.

    Args:
      target_hz: float [frame]; 0 or NaN where unvoiced (NaN in `librosa.pyin`).
      estimate_hz: likewise, as many frames.

    Returns:
      the errors.

    Raises:
      Ddx7Error: the shapes differ, the tracks are empty, or hold negative or infinite values.
    """
    target, estimate = _tracks("f0", target_hz, estimate_hz)
    voiced = []
    for track in (target, estimate):
        if (track < 0).any() or np.isinf(track).any():
            raise Ddx7Error("an f0 track holds negative or infinite values, Hz or NaN are wanted")
        voiced.append(track > 0)
    both = voiced[0] & voiced[1]
    disagreement = float(np.mean(voiced[0] != voiced[1]))
    if not both.any():
        return F0Error(np.nan, np.nan, np.nan, disagreement, 0, len(target))
    cents = np.abs(cents_between(estimate[both], target[both]))
    gross = float(np.mean(cents > GROSS_CENTS))
    return F0Error(float(cents.mean()), float(np.median(cents)), gross, disagreement, int(both.sum()), len(target))


def loudness_error(
    target_db: np.ndarray, estimate_db: np.ndarray, *, quietest_db: float | int = QUIETEST_DB
) -> LoudnessError:
    """Compare two loudness tracks frame by frame.

    Args:
      target_db: float [frame], A-weighted level in dB; minus infinity is silence.
      estimate_db: likewise, as many frames.
      quietest_db: lower levels count as this.

    Returns:
      the errors in dB.

    Raises:
      Ddx7Error: the shapes differ, the tracks are empty, or hold NaN or plus infinity.
    """
    target, estimate = _tracks("loudness", target_db, estimate_db)
    for track in (target, estimate):
        if np.isnan(track).any() or np.isposinf(track).any():
            raise Ddx7Error("a loudness track holds NaN or infinite values, dB are wanted")
    difference = np.maximum(estimate, quietest_db) - np.maximum(target, quietest_db)
    return LoudnessError(float(np.abs(difference).mean()), float(difference.mean()), len(target))


def _tracks(what: str, target: np.ndarray, estimate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    target, estimate = np.asarray(target, np.float64), np.asarray(estimate, np.float64)
    if target.ndim != 1 or target.shape != estimate.shape or not len(target):
        raise Ddx7Error(f"{what} tracks of shapes {target.shape} and {estimate.shape}, two equal [frame] are wanted")
    return target, estimate
