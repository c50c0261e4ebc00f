"""The generator, its critic, and the other networks that read voices.

    noise, condition ──► whole voice ──► voice fields
                            └─► six operators, mixed along the algorithm's connections ──► operator fields
    fields, condition ──► six operators, mixed likewise, and the voice ──► whole voice ──► critic score, categories

All of them receive the algorithm as its routing. Fields are one-hot vectors, 0 where a field does not apply. The
generator outputs a distribution for each field and a value is drawn from it. The gradient passes straight through the
draw, as if it had been the distribution (Bengio et al., 2013).
"""

from typing import Any, NamedTuple, TypeAlias

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ddx7.generation.gan.conditions import N_ROUTING
from ddx7.generation.gan.representation import OPERATOR_FIELDS, VOICE_FIELDS, FieldSpec, smooth_basis
from ddx7.generation.gan.size import GanSize, Params
from ddx7.voice.spec import N_OPERATORS

ArrayLike: TypeAlias = Array | np.ndarray

_N_CONNECTIONS = N_OPERATORS * (N_OPERATORS - 1) // 2


class OneHot(NamedTuple):
    """Fields of voices as one-hot vectors or distributions over `VALUES` values: [..., field * value]."""

    voice: Float[Array, "batch voice_value"]
    operators: Float[Array, "batch 6 operator_value"]


VALUES = max(field.size for field in (*VOICE_FIELDS, *OPERATOR_FIELDS))
"""Entries of each field in a one-hot vector; those beyond the field's size stay 0."""
_IMPOSSIBLE = -1e9
_DROPOUT = 0.3  # of the surrogate's features: a fault depends on few bytes, and without it single voices are memorised


def one_hot(voice: Int[ArrayLike, "batch voice_field"], operators: Int[ArrayLike, "batch 6 operator_field"]) -> OneHot:
    """Fields, as `Fields` holds them, as one-hot vectors."""
    return OneHot(*(_flat((x[..., None] == jnp.arange(VALUES)).astype(jnp.float32)) for x in (voice, operators)))


def distributions(logits: OneHot, temperature: Float[ArrayLike, ""] | float = 1.0) -> OneHot:
    """Probabilities of the values of each field, one distribution a field."""
    probabilities = []
    for logit, fields in zip(logits, (VOICE_FIELDS, OPERATOR_FIELDS), strict=True):
        scaled = _by_field(logit) / temperature
        probabilities.append(_flat(jax.nn.softmax(jnp.where(_legal(fields), scaled, _IMPOSSIBLE), axis=-1)))
    return OneHot(*probabilities)


def draw(
    key: Array, probabilities: OneHot
) -> tuple[Int[Array, "batch voice_field"], Int[Array, "batch 6 operator_field"]]:
    """Draw a value for each field from its distribution."""
    drawn = []
    keys = jax.random.split(key)
    for probability, field_key, fields in zip(probabilities, keys, (VOICE_FIELDS, OPERATOR_FIELDS), strict=True):
        by_field = _by_field(probability)
        # A matrix product is much faster than XLA's cumulative sum.
        cumulative = by_field @ jnp.tri(VALUES).T
        threshold = jax.random.uniform(field_key, (*by_field.shape[:-1], 1))
        last = np.array([field.size for field in fields]) - 1
        drawn.append(jnp.minimum((cumulative <= threshold).sum(axis=-1), last))
    return drawn[0], drawn[1]


def _by_field(x: Array) -> Array:
    return x.reshape(*x.shape[:-1], -1, VALUES)


def _flat(x: Array) -> Array:
    return x.reshape(*x.shape[:-2], -1)


def _legal(fields: tuple[FieldSpec, ...]) -> Bool[np.ndarray, "field value"]:
    return np.arange(VALUES) < np.array([field.size for field in fields])[:, None]


class _ResidualBlock(nn.Module):
    """A residual block, close to the identity at initialisation."""

    width: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        y = nn.Dense(self.width)(nn.leaky_relu(x, 0.2))
        return x + nn.Dense(self.width, kernel_init=nn.initializers.normal(1e-3))(nn.leaky_relu(y, 0.2))


