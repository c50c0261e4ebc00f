"""The losses of the networks, as pure functions of their parameters."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float

from ddx7.generation.gan.audio_surrogate import ReplayBuffer
from ddx7.generation.gan.conditions import N_FLAGS, N_ROUTING, ROUTING
from ddx7.generation.gan.config import GanConfig
from ddx7.generation.gan.network import (
    ArrayLike,
    AudioSurrogate,
    Critic,
    GeneratorNetwork,
    OneHot,
    VoiceEncoder,
    generate,
    one_hot,
)
from ddx7.generation.gan.sampling import VoiceDraw, straight_through
from ddx7.generation.gan.size import GanSize, Params
from ddx7.library.categories import CATEGORIES
from ddx7.library.screening import PITCHLESS, RULES

PENALTY_SHARE = 4
"""The gradient penalty takes one of so many examples, because it costs several times what the critic scores do."""
_PITCHED_RULES = np.array([rule.pitched for rule in RULES], np.float32)
_EPSILON = 1e-9  # keeps the logarithm of a probability finite


class GanModels(NamedTuple):
    """The networks, without parameters."""

    generator: GeneratorNetwork
    critic: Critic
    encoder: VoiceEncoder
    surrogate: AudioSurrogate

    @classmethod
    def create(cls, size: GanSize) -> "GanModels":
        """Networks of one size."""
        return cls(
            GeneratorNetwork(size),
            Critic(size, len(CATEGORIES)),
            VoiceEncoder(size),
            AudioSurrogate(size, len(RULES), len(CATEGORIES)),
        )


class GanBatch(NamedTuple):
    """Real voices of a step.

    Attributes:
      voice: voice fields, int16 [voice, field].
      operators: operator fields, int16 [voice, 6, field].
      condition: condition vectors, some of them dropped, float32 [voice, condition].
      algorithm: 0-31, int [voice].
      categories: by name, float32 [voice, category].
    """

    voice: ArrayLike
    operators: ArrayLike
    condition: ArrayLike
    algorithm: ArrayLike
    categories: ArrayLike

    @property
    def one_hot(self) -> OneHot:
        """The voices as one-hot vectors."""
        return one_hot(self.voice, self.operators)


def _score(models: GanModels, params: Params, voices: OneHot, condition: ArrayLike) -> tuple[Array, Array]:
    """Critic scores and logits of the categories."""
    scores, logits = models.critic.apply(params, voices, condition)
    return jnp.asarray(scores), jnp.asarray(logits)


def autoencoder_loss(
    params: tuple[Params, Params], batch: GanBatch, key: Array, models: GanModels, config: GanConfig
) -> tuple[Float[Array, ""], dict[str, Array]]:
    """Negative evidence lower bound of the voices, in nats a voice, with a weighted KL divergence.

    Args:
      params: of the generator and of the encoder.
      batch: real voices.
      key: random key of the noise.
      models: the networks.
      config: weight of the divergence.

    Returns:
      the loss, and as metrics "missed", the negative log-likelihood, and "divergence", the unweighted KL divergence.
    """
    generator, encoder = params
    mean, log_variance = map(jnp.asarray, models.encoder.apply(encoder, batch.one_hot, batch.condition))
    noise = mean + jnp.exp(log_variance / 2) * jax.random.normal(key, mean.shape)
    probabilities = generate(models.generator, generator, noise, batch.condition)
    terms = ((target * jnp.log(p + _EPSILON)).sum() for target, p in zip(batch.one_hot, probabilities, strict=True))
    log_likelihood = sum(terms, jnp.float32(0))
    nll = -log_likelihood / len(batch.condition)
    divergence = (jnp.square(mean) + jnp.exp(log_variance) - 1 - log_variance).sum(axis=1).mean() / 2
    return nll + config.kl_weight * divergence, {"missed": nll, "divergence": divergence}


def critic_loss(
    params: Params, batch: GanBatch, generated: OneHot, models: GanModels, config: GanConfig
) -> tuple[Float[Array, ""], dict[str, Array]]:
    """Relativistic loss of the critic, with gradient penalties (R1 and R2) and the loss of its categories.

    Source: Huang et al., The GAN is dead; long live the GAN!, 2024.

    Args:
      params: of the critic.
      batch: real voices.
      generated: voices, as many, under the same conditions.
      models: the networks.
      config: weights of the terms.

    Returns:
      the loss, and as metrics "critic", the relativistic term, "gradient_penalty", R1 + R2, and "categories",
      the cross entropy of the categories of voices whose name tells them.
    """
    real_scores, logits = _score(models, params, batch.one_hot, batch.condition)
    generated_scores, _ = _score(models, params, generated, batch.condition)
    n = len(batch.condition) // PENALTY_SHARE
    r1, r2 = (
        _gradient_penalty(models, params, OneHot(voices.voice[:n], voices.operators[:n]), batch.condition[:n])
        for voices in (batch.one_hot, generated)
    )
    adversarial = jax.nn.softplus(generated_scores - real_scores).mean()
    categories = _category_loss(logits, batch.categories)
    loss = adversarial + config.gradient_penalty_weight / 2 * (r1 + r2) + config.category_weights[0] * categories
    return loss, {"critic": adversarial, "gradient_penalty": r1 + r2, "categories": categories}


def _gradient_penalty(models: GanModels, params: Params, voices: OneHot, condition: ArrayLike) -> Float[Array, ""]:
    """Mean squared norm of the gradient of critic scores by the voices."""
    grads = jax.grad(lambda x: _score(models, params, x, condition)[0].sum())(voices)
    return sum((jnp.square(g).sum() for g in grads), jnp.float32(0)) / len(condition)


def _category_loss(
    logits: Float[Array, "voice category"], target: Float[ArrayLike, "voice category"]
) -> Float[Array, ""]:
    """Cross entropy, summed over categories, mean over the voices that have a category."""
    known = jnp.any(target > 0, axis=1, keepdims=True)
    return (optax.sigmoid_binary_cross_entropy(logits, target) * known).sum() / jnp.maximum(known.sum(), 1)


def generator_loss(
    params: Params,
    critic: Params,
    surrogate: Params,
    use_surrogate: Bool[Array, ""],
    batch: GanBatch,
    drawn: VoiceDraw,
    models: GanModels,
    config: GanConfig,
) -> tuple[Float[Array, ""], dict[str, Array]]:
    """Relativistic loss of the generator, with the losses of specified categories and of the audio surrogate.

    Args:
      params: of the generator.
      critic: parameters of the critic.
      surrogate: parameters of the audio surrogate.
      use_surrogate: whether the surrogate's terms count.
      batch: real voices.
      drawn: voices that the generator drew under the conditions of the batch.
      models: the networks.
      config: weights of the terms.

    Returns:
      the loss, and as metrics "generator", the relativistic term, "generated_categories", the cross entropy of the
      specified categories by the critic, and both terms of the surrogate as "faults" and "other_categories".
    """
    soft = generate(models.generator, params, drawn.noise, batch.condition)
    generated = straight_through(soft, drawn)
    generated_scores, logits = _score(models, critic, generated, batch.condition)
    real_scores, _ = _score(models, critic, batch.one_hot, batch.condition)
    specified = batch.condition[:, -(logits.shape[1] + N_FLAGS) : -N_FLAGS]
    categories = _category_loss(logits, specified)
    adversarial = jax.nn.softplus(real_scores - generated_scores).mean()
    faults, other = surrogate_losses(models.surrogate, surrogate, generated, batch.condition)
    by_sound = config.surrogate_weights[0] * faults + config.surrogate_weights[1] * other
    loss = adversarial + config.category_weights[1] * categories + use_surrogate * by_sound
    by_critic = {"generator": adversarial, "generated_categories": categories}
    return loss, by_critic | {"faults": faults, "other_categories": other}


def surrogate_fit_loss(params: Params, batch: ReplayBuffer, key: Array, model: AudioSurrogate) -> Float[Array, ""]:
    """Cross entropy of the surrogate's predictions, summed over rules and categories, mean over voices.

    Args:
      params: of the surrogate.
      batch: measured voices.
      key: random key of the dropout.
      model: the surrogate.
    """
    predictions = model.apply(
        params,
        one_hot(batch.voice, batch.operators),
        jnp.asarray(ROUTING)[batch.algorithm],
        training=True,
        rngs={"dropout": key},
    )
    faults, categories = (
        optax.sigmoid_binary_cross_entropy(jnp.asarray(logits), target.astype(jnp.float32)).sum(axis=-1).mean()
        for logits, target in zip(predictions, (batch.faults, batch.categories), strict=True)
    )
    return faults + categories


def surrogate_losses(
    model: AudioSurrogate, params: Params, voices: OneHot, condition: Float[ArrayLike, "voice condition"]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Losses of voices by the surrogate's predictions.

    The second loss is 0 from a probability of one half on: a generator that maximises certainty beyond that makes
    voices unlike real ones.

    Args:
      model: the surrogate.
      params: of it.
      voices: one-hot vectors, or distributions.
      condition: that the voices were generated under.

    Returns:
      means over voices: minus the log-probability of no fault, summed over rules; and minus the log-probability of the
      specified categories beyond that of one half.
    """
    fault_logits, category_logits = map(
        jnp.asarray, model.apply(params, voices, condition[:, :N_ROUTING], training=False)
    )
    specified = condition[:, -(len(CATEGORIES) + N_FLAGS) : -N_FLAGS]
    pitchless = (specified @ PITCHLESS.astype(np.float32) > 0)[:, None]
    faults = jax.nn.softplus(fault_logits) * (1 - pitchless * _PITCHED_RULES)
    shortfall = jax.nn.relu(jax.nn.softplus(-category_logits) - np.log(2))
    other = (shortfall * specified).sum(axis=-1) / jnp.maximum(specified.sum(axis=-1), 1)
    return faults.sum(axis=-1).mean(), other.mean()
