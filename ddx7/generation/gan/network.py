"""The generator, its critic, and others that look at voices.

    noise, conditions ──► whole ──► voice's fields
                            └─► six operators, each told what modulates it ──► their fields
    fields, conditions ──► six operators, each told what modulates it, and the voice ──► whole ──► how real; which kinds

Both know the algorithm by its wires alone. Fields come as one-hot vectors, 0 everywhere where a field does not apply.
The generator gives each field a distribution, from which it is drawn; gradients pass straight through the draw as if
it had been the distribution (Bengio et al., 2013).
"""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ddx7.generation.gan.conditions import ROUTING
from ddx7.generation.gan.representation import OPERATOR_PLACES, VOICE_PLACES, Place, basis
from ddx7.voice.spec import N_OPERATORS

_N_WIRES = N_OPERATORS * (N_OPERATORS - 1) // 2


class GanSize(NamedTuple):
    """How large the networks are."""

    noise: int = 64
    whole: int = 384
    """Width of what is known of the voice as a whole."""
    operator: int = 96
    """Width of what is known of an operator."""
    blocks: int = 2


class OneHot(NamedTuple):
    """Fields of voices as one-hot vectors or distributions over `VALUES` values: [..., field * value]."""

    voice: Float[Array, "batch voice_place"]
    operators: Float[Array, "batch 6 operator_place"]


VALUES = max(place.size for place in (*VOICE_PLACES, *OPERATOR_PLACES))
"""Places that each field has in a one-hot vector; those beyond its size stay empty."""
_IMPOSSIBLE = -1e9
_DROPPED = 0.3  # of what the listener knows of a voice: a fault hangs on few bytes, and it would learn voices by heart


def one_hot(
    voice: Int[Array | np.ndarray, "batch voice_field"], operators: Int[Array | np.ndarray, "batch 6 operator_field"]
) -> OneHot:
    """Fields, as `Fields` has them, as one-hot vectors."""
    return OneHot(*(_flat((x[..., None] == jnp.arange(VALUES)).astype(jnp.float32)) for x in (voice, operators)))


def distributions(logits: OneHot, temperature: Float[Array, ""] | float = 1.0) -> OneHot:
    """Probabilities of the values of every field, each of which has its own distribution."""
    found = []
    for logit, places in zip(logits, (VOICE_PLACES, OPERATOR_PLACES), strict=True):
        fielded = _by_field(logit) / temperature
        found.append(_flat(jax.nn.softmax(jnp.where(_legal(places), fielded, _IMPOSSIBLE), axis=-1)))
    return OneHot(*found)


def draw(key: Array, chances: OneHot) -> tuple[Int[Array, "batch voice_field"], Int[Array, "batch 6 operator_field"]]:
    """Draw a value for each field from its distribution."""
    drawn = []
    for chance, of, places in zip(chances, jax.random.split(key), (VOICE_PLACES, OPERATOR_PLACES), strict=True):
        fielded = _by_field(chance)
        # A matrix product, which is much faster than XLA's cumulative sum.
        below = fielded @ jnp.tri(VALUES).T
        mark = jax.random.uniform(of, (*fielded.shape[:-1], 1))
        last = np.array([place.size for place in places]) - 1
        drawn.append(jnp.minimum((below <= mark).sum(axis=-1), last))
    return drawn[0], drawn[1]


def _by_field(x: Array) -> Array:
    return x.reshape(*x.shape[:-1], -1, VALUES)


def _flat(x: Array) -> Array:
    return x.reshape(*x.shape[:-2], -1)


def _legal(places: tuple[Place, ...]) -> np.ndarray:
    return np.arange(VALUES) < np.array([place.size for place in places])[:, None]


class _Block(nn.Module):
    """A residual block that begins as nothing."""

    width: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        y = nn.Dense(self.width)(nn.leaky_relu(x, 0.2))
        return x + nn.Dense(self.width, kernel_init=nn.initializers.normal(1e-3))(nn.leaky_relu(y, 0.2))


class _Wiring(nn.Module):
    """Each operator told of those that modulate it, those it modulates, and its role in the algorithm."""

    width: int

    @nn.compact
    def __call__(self, x: Float[Array, "batch 6 width"], routing: Float[Array, "batch 33"]) -> Array:
        wires, roles = routing[:, :_N_WIRES], routing[:, _N_WIRES:]
        upper = np.triu_indices(N_OPERATORS, 1)
        modulation = jnp.zeros((len(x), N_OPERATORS, N_OPERATORS)).at[:, upper[0], upper[1]].set(wires)
        role = jnp.swapaxes(roles.reshape(len(x), 3, N_OPERATORS), 1, 2)
        place = jnp.broadcast_to(jnp.eye(N_OPERATORS), (len(x), N_OPERATORS, N_OPERATORS))
        known = [x, modulation @ x, jnp.swapaxes(modulation, 1, 2) @ x, role, place]
        y = nn.leaky_relu(nn.Dense(self.width)(jnp.concatenate(known, axis=-1)), 0.2)
        return x + nn.Dense(self.width)(y)


