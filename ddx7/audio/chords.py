"""Several pitches at once, found in the spectrum: a remark on a recording, no transcription.

Pitches are taken one after another, each time the one whose harmonic series explains most of the partials that are
left. A chord has two or more such pitches with partials of their own, none of them a multiple of another. So the
partials of a bell, each of them alone, are no chord, and neither are the harmonics of one rich tone.
"""

import numpy as np

from ddx7.audio.files import resample
from ddx7.audio.partials import SpectralPeaks, spectral_peaks
from ddx7.audio.pitch import hz_to_midi

RATE = 22_050
SPAN_S = 0.6  # of sound analysed: notes a semitone apart are two partials from 110 Hz up
SKIP_S = 0.03  # of the attack
LOWEST_HZ, HIGHEST_HZ = 50.0, 5000.0
AUDIBLE_DB = -40.0  # partials this far below the strongest count
FUNDAMENTAL_DB = -22.0  # so does a pitch whose fundamental is this far below it
TUNED_CENTS = 28.0
MOST_PITCHES = 6
LEAST_SHARE = 0.06  # of the energy, for each pitch
LEAST_OWN = 2  # partials of each pitch that belong to no other
EXPLAINED = 0.8  # share of the energy that the pitches of a chord explain
ALONE = 0.88  # a single pitch that explains as much is no chord
APART = 0.7  # semitones between two pitches
OFF_HARMONIC = 0.1  # of the distance between two harmonics


def find_chord(samples: np.ndarray, sample_rate: int) -> tuple[float, ...]:
    """The pitches of a chord, lowest first, as fractional MIDI notes; none if the sound is no chord.

    Args:
      samples: float [time], from the onset.
      sample_rate: in Hz.
    """
    sound = resample(samples, sample_rate, RATE)
    start = min(round(SKIP_S * RATE), len(sound) // 4)
    sound = sound[start : start + round(SPAN_S * RATE)]
    if len(sound) < 0.1 * RATE or not sound.any():
        return ()
    peaks = spectral_peaks(sound, RATE, lowest_hz=LOWEST_HZ, highest_hz=HIGHEST_HZ)
    heard = peaks.level_db >= AUDIBLE_DB
    peaks = SpectralPeaks(peaks.f_hz[heard], peaks.level_db[heard])
    energy = 10 ** (peaks.level_db / 10)
    left = np.ones(len(energy), bool)
    pitches: list[float] = []
    explained = 0.0
    first_share = 0.0
    while len(pitches) < MOST_PITCHES and left.any():
        best_hz, own = _strongest_series(peaks, left)
        share = float(energy[own].sum() / energy.sum())
        if share < LEAST_SHARE:
            break
        first_share = first_share or share
        if np.count_nonzero(own) >= LEAST_OWN:
            pitches.append(best_hz)
            explained += share
        left &= ~own
    notes = np.sort([float(hz_to_midi(f)) for f in pitches])
    if len(notes) < 2 or np.diff(notes).min() < APART or explained < EXPLAINED or first_share > ALONE:
        return ()
    return () if _has_common_fundamental(peaks, min(pitches)) else tuple(notes.tolist())


def _has_common_fundamental(peaks: SpectralPeaks, lowest_hz: float) -> bool:
    """Whether a partial below all pitches has nearly all others as its harmonics: a tone with a soft fundamental.

    The common fundamental of a chord is no partial of it: C2 of C4, E4 and G4 is not there.
    """
    energy = 10 ** (peaks.level_db / 10)
    for f_hz in peaks.f_hz[peaks.f_hz < 0.9 * lowest_hz]:
        ratio = peaks.f_hz / f_hz
        harmonic = (np.abs(ratio - np.round(ratio)) < OFF_HARMONIC) & (ratio > 0.9)
        if energy[harmonic].sum() > ALONE * energy.sum():
            return True
    return False


def _strongest_series(peaks: SpectralPeaks, left: np.ndarray) -> tuple[float, np.ndarray]:
    """The partial whose harmonics hold most of what is left, and those harmonics, bool [peak]."""
    amplitude = 10 ** (peaks.level_db / 20)
    best, best_hz, own = -1.0, 0.0, np.zeros(len(left), bool)
    for k in np.flatnonzero(left & (peaks.level_db >= min(FUNDAMENTAL_DB, peaks.level_db[left].max()))):
        f_hz = float(peaks.f_hz[k])
        ratio = peaks.f_hz / f_hz
        number = np.round(ratio)
        cents = np.abs(1200 * np.log2(np.maximum(ratio, 1e-3) / np.maximum(number, 1)))
        series = left & (number >= 1) & (cents < TUNED_CENTS)
        # The harmonics must begin with the fundamental and not leave most numbers out.
        present = np.unique(number[series & (number <= 8)])
        salience = float((amplitude[series] / number[series]).sum()) * (0.5 + len(present) / 16)
        if salience > best:
            best, best_hz, own = salience, f_hz, series
    return best_hz, own
