"""Short-time spectra in NumPy: the counterpart of `ddx7.audio.spectra`, for analysis and reports outside JAX.

The functions work on the last axis. They keep float64 and do not normalise: with `unit_sine(hann(length))` as the
window a sine of amplitude 1 has power 1 in its bin.
"""

import numpy as np

from ddx7.audio.mel import mel_filterbank


def hann(length: int) -> np.ndarray:
    """Periodic Hann window, float64 [length]; both spectra modules use it.

    >>> hann(4).round(6).tolist()
    [0.0, 0.5, 1.0, 0.5]
    """
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)


def unit_sine(window: np.ndarray) -> np.ndarray:
    """The window scaled so that a sine of amplitude 1 has magnitude 1 in its bin."""
    return window * 2 / window.sum()


def frames(samples: np.ndarray, length: int, hop: int) -> np.ndarray:
    """Overlapping frames, without padding.

    Args:
      samples: [..., time], at least `length` samples.
      length: samples per frame.
      hop: samples from one frame to the next.

    Returns:
      a read-only view [..., frame, length] of (time - length) // hop + 1 frames.

    Raises:
      ValueError: the sound is shorter than one frame.

    >>> frames(np.arange(6), 4, 2).tolist()
    [[0, 1, 2, 3], [2, 3, 4, 5]]
    """
    return np.lib.stride_tricks.sliding_window_view(samples, length, axis=-1)[..., ::hop, :]


def magnitude(framed: np.ndarray, window: np.ndarray, n_fft: int | None = None) -> np.ndarray:
    """Magnitude spectrum of frames.

    Args:
      framed: [..., frame, length].
      window: [length].
      n_fft: size of the transform; longer than a frame means zero padding. Default: the length of a frame.

    Returns:
      [..., frame, n_fft // 2 + 1].
    """
    return np.abs(np.fft.rfft(framed * window, n_fft))


def power(framed: np.ndarray, window: np.ndarray, n_fft: int | None = None) -> np.ndarray:
    """Square of `magnitude`."""
    return np.square(magnitude(framed, window, n_fft))


def mean_square(samples: np.ndarray, length: int, hop: int) -> np.ndarray:
    """Mean square of a sound in Hann-weighted frames.

    The window has no zero at either end, so a frame of one sample has a weight.

    Args:
      samples: float [time].
      length: samples per frame.
      hop: samples from one frame to the next.

    Returns:
      float64 [frame]; frame i is centred on sample i * hop, one for every `hop` samples begun, at least one.
    """
    weights = np.hanning(length + 2)[1:-1]
    squares = np.pad(np.square(samples), (length // 2, length))
    framed = frames(squares[: max(1, len(samples)) + length - 1], length, hop)
    return np.einsum("fw,w->f", framed, weights / weights.sum())  # unlike @, einsum does not copy the frames


def to_db(power: np.ndarray | float, least: float = 1e-20) -> np.ndarray:
    """Decibels of a power; powers below `least` count as `least`.

    >>> to_db(np.array([1.0, 0.01, 0.0])).tolist()
    [0.0, -20.0, -200.0]
    """
    return 10 * np.log10(np.maximum(power, least))


def log_mel(
    samples: np.ndarray,
    sample_rate: int,
    *,
    n_fft: int = 2048,
    hop: int = 512,
    n_mels: int = 128,
    lowest_hz: float | int = 30.0,
    highest_hz: float | int = 16_000.0,
) -> np.ndarray:
    """Mel spectrum in dB of power, without the scaling and the soft floor of the JAX function.

    Args:
      samples: float [time].
      sample_rate: in Hz.
      n_fft: samples per frame.
      hop: samples from one frame to the next.
      n_mels: bands (see `mel_filterbank`).
      lowest_hz: lower edge of the first band.
      highest_hz: upper edge of the last band.

    Returns:
      float64 [frame, mel]; frame i is centred on sample i * hop, with zeros outside the sound. At least -200 dB.
    """
    padded = np.pad(samples, n_fft // 2)
    padded = np.pad(padded, (0, max(0, n_fft - len(padded))))
    filters = mel_filterbank(sample_rate, n_fft, n_mels, lowest_hz=lowest_hz, highest_hz=highest_hz)
    return to_db(power(frames(padded, n_fft, hop), hann(n_fft)) @ filters)
