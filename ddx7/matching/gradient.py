"""Levels, rates and feedback of good voices by gradient, through the engine to the distance.

Notes are taken one after the other, so that one compiled program, for a few lengths, serves any number of them; voices
go in groups of four, one group a core.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from ddx7.audio import perceptual_distance
from ddx7.audio.perceptual import TargetFeatures
from ddx7.engine import Patch, plan, plan_nearest, play_differentiable, relax
from ddx7.engine.control import NearestVoice
from ddx7.engine.patch import MAXIMUM, MINIMUM
from ddx7.engine.tables import BLOCK
from ddx7.matching.objective import NoteTarget, Objective
from ddx7.runtime import ONE_THREAD, n_cores

# Frequencies are left out: the distance has a valley at every harmonic, and gradients stay in the one they start in.
FIELDS = (
    *("rates", "levels", "output_level", "feedback"),
    *("pitch_mod_sensitivity", "lfo_pitch_depth", "amp_mod_sensitivity", "lfo_amp_depth"),
)
GROUP = 4
"""Voices in one compiled step."""
STEPS = 12
FIRST_STEP, LAST_STEP = 2.0, 0.2
"""Hundredths of its range that Adam moves a parameter by, at the beginning and at the end."""
LOOK_EVERY = 3
"""Steps from one quantised voice to the next."""

Moving = dict[str, Array]


_optimiser = optax.adam(optax.cosine_decay_schedule(FIRST_STEP, STEPS, LAST_STEP / FIRST_STEP), b2=0.99)


def compile_refinement(audition: Objective) -> None:
    """Compile what `refine` needs for notes of these lengths; a moment if that was done before."""
    _descend_group(audition, np.zeros((1, 155), np.uint8), lambda: True, steps=1)


def refine(audition: Objective, vced: np.ndarray, keep_going: Callable[[], bool] = lambda: True) -> np.ndarray:
    """Improve voices by gradient.

    Args:
      audition: the target.
      vced: uint8 [voice, 155].
      keep_going: asked before every step.

    Returns:
      quantised voices worth scoring, uint8 [round, voice, 155]: all voices after every third step. Rounds that not all
      groups of voices reached are left out.
    """
    groups = [vced[k : k + GROUP] for k in range(0, len(vced), GROUP)]
    with ThreadPoolExecutor(n_cores()) as pool:
        found = list(pool.map(partial(_descend_group, audition, keep_going=keep_going, steps=STEPS), groups))
    rounds = min(map(len, found))
    return np.concatenate([group[:rounds] for group in found], axis=1)


def _descend_group(audition: Objective, vced: np.ndarray, keep_going: Callable[[], bool], steps: int) -> np.ndarray:
    n = len(vced)
    patch = relax(Patch.from_vced(vced[np.arange(GROUP) % n]))
    moving: Moving = {name: getattr(patch, name) for name in FIELDS}
    state = _optimiser.init(moving)
    found = []
    for step in range(steps):
        if not keep_going():
            break
        host = jax.tree.map(np.asarray, replace(patch, **moving))
        slopes = [_slope(moving, patch, host, listener) for listener in audition.listeners]
        moving, state = _update(moving, state, slopes)
        if step % LOOK_EVERY == LOOK_EVERY - 1:
            found.append(replace(patch, **moving).to_vced()[:n])
    return np.stack(found) if found else np.empty((0, *vced.shape), np.uint8)


def _slope(moving: Moving, patch: Patch, host: Patch, listener: NoteTarget) -> Moving:
    hand = listener.hand
    key, velocity, gate = (np.full(GROUP, x, np.int32) for x in (hand.key, hand.velocity, listener.gate))
    nearest = plan_nearest(host, key, velocity, gate, listener.sample_rate, listener.profile)
    return _gradient(moving, patch, nearest, (key, velocity, gate), listener.window, listener.features)


@partial(jax.jit, compiler_options=ONE_THREAD)
def _gradient(
    moving: Moving,
    patch: Patch,
    nearest: NearestVoice,
    hands: tuple[Array, Array, Array],
    window: Float[Array, " sample"],
    features: TargetFeatures,
) -> Moving:
    key, velocity, gate = hands
    n_blocks, rate = features.n_samples // BLOCK, features.sample_rate

    def loss(moving: Moving) -> Array:
        plans = plan(replace(patch, **moving), key, velocity, gate, rate, nearest)
        audio = play_differentiable(plans, n_blocks)
        return perceptual_distance(features, audio * window).sum()

    return jax.grad(loss)(moving)


@jax.jit
def _update(moving: Moving, state: Any, slopes: list[Moving]) -> tuple[Moving, Any]:
    mean = jax.tree.map(lambda *g: jnp.nan_to_num(sum(g), posinf=0.0, neginf=0.0) / len(g), *slopes)
    change: Any
    change, state = _optimiser.update(mean, state)
    change = {name: change[name] * (MAXIMUM[name] / 100) for name in FIELDS}
    moved: Any = optax.apply_updates(moving, change)
    return {name: jnp.clip(moved[name], MINIMUM[name], MAXIMUM[name]) for name in FIELDS}, state
