"""The low frequency oscillator and its delay, at any block without having run through those before."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Int, Num, UInt32

from ddx7.engine.interpolate import lookup, whole
from ddx7.engine.tables import (
    BLOCK,
    LFO_DELAY_RAMP,
    LFO_DELAY_UNIT,
    LFO_DELAY_WAIT,
    LFO_SPEED,
    LFO_SPEED_UNIT,
    ONE,
    SAMPLE_AND_HOLD,
    SINE,
)

_HALF = np.uint32(1 << 31)
_TOP = (1 << 32) - 1
SYNC_PHASE = np.uint32((1 << 31) - 1)
"""Where key sync puts the phase: half a cycle, less one unit."""


class Lfo(NamedTuple):
    """The LFO over some blocks: wave and fade-in in 2^-24, int32 for a real voice and floats for a relaxed one."""

    wave: Num[Array, " time"]  # 0 to one; one half is centre
    fade: Num[Array, " time"]  # 0 to one


def speed_table(sample_rate: int) -> np.ndarray:
    """Phase advance per block for speeds 0-99, uint32, 2^32 a cycle."""
    unit = LFO_SPEED_UNIT * BLOCK // sample_rate  # msfa keeps the whole part only
    return (LFO_SPEED * unit).astype(np.int64).astype(np.uint32)


def delay_tables(sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Counter advance per block while waiting and while fading in, for delays 0-99, uint32."""
    unit = int(BLOCK * LFO_DELAY_UNIT / sample_rate + 0.5)
    tables = np.stack([LFO_DELAY_WAIT, LFO_DELAY_RAMP]) * unit
    tables[:, 0] = _TOP  # no delay: full at the second block
    return tables[0].astype(np.uint32), tables[1].astype(np.uint32)


def high_word(a: Array, b: Array) -> Array:
    """Upper 32 bits of the product of two uint32."""
    a_low, a_high, b_low, b_high = a & 0xFFFF, a >> 16, b & 0xFFFF, b >> 16
    middle = a_high * b_low + ((a_low * b_low) >> 16)
    return a_high * b_high + (middle >> 16) + (((middle & 0xFFFF) + a_low * b_high) >> 16)


def exact_lfo(
    speed: Int[ArrayLike, ""],
    delay: Int[ArrayLike, ""],
    wave: Int[ArrayLike, ""],
    sync: Int[ArrayLike, ""],
    blocks: Int[Array, " time"],
    delay_blocks: Int[Array, " time"],
    sample_rate: int,
) -> Lfo:
    """LFO of a real voice.

    Args:
      speed: 0-99.
      delay: 0-99.
      wave: 0 triangle, 1 saw down, 2 saw up, 3 square, 4 sine, 5 sample and hold.
      sync: 1 if the LFO was last started by a key, 0 if it runs freely from phase 0.
      blocks: blocks since then, 1 for the first.
      delay_blocks: blocks since the delay was last started, 1 for the first.
      sample_rate: in Hz.
    """
    step = jnp.asarray(speed_table(sample_rate))[jnp.asarray(speed)]
    n = blocks.astype(jnp.uint32)
    origin = jnp.where(jnp.asarray(sync) == 1, SYNC_PHASE, jnp.uint32(0))
    phase = origin + n * step
    wraps = high_word(n, step) + (phase < origin)

    fraction = (phase >> 8).astype(jnp.int32)
    half = (phase >> 7).astype(jnp.int32)
    index = fraction >> 14
    sine = jnp.asarray(SINE)
    sine = sine[index] + (((sine[index + 1] - sine[index]) * (fraction & 0x3FFF)) >> 14)
    flipped = fraction ^ (ONE >> 1)
    waves = (
        jnp.where(phase >= _HALF, ~half, half) & (ONE - 1),
        (ONE - 1) - flipped,
        flipped,
        jnp.where(phase < _HALF, ONE, 0),
        (ONE >> 1) + (sine >> 1),
        jnp.asarray(SAMPLE_AND_HOLD)[(wraps & 0xFF).astype(jnp.int32)],
    )
    return Lfo(_select(wave, waves), _exact_fade(delay, delay_blocks, sample_rate))


