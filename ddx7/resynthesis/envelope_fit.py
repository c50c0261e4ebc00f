"""Fit one operator's envelope, level and scaling to its level curves on many notes: a search over panel values.

The engine plans every candidate in the DX7's own integers, so the score is that of the written voice. No sound is
rendered.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int

from ddx7.engine import DEXED, Patch, Profile
from ddx7.engine.clock import ticks
from ddx7.engine.control import plan_amplitudes
from ddx7.engine.levels import sounding_note
from ddx7.engine.patch import MAXIMUM, MINIMUM
from ddx7.engine.segments import read
from ddx7.engine.tables import DB_PER_OCTAVE, ONE, OUTPUT_LEVEL
from ddx7.voice import Operator, Voice
from ddx7.voice.spec import N_OPERATORS

_SCALARS = (
    "output_level",
    "velocity_sensitivity",
    "rate_scaling",
    "break_point",
    "left_depth",
    "right_depth",
    "left_curve",
    "right_curve",
)
# A candidate is R1-R4, L1-L3 (L4 is 0: every note ends), then those.
_GENES = ("rates",) * 4 + ("levels",) * 3 + _SCALARS
_LOW = np.array([MINIMUM[name] for name in _GENES])
_HIGH = np.array([MAXIMUM[name] for name in _GENES])
_RATES, _LEVELS, _OUTPUT = slice(0, 4), slice(4, 7), 7
_VELOCITY, _RATE_SCALING, _BREAK_POINT, _LEFT, _RIGHT = 8, 9, 10, 11, 12
_CURVES = slice(13, 15)

_BATCH = 16 * N_OPERATORS
_PARENTS = 12
_STEPS = np.array([1, 2, 5, 12, 30])
_LEAST_GAIN_DB = 0.05
"""Least improvement for which a scaling stays: one without effect on these notes may do harm on others."""


@dataclass(frozen=True, eq=False)
class NoteConditions:
    """The notes of a fit, and the moments at which it compares levels.

    Attributes:
      notes: MIDI notes, int32 [note].
      velocities: MIDI velocities, int32 [note].
      gates: blocks from key-on to key-off, int32 [note].
      blocks: of 64 samples since key-on; the fit compares levels at their ends, int32 [note, time].
      sample_rate: in Hz.
      profile: gives the envelopes.
    """

    notes: Int[np.ndarray, " note"]
    velocities: Int[np.ndarray, " note"]
    gates: Int[np.ndarray, " note"]
    blocks: Int[np.ndarray, "note time"]
    sample_rate: int
    profile: Profile = DEXED


class LevelCurve(NamedTuple):
    """Target levels of one operator.

    Attributes:
      octaves: log2 gain [note, time].
      floor: log2 gain below which the operator is inaudible [note, time].
    """

    octaves: Float[np.ndarray, "note time"]
    floor: Float[np.ndarray, "note time"]


def moments(gates: Int[np.ndarray, " note"], lengths: Int[np.ndarray, " note"], each: int = 24) -> np.ndarray:
    """Moments at which to compare levels: densest after key-on and key-off.

    Args:
      gates: frames from key-on to key-off.
      lengths: frames from key-on to the end of the release.
      each: number of moments before key-off; half as many follow.

    Returns:
      frames, int32 [note, 3/2 each].
    """
    held, after = (np.square(np.arange(n) / n) for n in (each, each // 2))
    tails = lengths - gates
    frames = np.concatenate([gates[:, None] * held, gates[:, None] + tails[:, None] * after], axis=1)
    return frames.astype(np.int32)


def octaves_of(
    operators: Patch, conditions: NoteConditions, carrier_loss: float = 0.0
) -> Float[np.ndarray, "operator note time"]:
    """Log2 gains of operators, from the engine's plan.

    Args:
      operators: the six of each voice, [*voice, 6]; only parameters of their level count.
      conditions: the notes.
      carrier_loss: octaves by which the profile lowers them.

    Returns:
      the operators of all voices in order.
    """
    tables = conditions.profile.at(conditions.sample_rate)
    axes = np.shape(operators.output_level)

    def by_note(values: np.ndarray) -> np.ndarray:
        return values.reshape(-1, *(1 for _ in axes))

    note = by_note(np.asarray(sounding_note(tables.levels, conditions.notes, np.int32(0))))
    gates = by_note(np.asarray(ticks(tables.control.envelope, conditions.gates)))
    segments, _ = plan_amplitudes(operators, note, by_note(conditions.velocities), gates, tables)
    segments = jax.tree.map(lambda x: x.reshape(len(note), -1, *x.shape[1 + len(axes) :]), segments)
    amp = np.asarray(_read(segments, ticks(tables.control.envelope, conditions.blocks + 1)))
    return np.moveaxis((amp - tables.control.gain_offset) / np.float32(ONE) - carrier_loss, 0, 1)


# [note, operator] planned, [note, time] read.
_read = jax.jit(jax.vmap(jax.vmap(read, in_axes=(0, None)), in_axes=(0, 0)))


def errors_db(estimate: np.ndarray, target: LevelCurve) -> Float[np.ndarray, "*operator"]:
    """Mean difference in dB between levels [*operator, note, time], as far as they are audible."""
    difference = np.abs(np.maximum(estimate, target.floor) - np.maximum(target.octaves, target.floor))
    return np.asarray(difference.mean(axis=(-2, -1)) * DB_PER_OCTAVE)


def fit_operator(
    target: LevelCurve,
    conditions: NoteConditions,
    seed: int = 0,
    *,
    generations: int = 30,
    restarts: int = 4,
    carrier_loss: float = 0.0,
) -> tuple[Operator, float]:
    """The operator whose level follows given curves best.

    Several evolutionary searches run over panel values. Then one value at a time moves until no step helps.

    Args:
      target: levels of one operator on the notes.
      conditions: the notes.
      seed: of the searches.
      generations: of each search.
      restarts: number of searches; break points make many local optima.
      carrier_loss: octaves by which the profile lowers the operator.

    Returns:
      (operator with neutral frequency, its `errors_db`); one with output level 0 if it is never audible.
    """
    if not (target.octaves > target.floor).any():
        return Operator(), 0.0
    score = partial(_score, target=target, conditions=conditions, carrier_loss=carrier_loss)
    results = []
    for rng in np.random.default_rng(seed).spawn(restarts):
        genes = _polish(_evolve(_starts(target, rng), score, generations, rng), score)
        results.append((float(score(genes[None])[0]), genes))
    genes = _simplest(min(results, key=lambda result: result[0])[1], score)
    return _operator(genes), float(score(genes[None])[0])


def _evolve(population: np.ndarray, score: partial, generations: int, rng: np.random.Generator) -> np.ndarray:
    """The best candidate after some generations."""
    errors = score(population)
    for _ in range(generations):
        best = np.argsort(errors, kind="stable")[:_PARENTS]
        children = _children(population[best], rng)
        pool, pool_errors = np.concatenate([population[best], children]), np.append(errors[best], score(children))
        _, first = np.unique(pool, axis=0, return_index=True)
        population, errors = pool[first], pool_errors[first]
    return population[np.argmin(errors)]


def _score(genes: np.ndarray, *, target: LevelCurve, conditions: NoteConditions, carrier_loss: float) -> np.ndarray:
    """Errors of candidates [candidate, gene], computed in batches of one size, so that one program serves all."""
    errors = []
    for start in range(0, len(genes), _BATCH):
        part = genes[start : start + _BATCH]
        full = np.concatenate([part, np.repeat(part[:1], _BATCH - len(part), axis=0)])
        errors.append(errors_db(octaves_of(_patch(full), conditions, carrier_loss), target)[: len(part)])
    return np.concatenate(errors)


def _patch(genes: np.ndarray) -> Patch:
    """Candidates as the operators of voices, six in each."""
    genes = genes.astype(np.int32).reshape(-1, N_OPERATORS, len(_GENES))
    levels = np.pad(genes[..., _LEVELS], ((0, 0), (0, 0), (0, 1)))
    scalars = {name: genes[..., _OUTPUT + k] for k, name in enumerate(_SCALARS)}
    return replace(Patch.stack([Voice()] * len(genes)), rates=genes[..., _RATES], levels=levels, **scalars)


def _operator(genes: np.ndarray) -> Operator:
    values = [int(x) for x in genes]
    r1, r2, r3, r4, l1, l2, l3, *scalars = values
    return Operator(rates=(r1, r2, r3, r4), levels=(l1, l2, l3, 0), **dict(zip(_SCALARS, scalars, strict=True)))


def _starts(target: LevelCurve, rng: np.random.Generator) -> np.ndarray:
    """Random candidates around the target level; half of them depend on neither note nor velocity."""
    genes = rng.integers(_LOW, _HIGH + 1, (_BATCH, len(_GENES)))
    audible = target.octaves[target.octaves > target.floor]
    steps = np.quantile(audible, rng.choice([0.5, 0.9, 1.0], _BATCH)) * 8 + OUTPUT_LEVEL[-1] - 8  # full level is gain 2
    genes[:, _OUTPUT] = np.searchsorted(OUTPUT_LEVEL, steps) + rng.integers(-3, 4, _BATCH)
    genes[:, _LEVELS] = rng.integers(75, 100, (_BATCH, 3))
    genes[:, _RATES] = rng.integers(25, 100, (_BATCH, 4))
    neutral = rng.random(_BATCH) < 0.5
    genes[neutral, _VELOCITY : _VELOCITY + 2] = 0
    genes[neutral, _LEFT : _RIGHT + 1] = 0
    return np.clip(genes, _LOW, _HIGH)


def _children(parents: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    shape = (_BATCH, len(_GENES))
    first, second = parents[rng.integers(len(parents), size=(2, _BATCH))]
    crossed = rng.random(shape) < np.where(rng.random((_BATCH, 1)) < 0.5, 0.3, 0.0)
    children = np.where(crossed, second, first)
    # One to three values move, by steps of all sizes.
    order = rng.random(shape).argsort(axis=1)
    moves = order < rng.integers(1, 4, (_BATCH, 1))
    size = rng.choice(_STEPS, (_BATCH, 1)) * rng.normal(size=shape)
    steps = np.where(size < 0, np.floor(size), np.ceil(size)).astype(int)
    children = children + np.where(moves, steps, 0)
    # A higher output level and lower EG levels nearly cancel; the search needs to slide along that direction.
    slides = np.where(rng.random(_BATCH) < 0.15, rng.integers(-6, 7, _BATCH), 0)
    children[:, _OUTPUT] += slides
    children[:, _LEVELS] -= slides[:, None]
    redrawn = rng.random((_BATCH, 2)) < 0.1
    children[:, _CURVES] = np.where(redrawn, rng.integers(0, 4, (_BATCH, 2)), children[:, _CURVES])
    return np.clip(children, _LOW, _HIGH)


def _polish(genes: np.ndarray, score: partial) -> np.ndarray:
    """The best candidate that single steps, and slides of levels against output level, reach."""
    units = np.eye(len(_GENES), dtype=int)
    slide = units[_OUTPUT] - units[_LEVELS].sum(axis=0)
    directions = np.concatenate([units, slide[None]])
    steps = np.concatenate([sign * size * directions for size in (1, 2, 4) for sign in (1, -1)])
    error = score(genes[None])[0]
    while True:
        neighbours = np.clip(genes + steps, _LOW, _HIGH)
        errors = score(neighbours)
        if errors.min() >= error:
            return genes
        genes, error = neighbours[errors.argmin()], errors.min()


def _simplest(genes: np.ndarray, score: partial) -> np.ndarray:
    """The candidate without the scalings that improve it by less than `_LEAST_GAIN_DB`."""
    for gene in (_RATE_SCALING, _LEFT, _RIGHT, _VELOCITY):
        without = genes.copy()
        without[gene] = 0
        before, after = score(np.stack([genes, without]))
        if after <= before + _LEAST_GAIN_DB:
            genes = without
    init = Operator()
    for gene, curve, name in ((_LEFT, 13, "left_curve"), (_RIGHT, 14, "right_curve")):
        if not genes[gene]:
            genes[curve] = getattr(init, name)
    if not genes[[_LEFT, _RIGHT]].any():
        genes[_BREAK_POINT] = init.break_point
    return genes
