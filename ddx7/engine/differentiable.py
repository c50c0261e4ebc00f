"""Relaxed voices to audio, with a gradient in every continuous parameter."""

import jax
import jax.numpy as jnp
from jax.scipy.signal import fftconvolve
from jaxtyping import Array, ArrayLike, Float, Int, Num

from ddx7.engine.control import VOICE_AXES, NearestVoice, controls, plan
from ddx7.engine.controllers import ControllerInput
from ddx7.engine.interpolate import lookup
from ddx7.engine.operators import initial_state, synthesise
from ddx7.engine.patch import Patch
from ddx7.engine.profile import DEXED, Profile


def render_differentiable(
    patch: Patch,
    note: Num[ArrayLike, " voice"],
    velocity: Int[ArrayLike, " voice"],
    gate: Int[ArrayLike, " voice"],
    n_blocks: int,
    sample_rate: int,
    *,
    nearest: NearestVoice | None = None,
    performance: ControllerInput | None = None,
    profile: Profile = DEXED,
    character: bool = False,
) -> Float[Array, "voice sample"]:
    """Play relaxed voices from key-on; pure and not jitted.

    At whole parameters the audio is `ddx7.render`'s. Gradients match finite differences up to feedback 4; above, the
    feedback loop's own gradient is limited (`ddx7.engine.feedback.GRADIENT_LIMIT`) and stays finite.

    Args:
      patch: floating fields with a leading voice axis.
      note: MIDI note, may lie between keys.
      velocity: MIDI velocity 0-127.
      gate: block of key-up.
      n_blocks: length in blocks of 64 samples.
      sample_rate: in Hz.
      nearest: `plan_nearest` of the same arguments, if it was made outside; inside a jitted gradient that saves most of
        the compilation.
      performance: shared by all voices.
      profile: whose sound, unless `nearest` is given: then its profile counts.
      character: whether the profile's chip, converter and filter are heard, too, if it has them. Their rounding passes
        gradients on as if it were not there; it only costs time, so leave it off to search or train.
    """
    plans = plan(patch, note, velocity, gate, sample_rate, nearest, profile)
    blocks = jnp.arange(n_blocks)
    hands = ControllerInput() if performance is None else performance
    parts = jax.vmap(lambda one: controls(one, blocks, hands), in_axes=(VOICE_AXES,))(plans)
    dtype, n_voices = parts.octaves.dtype, jnp.shape(patch.output_level)[0]
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
        tables.chip if character else None,
    )
    if not character or tables.filter is None:
        return audio
    taps = jnp.asarray(tables.filter, dtype)[None]
    return fftconvolve(audio, taps, axes=(1,))[:, : audio.shape[1]]
