"""The loss of the published model; each part is a mean over its elements."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from preset_gen_vae.model import VaeOutput
from preset_gen_vae.vector_form import VectorForm

CATEGORIES = 0.2
"""Weight of the cross-entropy beside the squared error of numbers."""
TEMPERATURE = 0.2
"""Of the softmax over the values of a category, which lie between 0 and 1."""


class LossParts(NamedTuple):
    """Parts of the loss.

    Attributes:
      spectrograms: mean squared error of the reconstruction.
      latent: divergence of the latent distribution from a normal one, in nats per dimension.
      parameters: error of the voices.
    """

    spectrograms: Float[Array, ""]
    latent: Float[Array, ""]
    parameters: Float[Array, ""]

    def total(self, beta: Float[Array, ""] | float) -> Float[Array, ""]:
        """The loss to minimise; `beta` weights the latent part."""
        return self.spectrograms + beta * self.latent + self.parameters


def loss_parts(
    form: VectorForm,
    output: VaeOutput,
    spectrograms: Float[Array, "batch note frame band"],
    target: Float[Array, "batch width"],
    mask: Bool[Array, "batch parameter"],
) -> LossParts:
    """The parts of the loss.

    Args:
      form: of the vectors.
      output: of the model.
      spectrograms: its input.
      target: vectors of the voices.
      mask: which of their parameters are audible.
    """
    return LossParts(
        jnp.square(output.spectrograms - spectrograms).mean(),
        latent_loss(output),
        parameter_loss(form, output.vectors, target, mask),
    )


def parameter_loss(
    form: VectorForm,
    estimate: Float[Array, "batch width"],
    target: Float[Array, "batch width"],
    mask: Bool[Array, "batch parameter"],
) -> Float[Array, ""]:
    """Squared error of numbers and cross-entropy of categories, over audible parameters."""
    error = jnp.where(mask[:, ~form.one_hot], estimate[:, form.numeric] - target[:, form.numeric], 0.0)
    numbers = jnp.square(error).mean()
    if not len(form.categorical):
        return numbers
    logits = jnp.where(form.legal, estimate[:, form.categorical] / TEMPERATURE, -jnp.inf)
    chosen = target[:, form.categorical].argmax(axis=-1)
    cross_entropy = -jnp.take_along_axis(jax.nn.log_softmax(logits), chosen[..., None], -1)[..., 0]
    # Each category's mean over the voices in which it is audible.
    weight = mask[:, form.one_hot].astype(jnp.float32)
    each = (cross_entropy * weight).sum(axis=0) / jnp.maximum(weight.sum(axis=0), 1.0)
    return numbers + CATEGORIES * each.mean()


def latent_loss(output: VaeOutput) -> Float[Array, ""]:
    """Monte-Carlo estimate of the divergence, per dimension: log density of z0 less that of zK under a normal one.

    With a flow the divergence has no closed form.
    """
    posterior = _log_normal((output.z0 - output.mean) * jnp.exp(-output.log_variance / 2)) - output.log_variance / 2
    prior = _log_normal(output.zk)
    return (posterior.sum(axis=-1) - prior.sum(axis=-1) - output.log_det).mean() / output.z0.shape[-1]


def _log_normal(x: Array) -> Array:
    return -0.5 * (jnp.square(x) + np.log(2 * np.pi))
