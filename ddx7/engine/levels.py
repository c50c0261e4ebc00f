"""From panel to envelope: output level, level scaling, velocity and rate scaling of operators on a key.

All functions are elementwise and broadcast; integers give the profile's integers, floats interpolate between them.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Num

from ddx7.engine.interpolate import Value, between, lookup, namespace, whole
from ddx7.engine.tables import HIGHEST_KEY, LOWEST_KEY, OUTPUT_LEVEL


class LevelTables(NamedTuple):
    """What a profile makes of velocity and of the keyboard; int32.

    Attributes:
      velocity: [sensitivity 0-7, MIDI velocity] in 1/256 octave.
      rate_scaling: [sensitivity 0-7, key - LOWEST_KEY] rate steps.
      key_range: lowest and highest key after transpose; what lies beyond plays as they do.
      grid: of level scaling: keys in a group, and the first key of one (1: groups begin at the break point).
      break_point: key of break point 0, and what is added to the distance from it.
      level_scaling: [linear or exponential, group of three keys from the break point, depth] in steps of 0.7526 dB.
      scaled: lowest and highest level after scaling, in those steps.
      total: lowest and highest level after velocity, in 1/256 octave.
    """

    velocity: Value
    rate_scaling: Value
    key_range: Value
    grid: Value
    break_point: Value
    level_scaling: Value
    scaled: Value
    total: Value


def sounding_key(tables: LevelTables, note: Num[ArrayLike, "..."], transpose: Num[ArrayLike, "..."]) -> Value:
    """MIDI key after transpose, -24 to +24 semitones, within the profile's range."""
    xp = namespace(note, transpose)
    key = xp.asarray(note) + xp.asarray(transpose)
    return xp.clip(key, *(xp.asarray(limit, key.dtype) for limit in tables.key_range))


def rate_scaling(tables: LevelTables, sensitivity: Num[ArrayLike, "..."], key: Num[ArrayLike, "..."]) -> Value:
    """Rate steps that the keyboard adds to every envelope rate.

    Args:
      tables: of the profile.
      sensitivity: 0-7.
      key: MIDI key after transpose.

    Returns:
      0-27 rate steps.
    """
    table = namespace(sensitivity, key).asarray(tables.rate_scaling)

    def steps(key: Value) -> Value:
        column = namespace(key).clip(key, LOWEST_KEY, HIGHEST_KEY) - LOWEST_KEY
        return between(lambda s: table[namespace(s).clip(s, 0, 7), column], sensitivity)

    return between(steps, key)


def level_scaling(
    tables: LevelTables,
    key: Num[ArrayLike, "..."],
    break_point: Num[ArrayLike, "..."],
    left_depth: Num[ArrayLike, "..."],
    right_depth: Num[ArrayLike, "..."],
    left_curve: Num[ArrayLike, "..."],
    right_curve: Num[ArrayLike, "..."],
) -> Value:
    """Keyboard level scaling in output level steps of 0.7526 dB, positive is louder.

    Args:
      tables: of the profile.
      key: MIDI key after transpose.
      break_point: 0-99.
      left_depth: 0-99.
      right_depth: 0-99.
      left_curve: 0 -LIN, 1 -EXP, 2 +EXP, 3 +LIN.
      right_curve: the same for the right side.
    """
    xp = namespace(key, left_depth)
    sizes = xp.asarray(tables.level_scaling)

    def on_grid(key: Value) -> Value:
        size, first = tables.grid
        return between(lambda k: (k - first) // size * size, xp.asarray(key))

    def amount(offset: Value) -> Value:
        right = offset >= 0
        # Groups of three keys; C's division truncates towards zero.
        group = xp.clip(xp.where(right, (offset + 1) // 3, (1 - offset) // 3), 0, sizes.shape[1] - 1)
        curve = xp.where(right, whole(right_curve), whole(left_curve))
        exponential = ((curve == 1) | (curve == 2)).astype(np.int32)

        def at_depth(depth: Value) -> Value:
            size = sizes[exponential, group, xp.clip(depth, 0, sizes.shape[2] - 1)]
            return xp.where(curve < 2, -size, size)

        return between(at_depth, xp.where(right, right_depth, left_depth))

    first_key, shift = tables.break_point
    return between(amount, on_grid(key) - on_grid(xp.asarray(break_point) + first_key) + shift)


def velocity_scaling(tables: LevelTables, sensitivity: Num[ArrayLike, "..."], velocity: Num[ArrayLike, "..."]) -> Value:
    """What key velocity adds to the level, in 1/256 octave.

    Args:
      tables: of the profile.
      sensitivity: 0-7.
      velocity: MIDI velocity 0-127.
    """
    xp = namespace(sensitivity, velocity)
    table = xp.asarray(tables.velocity)

    def steps(velocity: Value) -> Value:
        return between(lambda s: table[xp.clip(s, 0, 7), xp.clip(velocity, 0, 127)], sensitivity)

    return between(steps, velocity)


def output_level(
    tables: LevelTables, level: Num[ArrayLike, "..."], scaling: Num[ArrayLike, "..."], velocity: Num[ArrayLike, "..."]
) -> Value:
    """An operator's level on its key, in 1/256 octave, never negative.

    Args:
      tables: of the profile.
      level: panel output level 0-99.
      scaling: from `level_scaling`.
      velocity: from `velocity_scaling`.
    """
    xp = namespace(level, scaling)
    scaled = xp.clip(lookup(OUTPUT_LEVEL, level) + scaling, *tables.scaled)
    return xp.clip(scaled * 32 + velocity, *tables.total)
