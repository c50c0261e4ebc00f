"""Refinement of voices by gradient: levels, rates and feedback, through the engine to the perceptual distance.

Notes are taken one after the other, so that one compiled program for a few lengths serves any number of notes. Voices
run in groups of four, one group on each core.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, UInt8

from ddx7.audio import perceptual_distance
from ddx7.audio.perceptual import TargetFeatures
from ddx7.engine import Patch, plan, plan_nearest, play_differentiable, relax
from ddx7.engine.control import NearestVoice
from ddx7.engine.patch import MAXIMUM, MINIMUM
from ddx7.engine.tables import BLOCK
from ddx7.matching.objective import NoteTarget, Objective
from ddx7.runtime import ONE_THREAD, n_cores
from ddx7.voice import spec
from ddx7.voice.packing import VCED_COLUMNS

# Frequencies are not among them: the distance has a valley at every harmonic, and a gradient stays in its first one.
FIELDS = (
    *("rates", "levels", "output_level", "feedback"),
    *("pitch_mod_sensitivity", "lfo_pitch_depth", "amp_mod_sensitivity", "lfo_amp_depth"),
)
TOUCH_FIELDS = ("velocity_sensitivity", "left_depth", "right_depth", "rate_scaling")
"""Those that move, too, where several recordings determine them."""
GROUP = 4
"""Voices in one compiled step."""
STEPS = 12
FIRST_STEP, LAST_STEP = 2.0, 0.2
"""Hundredths of a parameter's range that Adam moves it by, in the first and in the last step."""
STEPS_PER_ROUND = 3
"""Steps between two quantised voices."""

Params = dict[str, Array]
"""The fields of a patch that the gradient moves."""

_UNIT = {name: MAXIMUM[name] / 100 for name in (*FIELDS, *TOUCH_FIELDS)}


ONE_NOTE = np.array([field.parameter.name not in TOUCH_FIELDS for field in spec.FIELDS])
"""Bytes of the edit form that one note determines."""


@cache
def _optimiser() -> Any:
    import optax  # here: a match without a gradient need not wait for it

    return optax.adam(optax.cosine_decay_schedule(FIRST_STEP, STEPS, LAST_STEP / FIRST_STEP), b2=0.99)


def compile_refinement(objective: Objective, free: Bool[np.ndarray, " 155"]) -> None:
    """Compile the programs that `refine` needs for notes of these lengths and these free bytes."""
    _refine_group(objective, np.zeros((1, 155), np.uint8), free, lambda: True, steps=1)


def refine(
    objective: Objective,
    vced: UInt8[np.ndarray, "voice 155"],
    keep_going: Callable[[], bool] = lambda: True,
    *,
    free: Bool[np.ndarray, " 155"] = ONE_NOTE,
) -> UInt8[np.ndarray, "round voice 155"]:
    """Improve voices by gradient.

    Args:
      objective: the distance to reduce.
      vced: the voices.
      keep_going: called before every step; False ends the descent.
      free: bytes of the edit form that may move.

    Returns:
      quantised voices to evaluate: all voices after every third step. Only rounds that every group completed.
    """
    groups = [vced[k : k + GROUP] for k in range(0, len(vced), GROUP)]
    with ThreadPoolExecutor(n_cores()) as pool:
        refined = list(
            pool.map(partial(_refine_group, objective, free=free, keep_going=keep_going, steps=STEPS), groups)
        )
    rounds = min(map(len, refined))
    return np.concatenate([group[:rounds] for group in refined], axis=1)


def _refine_group(
    objective: Objective,
    vced: UInt8[np.ndarray, "voice 155"],
    free: Bool[np.ndarray, " 155"],
    keep_going: Callable[[], bool],
    steps: int,
) -> UInt8[np.ndarray, "round voice 155"]:
    n = len(vced)
    patch = relax(Patch.from_vced(vced[np.arange(GROUP) % n]))
    fields = (*FIELDS, *(name for name in TOUCH_FIELDS if free[VCED_COLUMNS[name]].any()))
    params: Params = {name: getattr(patch, name) for name in fields}
    opt_state = _optimiser().init(params)
    moving: Params = {name: jnp.asarray(free[VCED_COLUMNS[name]], jnp.float32) for name in fields}
    refined = []
    for step in range(steps):
        if not keep_going():
            break
        host_patch = jax.tree.map(np.asarray, replace(patch, **params))
        grads = [_note_grads(params, patch, host_patch, note) for note in objective.note_targets]
        params, opt_state = _update(params, opt_state, grads, moving)
        if step % STEPS_PER_ROUND == STEPS_PER_ROUND - 1:
            refined.append(replace(patch, **params).to_vced()[:n])
    return np.stack(refined) if refined else np.empty((0, *vced.shape), np.uint8)


def _note_grads(params: Params, patch: Patch, host_patch: Patch, target: NoteTarget) -> Params:
    note, velocity, gate = (
        np.full(GROUP, x, np.int32) for x in (target.event.note, target.event.velocity, target.gate_blocks)
    )
    nearest = plan_nearest(host_patch, note, velocity, gate, target.sample_rate, target.profile)
    return _grads(params, patch, nearest, (note, velocity, gate), target.window, target.features)


@partial(jax.jit, compiler_options=ONE_THREAD)
def _grads(
    params: Params,
    patch: Patch,
    nearest: NearestVoice,
    event: tuple[Array, Array, Array],
    window: Float[Array, " sample"],
    features: TargetFeatures,
) -> Params:
    note, velocity, gate = event
    n_blocks, rate = features.n_samples // BLOCK, features.sample_rate

    def loss(params: Params) -> Array:
        plans = plan(replace(patch, **params), note, velocity, gate, rate, nearest)
        return perceptual_distance(features, play_differentiable(plans, n_blocks) * window).sum()

    return jax.grad(loss)(params)


@jax.jit
def _update(params: Params, opt_state: Any, grads: list[Params], moving: Params) -> tuple[Params, Any]:
    mean = jax.tree.map(lambda *g: jnp.nan_to_num(sum(g), posinf=0.0, neginf=0.0) / len(g), *grads)
    updates, opt_state = _optimiser().update(mean, opt_state)
    updates = jax.tree.map(
        lambda update, unit, free: update * unit * free, updates, {name: _UNIT[name] for name in moving}, moving
    )
    moved = jax.tree.map(jnp.add, params, updates)
    bounds = ({name: bound[name] for name in moving} for bound in (MINIMUM, MAXIMUM))
    return jax.tree.map(jnp.clip, moved, *bounds), opt_state
