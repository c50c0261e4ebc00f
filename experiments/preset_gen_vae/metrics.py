"""The published metrics: errors of a voice's parameters and of its sound."""

from typing import NamedTuple

import numpy as np

from ddx7.audio.pitch import cents_between, estimate_pitch
from ddx7.errors import AudioError
from ddx7.matching.prior import BY_PITCH, BY_VELOCITY
from ddx7.matching.target import CONFIDENT
from ddx7.matching.tuning import CLOSE_CENTS, transpose_voice
from ddx7.voice.packing import VCED_MAX
from ddx7.voice.spec import FIELDS
from preset_gen_vae.spectrogram import HELD_S, HOP, N_FFT, RATE, Notes, render_notes

BY_NOTE_OR_VELOCITY = BY_PITCH | BY_VELOCITY
"""Parameters by which sound depends on note and velocity."""

_LEARNED = np.array([f.parameter.audible and f.parameter.name != "transpose" for f in FIELDS])
_CATEGORICAL = _LEARNED & [f.parameter.categorical for f in FIELDS]
_NUMERIC = _LEARNED & ~_CATEGORICAL
_PLAYED = np.array([f.parameter.name in BY_NOTE_OR_VELOCITY for f in FIELDS])
_QUIETEST = 1e-4
_SILENT = 1e-5


class ParameterErrors(NamedTuple):
    """Errors of voices, comparable for all vector forms; NaN where no parameter is compared.

    Attributes:
      numbers: mean absolute error of the 122 bytes whose values have an order, in parts of their range.
      categories: share of the 22 others that are correct, 0 to 1.
      played_numbers: `numbers` of `BY_NOTE_OR_VELOCITY` alone.
      played_categories: `categories` of these.
    """

    numbers: float
    categories: float
    played_numbers: float
    played_categories: float


def parameter_errors(target: np.ndarray, estimate: np.ndarray, mask: np.ndarray | None = None) -> ParameterErrors:
    """Compare voices byte by byte, transposition and name left out.

    Args:
      target: uint8 [voice, 155].
      estimate: likewise.
      mask: which bytes to compare, bool [voice, 155]; all, as published, if not given.
    """
    mask = np.ones(target.shape, bool) if mask is None else mask
    off = np.abs(target.astype(float) - estimate) / VCED_MAX

    def mean(values: np.ndarray, columns: np.ndarray) -> float:
        chosen = values[mask & columns]
        return float(chosen.mean()) if chosen.size else np.nan

    return ParameterErrors(
        *(
            mean(values, kind & some)
            for some in (np.ones_like(_PLAYED), _PLAYED)
            for values, kind in ((off, _NUMERIC), (off == 0, _CATEGORICAL))
        )
    )


class SoundErrors(NamedTuple):
    """Errors of one sound, or means of several.

    Attributes:
      log_spectral: mean absolute difference of log10 of the magnitudes of a short-time transform, those below 1e-4
        counting as that.
      convergence: norm of the difference of the magnitudes, divided by that of the target's.
      mfcc_13: mean absolute difference of 13 mel-frequency cepstral coefficients.
      mfcc_40: of 40.
    """

    log_spectral: float
    convergence: float
    mfcc_13: float
    mfcc_40: float


def sound_errors(target: np.ndarray, estimate: np.ndarray) -> SoundErrors:
    """Compare sounds, float32 [sample] at `RATE`, equally long; spectra and coefficients are librosa's."""
    import librosa  # late, because it is slow to load

    spectra = [np.abs(librosa.stft(sound, n_fft=N_FFT, hop_length=HOP)) for sound in (target, estimate)]
    mfcc = [librosa.feature.mfcc(y=sound, sr=RATE, n_mfcc=40) for sound in (target, estimate)]
    logs = [np.log10(np.maximum(spectrum, _QUIETEST)) for spectrum in spectra]
    norm = max(float(np.linalg.norm(spectra[0])), _QUIETEST)
    apart = np.abs(mfcc[0] - mfcc[1])
    return SoundErrors(
        float(np.abs(logs[0] - logs[1]).mean()),
        float(np.linalg.norm(spectra[0] - spectra[1])) / norm,
        float(apart[:13].mean()),
        float(apart.mean()),
    )


def tune_voice(vced: np.ndarray, target: np.ndarray, estimate: np.ndarray, notes: Notes, first: int = 0) -> np.ndarray:
    """Correct a voice's pitch to that of the target, as the authors corrected their published examples by hand.

    Args:
      vced: uint8 [155].
      target: float32 [note, sample].
      estimate: audio of the voice, likewise.
      notes: of the audio.
      first: the note whose pitch is measured.

    Returns:
      uint8 [155]: the same voice if it is in tune, has no clear pitch, or a transposition does not help.
    """
    off = _cents(estimate[first], target[first])
    if not abs(off) > CLOSE_CENTS:
        return vced
    better = transpose_voice(vced, -off, notes[first][0])
    again = render_notes(better[None], notes[first : first + 1])[0, 0]
    return better if abs(_cents(again, target[first])) < abs(off) else vced


def _cents(sound: np.ndarray, target: np.ndarray) -> float:
    """Interval from the target's pitch up to a sound's, in cents; NaN if one of them has no clear pitch."""
    pitches = []
    for samples in (sound, target):
        held = samples[: round(HELD_S * RATE)]
        if np.abs(held).max() < _SILENT:
            return np.nan
        try:
            pitches.append(estimate_pitch(held, RATE))
        except AudioError:
            return np.nan
    if min(pitch.confidence for pitch in pitches) < CONFIDENT:
        return np.nan
    return float(cents_between(pitches[0].f0_hz, pitches[1].f0_hz))
