"""The mel scale and its filterbank, computed in NumPy for both spectra modules."""

import numpy as np

# Slaney's scale (Auditory Toolbox, 1998; the default of librosa): linear below 1 kHz, 27 bands per factor 6.4 above.
_LINEAR_HZ = 200.0 / 3.0
_CORNER_HZ = 1000.0
_LOG_STEP = np.log(6.4) / 27.0


def hz_to_mel(f_hz: np.ndarray | float | int) -> np.ndarray:
    """Mel of a frequency in Hz, on Slaney's scale.

    >>> round(float(hz_to_mel(1000.0)), 9)
    15.0
    """
    f_hz = np.asarray(f_hz, np.float64)
    above = _CORNER_HZ / _LINEAR_HZ + np.log(np.maximum(f_hz, _CORNER_HZ) / _CORNER_HZ) / _LOG_STEP
    return np.where(f_hz < _CORNER_HZ, f_hz / _LINEAR_HZ, above)


def mel_to_hz(mel: np.ndarray | float | int) -> np.ndarray:
    """Frequency in Hz of a mel on Slaney's scale.

    >>> round(float(mel_to_hz(15.0)), 9)
    1000.0
    """
    mel = np.asarray(mel, np.float64)
    corner = _CORNER_HZ / _LINEAR_HZ
    return np.where(mel < corner, mel * _LINEAR_HZ, _CORNER_HZ * np.exp(_LOG_STEP * (np.maximum(mel, corner) - corner)))


def mel_filterbank(
    sample_rate: int, n_fft: int, n_mels: int, *, lowest_hz: float | int = 30.0, highest_hz: float | int = 16_000.0
) -> np.ndarray:
    """Triangular mel filters of unit area, as `librosa.filters.mel` makes by default.

    Args:
      sample_rate: in Hz.
      n_fft: samples per frame.
      n_mels: number of bands; bands narrower than a bin of the transform may stay empty.
      lowest_hz: lower edge of the first band.
      highest_hz: upper edge of the last band; lowered to half the sample rate if that is less.

    Returns:
      float32 [bin, mel] with n_fft // 2 + 1 bins: `power @ filters` is the mel spectrum.
    """
    highest_hz = min(highest_hz, sample_rate / 2)
    edges = mel_to_hz(np.linspace(hz_to_mel(lowest_hz), hz_to_mel(highest_hz), n_mels + 2))
    f_hz = np.fft.rfftfreq(n_fft, 1 / sample_rate)[:, None]
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (f_hz - low) / (centre - low), (high - f_hz) / (high - centre)
    return (np.clip(np.minimum(rising, falling), 0.0, None) * 2.0 / (high - low)).astype(np.float32)
