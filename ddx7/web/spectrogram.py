"""Spectrograms for the page: the log-mel spectrum of the plots, a byte for each half decibel."""

from dataclasses import dataclass

import numpy as np

from ddx7.audio.mel import hz_to_mel, mel_to_hz
from ddx7.audio.spectra_numpy import log_mel
from ddx7.web.sounds import Sound

BANDS = 160
RANGE_DB = 127.5  # below the loudest band
STEP_DB = 0.5
_N_FFT_S, _HOPS_PER_WINDOW = 0.046, 8
_LOWEST_HZ, _HIGHEST_HZ = 30.0, 16_000.0
_MOST_FRAMES = 6000


@dataclass(frozen=True, eq=False)
class Spectrogram:
    """A spectrogram.

    Attributes:
      levels: uint8 [frame, band]; 255 is the loudest, each step half a decibel.
      hop_s: seconds from one frame to the next.
      centres_hz: centre of each band.
    """

    levels: np.ndarray
    hop_s: float
    centres_hz: np.ndarray


def spectrogram(sound: Sound) -> Spectrogram:
    """Log-mel spectrogram of a sound; at most 6,000 frames."""
    rate = sound.sample_rate
    n_fft = 2 ** round(np.log2(_N_FFT_S * rate))
    hop = max(n_fft // _HOPS_PER_WINDOW, -(-len(sound.samples) // _MOST_FRAMES))
    levels_db = log_mel(
        sound.samples, rate, n_fft=n_fft, hop=hop, n_mels=BANDS, lowest_hz=_LOWEST_HZ, highest_hz=_HIGHEST_HZ
    )
    under_db = np.clip(levels_db - levels_db.max() + RANGE_DB, 0, RANGE_DB)
    top = hz_to_mel(min(_HIGHEST_HZ, rate / 2))
    edges = mel_to_hz(np.linspace(hz_to_mel(_LOWEST_HZ), top, BANDS + 2))
    return Spectrogram((under_db / STEP_DB).astype(np.uint8), hop / rate, edges[1:-1])
