"""The amplitude envelope of one operator, as a plan of straight segments."""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import ArrayLike, Int, Num

from ddx7.engine.interpolate import Value, is_relaxed, lookup, namespace, whole
from ddx7.engine.renderer import loaded_renderer
from ddx7.engine.segments import Move, Segments, follow, steps
from ddx7.engine.tables import EG_FLOOR, EG_JUMP, EG_LEVEL, EG_RATE_STEP, ONE

# A stage is one move that waits, falls or jumps, then up to ten moves that climb, because an attack slows down at every
# octave. The climb begins ten octaves below the end of its last move; 0 stands for the first move.
_CLIMBS = np.array([0, *range(10, 0, -1)], np.int32)
_MOVES = len(_CLIMBS)


class EnvelopeTables(NamedTuple):
    """How a profile's envelopes move on their own clock; int32.

    Attributes:
      increments: [rate step 0-63] in 2^-24 octave a tick.
      delays: [stays in silence or not, rate + rate scaling 0-99] samples that a static stage waits.
      samples: number of these samples in a tick.
      offset: from the output level to the target of level 99, in 1/256 octave.
      ceiling: an attack rises in proportion to this many octaves less the level, truncated to whole octaves.
    """

    increments: Value
    delays: Value
    samples: Value
    offset: Value
    ceiling: Value


class RoundingResidual(NamedTuple):
    """Effect of rounding on one move of a real voice.

    Attributes:
      waits: whether the stage waited instead of moving.
      length: ticks added to the move, or to the octave if it climbs.
      target: ticks added to the way to the target, if it climbs.
    """

    waits: Value
    length: Value
    target: Value


class _Stage(NamedTuple):
    climb: Value  # 0, or the octave's slope in increments
    ceiling: Value  # octaves
    target: Value
    increment: Value
    wait: Value  # samples
    samples: Value  # in a tick
    stays: Value  # a first stage from silence to level 0 does not move at all
    residual: RoundingResidual


def plan(
    rates: Num[ArrayLike, "*#batch 4"],
    levels: Num[ArrayLike, "*#batch 4"],
    output_level: Num[ArrayLike, "*#batch"],
    rate_scaling: Num[ArrayLike, "*#batch"],
    gate: Int[ArrayLike, "*#batch"],
    tables: EnvelopeTables,
    residual: RoundingResidual | None = None,
    *,
    final: bool = False,
) -> tuple[Segments, RoundingResidual | None]:
    """Plan one operator's envelope from note-on, where it starts in silence.

    Args:
      rates: R1-R4, 0-99.
      levels: L1-L4, 0-99.
      output_level: from `ddx7.engine.levels.output_level`, in 1/256 octave.
      rate_scaling: rate steps from the keyboard.
      gate: tick of note-off.
      tables: of the profile, at the sample rate.
      residual: for a relaxed voice, the rounding residual that planning its nearest real voice returned.
      final: no relaxed voice follows, so a real voice needs no residual, and numba plans it if it is loaded.

    Returns:
      (segments, residual or None); levels are log2 gain + 14 in units of 2^-24 octave, int32 for a real voice.
    """
    xp = namespace(output_level)
    output_level, rate_scaling = xp.asarray(output_level)[..., None], xp.asarray(rate_scaling)[..., None]
    stays = (whole(levels) == 0) & (np.arange(4) == 0)
    delay_index = xp.minimum(rates + rate_scaling, 99)
    stages = (
        xp.maximum(EG_FLOOR, (lookup(EG_LEVEL, levels) - EG_LEVEL[-1]) * 64 + output_level + tables.offset)
        * (ONE >> 8),
        lookup(tables.increments, xp.minimum(lookup(EG_RATE_STEP, rates) + rate_scaling, 63)),
        xp.where(stays, lookup(tables.delays[1], delay_index), lookup(tables.delays[0], delay_index)),
        stays,
    )
    fast = loaded_renderer() if final and xp is np else None
    if fast is not None:
        climbs = np.where(_CLIMBS > 0, _CLIMBS + _lowest_slope(tables), 0)
        return Segments(*fast.plan_envelopes(stages, climbs, gate, int(tables.samples), int(tables.ceiling))), None
    targets, speeds, waits, rests = (xp.repeat(xp.moveaxis(x, -1, 0), _MOVES, axis=0) for x in stages)
    shape = (-1, *(1,) * (targets.ndim - 1))
    climbs = np.tile(_CLIMBS, 4).reshape(shape)
    climbs = xp.where(climbs > 0, climbs + _lowest_slope(tables), 0)
    ceilings, samples = (xp.broadcast_to(xp.asarray(x), climbs.shape) for x in (tables.ceiling, tables.samples))
    given = RoundingResidual(*np.zeros((3, *climbs.shape), np.float32)) if residual is None else residual
    silence = xp.zeros_like(targets[0])
    moves = _Stage(climbs, ceilings, targets, speeds, waits, samples, rests, given)
    return follow(_move, silence, silence > 0, moves, 3 * _MOVES, gate)


