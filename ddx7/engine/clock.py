"""Clocks: how often envelopes and the LFO move, counted from blocks of 64 samples."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Int, UInt32

from ddx7.engine.interpolate import Value, namespace
from ddx7.engine.tables import BLOCK


class Clock(NamedTuple):
    """Ticks in a block: a whole number and a part of one, both uint32, the part in 2^-32."""

    whole: Value
    part: Value


def clock(hz: float | None, sample_rate: int) -> Clock:
    """A clock of some ticks per second; None ticks once a block, as everything does in msfa."""
    per_block = 1.0 if hz is None else BLOCK * hz / sample_rate
    whole = int(per_block)
    return Clock(np.uint32(whole), np.uint32((per_block - whole) * 2.0**32))


def tick_hz(hz: float | None, sample_rate: int) -> float:
    """Ticks in a second of what `clock` makes."""
    return sample_rate / BLOCK if hz is None else hz


def ticks(clock: Clock, blocks: Int[Array, "*shape"] | Int[np.ndarray, "*shape"] | int) -> Value:
    """Whole ticks in the first blocks, int32; NumPy or JAX."""
    xp = namespace(blocks, clock.whole)
    n = xp.asarray(blocks).astype(np.uint32)
    return (n * clock.whole + high_word(n, xp.asarray(clock.part))).astype(np.int32)


def blocks_until(clock: Clock, count: Int[np.ndarray, "*shape"]) -> Int[np.ndarray, "*shape"]:
    """The fewest blocks with that many ticks, int64."""
    return np.ceil(count / (float(clock.whole) + float(clock.part) * 2.0**-32)).astype(np.int64)


def high_word(a: UInt32[Array, "*shape"], b: UInt32[Array, "*shape"]) -> UInt32[Array, "*shape"]:
    """Upper 32 bits of the product of two uint32."""
    a_low, a_high, b_low, b_high = a & 0xFFFF, a >> 16, b & 0xFFFF, b >> 16
    middle = a_high * b_low + ((a_low * b_low) >> 16)
    return a_high * b_high + (middle >> 16) + (((middle & 0xFFFF) + a_low * b_high) >> 16)
