"""Timbre of notes in 20 features, as papers on preset interpolation measure it from step to step.

The papers use the 46 features of the Timbre Toolbox (Peeters et al., JASA 130, 2011), medians and interquartile ranges
over time. These are its main ones by librosa's definitions, with `NoteMeasures` for onset, decay, noise and level.
"""

import librosa
import numpy as np

from ddx7.library.measures import measure_notes
from ddx7.library.notes import RATE

_N_FFT, _HOP = 1024, 512
_SILENT = 1e-7  # added to magnitudes, so that silence is flat and has a centre


def timbre(audio: np.ndarray, gate_s: float) -> dict[str, np.ndarray]:
    """Features of notes, each [note].

    Args:
      audio: notes from note-on at 22,050 Hz, [note, sample].
      gate_s: from note-on to note-off, seconds.
    """
    magnitude = np.abs(librosa.stft(audio, n_fft=_N_FFT, hop_length=_HOP)) + _SILENT
    shape = {"sr": RATE, "S": magnitude}
    level_db = 20 * np.log10(np.sqrt((magnitude**2).mean(axis=-2)))
    rise = np.diff(magnitude / np.linalg.norm(magnitude, axis=-2, keepdims=True), axis=-1)
    over_time = {
        "centroid": librosa.feature.spectral_centroid(**shape)[..., 0, :],
        "spread": librosa.feature.spectral_bandwidth(**shape)[..., 0, :],
        "rolloff": librosa.feature.spectral_rolloff(**shape, roll_percent=0.95)[..., 0, :],
        "flatness": librosa.feature.spectral_flatness(S=magnitude)[..., 0, :],
        "crest": magnitude.max(axis=-2) / magnitude.mean(axis=-2),
        "flux": np.linalg.norm(rise, axis=-2),
        "level": level_db,
    }
    features = {}
    for name, values in over_time.items():
        low, middle, high = np.percentile(values, (25, 50, 75), axis=-1)
        features |= {f"{name}, median": middle, f"{name}, range": high - low}
    once = measure_notes(audio, gate_s)
    seconds = np.arange(audio.shape[1]) / RATE
    energy = np.square(audio) + _SILENT**2
    return features | {
        "log attack time": np.log10(once.attack_s + _HOP / RATE),
        "temporal centroid": (energy * seconds).sum(axis=1) / energy.sum(axis=1),
        "level held": once.held_db,
        "log release time": np.log10(np.clip(once.release_s, _HOP / RATE, 100.0)),
        "noise": once.noise,
        "share above 4 kHz": once.bright_share,
    }
