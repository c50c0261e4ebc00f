"""Clocks: how often envelopes and the LFO move, counted from blocks of 64 samples."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Int

from ddx7.engine.interpolate import Value, namespace
from ddx7.engine.tables import BLOCK


class Clock(NamedTuple):
    """Ticks in a block: a whole number and a part of one, both uint32, the part in 2^-20."""

    whole: Value
    part: Value


def clock(hz: float | None, sample_rate: int) -> Clock:
    """A clock of some ticks per second; None ticks once a block, as everything does in msfa."""
    per_block = 1.0 if hz is None else BLOCK * hz / sample_rate
    whole = int(per_block)
    return Clock(np.uint32(whole), np.uint32((per_block - whole) * 2.0**20))


def tick_hz(hz: float | None, sample_rate: int) -> float:
    """Ticks in a second of what `clock` makes."""
    return sample_rate / BLOCK if hz is None else hz


def ticks(clock: Clock, blocks: Int[Array, "*shape"] | Int[np.ndarray, "*shape"] | int) -> Value:
    """Whole ticks in the first blocks, int32; NumPy or JAX."""
    xp = namespace(blocks, clock.whole)
    n = xp.asarray(blocks).astype(np.uint32)
    # n * part is 42 bits wide after an hour; in two halves it stays inside 32.
    parts = ((n >> 10) * clock.part + (((n & 0x3FF) * clock.part) >> 10)) >> 10
    return (n * clock.whole + parts).astype(np.int32)


def blocks_until(clock: Clock, count: Int[np.ndarray, "*shape"]) -> Int[np.ndarray, "*shape"]:
    """The fewest blocks with that many ticks, int64."""
    return np.ceil(count / (float(clock.whole) + float(clock.part) * 2.0**-20)).astype(np.int64)
