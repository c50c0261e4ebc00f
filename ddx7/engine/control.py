"""Control rate: converts a voice and a note to gains and phase increments per block.

    Patch, note, velocity, gate --plan--> Plan --controls--> Controls per block

A plan covers the whole note. `controls` reads any run of blocks from it, so a render may cut time into pieces.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Float, Int, Num, UInt32

from ddx7.engine import envelope, levels
from ddx7.engine.clock import ticks
from ddx7.engine.controllers import ControllerInput
from ddx7.engine.envelope import RoundingResidual
from ddx7.engine.interpolate import Value, namespace, whole
from ddx7.engine.lfo import Lfo, exact_lfo, relaxed_lfo
from ddx7.engine.modulation import amp_modulation, exact_pitch_modulation, relaxed_pitch_modulation
from ddx7.engine.operators import crosses
from ddx7.engine.patch import Patch, anchor
from ddx7.engine.pitch import LogFrequency, log_frequency, phase_increment, plan_pitch_envelope
from ddx7.engine.profile import DEXED, ControlTables, Profile, Tables
from ddx7.engine.segments import Segments, read
from ddx7.engine.tables import ONE


class PitchPlan(NamedTuple):
    """Pitches of a note: base log frequencies by term [*batch, operator], and the pitch envelope."""

    base: LogFrequency
    envelope: Segments


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class NearestVoice:
    """Values that a relaxed voice takes from its nearest real voice: all that rounding decides.

    Attributes:
      patch: the nearest real voice.
      pitch: its pitches in the DX7's integers.
      relaxed_pitch: the same in floats, so that the difference from the relaxed voice's pitches is exact.
      residual: the rounding residuals of its envelopes.
      tables: of the profile that planned it; None inside a plan, which has its own.
      crossing: whether feedback of any voice of the batch runs from one operator to another; part of what is compiled.
    """

    patch: Patch
    pitch: PitchPlan
    relaxed_pitch: PitchPlan
    residual: tuple[RoundingResidual | None, Value] | None
    tables: Tables | None
    crossing: bool = field(metadata={"static": True})


class Plan(NamedTuple):
    """Planned notes, which `controls` reads at any block. Operators run along the last batch axis, OP1 first.

    Attributes:
      patch: as given; the LFO and sensitivities are read from it.
      amp: envelopes of the six operators.
      pitch: pitches, in the DX7's integers for a real voice.
      nearest: the nearest real voice of a relaxed voice; else None.
      tables: of the profile at the sample rate; the same for all voices.
    """

    patch: Patch
    amp: Segments
    pitch: PitchPlan
    nearest: NearestVoice | None
    tables: ControlTables


VOICE_AXES = Plan(patch=0, amp=0, pitch=0, nearest=0, tables=None)  # pyright: ignore[reportArgumentType]
"""Which parts of a plan have an axis of voices, for `jax.vmap`."""


class Controls(NamedTuple):
    """Inputs of the operators, per block.

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
    note: Num[ArrayLike, "..."],
    velocity: Int[ArrayLike, "..."],
    gate: Int[ArrayLike, "..."],
    sample_rate: int,
    nearest: NearestVoice | None = None,
    profile: Profile = DEXED,
) -> Plan:
    """Plan notes; the leading axes of all four arguments broadcast.

    Args:
      patch: exact or relaxed.
      note: MIDI note 0-127; may lie between two notes for a relaxed voice.
      velocity: MIDI velocity 0-127.
      gate: block at which the release begins.
      sample_rate: in Hz.
      nearest: for a relaxed voice, from `plan_nearest`; computed here by default. Computed outside a jitted function,
        in NumPy, it is not compiled with the gradient. Its profile replaces `profile`.
      profile: constants and tables.
    """
    patch, note, velocity, gate = _broadcast(patch, note, velocity, gate)
    if not patch.relaxed:
        tables = profile.at(sample_rate)
        parts = _plan_parts(patch, note, velocity, gate, tables, final=True)
        return Plan(patch, *parts[:2], None, tables.control)
    if nearest is None:
        nearest = plan_nearest(patch, note, velocity, gate, sample_rate, profile)
    tables = nearest.tables or profile.at(sample_rate)
    patch = jax.tree.map(jnp.asarray, patch)
    amp, pitch, _ = _plan_parts(patch, _floating(note, patch), velocity, gate, tables, nearest.residual)
    # Planning has used the residual, whose axes are those of the planning loop.
    return Plan(patch, amp, pitch, replace(nearest, residual=None, tables=None), tables.control)


