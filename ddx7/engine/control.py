"""From a voice on a key to gains and phase increments per block: everything that runs at control rate.

    Patch, note, velocity, gate --plan--> Plan --controls--> Controls per block

A plan holds for the whole note; any run of blocks can be read from it alone, so time can be cut into pieces.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int, Num, UInt32

from ddx7.engine import envelope, levels
from ddx7.engine.envelope import Slack
from ddx7.engine.interpolate import Value, lookup, namespace, whole
from ddx7.engine.lfo import Lfo, exact_lfo, high_word, relaxed_lfo
from ddx7.engine.patch import Patch, anchor
from ddx7.engine.performance import Performance
from ddx7.engine.pitch import LogFrequency, log_frequency, phase_increment, plan_pitch_envelope
from ddx7.engine.segments import Segments, read
from ddx7.engine.tables import (
    AMP_MOD_OFFSET,
    AMP_MOD_SENSITIVITY,
    AMP_MOD_SLOPE,
    DEPTH,
    GAIN_OFFSET_OCTAVES,
    ONE,
    PITCH_MOD_SENSITIVITY,
)


class Pitch(NamedTuple):
    """Where pitches come from: base log frequencies by term [*batch, operator], and the pitch envelope."""

    base: LogFrequency
    envelope: Segments


class Nearest(NamedTuple):
    """What a relaxed voice takes from its nearest real voice: everything that rounds.

    Attributes:
      patch: the nearest real voice.
      pitch: its pitches in the DX7's integers.
      relaxed_pitch: the same computed in floats, so that the difference to the relaxed voice's is exact.
      slack: what rounding did to its envelopes.
    """

    patch: Patch
    pitch: Pitch
    relaxed_pitch: Pitch
    slack: tuple[Slack, Value] | None


class Plan(NamedTuple):
    """Voices on keys, ready to be read at any block. Operators run along the last batch axis, OP1 first.

    Attributes:
      patch: as given; the LFO and sensitivities are read from it.
      amp: envelopes of the six operators.
      pitch: pitches, in the DX7's integers for a real voice.
      nearest: for a relaxed voice, what it takes from its nearest real one; else None.
    """

    patch: Patch
    amp: Segments
    pitch: Pitch
    nearest: Nearest | None


class Controls(NamedTuple):
    """What the operators need, per block.

    Attributes:
      octaves: log2 of each operator's gain at the end of the block.
      increment: phase advance per sample, uint32, 2^32 a cycle.
      frequency: the same in cycles per sample with a gradient, for a relaxed voice; else None.
      lfo: the LFO.
      pitch_envelope: in octaves.
    """

    octaves: Float[Array, "6 time"]
    increment: UInt32[Array, "6 time"]
    frequency: Float[Array, "6 time"] | None
    lfo: Lfo
    pitch_envelope: Float[Array, " time"]


def plan(
    patch: Patch,
    note: Num[ArrayLike, "*batch"],
    velocity: Int[ArrayLike, "*batch"],
    gate: Int[ArrayLike, "*batch"],
    sample_rate: int,
    nearest: Nearest | None = None,
) -> Plan:
    """Plan voices on keys.

    Args:
      patch: exact or relaxed.
      note: MIDI note 0-127; may lie between keys for a relaxed voice.
      velocity: MIDI velocity 0-127.
      gate: block of key-up.
      sample_rate: in Hz.
      nearest: for a relaxed voice, from `plan_nearest`; made here if left out. Made outside, in NumPy, it need not be
        compiled with the gradient.
    """
    if not patch.relaxed:
        return Plan(patch, *_plan_parts(patch, note, velocity, gate, sample_rate)[:2], None)
    if nearest is None:
        nearest = plan_nearest(patch, note, velocity, gate, sample_rate)
    patch = jax.tree.map(jnp.asarray, patch)
    amp, pitch, _ = _plan_parts(patch, _floating(note, patch), velocity, gate, sample_rate, nearest.slack)
    return Plan(patch, amp, pitch, nearest._replace(slack=None))  # spent; its axes are those of the planning loop


def plan_nearest(
    patch: Patch,
    note: Num[ArrayLike, "*batch"],
    velocity: Int[ArrayLike, "*batch"],
    gate: Int[ArrayLike, "*batch"],
    sample_rate: int,
) -> Nearest:
    """Plan the real voices nearest to relaxed ones; arguments as for `plan`."""
    rounded = anchor(patch)
    note = whole(note)
    _, pitch, slack = _plan_parts(rounded, note, velocity, gate, sample_rate)
    floats = jax.tree.map(lambda x: _floating(x, patch), rounded)
    _, relaxed_pitch, _ = _plan_parts(floats, _floating(note, patch), velocity, gate, sample_rate, slack)
    return Nearest(rounded, pitch, relaxed_pitch, slack)


def _floating(x: Num[ArrayLike, "*shape"], patch: Patch) -> Value:
    return namespace(x, patch.output_level).asarray(x, jnp.result_type(patch.output_level))


def _plan_parts(
    patch: Patch,
    note: Num[ArrayLike, "*batch"],
    velocity: Int[ArrayLike, "*batch"],
    gate: Int[ArrayLike, "*batch"],
    sample_rate: int,
    slack: tuple[Slack, Value] | None = None,
) -> tuple[Segments, Pitch, tuple[Slack, Value]]:
    xp = namespace(note, *jax.tree.leaves(patch))
    p = jax.tree.map(xp.asarray, patch)
    if not p.relaxed:
        note = xp.asarray(note, np.int32)
    key = (note + p.transpose)[..., None]
    struck: Value = xp.asarray(velocity, np.int32)[..., None]
    gate_block: Value = xp.asarray(gate, np.int32)
    amp_slack, pitch_slack = slack or (None, None)

    scaling = levels.level_scaling(key, p.break_point, p.left_depth, p.right_depth, p.left_curve, p.right_curve)
    loudness = levels.velocity_scaling(p.velocity_sensitivity, struck)
    level = levels.output_level(p.output_level, scaling, loudness)
    rates = levels.rate_scaling(p.rate_scaling, key)
    amp, amp_slack = envelope.plan(p.rates, p.levels, level, rates, gate_block[..., None], sample_rate, amp_slack)
    base = log_frequency(key, p.fixed, p.coarse, p.fine, p.detune)
    pitch, pitch_slack = plan_pitch_envelope(p.pitch_rates, p.pitch_levels, gate_block, sample_rate, pitch_slack)
    return amp, Pitch(base, pitch), (amp_slack, pitch_slack)


def controls(plan: Plan, blocks: Int[Array, " time"], performance: Performance, sample_rate: int) -> Controls:
    """Read a plan at some blocks.

    Args:
      plan: unbatched.
      blocks: block numbers since key-on, 0 for the first.
      performance: per block or constant.
      sample_rate: in Hz.
    """
    after = blocks + 1  # envelopes and LFO move before their block is played
    ages = (after + performance.lfo_age, after + performance.delay_age)
    near = plan.patch if plan.nearest is None else plan.nearest.patch
    pitch = plan.pitch if plan.nearest is None else plan.nearest.pitch
    exact = exact_lfo(near.lfo_speed, near.lfo_delay, near.lfo_wave, near.lfo_sync, *ages, sample_rate)

    pitch_envelope = read(pitch.envelope, after)
    modulation = pitch_envelope + _exact_pitch_modulation(near, exact, performance)
    ratio = (jnp.asarray(near.fixed) == 0)[:, None]
    log_hz = pitch.base.total()[:, None] + jnp.where(ratio, modulation, 0) + performance.bend
    increment = phase_increment(log_hz, sample_rate)

    if plan.nearest is None:
        lfo, frequency = exact, None
        dtype = jnp.float32
    else:
        dtype = jnp.result_type(plan.patch.output_level)

        def relaxed_lfo_of(patch: Patch) -> Lfo:
            return relaxed_lfo(patch.lfo_speed, patch.lfo_delay, patch.lfo_wave, patch.lfo_sync, *ages, sample_rate)

        lfo = relaxed_lfo_of(plan.patch)
        rounded = jax.tree.map(lambda x: x.astype(dtype), near)
        deviation = _deviation(plan, plan.nearest, rounded, lfo, relaxed_lfo_of(rounded), after, performance)
        base = (increment >> 8).astype(dtype) * dtype.type(2.0**-24)
        frequency = base * jnp.exp2(deviation)
        increment = increment + _to_increment(base * jnp.expm1(deviation * jnp.log(2.0).astype(dtype)))

    amp = jax.vmap(read, in_axes=(0, None))(plan.amp, after)
    octaves = (amp - GAIN_OFFSET_OCTAVES * ONE).astype(dtype) / ONE
    octaves = octaves - _amp_modulation(plan.patch, lfo, performance, dtype) * (octaves + GAIN_OFFSET_OCTAVES)
    return Controls(octaves, increment, frequency, lfo, pitch_envelope.astype(dtype) / ONE)


def _exact_pitch_modulation(patch: Patch, lfo: Lfo, performance: Performance) -> Int[Array, " time"]:
    """LFO on pitch in 2^-24 octave, truncated as msfa truncates it (towards minus infinity, then made positive)."""
    sensitivity = jnp.asarray(PITCH_MOD_SENSITIVITY)[patch.pitch_mod_sensitivity]
    swing = sensitivity * (lfo.wave - ONE // 2)
    size = jnp.abs(swing).astype(jnp.uint32)

    def product(depth: Array, shift: int) -> Array:
        high, low = high_word(depth, size), depth * size
        lost = (low != 0) | ((high & ((1 << shift) - 1)) != 0)
        return (high >> shift).astype(jnp.int32) + ((swing < 0) & lost)

    depth = jnp.asarray(DEPTH)[patch.lfo_pitch_depth].astype(jnp.uint32) * lfo.fade.astype(jnp.uint32)
    wheel = jnp.asarray(performance.pitch_mod).astype(jnp.uint32) << 18
    return jnp.sign(swing) * jnp.maximum(product(depth, 7), product(wheel, 0))


def _relaxed_pitch_modulation(patch: Patch, lfo: Lfo, performance: Performance) -> Float[Array, " time"]:
    """LFO on pitch in octaves."""
    swing = lookup(PITCH_MOD_SENSITIVITY, patch.pitch_mod_sensitivity) / 256 * (2 * lfo.wave / ONE - 1)
    depth = lookup(DEPTH, patch.lfo_pitch_depth) / 256 * lfo.fade / ONE
    return swing * jnp.maximum(depth, jnp.asarray(performance.pitch_mod, lfo.wave.dtype) / 128)


def _deviation(
    plan: Plan,
    nearest: Nearest,
    rounded: Patch,
    lfo: Lfo,
    rounded_lfo: Lfo,
    after: Int[Array, " time"],
    performance: Performance,
) -> Float[Array, "6 time"]:
    """Octaves between a relaxed voice and its nearest real one; exactly zero where they are the same."""
    base = plan.pitch.base.beyond(nearest.relaxed_pitch.base) / ONE
    bend = (read(plan.pitch.envelope, after) - read(nearest.relaxed_pitch.envelope, after)) / ONE
    bend = bend + _relaxed_pitch_modulation(plan.patch, lfo, performance)
    bend = bend - _relaxed_pitch_modulation(rounded, rounded_lfo, performance)
    return base[:, None] + jnp.where((jnp.asarray(nearest.patch.fixed) == 0)[:, None], bend, 0)


def _to_increment(cycles: Float[Array, "*shape"]) -> UInt32[Array, "*shape"]:
    limited = jnp.clip(jax.lax.stop_gradient(cycles), -0.499, 0.499)
    return jnp.round(limited * 2.0**32).astype(jnp.int32).astype(jnp.uint32)


def _amp_modulation(patch: Patch, lfo: Lfo, performance: Performance, dtype: jnp.dtype) -> Float[Array, "6 time"]:
    """Share of its log level that each operator loses to the LFO and to controllers."""
    trough = 1 - lfo.wave.astype(dtype) / ONE
    depth = lookup(DEPTH, patch.lfo_amp_depth).astype(dtype) / 256 * lfo.fade.astype(dtype) / ONE
    wheel = jnp.asarray(performance.amp_mod).astype(dtype) / 128
    bias = 1 - (jnp.asarray(performance.eg_bias).astype(dtype) + 1) / 128
    amount = jnp.maximum(jnp.maximum(depth, wheel) * trough, bias)
    sensitivity = jnp.asarray(patch.amp_mod_sensitivity)
    share = lookup(AMP_MOD_SENSITIVITY, sensitivity).astype(dtype) / ONE
    loss = jnp.exp(AMP_MOD_SLOPE * share[:, None] * amount + AMP_MOD_OFFSET) / ONE
    # Sensitivity 0 loses nothing at all, 1 already a little: between them, in proportion.
    return jnp.minimum(sensitivity, 1).astype(dtype)[:, None] * loss
