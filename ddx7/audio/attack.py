"""Attack strength: how much the spectrum of a sound rises at every moment, over all bands at once.

Source: S. Boeck and G. Widmer, Maximum filter vibrato suppression for onset detection, DAFx (2013). The rise of a band
is measured against the loudest of its neighbours, so a partial that moves between bands, as in a vibrato, adds nothing.
"""

import numpy as np

from ddx7.audio.files import resample
from ddx7.audio.mel import mel_filterbank
from ddx7.audio.spectra_numpy import frames, hann, power, to_db

RATE, N_FFT = 22_050, 1024
N_BANDS, LOWEST_HZ, HIGHEST_HZ = 40, 60.0, 8000.0
RISE_S = 0.03  # a rise is measured over this time
RANGE_DB = 60.0  # levels further below the loudest band of the whole sound are inaudible
CHUNK = 1000  # frames transformed at once


def attack_strength(samples: np.ndarray, sample_rate: int, hop_s: float) -> np.ndarray:
    """Rise of a sound's spectrum around every moment.

    Args:
      samples: float [time], not silent.
      sample_rate: in Hz.
      hop_s: seconds from one frame to the next; frame i is centred on i * hop_s.

    Returns:
      mean over 40 mel bands of their rise within 30 ms in dB, where a fall counts as 0; float64 [frame].
    """
    level_db = _band_levels(resample(samples, sample_rate, RATE), hop_s)
    neighbours = np.pad(level_db, ((0, 0), (1, 1)), mode="edge")
    loudest = np.maximum(np.maximum(neighbours[:, :-2], neighbours[:, 2:]), level_db)
    half = max(1, round(RISE_S / hop_s / 2))
    later = np.pad(level_db, ((0, half), (0, 0)), mode="edge")[half:]
    earlier = np.pad(loudest, ((half, 0), (0, 0)), mode="edge")[:-half]
    return np.maximum(later - earlier, 0.0).mean(axis=1)


def _band_levels(samples: np.ndarray, hop_s: float) -> np.ndarray:
    """Mean power of the bins of every mel band, dB below the loudest, float64 [frame, band]."""
    filters = mel_filterbank(RATE, N_FFT, N_BANDS, lowest_hz=LOWEST_HZ, highest_hz=HIGHEST_HZ).astype(np.float64)
    filters /= filters.sum(axis=0)
    window = hann(N_FFT)
    n_frames = int(len(samples) / RATE / hop_s) + 1
    # The hop is no whole number of samples, so each frame begins at the sample nearest to its time.
    starts = np.round(np.arange(n_frames) * hop_s * RATE).astype(int)
    at_every_sample = frames(np.pad(samples.astype(np.float64), (N_FFT // 2, N_FFT)), N_FFT, 1)
    bands = np.concatenate(
        [power(at_every_sample[starts[i : i + CHUNK]], window) @ filters for i in range(0, n_frames, CHUNK)]
    )
    return to_db(bands / bands.max(), 10 ** (-RANGE_DB / 10))
