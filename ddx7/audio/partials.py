"""The partials of a steady sound: the peaks of its spectrum, in Hz or as ratios to a fundamental."""

from typing import NamedTuple

import numpy as np

# Blackman-Harris: its side lobes are 92 dB down, so none passes for a partial. Source: F. J. Harris, On the use of
# windows for harmonic analysis with the discrete Fourier transform, Proc. IEEE 66 (1978), minimum 4-term.
_WINDOW = (0.35875, -0.48829, 0.14128, -0.01168)
_HALF_LOBE_BINS = 4  # of that window: two peaks closer than this merge
_PADDING = 4  # zero padding samples the spectrum this much finer, which makes the parabola accurate
_SECONDS = 0.25  # of sound analysed: shorter than most changes of a note
_PERIODS = 16  # at least this many periods, to resolve ratios that are a half apart


class SpectralPeaks(NamedTuple):
    """Spectral peaks, lowest first.

    Attributes:
      f_hz: frequencies, float64 [peak].
      level_db: levels relative to the strongest peak, float64 [peak].
    """

    f_hz: np.ndarray
    level_db: np.ndarray


class Partials(NamedTuple):
    """Partials of a note, lowest first.

    Attributes:
      ratio: frequency over fundamental, float64 [partial].
      level_db: level relative to the strongest partial, float64 [partial].
    """

    ratio: np.ndarray
    level_db: np.ndarray


def spectral_peaks(
    samples: np.ndarray, sample_rate: int, *, lowest_hz: float | int = 20.0, highest_hz: float | int = 20_000.0
) -> SpectralPeaks:
    """Every peak of the spectrum of the whole sound within a range of frequencies.

    Args:
      samples: float [time]; peaks closer than 4 / duration hertz merge.
      sample_rate: in Hz.
      lowest_hz: lower end of the range.
      highest_hz: upper end.

    Returns:
      the peaks; none if the range holds none.
    """
    samples = np.asarray(samples, np.float64)
    turns = np.arange(len(samples)) / len(samples)
    window = sum(a * np.cos(2 * np.pi * k * turns) for k, a in enumerate(_WINDOW))
    size = _PADDING << (len(samples) - 1).bit_length()
    level = 20 * np.log10(np.abs(np.fft.rfft(samples * window, size)) + 1e-12)
    reach = round(_HALF_LOBE_BINS * size / len(samples)) // 2
    around = np.lib.stride_tricks.sliding_window_view(np.pad(level, reach, constant_values=-np.inf), 2 * reach + 1)
    bins = np.flatnonzero(level >= around.max(axis=1))
    bins = bins[(bins > 0) & (bins < len(level) - 1)]
    left, mid, right = level[bins - 1], level[bins], level[bins + 1]
    shift = (left - right) / (2 * np.minimum(left - 2 * mid + right, -1e-9))
    f_hz = (bins + shift) * sample_rate / size
    inside = (f_hz >= lowest_hz) & (f_hz <= highest_hz)
    height = (mid - (left - right) * shift / 4)[inside]
    return SpectralPeaks(f_hz[inside], height - height.max(initial=-np.inf))


def partials(
    samples: np.ndarray,
    sample_rate: int,
    f0_hz: float | int,
    *,
    n: int = 24,
    start_s: float | int = 0.0,
    floor_db: float | int = -60.0,
) -> Partials:
    """The strongest partials of a note over a quarter of a second or 16 periods, whichever is longer.

    Args:
      samples: float [time].
      sample_rate: in Hz.
      f0_hz: fundamental; partials from 0.45 times this frequency count.
      n: at most this many.
      start_s: beginning of the analysed part in seconds, earlier where too little sound is left: 0 for the attack.
      floor_db: omit partials this far below the strongest.

    Returns:
      the partials.
    """
    length = min(round(max(_SECONDS, _PERIODS / f0_hz) * sample_rate), len(samples))
    start = min(round(start_s * sample_rate), len(samples) - length)
    peaks = spectral_peaks(
        samples[start : start + length], sample_rate, lowest_hz=0.45 * f0_hz, highest_hz=0.49 * sample_rate
    )
    strongest = np.argsort(-peaks.level_db)[:n]
    kept = np.sort(strongest[peaks.level_db[strongest] >= floor_db])
    return Partials(peaks.f_hz[kept] / f0_hz, peaks.level_db[kept])
