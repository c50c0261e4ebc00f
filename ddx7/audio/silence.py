"""What is no sound: silence, a constant, and the dither or the noise of a converter in an empty recording."""

import numpy as np

SILENT_DB = -84.0
"""Peak in dBFS below which a recording is silent: two steps of 16 bits."""
FAINT_DB = -60.0
"""Peak in dBFS below which a recording must hold more than steady noise; shaped dither of 16 bits peaks near -70."""
FAINT_STEPS = 4.0
"""Likewise in quantisation steps, for 8 bits."""
OFFSET_SHARE = 0.03
"""A constant offset from this share of the peak on is removed."""
_OFFSET_FRAME = 8192
_SHORTEST_OFFSET = 1024
_FRAME = 1024
_MOST_FRAMES = 4096
_TONE_DB, _MORE_FOR_FEW_DB = 10.0, 10.0  # of a bin over its neighbours, more where few frames are averaged
_MOVES_DB = 10.0
_NEIGHBOURS = 15


def constant_offset(samples: np.ndarray) -> float:
    """The constant offset (DC) of a recording; 0 where there is none to speak of.

    Args:
      samples: float32 [time].
    """
    size = min(_OFFSET_FRAME, len(samples))
    if size < _SHORTEST_OFFSET:
        return 0.0
    n = len(samples) // size
    window = np.hanning(size)  # so that the cycles that a frame cuts count little
    means = samples[: n * size].reshape(n, size) @ (window / window.sum())
    offset = float(np.median(means))
    peak = float(np.abs(samples - np.float32(offset)).max())
    steady = float(np.percentile(means, 90) - np.percentile(means, 10)) < 0.5 * abs(offset)
    return offset if steady and abs(offset) > OFFSET_SHARE * peak else 0.0


def why_silent(samples: np.ndarray, step: float = 0.0) -> str:
    """What an empty recording holds instead of a sound; empty for a sound.

    Args:
      samples: float32 [time], at least one.
      step: quantisation step relative to full scale; 0 if unknown.
    """
    peak = float(samples.max() - samples.min()) / 2
    if peak < 10 ** (SILENT_DB / 20):
        return "only silence"
    if peak >= max(10 ** (FAINT_DB / 20), FAINT_STEPS * step) or _has_structure(samples):
        return ""
    return f"only steady noise of {20 * np.log10(peak):.0f} dBFS, as dither or a converter makes"


def _has_structure(samples: np.ndarray) -> bool:
    """Whether the level moves or a partial stands out of its neighbours."""
    n = len(samples) // _FRAME
    if n == 0:
        return True  # too short to tell
    frames = samples[: n * _FRAME].reshape(n, _FRAME).astype(np.float64)
    power = np.mean(np.square(frames), axis=1)
    sounding = power[power > 0]
    if len(sounding) >= 4 and np.percentile(sounding, 95) > 10 ** (_MOVES_DB / 10) * np.percentile(sounding, 5):
        return True
    frames = frames[:: max(n // _MOST_FRAMES, 1)]
    spectrum = np.mean(np.square(np.abs(np.fft.rfft(frames * np.hanning(_FRAME)))), axis=0)[2:-1]
    around = np.lib.stride_tricks.sliding_window_view(
        np.pad(spectrum, _NEIGHBOURS, mode="reflect"), 2 * _NEIGHBOURS + 1
    )
    above = spectrum / np.maximum(np.median(around, axis=1), 1e-30)
    return bool(10 * np.log10(above.max()) > _TONE_DB + _MORE_FOR_FEW_DB / np.sqrt(len(frames)))
