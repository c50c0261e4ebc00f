"""How well a sound repeats after every lag, frame by frame: what both one note's pitch and a melody are read from.

Source of the difference function: A. de Cheveigne and H. Kawahara, YIN, a fundamental frequency estimator for speech
and music, JASA 111 (2002).
"""

from typing import NamedTuple

import numpy as np

LOWEST_HZ, HIGHEST_HZ = 26.7, 4435.0  # the piano, A0 to C8, and a little over
WINDOW_S = 0.06  # compared with itself one lag later
RUMBLE_HZ, HISS_HZ = 80.0, 6000.0  # half the amplitude at either edge; an eighth at 30 Hz


class Periods(NamedTuple):
    """Lags at which frames repeat better than a little earlier or later.

    Attributes:
      lag: in samples, between samples by a parabola; float64 [frame, lag].
      difference: 0 where the frame repeats exactly, about 1 where not at all; infinite where there is no such dip.
    """

    lag: np.ndarray
    difference: np.ndarray


def fast_length(length: int) -> int:
    """The least length from this up that is a power of two, or 1.125, 1.25 or 1.5 times one: quick to transform."""
    power = 1 << (length.bit_length() - 1)
    return min(size for eighths in (8, 9, 10, 12, 16) if (size := power * eighths // 8) >= length)


def where_pitch_lives(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """The sound within the range that tells the ear its pitch, float64, without delay.

    Below, a breathy note must not be named by the hum of the room; above, lags of whole samples would be too coarse.
    """
    size = fast_length(len(samples))
    f_hz = np.fft.rfftfreq(size, 1 / sample_rate)
    gain = f_hz**2 / (f_hz**2 + RUMBLE_HZ**2) / (1 + (f_hz / HISS_HZ) ** 8)
    return np.fft.irfft(np.fft.rfft(samples, size) * gain, size)[: len(samples)]


def cut_frames(samples: np.ndarray, sample_rate: int, hop_s: float) -> np.ndarray:
    """Overlapping frames, a view [frame, window + longest lag]; a sound shorter than that is filled up with zeros."""
    length = int(WINDOW_S * sample_rate) + int(sample_rate / LOWEST_HZ) + 2
    samples = np.pad(samples, (0, max(0, length - len(samples))))
    return np.lib.stride_tricks.sliding_window_view(samples, length)[:: int(hop_s * sample_rate)]


def find_periods(frames: np.ndarray, sample_rate: int) -> Periods:
    """Every dip of the difference function between the highest and the lowest pitch.

    Args:
      frames: float64 [frame, window + longest lag] of `cut_frames`, without their means.
      sample_rate: in Hz.

    Returns:
      the dips, at the index of their lag.
    """
    difference = _normalised_difference(frames, int(WINDOW_S * sample_rate))
    left, mid, right = difference[:, :-2], difference[:, 1:-1], difference[:, 2:]
    dip = (mid < left) & (mid <= right)
    shift = np.where(dip, (left - right) / (2 * np.where(dip, left - 2 * mid + right, 1.0)), 0.0)
    lag = np.arange(1, difference.shape[1] - 1) + shift
    usable = dip & (lag >= sample_rate / HIGHEST_HZ) & (lag <= sample_rate / LOWEST_HZ)
    return Periods(lag, np.where(usable, np.maximum(mid - (left - right) * shift / 4, 0.0), np.inf))


def _normalised_difference(frames: np.ndarray, window: int) -> np.ndarray:
    """Cumulative-mean-normalised squared difference [frame, lag] between a window and itself one lag later."""
    length = frames.shape[1]
    n_lags = length - window + 1
    # No lag reaches over the end of a frame, so the product may be circular.
    size = fast_length(length)
    head = np.fft.rfft(frames[:, :window], size)
    product = np.fft.irfft(np.fft.rfft(frames, size) * head.conj(), size)[:, :n_lags]
    energy = np.cumsum(np.pad(frames**2, ((0, 0), (1, 0))), axis=1)
    energy = energy[:, window:] - energy[:, :n_lags]
    difference = np.maximum(energy[:, :1] + energy - 2 * product, 0.0)
    mean = np.cumsum(difference, axis=1) / np.maximum(np.arange(n_lags), 1)
    return np.where(mean > 0, difference / np.where(mean > 0, mean, 1.0), 1.0)
