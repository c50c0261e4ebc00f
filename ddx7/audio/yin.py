"""YIN: how well a sound repeats after every lag, frame by frame. One note's pitch and a melody's both come from it.

Source of the difference function: A. de Cheveigne and H. Kawahara, YIN, a fundamental frequency estimator for speech
and music, JASA 111 (2002).
"""

from types import ModuleType
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ddx7.audio.spectra_numpy import frames as cut

ArrayT = TypeVar("ArrayT", bound=Any)  # an array of NumPy or of JAX

LOWEST_HZ, HIGHEST_HZ = 26.7, 4435.0  # the piano, A0 to C8, with a margin
WINDOW_S = 0.06  # compared with itself one lag later
RUMBLE_HZ, HISS_HZ = 80.0, 6000.0  # half the amplitude at either edge; an eighth at 30 Hz


class Periods(NamedTuple):
    """Lags at which frames repeat better than at neighbouring lags.

    Attributes:
      lag: in samples, interpolated by a parabola; float64 [frame, lag].
      difference: 0 where the frame repeats exactly, about 1 where not at all; infinite where there is no dip.
    """

    lag: np.ndarray
    difference: np.ndarray


def fast_length(length: int) -> int:
    """The least length from this up that an FFT transforms quickly: 1, 1.125, 1.25 or 1.5 times a power of two.

    >>> fast_length(1000), fast_length(1100)
    (1024, 1152)
    """
    power = 1 << (length.bit_length() - 1)
    return min(size for eighths in (8, 9, 10, 12, 16) if (size := power * eighths // 8) >= length)


def pitch_band(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """The sound in the band that determines its pitch, float64, filtered without delay.

    The filter removes hum, which could mask the pitch of a breathy note, and treble, for which lags of whole samples
    are too coarse.
    """
    size = fast_length(len(samples))
    f_hz = np.fft.rfftfreq(size, 1 / sample_rate)
    gain = f_hz**2 / (f_hz**2 + RUMBLE_HZ**2) / (1 + (f_hz / HISS_HZ) ** 8)
    return np.fft.irfft(np.fft.rfft(samples, size) * gain, size)[: len(samples)]


def cut_frames(samples: np.ndarray, sample_rate: int, hop_s: float) -> np.ndarray:
    """Overlapping frames, a view [frame, window + longest lag]; zeros fill up a sound shorter than that."""
    length = int(WINDOW_S * sample_rate) + int(sample_rate / LOWEST_HZ) + 2
    samples = np.pad(samples, (0, max(0, length - len(samples))))
    return cut(samples, length, int(hop_s * sample_rate))


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


def squared_difference(frames: ArrayT, window: int, *, size: int, xp: ModuleType = np) -> tuple[ArrayT, ArrayT]:
    """YIN's difference function d(lag) = sum over the window of (x[t] - x[t + lag])², by FFT.

    Args:
      frames: [frame, window + longest lag], without their means; NumPy or JAX.
      window: samples that are compared.
      size: of the transforms, at least the length of a frame.
      xp: the array module of `frames`: `numpy` or `jax.numpy`.

    Returns:
      (the difference, the energy of the window at that lag), each [frame, longest lag + 1].
    """
    n_lags = frames.shape[1] - window + 1
    # No lag reaches over the end of a frame, so the product may be circular.
    head = xp.fft.rfft(frames[:, :window], size)
    product = xp.fft.irfft(xp.fft.rfft(frames, size) * head.conj(), size)[:, :n_lags]
    energy = xp.cumsum(xp.pad(frames**2, ((0, 0), (1, 0))), axis=1)
    energy = energy[:, window:] - energy[:, :n_lags]
    return xp.maximum(energy[:, :1] + energy - 2 * product, 0.0), energy


def _normalised_difference(frames: np.ndarray, window: int) -> np.ndarray:
    """The difference function divided by its mean up to each lag, [frame, lag]."""
    difference, _ = squared_difference(frames, window, size=fast_length(frames.shape[1]))
    mean = np.cumsum(difference, axis=1) / np.maximum(np.arange(difference.shape[1]), 1)
    return np.where(mean > 0, difference / np.where(mean > 0, mean, 1.0), 1.0)
