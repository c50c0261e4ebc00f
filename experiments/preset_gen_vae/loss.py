"""What the published model is trained to make small, each part a mean over its elements."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from preset_gen_vae.model import VaeOutput
from preset_gen_vae.representation import VectorForm

CATEGORIES = 0.2
"""Weight of the cross-entropy beside the squared error of numbers."""
TEMPERATURE = 0.2
"""Of the softmax over the values of a category, which lie between 0 and 1."""


class LossParts(NamedTuple):
    """Of the loss.

    Attributes:
      spectrograms: mean squared error.
      latent: how far what is drawn is from a normal distribution, in nats a dimension.
      parameters: of voices.
    """

    spectrograms: Float[Array, ""]
    latent: Float[Array, ""]
    parameters: Float[Array, ""]

    def total(self, beta: Float[Array, ""] | float) -> Float[Array, ""]:
        """The sum that is made small; `beta` weighs the latent part."""
        return self.spectrograms + beta * self.latent + self.parameters


def loss_parts(
    form: VectorForm,
    answer: VaeOutput,
    seen: Float[Array, "batch note frame band"],
    wanted: Float[Array, "batch width"],
    counted: Bool[Array, "batch parameter"],
) -> LossParts:
    """The loss of an answer.

    Args:
      form: of the vectors.
      answer: what the model made of sounds.
      seen: their spectrograms.
      wanted: vectors of the voices that made them.
      counted: which of their parameters can be heard.
    """
    return LossParts(
        jnp.square(answer.spectrograms - seen).mean(),
        latent_loss(answer),
        parameter_loss(form, answer.vectors, wanted, counted),
    )


def parameter_loss(
    form: VectorForm,
    found: Float[Array, "batch width"],
    wanted: Float[Array, "batch width"],
    counted: Bool[Array, "batch parameter"],
) -> Float[Array, ""]:
    """Squared error of numbers and cross-entropy of categories, only where they count."""
    error = jnp.where(counted[:, ~form.one_hot], found[:, form.numeric] - wanted[:, form.numeric], 0.0)
    numbers = jnp.square(error).mean()
    if not len(form.categorical):
        return numbers
    logits = jnp.where(form.legal, found[:, form.categorical] / TEMPERATURE, -jnp.inf)
    chosen = wanted[:, form.categorical].argmax(axis=-1)
    surprise = -jnp.take_along_axis(jax.nn.log_softmax(logits), chosen[..., None], -1)[..., 0]
    # Each category's mean over the voices in which it counts.
    weight = counted[:, form.one_hot].astype(jnp.float32)
    each = (surprise * weight).sum(axis=0) / jnp.maximum(weight.sum(axis=0), 1.0)
    return numbers + CATEGORIES * each.mean()


def latent_loss(answer: VaeOutput) -> Float[Array, ""]:
    """Log probability of z0 where it was drawn less that of zK under a normal distribution, a dimension.

    With a flow there is no closed form of the divergence, so what was drawn stands for it.
    """
    drawn = _log_normal((answer.z0 - answer.mean) * jnp.exp(-answer.log_variance / 2)) - answer.log_variance / 2
    wanted = _log_normal(answer.zk)
    return (drawn.sum(axis=-1) - wanted.sum(axis=-1) - answer.log_det).mean() / answer.z0.shape[-1]


def _log_normal(x: Array) -> Array:
    return -0.5 * (jnp.square(x) + np.log(2 * np.pi))
