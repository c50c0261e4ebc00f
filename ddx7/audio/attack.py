"""How much every moment of a sound looks like the beginning of a note: what rises all over the spectrum at once.

Source: S. Boeck and G. Widmer, Maximum filter vibrato suppression for onset detection, DAFx (2013): the rise is
measured against the loudest of neighbouring bands, so that partials which only wander, as in a vibrato, do not count.
"""

import numpy as np

from ddx7.audio.files import resample
from ddx7.audio.mel import mel_filterbank

RATE, N_FFT = 22_050, 1024
N_BANDS, LOWEST_HZ, HIGHEST_HZ = 40, 60.0, 8000.0
RISE_S = 0.03  # a rise is measured over this time
RANGE_DB = 60.0  # under the loudest band of the whole sound there is nothing to hear
CHUNK = 1000  # frames transformed at once


def attack_strength(samples: np.ndarray, sample_rate: int, hop_s: float) -> np.ndarray:
    """Rise of a sound's spectrum around every moment.

    Args:
      samples: float [time], not silent.
      sample_rate: in Hz.
      hop_s: seconds from one frame to the next; frame i is centred on i * hop_s.

    Returns:
      mean over 40 mel bands of how much they rise within 30 ms, in dB, falls counting as 0; float64 [frame].
    """
    level = _band_levels(resample(samples, sample_rate, RATE), hop_s)
    neighbours = np.pad(level, ((0, 0), (1, 1)), mode="edge")
    loudest = np.maximum(np.maximum(neighbours[:, :-2], neighbours[:, 2:]), level)
    half = max(1, round(RISE_S / hop_s / 2))
    later = np.pad(level, ((0, half), (0, 0)), mode="edge")[half:]
    earlier = np.pad(loudest, ((half, 0), (0, 0)), mode="edge")[:-half]
    return np.maximum(later - earlier, 0.0).mean(axis=1)


def _band_levels(samples: np.ndarray, hop_s: float) -> np.ndarray:
    """Mean power of the bins of every mel band, dB under the loudest, float64 [frame, band]."""
    filters = mel_filterbank(RATE, N_FFT, N_BANDS, lowest_hz=LOWEST_HZ, highest_hz=HIGHEST_HZ).astype(np.float64)
    filters /= filters.sum(axis=0)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)
    n_frames = int(len(samples) / RATE / hop_s) + 1
    starts = np.round(np.arange(n_frames) * hop_s * RATE).astype(int)
    views = np.lib.stride_tricks.sliding_window_view(np.pad(samples.astype(np.float64), (N_FFT // 2, N_FFT)), N_FFT)
    power = np.concatenate(
        [
            np.square(np.abs(np.fft.rfft(views[starts[i : i + CHUNK]] * window))) @ filters
            for i in range(0, n_frames, CHUNK)
        ]
    )
    return 10 * np.log10(np.maximum(power / power.max(), 10 ** (-RANGE_DB / 10)))
