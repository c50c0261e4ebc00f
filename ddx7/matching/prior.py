"""The prior of the search: random voices, shaped as patches usually are and tuned to the partials of a recording.

Parameters that the notes of a recording cannot determine keep neutral values, so that a voice behaves on other notes
and velocities: level and rate scaling unless the notes have several pitches, velocity sensitivity unless they have
several dynamics.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Bool, UInt8

from ddx7.audio import Partials
from ddx7.matching.held import NOTHING_HELD, HeldParts
from ddx7.matching.touch import KEYBOARD, VELOCITY, TouchReference
from ddx7.matching.vced import apply_detune, columns
from ddx7.voice.algorithms import CARRIERS
from ddx7.voice.packing import INIT_VCED, VCED_MAX, VCED_MIN
from ddx7.voice.spec import FIELDS, N_OPERATORS, VCED_SIZE

_FIXED = {"osc_sync", "lfo_sync", "transpose", "name"}
BY_PITCH, BY_VELOCITY = set(KEYBOARD), set(VELOCITY)
_PROPOSED = 0.7  # share of the parts for mutation that come from proposed voices, where there are some


@dataclass(frozen=True)
class Prior:
    """Distribution of the voices that the search draws for a recording.

    Attributes:
      partials: of the recording; some operators are tuned to them.
      cents: pitch of the recording against its MIDI note.
      sustains: whether the sound lasts while the note is held.
      several_pitches: whether the notes determine keyboard scaling.
      several_velocities: whether the notes determine velocity sensitivity.
      proposed: voices proposed for the recording, uint8 [voice, 155].
      held: parts that all voices keep.
      touch: the note that changes of touch keep, where several recordings determine the touch.
    """

    partials: Partials
    cents: float | int
    sustains: bool
    several_pitches: bool = False
    several_velocities: bool = False
    proposed: UInt8[np.ndarray, "voice 155"] = field(default_factory=lambda: np.zeros((0, VCED_SIZE), np.uint8))
    held: HeldParts = NOTHING_HELD
    touch: TouchReference | None = None

    @cached_property
    def free(self) -> Bool[np.ndarray, " 155"]:
        """Bytes that the search may change."""
        fixed = _FIXED | (set() if self.several_pitches else BY_PITCH)
        fixed |= set() if self.several_velocities else BY_VELOCITY
        # L4 stays 0, so that every note ends.
        free = [f.parameter.name not in fixed and (f.parameter.name, f.index) != ("levels", 3) for f in FIELDS]
        return np.array(free) & ~self.held.mask

    def draw(self, rng: np.random.Generator, n: int) -> UInt8[np.ndarray, "voice 155"]:
        """Draw `n` voices."""
        vced = np.tile(INIT_VCED, (n, 1)).astype(np.int64)
        algorithm = rng.integers(0, 32, n)
        carrier = CARRIERS[algorithm] > 0
        _set(vced, "algorithm", algorithm)
        _set(vced, "feedback", np.where(rng.random(n) < 0.4, 0, rng.integers(0, 8, n)))
        _set(vced, "transpose", np.full(n, 24))

        shape = (n, N_OPERATORS)
        level = np.where(carrier, rng.integers(80, 100, shape), rng.integers(30, 92, shape))
        _set(vced, "output_level", np.where(rng.random(shape) < 0.12, 0, level))
        coarse, fine = self._draw_ratios(rng, shape)
        _set(vced, "coarse", coarse)
        _set(vced, "fine", fine)
        fixed = rng.random(shape) < 0.06
        _set(vced, "fixed", fixed)
        places = columns("coarse")[:, 0], columns("fine")[:, 0]
        for place, high in zip(places, (4, 100), strict=True):
            vced[:, place] = np.where(fixed, rng.integers(0, high, shape), vced[:, place])
        _set(vced, "detune", 7 + np.where(rng.random(shape) < 0.5, 0, rng.integers(-3, 4, shape)))

        attack = np.where(rng.random(shape) < 0.7, rng.integers(75, 100, shape), rng.integers(30, 90, shape))
        decay = rng.integers(10, 90, (2, *shape))
        release = rng.integers(30, 85, shape)
        sustained = rng.random(shape) < (0.85 if self.sustains else 0.15)
        end = np.where(
            sustained, rng.integers(60, 100, shape), np.where(rng.random(shape) < 0.7, 0, rng.integers(0, 80, shape))
        )
        middle = np.clip((99 + end) // 2 + rng.integers(-25, 25, shape), 0, 99)
        _set(vced, "rates", np.stack([attack, *decay, release], axis=-1))
        first = np.where(rng.random(shape) < 0.8, 99, rng.integers(70, 100, shape))
        _set(vced, "levels", np.stack([first, middle, end, np.zeros(shape, int)], axis=-1))

        self._draw_modulation(rng, vced)
        if self.several_pitches:
            scales = rng.random(shape) < 0.3
            _set(vced, "break_point", rng.integers(20, 60, shape))
            for name in ("left_depth", "right_depth"):
                _set(vced, name, np.where(scales, rng.integers(0, 50, shape), 0))
            for name in ("left_curve", "right_curve"):
                _set(vced, name, rng.integers(0, 4, shape))
            _set(vced, "rate_scaling", np.where(rng.random(shape) < 0.5, 0, rng.integers(0, 5, shape)))
        if self.several_velocities:
            _set(vced, "velocity_sensitivity", np.where(rng.random(shape) < 0.4, 0, rng.integers(0, 6, shape)))
        return self.held.hold(apply_detune(np.clip(vced, VCED_MIN, VCED_MAX).astype(np.uint8), self.cents))

    def draw_parts(self, rng: np.random.Generator, n: int) -> UInt8[np.ndarray, "voice 155"]:
        """Draw `n` voices for mutation to take parts from: proposed ones where there are some, and fresh ones."""
        drawn = self.draw(rng, n)
        if not len(self.proposed):
            return drawn
        taken = self.proposed[rng.integers(0, len(self.proposed), n)]
        return np.where(rng.random((n, 1)) < _PROPOSED, taken, drawn)

    def _draw_modulation(self, rng: np.random.Generator, vced: np.ndarray) -> None:
        """Give some voices vibrato, tremolo or a pitch envelope, with every parameter that it needs to be audible."""
        n = len(vced)
        _set(vced, "lfo_speed", rng.integers(15, 60, n))
        _set(vced, "lfo_wave", np.where(rng.random(n) < 0.7, rng.choice([0, 4], n), rng.integers(0, 6, n)))
        _set(vced, "lfo_delay", np.where(rng.random(n) < 0.5, 0, rng.integers(0, 70, n)))
        _set(vced, "lfo_pitch_depth", np.where(rng.random(n) < 0.3, rng.integers(0, 25, n), 0))
        tremolo = rng.random(n) < 0.25
        _set(vced, "lfo_amp_depth", np.where(tremolo, rng.integers(10, 100, n), 0))
        _set(vced, "amp_mod_sensitivity", np.where(rng.random((n, N_OPERATORS)) < 0.5, rng.integers(1, 4, (n, 6)), 0))
        pitch_envelope = rng.random((n, 1)) < 0.12
        _set(vced, "pitch_rates", np.where(pitch_envelope, rng.integers(30, 100, (n, 4)), 99))
        _set(
            vced, "pitch_levels", np.where(pitch_envelope & [True, True, False, True], rng.integers(30, 71, (n, 4)), 50)
        )

    def _draw_ratios(self, rng: np.random.Generator, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Draw coarse and fine: mostly low harmonics, a quarter near partials of the recording."""
        low = np.array([1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 6, 7, 0])
        coarse = np.where(rng.random(shape) < 0.85, rng.choice(low, shape), rng.integers(1, 20, shape))
        fine = np.where(rng.random(shape) < 0.85, 0, rng.integers(0, 100, shape))
        ratios = self.partials.ratio[self.partials.ratio < 31]
        if len(ratios):
            partial = rng.choice(ratios, shape)
            whole = np.maximum(np.floor(partial + 0.02), 0)
            base = np.where(whole == 0, 0.5, whole)
            from_partial = rng.random(shape) < 0.25
            coarse = np.where(from_partial, whole, coarse)
            fine = np.where(from_partial, np.clip(np.round(100 * (partial / base - 1)), 0, 99), fine)
        return coarse.astype(np.int64), fine.astype(np.int64)


def _set(vced: np.ndarray, name: str, values: np.ndarray) -> None:
    places = columns(name)
    vced[:, places] = values.reshape(len(vced), *places.shape)
