"""The low frequency oscillator and its delay, computed for any block independently of those before."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Int, Num, UInt32

from ddx7.engine.interpolate import Value, lookup, whole
from ddx7.engine.tables import ONE

_HALF = np.uint32(1 << 31)
_TOP = (1 << 32) - 1
SYNC_PHASE = np.uint32((1 << 31) - 1)
"""Phase after key sync: half a cycle, less one unit."""


class Lfo(NamedTuple):
    """The LFO over some blocks: wave and fade-in in 2^-24, int32 for a real voice and floats for a relaxed one."""

    wave: Num[Array, " time"]  # 0 to one; one half is centre
    fade: Num[Array, " time"]  # 0 to one


class LfoTables(NamedTuple):
    """How a profile's LFO moves on its own clock.

    Attributes:
      speed: [0-99] phase advance a tick, uint32, 2^32 a cycle.
      wait: [0-99] counter advance a tick while the delay waits, uint32; 2^31 ends it.
      ramp: [0-99] the same while it fades in; 2^32 ends it.
      sine: [1025] one cycle, int32 in 2^-24.
      hold: [wraps modulo 256] values of sample and hold, int32 in 2^-24.
      hold_turn: phase added before the wraps are counted, uint32.
      top: highest value of wave and fade, int32 in 2^-24.
      keep: mask of their bits that count.
    """

    speed: Value
    wait: Value
    ramp: Value
    sine: Value
    hold: Value
    hold_turn: Value
    top: Value
    keep: Value


def delay_tables(unit: int, waits: np.ndarray, ramps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`LfoTables.wait` and `ramp` from increments by delay, in units of 2^-32 a tick; delay 0 is over at once."""
    tables = np.stack([waits, ramps]) * unit
    tables[:, 0] = _TOP  # no delay: full at the second tick
    return tables[0].astype(np.uint32), tables[1].astype(np.uint32)


def high_word(a: UInt32[Array, "*#shape"], b: UInt32[Array, "*#shape"]) -> UInt32[Array, "*shape"]:
    """Upper 32 bits of the product of two uint32; the two broadcast."""
    a_low, a_high, b_low, b_high = a & 0xFFFF, a >> 16, b & 0xFFFF, b >> 16
    middle = a_high * b_low + ((a_low * b_low) >> 16)
    return a_high * b_high + (middle >> 16) + (((middle & 0xFFFF) + a_low * b_high) >> 16)


def exact_lfo(
    speed: Int[ArrayLike, ""],
    delay: Int[ArrayLike, ""],
    wave: Int[ArrayLike, ""],
    sync: Int[ArrayLike, ""],
    ticks: Int[Array, " time"],
    delay_ticks: Int[Array, " time"],
    tables: LfoTables,
) -> Lfo:
    """LFO of a real voice.

    Args:
      speed: 0-99.
      delay: 0-99.
      wave: 0 triangle, 1 saw down, 2 saw up, 3 square, 4 sine, 5 sample and hold.
      sync: 1 if a note-on last started the LFO, 0 if it runs freely from phase 0.
      ticks: of the LFO's clock since its start, 1 for the first.
      delay_ticks: ticks since the delay last started, 1 for the first.
      tables: of the profile, at the sample rate.
    """
    step = jnp.asarray(tables.speed)[jnp.asarray(speed)]
    n = ticks.astype(jnp.uint32)
    origin = jnp.where(jnp.asarray(sync) == 1, SYNC_PHASE, jnp.uint32(0))
    phase = origin + n * step
    turned = origin + tables.hold_turn
    wraps = high_word(n, step) + (turned + n * step < turned)

    fraction = (phase >> 8).astype(jnp.int32)
    half = (phase >> 7).astype(jnp.int32)
    index = fraction >> 14
    sine = jnp.asarray(tables.sine)
    rise, part = sine[index + 1] - sine[index], fraction & 0x3FFF
    # (rise * part) >> 14 exceeds 32 bits where a profile's sine has steps; in two halves it stays inside.
    sine = sine[index] + (rise >> 14) * part + (((rise & 0x3FFF) * part) >> 14)
    flipped = fraction ^ (ONE >> 1)
    waves = (
        jnp.where(phase >= _HALF, ~half, half) & (ONE - 1),
        (ONE - 1) - flipped,
        flipped,
        jnp.where(phase < _HALF, ONE, 0),
        (ONE >> 1) + (sine >> 1),
        jnp.asarray(tables.hold)[(wraps & 0xFF).astype(jnp.int32)],
    )
    value = jnp.minimum(_select(wave, waves), tables.top) & tables.keep
    return Lfo(value, _exact_fade(delay, delay_ticks, tables))