class _AlgorithmLayer(nn.Module):
    """Mixes each operator with its modulators, the operators it modulates, and its role in the algorithm."""

    width: int

    @nn.compact
    def __call__(self, x: Float[Array, "batch 6 width"], routing: Float[ArrayLike, "batch 33"]) -> Array:
        connections, roles = routing[:, :_N_CONNECTIONS], routing[:, _N_CONNECTIONS:]
        upper = np.triu_indices(N_OPERATORS, 1)
        modulation = jnp.zeros((len(x), N_OPERATORS, N_OPERATORS)).at[:, upper[0], upper[1]].set(connections)
        role = jnp.swapaxes(roles.reshape(len(x), 3, N_OPERATORS), 1, 2)
        position = jnp.broadcast_to(jnp.eye(N_OPERATORS), (len(x), N_OPERATORS, N_OPERATORS))
        inputs = [x, modulation @ x, jnp.swapaxes(modulation, 1, 2) @ x, role, position]
        y = nn.leaky_relu(nn.Dense(self.width)(jnp.concatenate(inputs, axis=-1)), 0.2)
        return x + nn.Dense(self.width)(y)


class GeneratorNetwork(nn.Module):
    """Logits of the fields of voices, from noise and conditions."""

    size: GanSize

    @nn.compact
    def __call__(
        self, noise: Float[ArrayLike, "batch noise"], condition: Float[ArrayLike, "batch condition"]
    ) -> OneHot:
        """Logits of every value of every field."""
        size, routing = self.size, condition[:, :N_ROUTING]
        x = nn.Dense(size.whole)(jnp.concatenate([noise, condition], axis=-1))
        for _ in range(size.blocks):
            x = _ResidualBlock(size.whole)(x)
        x = nn.leaky_relu(x, 0.2)
        parts = nn.Dense((N_OPERATORS + 1) * size.operator)(x).reshape(-1, N_OPERATORS + 1, size.operator)
        operators = nn.leaky_relu(_AlgorithmLayer(size.operator)(parts[:, 1:], routing), 0.2)
        small = nn.initializers.normal(0.02)
        n_voice, n_operator = (len(fields) * VALUES for fields in (VOICE_FIELDS, OPERATOR_FIELDS))
        voice = nn.Dense(n_voice, kernel_init=small, use_bias=False)(nn.leaky_relu(parts[:, 0], 0.2))
        each = nn.Dense(n_operator, kernel_init=small, use_bias=False)(operators)
        return OneHot(
            voice + self.param("voice_bias", nn.initializers.zeros, (n_voice,)),
            each + self.param("operator_bias", nn.initializers.zeros, (N_OPERATORS, n_operator)),
        )


def generate(
    generator: GeneratorNetwork,
    params: Params,
    noise: Float[ArrayLike, "batch noise"],
    condition: Float[ArrayLike, "batch condition"],
    temperature: Float[ArrayLike, ""] | float = 1.0,
) -> OneHot:
    """Distributions of the fields of generated voices.

    Args:
      generator: the network.
      params: of it.
      noise: standard normal.
      condition: condition vectors.
      temperature: divides the logits.
    """
    logits: Any = generator.apply(params, noise, condition)  # Flax types the output as a union
    return distributions(logits, temperature)


class _FieldLayer(nn.Module):
    """A dense layer on one-hot vectors; at initialisation neighbouring values of ordered fields act alike."""

    fields: tuple[FieldSpec, ...]
    width: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        basis = smooth_basis(self.fields, VALUES)
        scale = 1 / np.sqrt(len(self.fields))
        free = self.param("free", nn.initializers.normal(scale), (x.shape[-1], self.width))
        shared = self.param("shared", nn.initializers.normal(scale), (basis.shape[1], self.width))
        return x @ (free + basis @ shared) + self.param("bias", nn.initializers.zeros, (self.width,))


