"""Voices drawn from a generator's distributions: their audible fields, and the gradient through the draw."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ddx7.generation.gan.network import VALUES, ArrayLike, OneHot, one_hot
from ddx7.generation.gan.representation import Fields, to_fields, to_vced


class VoiceDraw(NamedTuple):
    """Voices that a generator drew.

    Attributes:
      noise: input of the generator, [voice, noise].
      voice: voice fields as drawn, [voice, field].
      operators: operator fields as drawn, in sorted order, [voice, 6, field].
      canonical: the audible fields, in the form in which the critic gets real voices.
      order: of the operators before sorting, int [voice, 6].
    """

    noise: ArrayLike
    voice: ArrayLike
    operators: ArrayLike
    canonical: Fields
    order: ArrayLike


def canonical_draw(
    algorithm: Int[np.ndarray, " voice"],
    noise: Float[ArrayLike, "voice noise"],
    voice: Int[ArrayLike, "voice voice_field"],
    operators: Int[ArrayLike, "voice 6 operator_field"],
) -> VoiceDraw:
    """Sort the operators of fields as a generator drew them, and mark what is inaudible as absent.

    Args:
      algorithm: 0-31.
      noise: that the fields were drawn from.
      voice: fields of the voices.
      operators: fields of their operators.
    """
    drawn = Fields(np.asarray(voice), np.asarray(operators))
    audible, order = to_fields(to_vced(algorithm, drawn))
    return VoiceDraw(noise, drawn.voice, np.take_along_axis(drawn.operators, order[:, :, None], axis=1), audible, order)


def straight_through(soft: OneHot, drawn: VoiceDraw) -> OneHot:
    """Drawn voices as one-hot vectors, with the gradient of the distributions that they were drawn from."""
    hard = one_hot(*drawn.canonical)
    sorted_soft = OneHot(soft.voice, jnp.take_along_axis(soft.operators, drawn.order[:, :, None], axis=1))
    kept = drawn.voice == drawn.canonical.voice, drawn.operators == drawn.canonical.operators

    def through(h: Array, s: Array, k: Array) -> Array:
        return h + jnp.repeat(k, VALUES, axis=-1) * (s - jax.lax.stop_gradient(s))

    return OneHot(*(through(h, s, k) for h, s, k in zip(hard, sorted_soft, kept, strict=True)))
