"""Bands on the ERB scale, in NumPy: how finely the ear resolves frequencies."""

import numpy as np

# Glasberg and Moore, "Derivation of auditory filter shapes from notched-noise data", Hearing Research 47 (1990).
_ERBS_PER_DECADE, _PER_HZ = 21.4, 0.00437


def hz_to_erb(f_hz: np.ndarray | float | int) -> np.ndarray:
    """Number of equivalent rectangular bandwidths below a frequency in Hz (Glasberg and Moore, 1990).

    >>> round(float(hz_to_erb(1000.0)), 2)
    15.62
    """
    return np.asarray(_ERBS_PER_DECADE * np.log10(1 + _PER_HZ * np.asarray(f_hz, np.float64)))


def erb_to_hz(erb: np.ndarray | float | int) -> np.ndarray:
    """Frequency in Hz of a number of equivalent rectangular bandwidths.

    >>> round(float(erb_to_hz(hz_to_erb(440.0))), 6)
    440.0
    """
    return np.asarray((10 ** (np.asarray(erb, np.float64) / _ERBS_PER_DECADE) - 1) / _PER_HZ)


def erb_filterbank(
    sample_rate: int, n_fft: int, n_bands: int, *, lowest_hz: float | int, highest_hz: float | int
) -> np.ndarray:
    """Triangular filters of height 1, evenly spaced on the ERB scale, each reaching to its neighbours' centres.

    Args:
      sample_rate: in Hz.
      n_fft: samples per frame.
      n_bands: number of bands.
      lowest_hz: lower edge of the first band.
      highest_hz: upper edge of the last band. Bands whose centre lies above half the sample rate are left out.

    Returns:
      float64 [bin, band] with n_fft // 2 + 1 bins: `power @ filters` is the power in the bands.
    """
    edges = erb_to_hz(np.linspace(hz_to_erb(lowest_hz), hz_to_erb(highest_hz), n_bands + 2))
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    f_hz = np.fft.rfftfreq(n_fft, 1 / sample_rate)[:, None]
    filters = np.clip(np.minimum((f_hz - low) / (centre - low), (high - f_hz) / (high - centre)), 0, None)
    return filters[:, centre < sample_rate / 2]
