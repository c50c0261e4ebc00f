"""The background noise of a recording, measured before its first note: the floor of a distance."""

import numpy as np

from ddx7.audio.spectra_numpy import frames, hann

_WINDOW_S = 0.02
NOISE_HZ = np.arange(0.0, 22_051.0, 50.0)
"""Frequencies in Hz of a noise spectrum."""
SHORTEST_S = 0.1
"""Seconds of noise that a measurement needs."""


def noise_spectrum(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Power density of a stretch of noise.

    The lowest of four equal parts counts, so that a sound in one of them raises nothing.

    Args:
      samples: float [time], the recording before its first onset.
      sample_rate: in Hz.

    Returns:
      power per Hz at `NOISE_HZ`, float32 [frequency]: the mean square of the noise is the integral. Zeros where the
      samples are shorter than `SHORTEST_S`, and above half the sample rate.
    """
    if len(samples) < SHORTEST_S * sample_rate:
        return np.zeros(len(NOISE_HZ), np.float32)
    length = 2 * round(_WINDOW_S * sample_rate / 2)
    window = hann(length)
    framed = frames(np.asarray(samples, np.float64), length, length // 2)
    density = 2 * np.abs(np.fft.rfft(framed * window)) ** 2 / (np.sum(window**2) * sample_rate)
    parts = np.array_split(density, 4)
    quietest = min(parts, key=lambda part: part.sum() / len(part)).mean(axis=0)
    f_hz = np.fft.rfftfreq(length, 1 / sample_rate)
    return np.interp(NOISE_HZ, f_hz, quietest, right=0.0).astype(np.float32)
