"""What lets a generator hear: voices that it drew are played, and a network learns to guess from fields what was heard.

Rules for duds and kinds of sound are no functions that a gradient passes through, and to play is slow. A guess has a
gradient and is quick. It is taught by what the generator draws, so it knows best what the generator does just now.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from ddx7.generation.gan.conditions import N_FLAGS, ROUTING
from ddx7.generation.gan.network import AudioSurrogate, GanSize, OneHot, one_hot
from ddx7.generation.gan.representation import N_OPERATOR, N_VOICE, Fields
from ddx7.library.categories import CATEGORIES
from ddx7.library.classify import load_classifier
from ddx7.library.screening import PITCHLESS, RULES, measure_voices, screen_measures
from ddx7.voice.spec import N_OPERATORS

KEPT = 16_384
"""Voices that are remembered with what was heard of them."""
AGAIN = 192
"""Remembered voices that are learned from beside those just heard."""
_PITCHED = np.array([rule.pitched for rule in RULES], np.float32)
_LEARNING_RATE, _DECAY = 5e-4, 0.3


class ReplayBuffer(NamedTuple):
    """Voices and what was heard of them, or of some of them.

    Attributes:
      voice: fields, int16 [voice, field].
      operators: likewise, [voice, 6, field].
      algorithm: 0-31, int16 [voice].
      faults: which rules of `ddx7.library.screening` each voice breaks, pitched or not, float [voice, rule].
      kinds: how likely each kind of sound is, float [voice, category].
    """

    voice: Any
    operators: Any
    algorithm: Any
    faults: Any
    kinds: Any


def empty_buffer() -> ReplayBuffer:
    """Room for `KEPT` voices."""
    return ReplayBuffer(
        jnp.zeros((KEPT, N_VOICE), jnp.int16),
        jnp.zeros((KEPT, N_OPERATORS, N_OPERATOR), jnp.int16),
        jnp.zeros(KEPT, jnp.int16),
        jnp.zeros((KEPT, len(RULES)), jnp.float16),
        jnp.zeros((KEPT, len(CATEGORIES)), jnp.float16),
    )


def measure_draw(vced: np.ndarray, fields: Fields, algorithm: np.ndarray) -> ReplayBuffer:
    """Play voices.

    Args:
      vced: uint8 [voice, 155].
      fields: of the same voices.
      algorithm: likewise, 0-31.
    """
    heard = measure_voices(vced)
    return ReplayBuffer(
        fields.voice.astype(np.int16),
        fields.operators.astype(np.int16),
        algorithm.astype(np.int16),
        screen_measures(heard, without_pitch=False).broken.astype(np.float16),
        load_classifier().probabilities(vced, heard).astype(np.float16),
    )


def update_buffer(
    lessons: ReplayBuffer, played: ReplayBuffer, nth: Array, key: Array
) -> tuple[ReplayBuffer, ReplayBuffer]:
    """Put what was just played in the place of what was played longest ago.

    Args:
      lessons: what is remembered.
      played: as many voices each time.
      nth: how often that was done before.
      key: of chance.

    Returns:
      what is remembered now; what is to be learned from, which is what was just played and `AGAIN` of all remembered.
    """
    n = len(played.voice)
    places = (nth * n + jnp.arange(n)) % KEPT
    lessons = jax.tree.map(lambda kept, new: kept.at[places].set(new), lessons, played)
    rows = jax.random.randint(key, (AGAIN,), 0, jnp.minimum((nth + 1) * n, KEPT))
    return lessons, jax.tree.map(lambda new, kept: jnp.concatenate([new, kept[rows]]), played, lessons)


def optimiser() -> optax.GradientTransformation:
    """Of the listener."""
    return optax.adamw(_LEARNING_RATE, weight_decay=_DECAY)


def model(size: GanSize) -> AudioSurrogate:
    """The listener, without weights."""
    return AudioSurrogate(size, len(RULES), len(CATEGORIES))


def surrogate_fit_loss(listener: AudioSurrogate, weights: Any, lessons: ReplayBuffer, key: Array) -> Float[Array, ""]:
    """How far guesses are from what was heard: cross entropy, summed over rules and kinds."""
    seen = one_hot(lessons.voice, lessons.operators)
    found: Any = listener.apply(
        weights, seen, jnp.asarray(ROUTING)[lessons.algorithm], learning=True, rngs={"dropout": key}
    )
    faults, kinds = (
        optax.sigmoid_binary_cross_entropy(guess, told.astype(jnp.float32)).sum(axis=-1).mean()
        for guess, told in zip(found, (lessons.faults, lessons.kinds), strict=True)
    )
    return faults + kinds


def surrogate_losses(
    listener: AudioSurrogate, weights: Any, made: OneHot, asked: Float[Array, "voice condition"]
) -> tuple[Array, Array]:
    """What the listener has against voices.

    Args:
      listener: which guesses.
      weights: of it.
      made: voices, or distributions of them.
      asked: what they were asked to be.

    Returns:
      means over voices: minus the log of the chance that there are no faults, summed over rules; and of the chance that
      it is of the kinds that were asked, beyond that of one in two. Surer kinds are not asked for: who wants ever more
      of that gets voices that no human would make.
    """
    found: Any = listener.apply(weights, made, asked[:, : ROUTING.shape[1]], learning=False)
    faults, kinds = found
    told = asked[:, -(len(CATEGORIES) + N_FLAGS) : -N_FLAGS]
    pitchless = (told @ PITCHLESS.astype(np.float32) > 0)[:, None]
    wrong = jax.nn.softplus(faults) * (1 - pitchless * _PITCHED)
    missing = jax.nn.relu(jax.nn.softplus(-kinds) - np.log(2))
    other = (missing * told).sum(axis=-1) / jnp.maximum(told.sum(axis=-1), 1)
    return wrong.sum(axis=-1).mean(), other.mean()
