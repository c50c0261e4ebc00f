"""From panel to envelope: output level, level scaling, velocity and rate scaling of operators on a key.

All functions are elementwise and broadcast; integers give msfa's integers, floats interpolate between them.
"""

import numpy as np
from jaxtyping import ArrayLike, Num

from ddx7.engine.interpolate import Value, between, lookup, namespace, whole
from ddx7.engine.tables import (
    OUTPUT_LEVEL,
    SCALING_EXPONENTIAL,
    SCALING_KEY_OFFSET,
    VELOCITY,
    VELOCITY_REFERENCE,
)


def rate_scaling(sensitivity: Num[ArrayLike, "..."], key: Num[ArrayLike, "..."]) -> Value:
    """Rate steps that the keyboard adds to every envelope rate.

    Args:
      sensitivity: 0-7.
      key: MIDI key after transpose.

    Returns:
      0-27 rate steps.
    """
    xp = namespace(sensitivity, key)

    def steps(key: Value) -> Value:
        octave_thirds = xp.clip(key // 3 - 7, 0, 31)
        return between(lambda s: (s * octave_thirds) >> 3, sensitivity)

    return between(steps, key)


def level_scaling(
    key: Num[ArrayLike, "..."],
    break_point: Num[ArrayLike, "..."],
    left_depth: Num[ArrayLike, "..."],
    right_depth: Num[ArrayLike, "..."],
    left_curve: Num[ArrayLike, "..."],
    right_curve: Num[ArrayLike, "..."],
) -> Value:
    """Keyboard level scaling in output level steps of 0.7526 dB, positive is louder.

    Args:
      key: MIDI key after transpose.
      break_point: 0-99.
      left_depth: 0-99.
      right_depth: 0-99.
      left_curve: 0 -LIN, 1 -EXP, 2 +EXP, 3 +LIN.
      right_curve: the same for the right side.
    """
    xp = namespace(key, left_depth)
    exponential = xp.asarray(SCALING_EXPONENTIAL)

    def amount(offset: Value) -> Value:
        right = offset >= 0
        # Groups of three keys; C's division truncates towards zero.
        group = xp.where(right, (offset + 1) // 3, (1 - offset) // 3)
        curve = xp.where(right, whole(right_curve), whole(left_curve))

        def at_depth(depth: Value) -> Value:
            linear = (group * depth * 329) >> 12
            curved = (exponential[xp.clip(group, 0, len(SCALING_EXPONENTIAL) - 1)] * depth * 329) >> 15
            size = xp.where((curve == 0) | (curve == 3), linear, curved)
            return xp.where(curve < 2, -size, size)

        return between(at_depth, xp.where(right, right_depth, left_depth))

    return between(amount, xp.asarray(key) - xp.asarray(break_point) - SCALING_KEY_OFFSET)


def velocity_scaling(sensitivity: Num[ArrayLike, "..."], velocity: Num[ArrayLike, "..."]) -> Value:
    """What key velocity adds to the level, in 1/256 octave.

    Args:
      sensitivity: 0-7.
      velocity: MIDI velocity 0-127.
    """
    xp = namespace(sensitivity, velocity)

    def steps(velocity: Value) -> Value:
        difference = xp.asarray(VELOCITY)[xp.clip(velocity, 0, 127) >> 1] - np.int32(VELOCITY_REFERENCE)
        return between(lambda s: ((s * difference + 7) >> 3) << 4, sensitivity)

    return between(steps, velocity)


def output_level(
    level: Num[ArrayLike, "..."], scaling: Num[ArrayLike, "..."], velocity: Num[ArrayLike, "..."]
) -> Value:
    """An operator's level on its key, in 1/256 octave, never negative.

    Args:
      level: panel output level 0-99.
      scaling: from `level_scaling`.
      velocity: from `velocity_scaling`.
    """
    xp = namespace(level, scaling)
    return xp.maximum(0, xp.minimum(127, lookup(OUTPUT_LEVEL, level) + scaling) * 32 + velocity)
