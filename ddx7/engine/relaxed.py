"""Relaxed voices to audio, with a gradient in every continuous parameter."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int, Num

from ddx7.engine.control import Nearest, controls, plan
from ddx7.engine.interpolate import lookup
from ddx7.engine.operators import initial_state, synthesise
from ddx7.engine.patch import Patch
from ddx7.engine.performance import Performance
from ddx7.engine.tables import FEEDBACK


def render_relaxed(
    patch: Patch,
    note: Num[ArrayLike, " voice"],
    velocity: Int[ArrayLike, " voice"],
    gate: Int[ArrayLike, " voice"],
    n_blocks: int,
    sample_rate: int,
    *,
    nearest: Nearest | None = None,
    performance: Performance | None = None,
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
    """
    plans = plan(patch, note, velocity, gate, sample_rate, nearest)
    blocks = jnp.arange(n_blocks)
    hands = Performance() if performance is None else performance
    parts = jax.vmap(lambda one: controls(one, blocks, hands, sample_rate))(plans)
    dtype = parts.octaves.dtype
    real = plans.patch if plans.nearest is None else plans.nearest.patch
    return synthesise(
        parts.octaves,
        parts.increment,
        jnp.asarray(real.algorithm),
        lookup(FEEDBACK.astype(dtype), plans.patch.feedback),
        initial_state(jnp.shape(patch.output_level)[0]),
        parts.frequency,
    )[0]