def _lowest_slope(tables: EnvelopeTables) -> Value:
    """Slope of the last octave of an attack less 1, in increments."""
    return tables.ceiling - _CLIMBS.max() - EG_JUMP // ONE - 1


def _move(level: Value, climbing: Value, stage: _Stage) -> Move:
    """The move that begins a stage, or one octave of its attack; `climbing` marks an attack under way."""
    xp = namespace(level)
    if xp is np:  # NumPy has the values: it computes one of the two, or neither
        if not stage.climb.any():
            return _begin(level, stage)
        if not climbing.any():
            none = np.zeros_like(level)
            slope = np.maximum(stage.increment * stage.climb.astype(level.dtype), 1)
            return Move(none, slope, none, level, RoundingResidual(*np.zeros((3, *level.shape), np.float32)), climbing)
        return _climb(level, climbing, stage)
    first, climb = _begin(level, stage), _climb(level, climbing, stage)
    return jax.tree.map(lambda a, b: xp.where(stage.climb == 0, a, b), first, climb)


def _begin(level: Value, stage: _Stage) -> Move:
    target, increment = stage.target, stage.increment
    xp, exact = namespace(level), not is_relaxed(level)
    waits = ((target == level) | stage.stays) & (stage.wait > 0) if exact else stage.residual.waits > 0
    rises = (target > level) & ~waits
    jumps = rises & (level < EG_JUMP)

    one = xp.ones_like(level)
    # The wait ends inside a tick, and the next stage starts in that tick.
    waited, wait_residual = steps(stage.wait - stage.samples, stage.samples * one, stage.residual.length)
    waited = xp.maximum(waited, 0)
    fallen, fall_residual = steps(xp.maximum(level - target, one), increment, stage.residual.length)
    landed = EG_JUMP + (stage.ceiling - EG_JUMP // ONE - 1) * increment
    rise_end = xp.where(jumps, xp.minimum(target, landed), level)

    length = xp.where(waits, waited, xp.where(rises, jumps.astype(level.dtype), fallen))
    end = xp.where(waits, xp.where(stage.stays, level, target), xp.where(rises, rise_end, target))
    # A real voice keeps its level while it waits; a relaxed one may have a short distance to move.
    drift = end - level if exact else (end - level) / xp.maximum(length, one)
    slope = xp.where(waits | rises, drift, -increment)
    reach = length if exact else xp.where(waits | rises, length, (level - target) / increment)
    residual = RoundingResidual(
        waits.astype(np.float32), xp.where(waits, wait_residual, fall_residual), xp.zeros_like(wait_residual)
    )
    return Move(length, slope, reach, end, residual, rises & ~(jumps & (landed >= target)))


def _climb(level: Value, climbing: Value, stage: _Stage) -> Move:
    xp, exact = namespace(level), not is_relaxed(level)
    climb = stage.climb.astype(level.dtype)
    slope = xp.maximum(stage.increment * climb, 1)
    remaining = (stage.ceiling.astype(level.dtype) - climb) * ONE - level
    active = climbing & (remaining >= 0)
    distance = stage.target - level
    to_target, target_residual = steps(distance, slope, stage.residual.target)
    if exact:
        # The octave ends with the first step that leaves it.
        to_octave = remaining // slope + 1
        octave_residual = to_octave.astype(np.float32) - remaining.astype(np.float32) / slope.astype(np.float32)
        arrives = to_target <= to_octave
    else:
        octave_residual = stage.residual.length
        to_octave = remaining / slope + octave_residual
        arrives = distance <= to_octave * slope
    length = xp.where(active, xp.where(arrives, to_target, to_octave), 0)
    reach = length if exact else xp.where(active & arrives, distance / slope, length)
    end = xp.where(active, xp.where(arrives, stage.target, level + to_octave * slope), level)
    found = xp.where(active, octave_residual, 0), xp.where(active, target_residual, 0)
    return Move(
        length,
        slope,
        reach,
        end,
        RoundingResidual(xp.zeros(level.shape, np.float32), *found),
        climbing & ~(active & arrives),
    )
