"""Renders relaxed voices, with derivatives with respect to every continuous parameter."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.signal import fftconvolve
from jaxtyping import Array, Float

from ddx7 import runtime
from ddx7.engine.checks import PerVoice, broadcast_shape, check_range, check_static, check_whole
from ddx7.engine.clock import blocks_covering, first_block_at
from ddx7.engine.control import VOICE_AXES, NearestVoice, Plan, controls, plan
from ddx7.engine.controllers import ControllerInput, Controllers
from ddx7.engine.interpolate import Value, lookup
from ddx7.engine.operators import initial_state, synthesise
from ddx7.engine.patch import Patch, check_relaxed
from ddx7.engine.profile import Profile, as_profile
from ddx7.errors import Ddx7Error


def render_differentiable(
    patch: Patch,
    note: PerVoice = 60,
    velocity: PerVoice = 100,
    gate: PerVoice = 1.0,
    duration: float | int = 2.0,
    sample_rate: int = 44100,
    *,
    controllers: Controllers | None = None,
    profile: str | Profile = "dexed",
    nearest: NearestVoice | None = None,
    dac: bool = False,
) -> Float[Array, "..."]:
    """Play relaxed voices from note-on; pure and not jitted.

    At whole parameters the audio is that of `ddx7.render`. `jax.jit`, `vmap`, `grad`, `jvp` and second derivatives
    compose. Derivatives match finite differences up to feedback 4; above, the derivative of the feedback loop is
    limited (`ddx7.engine.feedback.GRADIENT_LIMIT`) and stays finite.

    Args:
      patch: from `relax` or `from_vector`; all fields float32 or float64 with the same leading axes, or none.
      note: MIDI note 0-127; may lie between two notes, and has a derivative.
      velocity: MIDI velocity 0-127, a whole number.
      gate: seconds the note is held, rounded to the nearest sample; the release begins at the first block of 64 samples
        at or after it.
      duration: seconds to render, rounded to the nearest sample; not traced.
      sample_rate: in Hz, 8000-192000; not traced.
      controllers: wheels and pedals, the same for all voices.
      profile: a name in `PROFILES` or a `Profile`.
      nearest: `plan_nearest` of the same patch, notes, velocities and gates, computed outside a jitted function; it
        saves most of the compilation. Its profile replaces `profile`.
      dac: applies the profile's chip tables, converter and output filter, if it has them. Gradients pass through their
        rounding unchanged. It costs time, so leave it off to search or train.

    Returns:
      audio of ``round(duration * sample_rate)`` samples, [*voice, sample]: the leading axes of the patch, the notes,
      the velocities and the gates broadcast. The scale is that of `ddx7.render`.

    Raises:
      Ddx7Error: a shape, dtype or value cannot be used.
    """
    runtime.configure()
    check_relaxed(patch)
    check_range("note", note, 0, 127)
    check_range("velocity", velocity, 0, 127)
    check_whole("velocity", velocity)
    check_range("gate", gate, 0, 3600)
    check_static("duration", duration, 0, 3600)
    check_static("sample_rate", sample_rate, 8000, 192000)
    arguments = {"patch": patch.algorithm, "note": note, "velocity": velocity, "gate": gate}
    shape = broadcast_shape(**{name: np.shape(x) for name, x in arguments.items()})
    if nearest is not None and np.shape(nearest.patch.algorithm) != shape:
        raise Ddx7Error(f"nearest: found voices of shape {np.shape(nearest.patch.algorithm)}, wanted {shape}")
    notes, velocities = (x if isinstance(x, jax.Array) else np.asarray(x) for x in (note, velocity))
    n_samples = round(duration * sample_rate)
    n_blocks = max(1, blocks_covering(n_samples))
    gate_block = first_block_at(gate, sample_rate)
    plans = plan(patch, notes, velocities, gate_block, sample_rate, nearest, as_profile(profile))
    flat = _flatten(plans, len(shape))
    controller_input = None if controllers is None else controllers.to_input().over(0, n_blocks)
    audio = play_differentiable(flat, n_blocks, controller_input, dac=dac)
    return audio[:, :n_samples].reshape(*shape, n_samples)


def play_differentiable(
    plans: Plan, n_blocks: int, controller_input: ControllerInput | None = None, *, dac: bool = False
) -> Float[Array, "voice sample"]:
    """Play planned relaxed voices.

    Args:
      plans: of relaxed voices, with one leading axis.
      n_blocks: length in blocks of 64 samples.
      controller_input: shared by all voices.
      dac: as for `render_differentiable`.
    """
    blocks = jnp.arange(n_blocks)
    shared = ControllerInput() if controller_input is None else controller_input
    parts = jax.vmap(lambda one: controls(one, blocks, shared), in_axes=(VOICE_AXES,))(plans)
    dtype, n_voices = parts.octaves.dtype, len(parts.octaves)
    real = plans.patch if plans.nearest is None else plans.nearest.patch
    tables = plans.tables
    audio, _ = synthesise(
        parts.octaves,
        parts.increment,
        jnp.asarray(real.algorithm),
        lookup(tables.feedback.astype(dtype), plans.patch.feedback),
        initial_state(n_voices),
        parts.frequency,
        tables.loop_source,
        n_voices if plans.nearest is not None and plans.nearest.crossing else 0,
        tables.chip if dac else None,
    )
    if not dac or tables.filter is None:
        return audio
    taps = jnp.asarray(tables.filter, dtype)[None]
    return fftconvolve(audio, taps, axes=(1,))[:, : audio.shape[1]]


def _flatten(plans: Plan, n_axes: int) -> Plan:
    """The same voices along one leading axis."""

    def flatten(x: Value) -> Value:
        return jnp.reshape(x, (-1, *jnp.shape(x)[n_axes:]))

    return jax.tree.map(flatten, plans._replace(tables=None))._replace(tables=plans.tables)
