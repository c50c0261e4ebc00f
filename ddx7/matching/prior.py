"""Voices as bytes that can be drawn, crossed and mutated.

What the notes of a recording cannot tell stays neutral, so that a voice behaves on other keys and velocities: level and
rate scaling unless there are several pitches, velocity sensitivity unless there are several dynamics.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ddx7.audio import Partials
from ddx7.voice.algorithms import CARRIERS
from ddx7.voice.packing import INIT_VCED, VCED_COLUMNS, VCED_MAX, VCED_MIN
from ddx7.voice.spec import FIELDS, N_OPERATORS, OPERATOR_PARAMETERS, VCED_SIZE

_NEVER = {"osc_sync", "lfo_sync", "transpose", "name"}
BY_PITCH = {"break_point", "left_depth", "right_depth", "left_curve", "right_curve", "rate_scaling"}
BY_VELOCITY = {"velocity_sensitivity"}
# Resampled rather than nudged: a step in them is as large as any other.
_JUMPS = np.array([f.parameter.categorical or f.parameter.name == "coarse" for f in FIELDS])
_RARE = np.array([f.parameter.name.startswith(("lfo", "pitch", "amp_mod", "fixed")) for f in FIELDS])
_OF_OPERATORS = {row.name for row in OPERATOR_PARAMETERS}
_PROPOSED = 0.7
_DETUNE_CENTS = 1.2  # a step of detune at middle C
_OPERATOR_SIZE = sum(row.count for row in OPERATOR_PARAMETERS)


def columns(name: str) -> np.ndarray:
    """VCED bytes of a row: [6, count] for operator rows, OP1 first, else [count]."""
    return VCED_COLUMNS[name].reshape((N_OPERATORS, -1) if name in _OF_OPERATORS else -1)


@dataclass(frozen=True)
class Prior:
    """How fresh voices are drawn: patches as people make them, bent towards what the recording shows.

    Attributes:
      partials: of the recording; operators are tuned to some of them.
      cents: how far the recording is from its key.
      sustains: whether the sound lasts while the key is held.
      several_pitches: whether the notes tell how the sound changes over the keyboard.
      several_velocities: whether they tell how it answers to velocity.
      proposed: voices that an ear takes the recording for, uint8 [voice, 155].
    """

    partials: Partials
    cents: float
    sustains: bool
    several_pitches: bool = False
    several_velocities: bool = False
    proposed: np.ndarray = field(default_factory=lambda: np.zeros((0, VCED_SIZE), np.uint8))

    @cached_property
    def free(self) -> np.ndarray:
        """Which bytes the search may change, bool [155]."""
        fixed = _NEVER | (set() if self.several_pitches else BY_PITCH)
        fixed |= set() if self.several_velocities else BY_VELOCITY
        # L4 stays 0: every note comes to an end.
        return np.array(
            [f.parameter.name not in fixed and (f.parameter.name, f.index) != ("levels", 3) for f in FIELDS]
        )

    def draw(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Fresh voices, uint8 [n, 155]."""
        vced = np.tile(INIT_VCED, (n, 1)).astype(np.int64)
        algorithm = rng.integers(0, 32, n)
        carrier = CARRIERS[algorithm] > 0
        _set(vced, "algorithm", algorithm)
        _set(vced, "feedback", np.where(rng.random(n) < 0.4, 0, rng.integers(0, 8, n)))
        _set(vced, "transpose", np.full(n, 24))

        shape = (n, N_OPERATORS)
        level = np.where(carrier, rng.integers(80, 100, shape), rng.integers(30, 92, shape))
        _set(vced, "output_level", np.where(rng.random(shape) < 0.12, 0, level))
        coarse, fine = self._ratios(rng, shape)
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
        held = rng.random(shape) < (0.85 if self.sustains else 0.15)
        end = np.where(
            held, rng.integers(60, 100, shape), np.where(rng.random(shape) < 0.7, 0, rng.integers(0, 80, shape))
        )
        middle = np.clip((99 + end) // 2 + rng.integers(-25, 25, shape), 0, 99)
        _set(vced, "rates", np.stack([attack, *decay, release], axis=-1))
        first = np.where(rng.random(shape) < 0.8, 99, rng.integers(70, 100, shape))
        _set(vced, "levels", np.stack([first, middle, end, np.zeros(shape, int)], axis=-1))

        self._modulate(rng, vced)
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
        return apply_detune(np.clip(vced, VCED_MIN, VCED_MAX).astype(np.uint8), self.cents)

    def fresh(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Voices to take parts from, uint8 [n, 155]: proposed ones where there are some, now and then drawn ones."""
        drawn = self.draw(rng, n)
        if not len(self.proposed):
            return drawn
        taken = self.proposed[rng.integers(0, len(self.proposed), n)]
        return np.where(rng.random((n, 1)) < _PROPOSED, taken, drawn)

    def _modulate(self, rng: np.random.Generator, vced: np.ndarray) -> None:
        """Vibrato, tremolo and pitch envelopes for some voices, each with all that it needs to be heard."""
        n = len(vced)
        _set(vced, "lfo_speed", rng.integers(15, 60, n))
        _set(vced, "lfo_wave", np.where(rng.random(n) < 0.7, rng.choice([0, 4], n), rng.integers(0, 6, n)))
        _set(vced, "lfo_delay", np.where(rng.random(n) < 0.5, 0, rng.integers(0, 70, n)))
        _set(vced, "lfo_pitch_depth", np.where(rng.random(n) < 0.3, rng.integers(0, 25, n), 0))
        trembles = rng.random(n) < 0.25
        _set(vced, "lfo_amp_depth", np.where(trembles, rng.integers(10, 100, n), 0))
        _set(vced, "amp_mod_sensitivity", np.where(rng.random((n, N_OPERATORS)) < 0.5, rng.integers(1, 4, (n, 6)), 0))
        bends = rng.random((n, 1)) < 0.12
        _set(vced, "pitch_rates", np.where(bends, rng.integers(30, 100, (n, 4)), 99))
        _set(vced, "pitch_levels", np.where(bends & [True, True, False, True], rng.integers(30, 71, (n, 4)), 50))

    def _ratios(self, rng: np.random.Generator, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        low = np.array([1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 6, 7, 0])
        coarse = np.where(rng.random(shape) < 0.85, rng.choice(low, shape), rng.integers(1, 20, shape))
        fine = np.where(rng.random(shape) < 0.85, 0, rng.integers(0, 100, shape))
        ratios = self.partials.ratio[self.partials.ratio < 31]
        if len(ratios):
            found = rng.choice(ratios, shape)
            whole = np.maximum(np.floor(found + 0.02), 0)
            base = np.where(whole == 0, 0.5, whole)
            from_partial = rng.random(shape) < 0.25
            coarse = np.where(from_partial, whole, coarse)
            fine = np.where(from_partial, np.clip(np.round(100 * (found / base - 1)), 0, 99), fine)
        return coarse.astype(np.int64), fine.astype(np.int64)


def _set(vced: np.ndarray, name: str, values: np.ndarray) -> None:
    places = columns(name)
    vced[:, places] = values.reshape(len(vced), *places.shape)


def structure(voices: np.ndarray) -> list[bytes]:
    """The same for all voices, uint8 [voice, 155], those of one algorithm with the same frequencies."""
    places = np.concatenate([columns(name).ravel() for name in ("algorithm", "coarse", "fixed")])
    return [row.tobytes() for row in voices[:, places]]


def apply_detune(vced: np.ndarray, cents: float) -> np.ndarray:
    """The same voices, uint8 [..., 155], detuned towards a recording that is some cents off its key."""
    tuned, places = vced.copy(), columns("detune")
    steps = int(np.round(cents / _DETUNE_CENTS))
    tuned[..., places] = np.clip(vced[..., places].astype(int) + steps, 0, VCED_MAX[places])
    return tuned


def force_release(vced: np.ndarray) -> np.ndarray:
    """The same voices with L4 of every operator at 0, so that no note sounds for ever."""
    ended = vced.copy()
    ended[..., columns("levels")[:, 3]] = 0
    return ended


def cross(rng: np.random.Generator, mothers: np.ndarray, fathers: np.ndarray) -> np.ndarray:
    """Children with the mother's algorithm and each operator whole from one of the two."""
    children = mothers.copy()
    for op in range(N_OPERATORS):
        block = slice(op * _OPERATOR_SIZE, (op + 1) * _OPERATOR_SIZE)
        chosen = rng.random(len(children)) < 0.5
        children[chosen, block] = fathers[chosen, block]
    return children


def mutate(rng: np.random.Generator, voices: np.ndarray, prior: Prior, reach: float = 1.0) -> np.ndarray:
    """Voices with a few bytes nudged or drawn anew.

    Args:
      rng: source of chance.
      voices: uint8 [n, 155].
      prior: where drawn bytes come from.
      reach: 1 for exploring, near 0 for polishing: smaller steps, and nothing drawn anew.

    Returns:
      uint8 [n, 155], legal, nearly all different from their parents.
    """
    n, free = len(voices), prior.free
    rate = np.exp(rng.uniform(np.log(1.5), np.log(12 * reach + 3), (n, 1))) / free.sum()
    hit = free & (rng.random(voices.shape) < rate * np.where(_RARE, 0.3, 1.0))
    hit[np.arange(n), rng.choice(np.flatnonzero(free & ~_JUMPS), n)] = True
    size = np.exp(rng.uniform(np.log(0.01), np.log(0.01 + 0.25 * reach), (n, 1)))
    step = rng.normal(0, 1, voices.shape) * size * VCED_MAX
    step = np.where(np.abs(step) < 1, np.sign(step), np.round(step))
    beyond = (voices + step < VCED_MIN) | (voices + step > VCED_MAX)
    step = np.where(beyond, -step, step)  # at the end of a range there is one way to go
    nudged = np.clip(voices + step, VCED_MIN, VCED_MAX).astype(np.uint8)
    fresh = prior.fresh(rng, n)
    drawn = rng.random(voices.shape) < 0.1 * reach
    jumps = rng.random(voices.shape) < reach
    changed = np.where(_JUMPS, np.where(jumps, fresh, voices), np.where(drawn, fresh, nudged))
    children = np.where(hit, changed, voices)

    # Now and then two operators trade places, or one is drawn anew as a whole.
    for child in np.flatnonzero(rng.random(n) < 0.15 * reach):
        a, b = rng.choice(N_OPERATORS, 2, replace=False) * _OPERATOR_SIZE
        block_a, block_b = slice(a, a + _OPERATOR_SIZE), slice(b, b + _OPERATOR_SIZE)
        if rng.random() < 0.5:
            children[child, block_a], children[child, block_b] = voices[child, block_b], voices[child, block_a]
        else:
            children[child, block_a] = fresh[child, block_a]
    return children
