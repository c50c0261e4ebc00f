"""Modulation of pitch and amplitude by the LFO and controllers."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ddx7.engine.controllers import ControllerInput
from ddx7.engine.interpolate import Value, lookup
from ddx7.engine.lfo import Lfo, high_word
from ddx7.engine.patch import Patch
from ddx7.engine.tables import AMP_MOD_OFFSET, AMP_MOD_SENSITIVITY, AMP_MOD_SLOPE, DEPTH, ONE, PITCH_MOD_SENSITIVITY


class ModulationTables(NamedTuple):
    """How a profile modulates.

    Attributes:
      adds: whether LFO depth and controllers add up; else the stronger one counts.
      swing_keep: bits of LFO times pitch sensitivity that count, uint32, 2^-24 of one step of sensitivity.
      depth_keep: bits of the depth, uint32, 2^32 is full.
      pitch_keep: bits of the product in 2^-24 octave, uint32.
      floors: 1 if a negative product is rounded down, 0 if towards zero.
      top: highest value of the LFO, as in `LfoTables`.
      share: [amplitude sensitivity 0-3] factor of msfa's loss, which is a share of the log level; float32.
      octaves: [amplitude sensitivity 0-3] factor of `curve`; float32.
      curve: [amount 0-256] attenuation in octaves; float32.
    """

    adds: Value
    swing_keep: Value
    depth_keep: Value
    pitch_keep: Value
    floors: Value
    top: Value
    share: Value
    octaves: Value
    curve: Value


def exact_pitch_modulation(
    patch: Patch, lfo: Lfo, controller_input: ControllerInput, tables: ModulationTables
) -> Int[Array, " time"]:
    """LFO on pitch in 2^-24 octave, rounded as the profile rounds it."""
    sensitivity = jnp.asarray(PITCH_MOD_SENSITIVITY)[patch.pitch_mod_sensitivity]
    swing = sensitivity * (lfo.wave - ONE // 2)
    size = jnp.abs(swing).astype(jnp.uint32) & tables.swing_keep
    own = jnp.asarray(DEPTH)[patch.lfo_pitch_depth].astype(jnp.uint32) * lfo.fade.astype(jnp.uint32)
    wheel = jnp.asarray(controller_input.pitch_mod).astype(jnp.uint32) << 25
    both = jnp.where(own + wheel < own, jnp.uint32((1 << 32) - 1), own + wheel)
    depth = jnp.where(tables.adds, both, jnp.maximum(own, wheel)) & tables.depth_keep
    high, low = high_word(depth, size), depth * size
    lost = (low != 0) | ((high & 0x7F) != 0)
    product = ((high >> 7) & tables.pitch_keep).astype(jnp.int32) + ((swing < 0) & lost) * tables.floors
    # msfa rounds towards minus infinity, then takes the size.
    return jnp.sign(swing) * product


def relaxed_pitch_modulation(
    patch: Patch, lfo: Lfo, controller_input: ControllerInput, tables: ModulationTables
) -> Float[Array, " time"]:
    """LFO on pitch in octaves."""
    swing = lookup(PITCH_MOD_SENSITIVITY, patch.pitch_mod_sensitivity) / 256 * (2 * lfo.wave / ONE - 1)
    depth = lookup(DEPTH, patch.lfo_pitch_depth) / 256 * lfo.fade / ONE
    return swing * _together(depth, jnp.asarray(controller_input.pitch_mod, lfo.wave.dtype) / 128, tables)


def amp_modulation(
    octaves: Float[Array, "6 time"],
    level: Float[Array, "6 time"],
    patch: Patch,
    lfo: Lfo,
    controller_input: ControllerInput,
    tables: ModulationTables,
) -> Float[Array, "6 time"]:
    """Log gains after attenuation by the LFO and controllers.

    Args:
      octaves: log2 gain of each operator.
      level: the same above silence, the zero of envelopes.
      patch: depth and sensitivities.
      lfo: exact or relaxed.
      controller_input: controllers.
      tables: of the profile.
    """
    dtype = octaves.dtype
    trough = jnp.asarray(tables.top, dtype) / ONE - lfo.wave.astype(dtype) / ONE
    depth = lookup(DEPTH, patch.lfo_amp_depth).astype(dtype) / 256 * lfo.fade.astype(dtype) / ONE
    wheel = jnp.asarray(controller_input.amp_mod).astype(dtype) / 128
    bias = 1 - (jnp.asarray(controller_input.eg_bias).astype(dtype) + 1) / 128
    moved = _together(depth, wheel, tables) * trough
    amount = jnp.where(tables.adds, jnp.minimum(moved + bias, 1), jnp.maximum(moved, bias))
    sensitivity = jnp.asarray(patch.amp_mod_sensitivity)
    share = lookup(AMP_MOD_SENSITIVITY, sensitivity).astype(dtype) / ONE
    loss = jnp.exp(AMP_MOD_SLOPE * share[:, None] * amount + AMP_MOD_OFFSET) / ONE
    lost = (lookup(tables.share, sensitivity).astype(dtype)[:, None] * loss) * level
    steps = lookup(tables.octaves, sensitivity).astype(dtype)[:, None]
    place = amount * 256
    place = place if patch.relaxed else place.astype(jnp.int32)
    return octaves - lost - steps * lookup(tables.curve, place).astype(dtype)


def _together(depth: Array, wheel: Array, tables: ModulationTables) -> Array:
    return jnp.where(tables.adds, jnp.minimum(depth + wheel, 1), jnp.maximum(depth, wheel))