def plan_nearest(
    patch: Patch,
    note: Num[ArrayLike, "..."],
    velocity: Int[ArrayLike, "..."],
    gate: Int[ArrayLike, "..."],
    sample_rate: int,
    profile: Profile = DEXED,
) -> NearestVoice:
    """Plan the real voices nearest to relaxed ones; arguments as for `plan`. In NumPy where nothing is traced."""
    arguments = _broadcast(patch, note, velocity, gate)
    if not any(isinstance(x, Tracer) for x in jax.tree.leaves(arguments)):
        arguments = jax.tree.map(np.asarray, arguments)
    patch, note, velocity, gate = arguments
    rounded = anchor(patch)
    note = whole(note)
    tables = profile.at(sample_rate)
    _, pitch, residual = _plan_parts(rounded, note, velocity, gate, tables)
    floats = jax.tree.map(lambda x: _floating(x, patch), rounded)
    _, relaxed_pitch, _ = _plan_parts(floats, _floating(note, patch), velocity, gate, tables, residual)
    # Inside a compiled program the algorithm has no value yet, so it may be any.
    known = np.arange(1, 33) if isinstance(rounded.algorithm, Tracer) else rounded.algorithm
    crossing = bool(crosses(known, tables.control.loop_source).any())
    return NearestVoice(rounded, pitch, relaxed_pitch, residual, tables, crossing)


def _broadcast(patch: Patch, *rest: Value) -> tuple[Patch, *tuple[Value, ...]]:
    """The patch and other arrays with the same leading axes."""
    rest = tuple(x if isinstance(x, jax.Array) else np.asarray(x) for x in rest)
    n_axes = np.ndim(patch.algorithm)
    shape = np.broadcast_shapes(np.shape(patch.algorithm), *map(np.shape, rest))

    def broadcast(x: Value, own: tuple[int, ...] = ()) -> Value:
        return x if np.shape(x) == shape + own else namespace(x).broadcast_to(x, shape + own)

    return jax.tree.map(lambda x: broadcast(x, np.shape(x)[n_axes:]), patch), *map(broadcast, rest)


def _floating(x: Num[ArrayLike, "*shape"], patch: Patch) -> Value:
    return namespace(x, patch.output_level).asarray(x, jnp.result_type(patch.output_level))


def _plan_parts(
    patch: Patch,
    note: Num[ArrayLike, "*batch"],
    velocity: Int[ArrayLike, "*batch"],
    gate: Int[ArrayLike, "*batch"],
    tables: Tables,
    residual: tuple[RoundingResidual | None, Value] | None = None,
    *,
    final: bool = False,
) -> tuple[Segments, PitchPlan, tuple[RoundingResidual | None, Value]]:
    xp = namespace(note, *jax.tree.leaves(patch))
    p = jax.tree.map(xp.asarray, patch)
    if not p.relaxed:
        note = xp.asarray(note, np.int32)
    note = levels.sounding_note(tables.levels, note, p.transpose)[..., None]
    velocities: Value = xp.asarray(velocity, np.int32)[..., None]
    gate_block: Value = xp.asarray(gate, np.int32)
    amp_gate, pitch_gate = (ticks(c, gate_block) for c in (tables.control.envelope, tables.control.pitch_envelope))
    amp_residual, pitch_residual = residual or (None, None)

    amp, amp_residual = plan_amplitudes(p, note, velocities, amp_gate[..., None], tables, amp_residual, final=final)
    base = log_frequency(tables.frequencies, note, p.fixed, p.coarse, p.fine, p.detune)
    pitch, pitch_residual = plan_pitch_envelope(
        p.pitch_rates, p.pitch_levels, pitch_gate, tables.pitch_envelope, pitch_residual
    )
    return amp, PitchPlan(base, pitch), (amp_residual, pitch_residual)


def plan_amplitudes(
    p: Patch,
    note: Value,
    velocity: Value,
    gate: Value,
    tables: Tables,
    residual: RoundingResidual | None = None,
    *,
    final: bool = False,
) -> tuple[Segments, RoundingResidual | None]:
    """Plan amplitude envelopes of operators at their notes.

    Args:
      p: only the fields that affect an operator's level count.
      note: MIDI note after transpose; it and the next two broadcast against [*batch, 6].
      velocity: MIDI velocity 0-127.
      gate: tick of the envelopes' clock at note-off.
      tables: of the profile, at the sample rate.
      residual: for a relaxed voice, the rounding residual that planning its nearest real voice returned.
      final: no relaxed voice follows.

    Returns:
      as `ddx7.engine.envelope.plan`.
    """
    scaling = levels.level_scaling(
        tables.levels, note, p.break_point, p.left_depth, p.right_depth, p.left_curve, p.right_curve
    )
    loudness = levels.velocity_scaling(tables.levels, p.velocity_sensitivity, velocity)
    level = levels.output_level(tables.levels, p.output_level, scaling, loudness)
    rates = levels.rate_scaling(tables.levels, p.rate_scaling, note)
    return envelope.plan(p.rates, p.levels, level, rates, gate, tables.envelope, residual, final=final)


