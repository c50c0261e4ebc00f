"""Frequencies: the pitch of each operator at a note, the pitch envelope, and the exact phase increment."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Int, Num, UInt32

from ddx7.engine.interpolate import Value, between, is_relaxed, lookup, namespace, whole
from ddx7.engine.segments import Move, Segments, follow, steps
from ddx7.engine.tables import HIGHEST_NOTE, LOWEST_NOTE, ONE, PITCH_LEVEL


class FrequencyTables(NamedTuple):
    """Terms that sum to an operator's log frequency; int32 in 2^-24 octave.

    Attributes:
      note: [note - LOWEST_NOTE].
      detune: [note - LOWEST_NOTE, detune + 7].
      coarse: [0-31].
      fine: [0-99].
      fixed_detune: [detune + 7], likewise for a fixed frequency.
      fixed_coarse: [0-31].
      fixed_fine: [0-99].
    """

    note: Value
    detune: Value
    coarse: Value
    fine: Value
    fixed_detune: Value
    fixed_coarse: Value
    fixed_fine: Value


class PitchEnvelopeTables(NamedTuple):
    """How a profile's pitch envelope moves on its own clock; int32.

    Attributes:
      speeds: of rates 0-99, in 2^-24 octave a tick.
      near: mask of the bits of the level that a comparison with the target ignores; the level then jumps to the target.
    """

    speeds: Value
    near: Value


class Oscillator(NamedTuple):
    """From log frequency to phase increment at one sample rate.

    Attributes:
      increments: [6, 1025] over the lowest octave, the next, and so on; the last row is for all above. int32, 2^44 a
        cycle.
      cut: bits of the phase increment that count, uint32.
      lift: offset to the log frequency, in 2^-24 octave, if the table is for a multiple of the sample rate.
      keep: bits of the log frequency that count.
      limits: lowest and highest log frequency.
    """

    increments: Value
    cut: Value
    lift: Value
    keep: Value
    limits: Value


class LogFrequency(NamedTuple):
    """Terms of an operator's log2 frequency, each in 2^-24 octave; they stay apart so that differences are exact."""

    note: Value
    detune: Value
    coarse: Value
    fine: Value

    def total(self) -> Value:
        """The log frequency."""
        return self.note + self.detune + self.coarse + self.fine

    def beyond(self, other: "LogFrequency") -> Value:
        """This log frequency less another, exact however close they are."""
        note, detune, coarse, fine = (a - b for a, b in zip(self, other, strict=True))
        return note + detune + coarse + fine


def log_frequency(
    tables: FrequencyTables,
    note: Num[ArrayLike, "..."],
    fixed: Num[ArrayLike, "..."],
    coarse: Num[ArrayLike, "..."],
    fine: Num[ArrayLike, "..."],
    detune: Num[ArrayLike, "..."],
) -> LogFrequency:
    """Log2 of operators' frequencies before bends and modulation, in the profile's unit; elementwise.

    Args:
      tables: of the profile.
      note: MIDI note after transpose.
      fixed: 1 for a fixed frequency of 10^(coarse mod 4 + fine / 100) Hz.
      coarse: 0-31.
      fine: 0-99.
      detune: -7 to +7.

    Returns:
      terms in 2^-24 octave: int32 for integers, floats for a relaxed voice. Their sum is the log frequency.
    """
    xp = namespace(note, coarse)
    note, fine, detune = xp.asarray(note), xp.asarray(fine), xp.asarray(detune)
    is_fixed = whole(fixed) == 1
    table = xp.asarray(tables.detune)

    def detune_on(k: Value) -> Value:
        row = xp.clip(k, LOWEST_NOTE, HIGHEST_NOTE) - LOWEST_NOTE
        return between(lambda d: table[row, xp.clip(d, -7, 7) + 7], detune)

    return LogFrequency(
        note=xp.where(is_fixed, 0, lookup(tables.note, note - LOWEST_NOTE)),
        detune=xp.where(is_fixed, lookup(tables.fixed_detune, detune + 7), between(detune_on, note)),
        coarse=xp.where(is_fixed, lookup(tables.fixed_coarse, coarse), lookup(tables.coarse, coarse)),
        fine=xp.where(is_fixed, lookup(tables.fixed_fine, fine), lookup(tables.fine, fine)),
    )


