"""Coarse, fine, detune and transpose for frequencies in Hz, at the key that plays a recording's note."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from ddx7.engine import DEXED
from ddx7.engine.pitch import FrequencyTables, log_frequency
from ddx7.engine.tables import ONE

_A4, _A4_HZ = 69, 440.0
_DETUNES = np.arange(-7, 8)
_MOST_TRANSPOSED = 24
_MOST_FINE = 8  # more than a semitone
_FINE_CENTS = 0.1  # cost of a fine that is not 0, in cents
_LOCKED = 0.002  # relative distance below which a ratio is a whole number of fundamentals
_ALIKE_CENTS = 0.5  # errors below this are alike; then the detune nearest to that of the fundamental wins
_STEP_CENTS = 0.05
_REACHED_CENTS = 6.0


@dataclass(frozen=True, eq=False)
class KeyTuning:
    """Frequencies that operators reach at a key.

    Whole multiples of the fundamental share one fine and one detune, so that they keep their phases. Flat fundamentals
    are reached from the semitone below, because fine only raises, and those of another key by transposing.

    Attributes:
      note: MIDI note that is played.
      f0_hz: fundamental frequency of the recording.
      tables: frequency tables of the engine profile.
    """

    note: int
    f0_hz: float | int
    tables: FrequencyTables = DEXED.frequencies

    @property
    def transpose(self) -> int:
        """Semitones by which the voice is transposed."""
        return self._base[0]

    def nearest(self, f_hz: float | int) -> tuple[int, int, int]:
        """Coarse, fine and detune (-7 to 7) of the frequency nearest to one in Hz."""
        _, fine, detune = self._base
        multiple = round(f_hz / self.f0_hz)
        if self._exact and 1 <= multiple <= 31 and abs(f_hz / self.f0_hz / multiple - 1) < _LOCKED:
            return multiple, fine, detune
        error = np.maximum(np.abs(self._reached - 1200 * np.log2(f_hz)), _ALIKE_CENTS)
        error += _STEP_CENTS * np.abs(_DETUNES - detune)
        coarse, fine, step = np.unravel_index(error.argmin(), error.shape)
        return int(coarse), int(fine), int(_DETUNES[step])

    @property
    def _exact(self) -> bool:
        """Whether the key reaches the fundamental by transposing."""
        _, fine, detune = self._base
        reached = self._reached[1, fine, _DETUNES.tolist().index(detune)]
        return bool(abs(reached - 1200 * np.log2(self.f0_hz)) < _REACHED_CENTS)

    @cached_property
    def _base(self) -> tuple[int, int, int]:
        """Transpose, fine and detune of the fundamental."""
        key_cents = self._cents(self.note)[1, 0, len(_DETUNES) // 2]
        semitones = round((1200 * np.log2(self.f0_hz) - key_cents) / 100)
        best = (np.inf, 0, 0, 0)
        for transpose in np.clip((semitones, semitones - 1), -_MOST_TRANSPOSED, _MOST_TRANSPOSED).tolist():
            cents = self._cents(self.note + transpose)[1, :_MOST_FINE]
            error = np.maximum(np.abs(cents - 1200 * np.log2(self.f0_hz)), _ALIKE_CENTS)
            error += _FINE_CENTS * (np.arange(_MOST_FINE)[:, None] > 0) + _FINE_CENTS * (transpose != semitones)
            fine, step = np.unravel_index(error.argmin(), error.shape)
            best = min(best, (float(error[fine, step]), transpose, int(fine), int(_DETUNES[step])))
        return best[1:]

    @cached_property
    def _reached(self) -> Float[np.ndarray, "coarse fine detune"]:
        return self._cents(self.note + self.transpose)

    def _cents(self, note: int) -> Float[np.ndarray, "coarse fine detune"]:
        """Frequencies in cents above 1 Hz."""
        coarse, fine, detune = np.meshgrid(np.arange(32), np.arange(100), _DETUNES, indexing="ij")
        reached = np.asarray(log_frequency(self.tables, note, 0, coarse, fine, detune).total())
        reference = log_frequency(self.tables, _A4, 0, 1, 0, 0).total()
        return (reached - float(reference)) / ONE * 1200 + 1200 * np.log2(_A4_HZ)
