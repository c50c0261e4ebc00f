"""Time in blocks of 64 samples: converts seconds, samples and ticks of the clocks of envelopes and LFO."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Array, ArrayLike, Int, Num

from ddx7.engine.interpolate import Value, namespace
from ddx7.engine.tables import BLOCK

_LAST_BLOCK = np.iinfo(np.int32).max // 2


def first_block_at(seconds: Num[ArrayLike, "..."] | Sequence[float | int], sample_rate: int) -> Value:
    """The first block that begins at or after a time, which is rounded to the nearest sample.

    Args:
      seconds: times; NumPy computes in float64, a tracer keeps its dtype.
      sample_rate: in Hz.

    Returns:
      int32 of the same shape, NumPy or JAX.
    """
    xp = namespace(seconds)
    samples = xp.round(xp.asarray(seconds) * (float(sample_rate) if xp is np else sample_rate))
    return xp.minimum(xp.ceil(samples / BLOCK), _LAST_BLOCK).astype(np.int32)


def blocks_covering(n_samples: int) -> int:
    """The fewest blocks with at least some number of samples."""
    return -(-n_samples // BLOCK)


class Clock(NamedTuple):
    """Ticks in a block: a whole number and a part of one, both uint32, the part in 2^-20."""

    whole: Value
    part: Value


def clock(hz: float | int | None, sample_rate: int) -> Clock:
    """A clock of some ticks per second; None ticks once a block, as in msfa."""
    per_block = 1.0 if hz is None else BLOCK * hz / sample_rate
    whole = int(per_block)
    return Clock(np.uint32(whole), np.uint32((per_block - whole) * 2.0**20))


def tick_hz(hz: float | int | None, sample_rate: int) -> float:
    """Ticks per second of a clock that `clock` returns."""
    return sample_rate / BLOCK if hz is None else hz


def ticks(clock: Clock, blocks: Int[Array, "*shape"] | Int[np.ndarray, "*shape"] | int) -> Value:
    """Whole ticks in the first blocks, int32; NumPy or JAX."""
    xp = namespace(blocks, clock.whole)
    n = xp.asarray(blocks).astype(np.uint32)
    # n * part is 42 bits wide after an hour; in two halves it stays inside 32.
    parts = ((n >> 10) * clock.part + (((n & 0x3FF) * clock.part) >> 10)) >> 10
    return (n * clock.whole + parts).astype(np.int32)


def blocks_until(clock: Clock, count: Num[np.ndarray, "*shape"]) -> Int[np.ndarray, "*shape"]:
    """The fewest blocks with that many ticks, int64."""
    return np.ceil(count / (float(clock.whole) + float(clock.part) * 2.0**-20)).astype(np.int64)