def controls(plan: Plan, blocks: Int[Array, " time"], controller_input: ControllerInput) -> Controls:
    """Read a plan at some blocks.

    Args:
      plan: unbatched.
      blocks: block numbers since note-on, 0 for the first.
      controller_input: per block or constant.
    """
    tables = plan.tables
    after = ticks(tables.envelope, blocks + 1)  # envelopes move at the start of their block
    age, delay_age = controller_input.lfo_age, controller_input.delay_age * jnp.asarray(tables.delay_is_shared)
    lfo_ticks, delay_ticks = (1 + ticks(tables.lfo_clock, blocks + since) for since in (age, delay_age))
    pitch_ticks = 1 + ticks(tables.pitch_envelope, blocks)
    near = plan.patch if plan.nearest is None else plan.nearest.patch
    pitch = plan.pitch if plan.nearest is None else plan.nearest.pitch

    def lfo_of(run: Callable[..., Lfo], patch: Patch) -> Lfo:
        parameters = patch.lfo_speed, patch.lfo_delay, patch.lfo_wave, patch.lfo_sync
        return run(*parameters, lfo_ticks, delay_ticks, tables.lfo)

    exact = lfo_of(exact_lfo, near)

    pitch_envelope = read(pitch.envelope, pitch_ticks)
    modulation = pitch_envelope + exact_pitch_modulation(near, exact, controller_input, tables.modulation)
    # XLA does not fuse a gather with its readers, so this computes the modulation once per voice, not per operator.
    modulation = modulation.at[jnp.arange(len(blocks))].get(mode="promise_in_bounds")
    ratio = (jnp.asarray(near.fixed) == 0)[:, None]
    log_hz = pitch.base.total()[:, None] + jnp.where(ratio, modulation, 0)
    log_hz = log_hz + controller_input.bend * jnp.where(ratio, 1, tables.bends_fixed)
    increment = phase_increment(log_hz, tables.oscillator)

    if plan.nearest is None:
        lfo, frequency = exact, None
        dtype = jnp.float32
    else:
        dtype = jnp.result_type(plan.patch.output_level)
        lfo = lfo_of(relaxed_lfo, plan.patch)
        rounded = jax.tree.map(lambda x: x.astype(dtype), near)
        deviation = _deviation(
            plan, plan.nearest, rounded, lfo, lfo_of(relaxed_lfo, rounded), pitch_ticks, controller_input
        )
        base = increment.astype(dtype) * dtype.type(2.0**-32)
        frequency = base * jnp.exp2(deviation)
        increment = increment + _to_increment(base * jnp.expm1(deviation * jnp.log(2.0).astype(dtype)))

    amp = jax.vmap(read, in_axes=(0, None))(plan.amp, after)
    octaves = (amp - tables.gain_offset).astype(dtype) / ONE
    level = octaves + jnp.asarray(tables.gain_offset, dtype) / ONE
    octaves = amp_modulation(octaves, level, plan.patch, lfo, controller_input, tables.modulation)
    octaves = octaves - jnp.asarray(tables.carrier_loss, dtype)[jnp.asarray(near.algorithm) - 1][:, None]
    return Controls(octaves, increment, frequency, lfo, pitch_envelope.astype(dtype) / ONE)


def _deviation(
    plan: Plan,
    nearest: NearestVoice,
    rounded: Patch,
    lfo: Lfo,
    rounded_lfo: Lfo,
    ticks: Int[Array, " time"],
    controller_input: ControllerInput,
) -> Float[Array, "6 time"]:
    """Octaves between a relaxed voice and its nearest real one; exactly zero where they are the same."""
    base = plan.pitch.base.beyond(nearest.relaxed_pitch.base) / ONE
    bend = (read(plan.pitch.envelope, ticks) - read(nearest.relaxed_pitch.envelope, ticks)) / ONE
    bend = bend + relaxed_pitch_modulation(plan.patch, lfo, controller_input, plan.tables.modulation)
    bend = bend - relaxed_pitch_modulation(rounded, rounded_lfo, controller_input, plan.tables.modulation)
    return base[:, None] + jnp.where((jnp.asarray(nearest.patch.fixed) == 0)[:, None], bend, 0)


def _to_increment(cycles: Float[Array, "*shape"]) -> UInt32[Array, "*shape"]:
    limited = jnp.clip(jax.lax.stop_gradient(cycles), -0.499, 0.499)
    return jnp.round(limited * 2.0**32).astype(jnp.int32).astype(jnp.uint32)