class _Trunk(nn.Module):
    """Features of voices, shared by all networks that read them."""

    size: GanSize

    @nn.compact
    def __call__(self, voices: OneHot, routing: Float[ArrayLike, "batch 33"]) -> Float[Array, "batch whole"]:
        size = self.size
        operators = nn.leaky_relu(_FieldLayer(OPERATOR_FIELDS, size.operator)(voices.operators), 0.2)
        operators = nn.leaky_relu(_AlgorithmLayer(size.operator)(operators, routing), 0.2)
        voice = nn.leaky_relu(_FieldLayer(VOICE_FIELDS, size.operator)(voices.voice), 0.2)
        return nn.Dense(size.whole)(jnp.concatenate([operators.reshape(len(voice), -1), voice, routing], axis=-1))


class Critic(nn.Module):
    """Scores how real voices are under a condition, and classifies them."""

    size: GanSize
    n_categories: int

    @nn.compact
    def __call__(
        self, voices: OneHot, condition: Float[ArrayLike, "batch condition"]
    ) -> tuple[Float[Array, " batch"], Float[Array, "batch category"]]:
        """Critic scores, and logits of each category, which depend on no condition but the algorithm."""
        size = self.size
        x = _Trunk(size, name="trunk")(voices, condition[:, :N_ROUTING])
        categories = nn.Dense(self.n_categories, name="categories")(nn.leaky_relu(x, 0.2))
        x = x + nn.Dense(size.whole, name="condition")(condition)
        for _ in range(size.blocks):
            x = _ResidualBlock(size.whole)(x)
        return nn.Dense(1, name="score")(nn.leaky_relu(x, 0.2))[:, 0], categories


class CategoryHead(nn.Module):
    """The classifying part of a `Critic`; takes the critic's parameters of the same names."""

    size: GanSize
    n_categories: int

    @nn.compact
    def __call__(
        self, voices: OneHot, condition: Float[ArrayLike, "batch condition"]
    ) -> Float[Array, "batch category"]:
        """Logits of each category."""
        x = _Trunk(self.size, name="trunk")(voices, condition[:, :N_ROUTING])
        return nn.Dense(self.n_categories, name="categories")(nn.leaky_relu(x, 0.2))


class AudioSurrogate(nn.Module):
    """Predicts from fields which screening rules a voice breaks and which categories it sounds like."""

    size: GanSize
    n_faults: int
    n_categories: int

    @nn.compact
    def __call__(
        self, voices: OneHot, routing: Float[ArrayLike, "batch 33"], *, training: bool
    ) -> tuple[Float[Array, "batch fault"], Float[Array, "batch category"]]:
        """Logits of each fault and of each category; `training` switches dropout on, which needs a random key."""
        x = _Trunk(self.size, name="trunk")(voices, routing)
        x = nn.Dropout(_DROPOUT, deterministic=not training)(x)
        for _ in range(self.size.blocks):
            x = _ResidualBlock(self.size.whole)(x)
        x = nn.Dropout(_DROPOUT, deterministic=not training)(nn.leaky_relu(x, 0.2))
        return nn.Dense(self.n_faults, name="faults")(x), nn.Dense(self.n_categories, name="categories")(x)


class VoiceEncoder(nn.Module):
    """Posterior over the noise from which the generator would generate a voice."""

    size: GanSize

    @nn.compact
    def __call__(
        self, voices: OneHot, condition: Float[ArrayLike, "batch condition"]
    ) -> tuple[Float[Array, "batch noise"], Float[Array, "batch noise"]]:
        """Mean and log variance of each dimension."""
        size = self.size
        x = _Trunk(size, name="trunk")(voices, condition[:, :N_ROUTING])
        x = x + nn.Dense(size.whole, name="condition")(condition)
        for _ in range(size.blocks):
            x = _ResidualBlock(size.whole)(x)
        moments = nn.Dense(2 * size.noise)(nn.leaky_relu(x, 0.2))
        return moments[:, : size.noise], moments[:, size.noise :] - 1.0