def _exact_fade(delay: Int[ArrayLike, ""], blocks: Int[Array, " time"], sample_rate: int) -> Int[Array, " time"]:
    wait, ramp = (jnp.asarray(table)[jnp.asarray(delay)] for table in delay_tables(sample_rate))
    waiting = _wait_blocks(wait)
    reached = waiting * wait
    n = blocks.astype(jnp.uint32)
    beyond = jnp.where(n > waiting, n - waiting, 0)
    full = beyond > (jnp.uint32(_TOP) - reached) // ramp
    state = reached + beyond * ramp
    fading = ((state >> 7) & jnp.uint32(ONE - 1)).astype(jnp.int32)
    return jnp.where(full, ONE, jnp.where(n < waiting, 0, fading))


def _wait_blocks(wait: UInt32[Array, ""]) -> UInt32[Array, ""]:
    """Blocks until the counter is half full, rounded up."""
    return (_HALF - np.uint32(1)) // wait + 1


def relaxed_lfo(
    speed: Num[ArrayLike, ""],
    delay: Num[ArrayLike, ""],
    wave: Num[ArrayLike, ""],
    sync: Num[ArrayLike, ""],
    blocks: Int[Array, " time"],
    delay_blocks: Int[Array, " time"],
    sample_rate: int,
) -> Lfo:
    """LFO of a relaxed voice: `exact_lfo` between its integers; square and S/H keep the nearest voice's turns."""
    speed, delay = jnp.asarray(speed), jnp.asarray(delay)
    dtype = speed.dtype
    table = speed_table(sample_rate)
    nearest = jnp.clip(whole(speed), 0, 99)
    steps = table.astype(np.float64) / 2.0**32
    # The phase is exact for the nearest speed; only the difference is a float that grows with time.
    step = jnp.asarray(table)[nearest]
    origin = jnp.where(whole(sync) == 1, SYNC_PHASE, jnp.uint32(0))
    phase = (origin + blocks.astype(jnp.uint32) * step).astype(dtype) * dtype.type(2.0**-32)
    phase = phase + blocks.astype(dtype) * (lookup(steps.astype(dtype), speed) - jnp.asarray(steps, dtype)[nearest])

    turn = phase - jnp.floor(phase)
    half_turned = turn + 0.5 - jnp.floor(turn + 0.5)
    exact = exact_lfo(nearest, 0, whole(wave), whole(sync), blocks, delay_blocks, sample_rate)
    kept = exact.wave.astype(dtype) / ONE
    waves = (
        1 - jnp.abs(2 * turn - 1),
        1 - half_turned,
        half_turned,
        kept,
        0.5 + 0.5 * jnp.sin(2 * np.pi * turn),
        kept,
    )

    tables = [t.astype(np.float64) / 2.0**32 for t in delay_tables(sample_rate)]
    wait, ramp = (lookup(t.astype(dtype), delay) for t in tables)
    exact_wait = jnp.asarray(delay_tables(sample_rate)[0])[jnp.clip(whole(delay), 0, 99)]
    anchor_wait = jnp.asarray(tables[0], dtype)[jnp.clip(whole(delay), 0, 99)]
    waiting = 0.5 / wait + (_wait_blocks(exact_wait).astype(dtype) - 0.5 / anchor_wait)
    fade = jnp.clip((waiting * wait - 0.5 + (delay_blocks.astype(dtype) - waiting) * ramp) * 2, 0, 1)
    fade = jnp.where(delay_blocks.astype(dtype) < waiting, 0, fade)
    return Lfo(_select(whole(wave), waves) * ONE, fade * ONE)


def _select(wave: ArrayLike, waves: tuple[Array, ...]) -> Array:
    out = waves[0]
    for index, candidate in enumerate(waves[1:], start=1):
        out = jnp.where(jnp.asarray(wave) == index, candidate, out)
    return out