def phase_increment(
    log_frequency: Int[Array, "*shape"] | Int[np.ndarray, "*shape"], oscillator: Oscillator
) -> UInt32[Array, "*shape"]:
    """Phase advance per sample of an exact log frequency.

    msfa truncates it to 2^-24 cycle (`Oscillator.cut`), which detunes by up to 0.0026 Hz at 44.1 kHz; over a second
    that is most of the difference between two careful implementations, so this function reproduces it to the last unit.

    Args:
      log_frequency: from `log_frequency`, with bends and modulation, int32.
      oscillator: of the profile, at the sample rate.

    Returns:
      uint32, 2^32 a cycle.
    """
    table = jnp.asarray(oscillator.increments)
    lowest, highest = oscillator.limits
    log_frequency = jnp.clip(log_frequency & oscillator.keep, lowest, highest)
    row = jnp.clip(log_frequency >> 24, 0, len(table) - 1) * table.shape[1]
    table, log_frequency = table.ravel(), log_frequency + oscillator.lift
    index = row + ((log_frequency & (ONE - 1)) >> 14)
    below, above = (table.at[i].get(mode="promise_in_bounds") for i in (index, index + 1))
    rise = (above - below).astype(jnp.uint32)
    low = (log_frequency & 0x3FFF).astype(jnp.uint32)
    # (rise * low) >> 14 is 34 bits wide; in two halves it stays inside 32.
    part = ((rise >> 10) * low + (((rise & 0x3FF) * low) >> 10)) >> 4
    octave = jnp.clip(20 - (log_frequency >> 24), 0, 31).astype(jnp.uint32)
    increment = below.astype(jnp.uint32) + part
    down, up = jnp.maximum(octave, 8) - 8, 8 - jnp.minimum(octave, 8)
    return ((increment >> down) << up) & oscillator.cut


def plan_pitch_envelope(
    rates: Num[ArrayLike, "*batch 4"],
    levels: Num[ArrayLike, "*batch 4"],
    gate: Int[ArrayLike, "*batch"],
    tables: PitchEnvelopeTables,
    residual: Value | None = None,
) -> tuple[Segments, Value]:
    """Plan the pitch envelope; it starts at L4.

    Args:
      rates: R1-R4, 0-99.
      levels: L1-L4, 0-99; 50 is in tune.
      gate: tick of note-off.
      tables: of the profile, at the sample rate.
      residual: for a relaxed voice, the rounding residual that planning its nearest real voice returned.

    Returns:
      (segments, residual); levels in 2^-24 octave.
    """
    xp = namespace(levels)
    targets = xp.moveaxis(lookup(PITCH_LEVEL, levels) * (ONE // 32), -1, 0)
    by_stage = xp.moveaxis(lookup(tables.speeds, rates), -1, 0)
    near = xp.broadcast_to(xp.asarray(tables.near), targets.shape)
    given = np.zeros(targets.shape, np.float32) if residual is None else residual
    return follow(_travel, targets[3], (), (targets, by_stage, near, given), 3, gate)


def _travel(level: Value, memory: tuple[()], stage: tuple[Value, Value, Value, Value]) -> Move:
    """A straight line to the target, or until it is near enough; one tick at least."""
    xp = namespace(level)
    target, speed, near, residual = stage
    rises = target > level
    distance = xp.maximum(xp.abs(target - level), 1)
    if is_relaxed(level):
        length = distance / speed + residual
        reach = xp.minimum(distance / speed, length)
    else:
        turn = xp.where(rises, target & ~near, target | near)
        length, _ = steps(xp.maximum(xp.where(rises, turn - level, level - turn), 1), speed, residual)
        reach, residual = length, length.astype(np.float32) - distance.astype(np.float32) / speed.astype(np.float32)
    return Move(length, xp.where(rises, speed, -speed), reach, target, residual, memory)