def _exact_fade(delay: Int[ArrayLike, ""], ticks: Int[Array, " time"], tables: LfoTables) -> Int[Array, " time"]:
    wait, ramp = (jnp.asarray(table)[jnp.asarray(delay)] for table in (tables.wait, tables.ramp))
    waiting = _wait_ticks(wait)
    reached = waiting * wait
    n = ticks.astype(jnp.uint32)
    beyond = jnp.where(n > waiting, n - waiting, 0)
    full = beyond > (jnp.uint32(_TOP) - reached) // ramp
    state = reached + beyond * ramp
    fading = ((state >> 7) & jnp.uint32(ONE - 1)).astype(jnp.int32)
    return jnp.where(full, tables.top, jnp.where(n < waiting, 0, fading & tables.keep))


def _wait_ticks(wait: UInt32[Array, ""]) -> UInt32[Array, ""]:
    """Ticks until the counter is half full, rounded up."""
    return (_HALF - np.uint32(1)) // wait + 1


def relaxed_lfo(
    speed: Num[ArrayLike, ""],
    delay: Num[ArrayLike, ""],
    wave: Num[ArrayLike, ""],
    sync: Num[ArrayLike, ""],
    ticks: Int[Array, " time"],
    delay_ticks: Int[Array, " time"],
    tables: LfoTables,
) -> Lfo:
    """LFO of a relaxed voice: `exact_lfo` between its integers; square and S/H keep the nearest voice's turns."""
    speed, delay = jnp.asarray(speed), jnp.asarray(delay)
    dtype = speed.dtype
    turn_of_unit = dtype.type(2.0**-32)
    nearest = jnp.clip(whole(speed), 0, 99)
    steps = jnp.asarray(tables.speed).astype(dtype) * turn_of_unit
    # The phase is exact for the nearest speed; only the difference is a float that grows with time.
    step = jnp.asarray(tables.speed)[nearest]
    origin = jnp.where(whole(sync) == 1, SYNC_PHASE, jnp.uint32(0))
    phase = (origin + ticks.astype(jnp.uint32) * step).astype(dtype) * turn_of_unit
    phase = phase + ticks.astype(dtype) * (lookup(steps, speed) - steps[nearest])

    turn = phase - jnp.floor(phase)
    half_turned = turn + 0.5 - jnp.floor(turn + 0.5)
    exact = exact_lfo(nearest, 0, whole(wave), whole(sync), ticks, delay_ticks, tables)
    kept = exact.wave.astype(dtype) / ONE
    waves = (
        1 - jnp.abs(2 * turn - 1),
        1 - half_turned,
        half_turned,
        kept,
        0.5 + 0.5 * jnp.sin(2 * np.pi * turn),
        kept,
    )

    waits, ramps = (jnp.asarray(t).astype(dtype) * turn_of_unit for t in (tables.wait, tables.ramp))
    wait, ramp = lookup(waits, delay), lookup(ramps, delay)
    near = jnp.clip(whole(delay), 0, 99)
    waiting = 0.5 / wait + (_wait_ticks(jnp.asarray(tables.wait)[near]).astype(dtype) - 0.5 / waits[near])
    fade = jnp.clip((waiting * wait - 0.5 + (delay_ticks.astype(dtype) - waiting) * ramp) * 2, 0, 1)
    fade = jnp.where(delay_ticks.astype(dtype) < waiting, 0, fade)
    return Lfo(_select(whole(wave), waves) * ONE, fade * ONE)


def _select(wave: ArrayLike, waves: tuple[Array, ...]) -> Array:
    out = waves[0]
    for index, candidate in enumerate(waves[1:], start=1):
        out = jnp.where(jnp.asarray(wave) == index, candidate, out)
    return out
