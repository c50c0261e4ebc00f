"""Operator levels and rates at a note: output level, level scaling, velocity and rate scaling.

All functions are elementwise and broadcast; integers give the profile's integers, floats interpolate between them.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Num

from ddx7.engine.interpolate import Value, between, lookup, namespace, whole
from ddx7.engine.tables import HIGHEST_NOTE, LOWEST_NOTE, OUTPUT_LEVEL


class LevelTables(NamedTuple):
    """A profile's response to velocity and to the keyboard; int32.

    Attributes:
      velocity: [sensitivity 0-7, MIDI velocity] in 1/256 octave.
      rate_scaling: [sensitivity 0-7, note - LOWEST_NOTE] rate steps.
      note_range: lowest and highest note after transpose; notes beyond them play as the nearest of them.
      grid: of level scaling: notes in a group, and the first note of one (1: groups begin at the break point).
      break_point: note of break point 0, and an offset to the distance from it.
      level_scaling: [linear or exponential, group of three notes from the break point, depth] in steps of 0.7526 dB.
      scaled: lowest and highest level after scaling, in those steps.
      total: lowest and highest level after velocity, in 1/256 octave.
    """

    velocity: Value
    rate_scaling: Value
    note_range: Value
    grid: Value
    break_point: Value
    level_scaling: Value
    scaled: Value
    total: Value


def sounding_note(tables: LevelTables, note: Num[ArrayLike, "..."], transpose: Num[ArrayLike, "..."]) -> Value:
    """MIDI note after transpose, -24 to +24 semitones, within the profile's range."""
    xp = namespace(note, transpose)
    sounding = xp.asarray(note) + xp.asarray(transpose)
    return xp.clip(sounding, *(xp.asarray(limit, sounding.dtype) for limit in tables.note_range))


def rate_scaling(tables: LevelTables, sensitivity: Num[ArrayLike, "..."], note: Num[ArrayLike, "..."]) -> Value:
    """Rate steps that the note adds to every envelope rate.

    Args:
      tables: of the profile.
      sensitivity: 0-7.
      note: MIDI note after transpose.

    Returns:
      0-27 rate steps.
    """
    table = namespace(sensitivity, note).asarray(tables.rate_scaling)

    def steps(note: Value) -> Value:
        column = namespace(note).clip(note, LOWEST_NOTE, HIGHEST_NOTE) - LOWEST_NOTE
        return between(lambda s: table[namespace(s).clip(s, 0, 7), column], sensitivity)

    return between(steps, note)


def level_scaling(
    tables: LevelTables,
    note: Num[ArrayLike, "..."],
    break_point: Num[ArrayLike, "..."],
    left_depth: Num[ArrayLike, "..."],
    right_depth: Num[ArrayLike, "..."],
    left_curve: Num[ArrayLike, "..."],
    right_curve: Num[ArrayLike, "..."],
) -> Value:
    """Keyboard level scaling in output level steps of 0.7526 dB, positive is louder.

    Args:
      tables: of the profile.
      note: MIDI note after transpose.
      break_point: 0-99.
      left_depth: 0-99.
      right_depth: 0-99.
      left_curve: 0 -LIN, 1 -EXP, 2 +EXP, 3 +LIN.
      right_curve: the same for the right side.
    """
    xp = namespace(note, left_depth)
    sizes = xp.asarray(tables.level_scaling)

    def on_grid(note: Value) -> Value:
        size, first = tables.grid
        return between(lambda k: (k - first) // size * size, xp.asarray(note))

    def amount(offset: Value) -> Value:
        right = offset >= 0
        # Groups of three notes; C's division truncates towards zero.
        group = xp.clip(xp.where(right, (offset + 1) // 3, (1 - offset) // 3), 0, sizes.shape[1] - 1)
        curve = xp.where(right, whole(right_curve), whole(left_curve))
        exponential = ((curve == 1) | (curve == 2)).astype(np.int32)

        def at_depth(depth: Value) -> Value:
            size = sizes[exponential, group, xp.clip(depth, 0, sizes.shape[2] - 1)]
            return xp.where(curve < 2, -size, size)

        return between(at_depth, xp.where(right, right_depth, left_depth))

    first_note, shift = tables.break_point
    return between(amount, on_grid(note) - on_grid(xp.asarray(break_point) + first_note) + shift)


def velocity_scaling(tables: LevelTables, sensitivity: Num[ArrayLike, "..."], velocity: Num[ArrayLike, "..."]) -> Value:
    """Level change by velocity, in 1/256 octave.

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
    """An operator's level at its note, in 1/256 octave, never negative.

    Args:
      tables: of the profile.
      level: panel output level 0-99.
      scaling: from `level_scaling`.
      velocity: from `velocity_scaling`.
    """
    xp = namespace(level, scaling)
    scaled = xp.clip(lookup(OUTPUT_LEVEL, level) + scaling, *tables.scaled)
    return xp.clip(scaled * 32 + velocity, *tables.total)