class GeneratorNetwork(nn.Module):
    """Logits of the fields of voices, from noise and conditions."""

    size: GanSize

    @nn.compact
    def __call__(self, noise: Float[Array, "batch noise"], asked: Float[Array, "batch condition"]) -> OneHot:
        """Logits of every place."""
        size, routing = self.size, asked[:, : ROUTING.shape[1]]
        x = nn.Dense(size.whole)(jnp.concatenate([noise, asked], axis=-1))
        for _ in range(size.blocks):
            x = _Block(size.whole)(x)
        x = nn.leaky_relu(x, 0.2)
        parts = nn.Dense((N_OPERATORS + 1) * size.operator)(x).reshape(-1, N_OPERATORS + 1, size.operator)
        operators = nn.leaky_relu(_Wiring(size.operator)(parts[:, 1:], routing), 0.2)
        small = nn.initializers.normal(0.02)
        n_voice, n_operator = (len(places) * VALUES for places in (VOICE_PLACES, OPERATOR_PLACES))
        voice = nn.Dense(n_voice, kernel_init=small, use_bias=False)(nn.leaky_relu(parts[:, 0], 0.2))
        of_each = nn.Dense(n_operator, kernel_init=small, use_bias=False)(operators)
        return OneHot(
            voice + self.param("voice_bias", nn.initializers.zeros, (n_voice,)),
            of_each + self.param("operator_bias", nn.initializers.zeros, (N_OPERATORS, n_operator)),
        )


class _Reader(nn.Module):
    """A dense layer on one-hot vectors, in which neighbouring values of ordered fields begin alike."""

    places: tuple[Place, ...]
    width: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        smooth = basis(self.places, VALUES)
        scale = 1 / np.sqrt(len(self.places))
        free = self.param("free", nn.initializers.normal(scale), (x.shape[-1], self.width))
        shared = self.param("shared", nn.initializers.normal(scale), (smooth.shape[1], self.width))
        return x @ (free + smooth @ shared) + self.param("bias", nn.initializers.zeros, (self.width,))


class _Trunk(nn.Module):
    """What is seen in a voice."""

    size: GanSize

    @nn.compact
    def __call__(self, seen: OneHot, routing: Float[Array, "batch 33"]) -> Float[Array, "batch whole"]:
        size = self.size
        operators = nn.leaky_relu(_Reader(OPERATOR_PLACES, size.operator)(seen.operators), 0.2)
        operators = nn.leaky_relu(_Wiring(size.operator)(operators, routing), 0.2)
        voice = nn.leaky_relu(_Reader(VOICE_PLACES, size.operator)(seen.voice), 0.2)
        return nn.Dense(size.whole)(jnp.concatenate([operators.reshape(len(voice), -1), voice, routing], axis=-1))


class Critic(nn.Module):
    """How real voices look, and of which kinds they are."""

    size: GanSize
    n_categories: int

    @nn.compact
    def __call__(self, seen: OneHot, asked: Float[Array, "batch condition"]) -> tuple[Array, Array]:
        """The critic's mark [voice], and logits of each kind of sound [voice, category], which see no conditions."""
        size = self.size
        x = _Trunk(size, name="trunk")(seen, asked[:, : ROUTING.shape[1]])
        kinds = nn.Dense(self.n_categories, name="kinds")(nn.leaky_relu(x, 0.2))
        x = x + nn.Dense(size.whole, name="asked")(asked)
        for _ in range(size.blocks):
            x = _Block(size.whole)(x)
        return nn.Dense(1, name="mark")(nn.leaky_relu(x, 0.2))[:, 0], kinds


class CategoryHead(nn.Module):
    """The part of a `Critic` that guesses kinds of sound; it takes the critic's weights of the same names."""

    size: GanSize
    n_categories: int

    @nn.compact
    def __call__(self, seen: OneHot, asked: Float[Array, "batch condition"]) -> Float[Array, "batch category"]:
        """Logits of each kind of sound."""
        x = _Trunk(self.size, name="trunk")(seen, asked[:, : ROUTING.shape[1]])
        return nn.Dense(self.n_categories, name="kinds")(nn.leaky_relu(x, 0.2))


class AudioSurrogate(nn.Module):
    """How voices sound, guessed from their fields."""

    size: GanSize
    n_faults: int
    n_categories: int

    @nn.compact
    def __call__(
        self, seen: OneHot, routing: Float[Array, "batch 33"], *, learning: bool
    ) -> tuple[Float[Array, "batch fault"], Float[Array, "batch category"]]:
        """Logits of each fault and of each kind of sound; with dropout, and so a key, only while learning."""
        x = _Trunk(self.size, name="trunk")(seen, routing)
        x = nn.Dropout(_DROPPED, deterministic=not learning)(x)
        for _ in range(self.size.blocks):
            x = _Block(self.size.whole)(x)
        x = nn.Dropout(_DROPPED, deterministic=not learning)(nn.leaky_relu(x, 0.2))
        return nn.Dense(self.n_faults, name="faults")(x), nn.Dense(self.n_categories, name="kinds")(x)


class VoiceEncoder(nn.Module):
    """The noise from which the generator would make a voice: mean and log variance of each of its numbers."""

    size: GanSize

    @nn.compact
    def __call__(self, seen: OneHot, asked: Float[Array, "batch condition"]) -> tuple[Array, Array]:
        """Mean and log variance, [voice, noise] each."""
        size = self.size
        x = _Trunk(size, name="trunk")(seen, asked[:, : ROUTING.shape[1]])
        x = x + nn.Dense(size.whole, name="asked")(asked)
        for _ in range(size.blocks):
            x = _Block(size.whole)(x)
        found = nn.Dense(2 * size.noise)(nn.leaky_relu(x, 0.2))
        return found[:, : size.noise], found[:, size.noise :] - 1.0
