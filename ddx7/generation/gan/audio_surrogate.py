"""A differentiable surrogate for rendering: predicts from a voice's fields what screening and classification find.

Rendering is slow, and no gradient passes through screening rules and categories. The surrogate is fast and has a
gradient. It learns from rendered voices of the generator, so it is most accurate on what the generator makes now.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, UInt8

from ddx7.generation.gan.network import ArrayLike
from ddx7.generation.gan.representation import N_OPERATOR, N_VOICE, Fields
from ddx7.library.categories import CATEGORIES
from ddx7.library.classify import load_classifier
from ddx7.library.screening import RULES, measure_voices, screen_measures
from ddx7.voice.spec import N_OPERATORS

BUFFER_SIZE = 16_384
"""Measured voices in the replay buffer."""
REPLAYED = 192
"""Voices from the replay buffer in each batch, beside the newly measured ones."""


class ReplayBuffer(NamedTuple):
    """Measured voices.

    Attributes:
      voice: voice fields, int16 [voice, field].
      operators: operator fields, int16 [voice, 6, field].
      algorithm: 0-31, int16 [voice].
      faults: rules of `ddx7.library.screening` that each voice breaks as a pitched one, float16 [voice, rule].
      categories: probability of each category by the sound, float16 [voice, category].
    """

    voice: ArrayLike
    operators: ArrayLike
    algorithm: ArrayLike
    faults: ArrayLike
    categories: ArrayLike


def empty_buffer() -> ReplayBuffer:
    """A buffer of `BUFFER_SIZE` zeros."""
    return ReplayBuffer(
        jnp.zeros((BUFFER_SIZE, N_VOICE), jnp.int16),
        jnp.zeros((BUFFER_SIZE, N_OPERATORS, N_OPERATOR), jnp.int16),
        jnp.zeros(BUFFER_SIZE, jnp.int16),
        jnp.zeros((BUFFER_SIZE, len(RULES)), jnp.float16),
        jnp.zeros((BUFFER_SIZE, len(CATEGORIES)), jnp.float16),
    )


def measure_draw(
    vced: UInt8[np.ndarray, "voice 155"], fields: Fields, algorithm: Int[np.ndarray, " voice"]
) -> ReplayBuffer:
    """Render, screen and classify voices.

    Args:
      vced: legal bytes.
      fields: of the same voices.
      algorithm: of the same voices, 0-31.
    """
    measures = measure_voices(vced)
    return ReplayBuffer(
        fields.voice.astype(np.int16),
        fields.operators.astype(np.int16),
        algorithm.astype(np.int16),
        screen_measures(measures, without_pitch=False).broken.astype(np.float16),
        load_classifier().probabilities(vced, measures).astype(np.float16),
    )


def update_buffer(
    buffer: ReplayBuffer, measured: ReplayBuffer, n_updates: Array, key: Array
) -> tuple[ReplayBuffer, ReplayBuffer]:
    """Replace the oldest voices of the buffer by newly measured ones, and draw a batch.

    Args:
      buffer: before the update.
      measured: new voices, the same number at every update.
      n_updates: number of updates before this one.
      key: random key of the batch.

    Returns:
      the buffer after the update, and the batch: the new voices and `REPLAYED` random ones of the buffer.
    """
    n = len(measured.voice)
    places = (n_updates * n + jnp.arange(n)) % BUFFER_SIZE
    buffer = jax.tree.map(lambda old, new: old.at[places].set(new), buffer, measured)
    rows = jax.random.randint(key, (REPLAYED,), 0, jnp.minimum((n_updates + 1) * n, BUFFER_SIZE))
    return buffer, jax.tree.map(lambda new, old: jnp.concatenate([new, old[rows]]), measured, buffer)
