"""One operator's envelope, level and scaling from how loud it should be on many notes: a search over panel values.

What is scored is what is written: the engine plans every candidate in the DX7's own integers. No sound is made.
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
from ddx7.engine.levels import sounding_key
from ddx7.engine.patch import MAXIMUM, MINIMUM
from ddx7.engine.segments import read
from ddx7.engine.tables import DB_PER_OCTAVE, ONE, OUTPUT_LEVEL
from ddx7.voice import Operator, Voice

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
# A candidate is R1-R4, L1-L3 (L4 is 0: a note has to end), then those.
_GENES = ("rates",) * 4 + ("levels",) * 3 + _SCALARS
_LOW = np.array([MINIMUM[name] for name in _GENES])
_HIGH = np.array([MAXIMUM[name] for name in _GENES])
_RATES, _LEVELS, _OUTPUT = slice(0, 4), slice(4, 7), 7
_VELOCITY, _RATE_SCALING, _BREAK_POINT, _LEFT, _RIGHT = 8, 9, 10, 11, 12
_CURVES = slice(13, 15)

_BATCH = 96
_PARENTS = 12
_STEPS = np.array([1, 2, 5, 12, 30])
_WORTH_DB = 0.05
"""What a scaling has to bring, or it is left out: what changes nothing on these notes may do harm on others."""


@dataclass(frozen=True, eq=False)
class NoteConditions:
    """What plays the notes, and when their levels are looked at.

    Attributes:
      keys: MIDI notes, int32 [note].
      velocities: MIDI velocities, int32 [note].
      gates: blocks that each key is held, int32 [note].
      blocks: of 64 samples since key-on, at whose end levels are compared, int32 [note, time].
      sample_rate: in Hz.
      profile: whose envelopes.
    """

    keys: Int[np.ndarray, " note"]
    velocities: Int[np.ndarray, " note"]
    gates: Int[np.ndarray, " note"]
    blocks: Int[np.ndarray, "note time"]
    sample_rate: int
    profile: Profile = DEXED


class LevelCurve(NamedTuple):
    """How loud one operator should be.

    Attributes:
      octaves: log2 gain [note, time].
      floor: log2 gain below which it is not heard [note, time].
    """

    octaves: Float[np.ndarray, "note time"]
    floor: Float[np.ndarray, "note time"]


def moments(gates: Int[np.ndarray, " note"], lengths: Int[np.ndarray, " note"], each: int = 24) -> np.ndarray:
    """Where to look at notes: densest after key-on and key-up, as ears do.

    Args:
      gates: frames held.
      lengths: frames until the end of the release.
      each: moments while the key is held; half as many after it.

    Returns:
      frames, int32 [note, 3/2 each].
    """
    held, after = (np.square(np.arange(n) / n) for n in (each, each // 2))
    tails = lengths - gates
    frames = np.concatenate([gates[:, None] * held, gates[:, None] + tails[:, None] * after], axis=1)
    return frames.astype(np.int32)


def octaves_of(
    operators: Patch, hands: NoteConditions, carrier_loss: float = 0.0
) -> Float[np.ndarray, "operator note time"]:
    """Log2 gains of operators, as the engine plans them.

    Args:
      operators: any number of them along the operator axis; only what makes their level is read.
      hands: what plays them.
      carrier_loss: octaves that the profile takes from them.
    """
    tables = hands.profile.at(hands.sample_rate)
    key = sounding_key(tables.levels, hands.keys, np.int32(0))[:, None]
    gates = ticks(tables.control.envelope, hands.gates)[:, None]
    segments, _ = plan_amplitudes(operators, key, hands.velocities[:, None], gates, tables)
    amp = np.asarray(_read(segments, ticks(tables.control.envelope, hands.blocks + 1)))
    return np.moveaxis((amp - tables.control.gain_offset) / np.float32(ONE) - carrier_loss, 0, 1)


# [note, operator] planned, [note, time] read.
_read = jax.jit(jax.vmap(jax.vmap(read, in_axes=(0, None)), in_axes=(0, 0)))


def errors_db(found: np.ndarray, wanted: LevelCurve) -> Float[np.ndarray, "*operator"]:
    """Mean difference in dB between levels [*operator, note, time] as far as they are heard."""
    apart = np.abs(np.maximum(found, wanted.floor) - np.maximum(wanted.octaves, wanted.floor))
    return apart.mean(axis=(-2, -1)) * DB_PER_OCTAVE


def fit_operator(
    wanted: LevelCurve,
    hands: NoteConditions,
    seed: int = 0,
    *,
    generations: int = 30,
    restarts: int = 4,
    carrier_loss: float = 0.0,
) -> tuple[Operator, float]:
    """The operator whose level follows given curves best.

    Several evolutions over panel values, then steps of one value at a time until none helps.

    Args:
      wanted: levels of one operator on the notes of `hands`.
      hands: what plays the notes.
      seed: of the evolutions.
      generations: of each.
      restarts: how many evolutions; break points make many local optima.
      carrier_loss: octaves that the profile takes from the operator.

    Returns:
      (operator with neutral frequency, its `errors_db`); one with output level 0 if it is never heard.
    """
    if not (wanted.octaves > wanted.floor).any():
        return Operator(), 0.0
    score = partial(_score, wanted=wanted, hands=hands, carrier_loss=carrier_loss)
    found = []
    for rng in np.random.default_rng(seed).spawn(restarts):
        genes = _polish(_evolve(_starts(wanted, rng), score, generations, rng), score)
        found.append((float(score(genes[None])[0]), genes))
    genes = _simplest(min(found, key=lambda one: one[0])[1], score)
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


def _score(genes: np.ndarray, *, wanted: LevelCurve, hands: NoteConditions, carrier_loss: float) -> np.ndarray:
    """Errors of candidates [candidate, gene]; always of a whole batch, so that one program serves all."""
    errors = []
    for start in range(0, len(genes), _BATCH):
        part = genes[start : start + _BATCH]
        full = np.concatenate([part, np.repeat(part[:1], _BATCH - len(part), axis=0)])
        errors.append(errors_db(octaves_of(_patch(full), hands, carrier_loss), wanted)[: len(part)])
    return np.concatenate(errors)


def _patch(genes: np.ndarray) -> Patch:
    """Candidates as operators side by side."""
    genes = genes.astype(np.int32)
    levels = np.pad(genes[:, _LEVELS], ((0, 0), (0, 1)))
    scalars = {name: genes[:, _OUTPUT + k] for k, name in enumerate(_SCALARS)}
    return replace(Patch.stack([Voice()])[0], rates=genes[:, _RATES], levels=levels, **scalars)


def _operator(genes: np.ndarray) -> Operator:
    values = [int(x) for x in genes]
    r1, r2, r3, r4, l1, l2, l3, *scalars = values
    return Operator(rates=(r1, r2, r3, r4), levels=(l1, l2, l3, 0), **dict(zip(_SCALARS, scalars, strict=True)))


def _starts(wanted: LevelCurve, rng: np.random.Generator) -> np.ndarray:
    """Drawn at random around the level that is wanted; half of them answer to neither key nor velocity."""
    genes = rng.integers(_LOW, _HIGH + 1, (_BATCH, len(_GENES)))
    heard = wanted.octaves[wanted.octaves > wanted.floor]
    steps = np.quantile(heard, rng.choice([0.5, 0.9, 1.0], _BATCH)) * 8 + OUTPUT_LEVEL[-1] - 8  # full level is gain 2
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
    # Louder by the output level and softer by the levels is nearly the same; the search has to slide along that.
    slides = np.where(rng.random(_BATCH) < 0.15, rng.integers(-6, 7, _BATCH), 0)
    children[:, _OUTPUT] += slides
    children[:, _LEVELS] -= slides[:, None]
    redrawn = rng.random((_BATCH, 2)) < 0.1
    children[:, _CURVES] = np.where(redrawn, rng.integers(0, 4, (_BATCH, 2)), children[:, _CURVES])
    return np.clip(children, _LOW, _HIGH)


def _polish(genes: np.ndarray, score: partial) -> np.ndarray:
    """Single steps, and slides of level against output level, as long as one helps."""
    units = np.eye(len(_GENES), dtype=int)
    slide = units[_OUTPUT] - units[_LEVELS].sum(axis=0)
    directions = np.concatenate([units, slide[None]])
    steps = np.concatenate([sign * size * directions for size in (1, 2, 4) for sign in (1, -1)])
    error = score(genes[None])[0]
    while True:
        near = np.clip(genes + steps, _LOW, _HIGH)
        errors = score(near)
        if errors.min() >= error:
            return genes
        genes, error = near[errors.argmin()], errors.min()


def _simplest(genes: np.ndarray, score: partial) -> np.ndarray:
    """Without the scalings that bring next to nothing."""
    for gene in (_RATE_SCALING, _LEFT, _RIGHT, _VELOCITY):
        without = genes.copy()
        without[gene] = 0
        before, after = score(np.stack([genes, without]))
        if after <= before + _WORTH_DB:
            genes = without
    init = Operator()
    for gene, curve, name in ((_LEFT, 13, "left_curve"), (_RIGHT, 14, "right_curve")):
        if not genes[gene]:
            genes[curve] = getattr(init, name)
    if not genes[[_LEFT, _RIGHT]].any():
        genes[_BREAK_POINT] = init.break_point
    return genes
