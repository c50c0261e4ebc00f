"""The embedding that needs no weights: mean and standard deviation of log-mel levels in a second of sound."""

from pathlib import Path

import numpy as np

from ddx7.audio.mel import mel_filterbank
from ddx7.audio.metrics.embeddings import Embedding
from ddx7.audio.spectra_numpy import frames, hann, power, unit_sine

RATE, WINDOW, HOP = 16_000, 16_000, 8_000
N_FFT, FRAME_HOP, N_MELS = 1024, 256, 32
LOWEST_HZ, HIGHEST_HZ = 60.0, 7_600.0
FLOOR_DB = -80.0
BATCH = 64  # windows at once, to bound memory


def make(name: str, weights: Path | None) -> Embedding:
    """The embedding ``logmel``, 64-dimensional."""
    del weights
    return Embedding(name, 2 * N_MELS, RATE, WINDOW, HOP, embed, identity=f"{name}-1")


def embed(windows: np.ndarray) -> np.ndarray:
    """Statistics of one second each: the average spectrum, and how much it changes.

    Spectra of 1024 samples every 256 inside the window, Hann, power (a sine of amplitude 1 has power 1 in its bin);
    32 mel bands (Slaney, unit area scaled by the width of a bin) from 60 to 7600 Hz; a floor of -80 dB is added to the
    power; dB. The embedding is the mean of each band over time, then its standard deviation.

    Args:
      windows: float [window, 16000], at 16 kHz, full scale 1.0.

    Returns:
      float64 [window, 64] in dB: 32 means, 32 deviations.
    """
    window = unit_sine(hann(N_FFT))
    filters = mel_filterbank(RATE, N_FFT, N_MELS, lowest_hz=LOWEST_HZ, highest_hz=HIGHEST_HZ) * (RATE / N_FFT)
    embedded = [np.empty((0, 2 * N_MELS))]
    for start in range(0, len(windows), BATCH):
        framed = frames(windows[start : start + BATCH], N_FFT, FRAME_HOP)
        level_db = 10 * np.log10(power(framed, window) @ filters + 10 ** (FLOOR_DB / 10))
        embedded.append(np.concatenate([level_db.mean(axis=1), level_db.std(axis=1)], axis=-1))
    return np.concatenate(embedded)
