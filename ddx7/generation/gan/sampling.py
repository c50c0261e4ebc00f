"""Voices that a generator drew: what of them can be heard, and how a gradient passes through the draw."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ddx7.generation.gan.network import VALUES, OneHot, one_hot
from ddx7.generation.gan.representation import Fields, to_fields, to_vced


class VoiceDraw(NamedTuple):
    """Voices that a generator drew.

    Attributes:
      noise: that they were drawn from.
      voice: fields as drawn, and `operators`, sorted.
      operators: likewise.
      canonical: what of them can be heard, as human voices are shown to the critic.
      order: in which operators were sorted, int [voice, 6].
    """

    noise: Any
    voice: Any
    operators: Any
    canonical: Fields
    order: Any


def canonical_draw(algorithm: np.ndarray, noise: Any, voice: Any, operators: Any) -> VoiceDraw:
    """What stands of fields as they came from a generator, on algorithms 0-31."""
    drawn = Fields(np.asarray(voice), np.asarray(operators))
    heard, order = to_fields(to_vced(algorithm, drawn))
    return VoiceDraw(noise, drawn.voice, np.take_along_axis(drawn.operators, order[:, :, None], axis=1), heard, order)


def straight_through(soft: OneHot, drawn: VoiceDraw) -> OneHot:
    """Drawn voices as one-hot vectors, with the gradient of the distributions they were drawn from."""
    hard = one_hot(*drawn.canonical)
    sorted_soft = OneHot(soft.voice, jnp.take_along_axis(soft.operators, drawn.order[:, :, None], axis=1))
    passes = drawn.voice == drawn.canonical.voice, drawn.operators == drawn.canonical.operators

    def through(h: Array, s: Array, p: Array) -> Array:
        return h + jnp.repeat(p, VALUES, axis=-1) * (s - jax.lax.stop_gradient(s))

    return OneHot(*(through(h, s, p) for h, s, p in zip(hard, sorted_soft, passes, strict=True)))
