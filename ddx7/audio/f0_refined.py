"""A fundamental that is known within a semitone, made exact: the pitch whose harmonics hold the most of the spectrum.

Pitch trackers answer on a grid (pYIN's is a tenth of a semitone), smooth the steps between notes, and flatten a
vibrato. At the twelfth harmonic of 500 Hz, 5 cents are 17 Hz: two bins of a spectrum of 2,048 samples at 16 kHz.
"""

import numpy as np

from ddx7.audio.spectra_numpy import hann

_WINDOW_S, _BINS_FACTOR = 0.064, 4  # the spectrum is interpolated between bins of 4 Hz
_CENTS = np.arange(-60.0, 61.0, 5.0)  # around a known pitch
_NEIGHBOUR_S = 0.04  # the pitch a moment before and after is tried, too: at a step the tracker is between two notes
_NEIGHBOUR_SHARE = 0.97  # of the sum that a neighbour's pitch must beat
_HARMONICS, _HIGHEST_HZ = 12, 5000.0
_PERIODS = 4  # in a window: with fewer its spectrum does not separate the harmonics, and the pitch stays as it is
_ROUNDS = 2
_CHUNK = 512


def refine(samples: np.ndarray, sample_rate: int, times_s: np.ndarray, f0_hz: np.ndarray) -> np.ndarray:
    """The pitch at given times, moved to where the magnitudes at its harmonics have the largest sum of roots.

    Args:
      samples: float [time].
      sample_rate: in Hz.
      times_s: float [point], at equal distances.
      f0_hz: fundamental at these times, above 0; it may be off by 120 cents, and at a step be that of a note nearby.

    Returns:
      fundamental in Hz, float64 [point]; below 62.5 Hz the one that was given.
    """
    refined = np.asarray(f0_hz, np.float64)
    if len(refined) < 2:
        return refined
    size = round(_WINDOW_S * sample_rate)
    padded = np.pad(np.asarray(samples, np.float64), size)
    starts = np.clip(np.round(times_s * sample_rate).astype(int) + size - size // 2, 0, len(padded) - size)
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)
    shift = max(round(_NEIGHBOUR_S / (times_s[1] - times_s[0])), 1)
    window, points = hann(size), np.arange(len(refined))
    for _ in range(_ROUNDS):
        near = [refined, refined[np.maximum(points - shift, 0)], refined[np.minimum(points + shift, len(points) - 1)]]
        candidates = np.concatenate([hz[:, None] * 2 ** (_CENTS / 1200) for hz in near], axis=1)
        parts = [slice(k, k + _CHUNK) for k in range(0, len(points), _CHUNK)]
        refined = np.concatenate(
            [
                _best(np.fft.rfft(frames[starts[part]] * window, _BINS_FACTOR * size), candidates[part], sample_rate)
                for part in parts
            ]
        )
    return np.where(np.asarray(f0_hz) >= _PERIODS / _WINDOW_S, refined, f0_hz)


def _best(spectra: np.ndarray, candidates: np.ndarray, sample_rate: int) -> np.ndarray:
    """The best candidate of each frame [frame], between candidates by a parabola."""
    roots = np.sqrt(np.abs(spectra))
    bins_per_hz = 2 * (roots.shape[1] - 1) / sample_rate
    total = np.zeros(candidates.shape)
    for k in range(1, _HARMONICS + 1):
        hz = k * candidates
        position = np.minimum(hz * bins_per_hz, roots.shape[1] - 1.001)
        below = position.astype(int)
        share = position - below
        at = np.take_along_axis(roots, below, 1) * (1 - share) + np.take_along_axis(roots, below + 1, 1) * share
        total += np.where(hz < min(_HIGHEST_HZ, sample_rate / 2), at, 0.0)
    n = len(_CENTS)
    total[:, n:] *= _NEIGHBOUR_SHARE
    best = total.argmax(axis=1)
    best += (best % n == 0).astype(int) - (best % n == n - 1)  # a parabola needs both neighbours
    rows = np.arange(len(total))
    left, middle, right = (total[rows, best + side] for side in (-1, 0, 1))
    bend = left - 2 * middle + right
    peak = (middle >= left) & (middle >= right) & (bend < 0)
    offset = np.where(peak, 0.5 * (left - right) / np.where(peak, bend, 1.0), 0.0)
    return candidates[rows, best] * 2 ** (offset * (_CENTS[1] - _CENTS[0]) / 1200)
