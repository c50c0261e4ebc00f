"""A look-ahead limiter: loud moments become softer, and the level of the rest stays."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

LOOK_AHEAD_S = 0.005
RELEASE_DB_PER_S = 40.0
"""Slope at which the gain returns: 3 dB in 75 ms."""
_AUDIBLE_DB = 3.0  # from which a user should know


@dataclass(frozen=True, eq=False)
class LimitedSound:
    """A sound that stays below a ceiling.

    Attributes:
      samples: float32 [..., time].
      reduction_db: the most by which a moment was turned down, 0 where nothing was.
    """

    samples: Float[np.ndarray, "*sound time"]
    reduction_db: float


def limit_level(
    samples: Float[np.ndarray, "*sound time"], sample_rate: int, ceiling_db: float | int = -1.0
) -> LimitedSound:
    """Turn down the moments that peak above the ceiling; `peak_limit` scales the whole sound instead.

    The gain falls along a Hann window within 5 ms around a peak, and returns at 40 dB a second. So a few high peaks do
    not make a whole recording soft.

    Args:
      samples: full scale 1.0; several sounds take the same gain, so that their sum stays the same mixture.
      sample_rate: in Hz.
      ceiling_db: highest allowed peak in dBFS.

    Returns:
      the sound, and by how much it was turned down; a sound below the ceiling stays as it is.
    """
    samples = np.asarray(samples, np.float32)
    ceiling = 10.0 ** (ceiling_db / 20)
    level = np.abs(samples).max(axis=tuple(range(samples.ndim - 1)))
    if level.max(initial=0.0) <= ceiling:
        return LimitedSound(samples, 0.0)
    from scipy.ndimage import minimum_filter1d  # here, because few sounds need it

    wanted_db = np.minimum(20 * np.log10(ceiling / np.maximum(level.astype(np.float64), 1e-9)), 0.0)
    width = round(LOOK_AHEAD_S * sample_rate) | 1
    # The lowest gain within the window: then its weighted mean over the window is low enough in the middle, too.
    held_db = minimum_filter1d(wanted_db, width, mode="nearest")
    rise_db = np.arange(len(held_db)) * (RELEASE_DB_PER_S / sample_rate)
    released_db = np.minimum(np.minimum.accumulate(held_db - rise_db) + rise_db, 0.0)
    window = np.hanning(width + 2)[1:-1]
    smooth_db = np.convolve(np.pad(released_db, width // 2, mode="edge"), window / window.sum(), "valid")
    limited = samples * (10.0 ** (smooth_db / 20)).astype(np.float32)
    return LimitedSound(np.clip(limited, -ceiling, ceiling).astype(np.float32), float(-smooth_db.min()))


def limiter_remark(reduction_db: float) -> str | None:
    """A sentence for the user where a sound was turned down by more than 3 dB; else None."""
    if reduction_db <= _AUDIBLE_DB:
        return None
    return f"its loudest moments would clip and are turned down by up to {reduction_db:.1f} dB"
