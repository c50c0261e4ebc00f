"""The last stretch by gradient: levels, rates and feedback of good voices, through the engine to the distance."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from ddx7.audio import perceptual_distance
from ddx7.audio.perceptual import TargetFeatures
from ddx7.engine import Patch, plan_nearest, relax, render_relaxed
from ddx7.engine.control import Nearest
from ddx7.engine.patch import MAXIMUM, MINIMUM
from ddx7.engine.tables import BLOCK
from ddx7.inference.score import Listener

# Frequencies are left out: the distance has a valley at every harmonic, and gradients stay in the one they start in.
FIELDS = ("rates", "levels", "output_level", "feedback")
VOICES = 4
"""Voices in one compiled step."""
STEP = 1.5
"""Panel units that Adam moves a parameter by at first."""

Moving = dict[str, Array]


_optimiser = optax.adam(STEP, b2=0.99)


def compile_descent(listener: Listener) -> None:
    """Compile what `descend` needs for a target of this length; a moment if that was done before."""
    descend(listener, np.zeros((1, 155), np.uint8), lambda _: True, steps=1)


def descend(
    listener: Listener, vced: np.ndarray, keep_going: Callable[[np.ndarray], bool], steps: int = 60
) -> np.ndarray:
    """Improve voices by gradient.

    Args:
      listener: the target.
      vced: uint8 [voice, 155], at most `VOICES`.
      keep_going: asked before every step with the relaxed voices' distances so far.
      steps: at most this many.

    Returns:
      quantised voices worth scoring, uint8 [round, voice, 155]: all voices after every third step.
    """
    n = len(vced)
    patch = relax(Patch.from_vced(vced[np.arange(VOICES) % n]))
    moving: Moving = {name: getattr(patch, name) for name in FIELDS}
    state = _optimiser.init(moving)
    key, velocity, gate = (np.full(VOICES, x, np.int32) for x in (listener.key, listener.velocity, listener.gate))
    hands = (key, velocity, gate)
    found, distances = [], np.full(VOICES, np.inf)
    for step in range(steps):
        if not keep_going(distances):
            break
        host = jax.tree.map(np.asarray, replace(patch, **moving))
        nearest = plan_nearest(host, key, velocity, gate, listener.sample_rate)
        loss, moving, state = _step(moving, state, patch, nearest, hands, listener.features)
        distances = np.asarray(loss)
        if step % 3 == 2:
            found.append(replace(patch, **moving).to_vced()[:n])
    return np.stack(found) if found else vced[None, :0]


@jax.jit
def _step(
    moving: Moving,
    state: Any,
    patch: Patch,
    nearest: Nearest,
    hands: tuple[Array, Array, Array],
    features: TargetFeatures,
) -> tuple[Float[Array, " voice"], Moving, Any]:
    key, velocity, gate = hands
    n_blocks, rate = features.n_samples // BLOCK, features.sample_rate

    def loss(moving: Moving) -> tuple[Array, Array]:
        audio = render_relaxed(replace(patch, **moving), key, velocity, gate, n_blocks, rate, nearest=nearest)
        distances = perceptual_distance(features, audio)
        return distances.sum(), distances

    gradient, distances = jax.grad(loss, has_aux=True)(moving)
    gradient = jax.tree.map(lambda g: jnp.nan_to_num(g, posinf=0.0, neginf=0.0), gradient)
    change, state = _optimiser.update(gradient, state)
    moved: Any = optax.apply_updates(moving, change)
    return distances, {name: jnp.clip(moved[name], MINIMUM[name], MAXIMUM[name]) for name in FIELDS}, state
