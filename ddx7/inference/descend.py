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
from ddx7.engine.patch import MAXIMUM, MINIMUM, clip
from ddx7.engine.tables import BLOCK
from ddx7.inference.score import Listener

# Frequencies are left out: the distance has a valley at every harmonic, and gradients stay in the one they start in.
FIELDS = ("rates", "levels", "output_level", "feedback")
VOICES = 4
"""Voices in one compiled step."""
STEP = 1.5
"""Panel units that Adam moves a parameter by at first."""

Moving = dict[str, Array]


class Descent:
    """Adam on relaxed voices; the step is compiled once, by `compile`, which may run in another thread.

    Args:
      listener: the target.
    """

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.optimiser = optax.adam(STEP, b2=0.99)
        self._n_blocks = len(listener.target) // BLOCK
        self._step: Callable[..., tuple[Array, Moving, optax.OptState]] | None = None

    @property
    def ready(self) -> bool:
        """Whether `compile` has finished."""
        return self._step is not None

    def compile(self) -> None:
        """Compile the step for this target's length and sample rate."""
        patch = relax(Patch.from_vced(np.zeros((VOICES, 155), np.uint8)))
        moving = _moving(patch)
        lowered = jax.jit(self._loss_step).lower(
            moving, self.optimiser.init(moving), patch, self._nearest(patch), self.listener.features
        )
        self._step = lowered.compile()

    def run(self, vced: np.ndarray, keep_going: Callable[[np.ndarray], bool], steps: int = 60) -> np.ndarray:
        """Improve voices.

        Args:
          vced: uint8 [voice, 155], at most `VOICES`.
          keep_going: asked before every step with the relaxed voices' distances so far.
          steps: at most this many.

        Returns:
          quantised voices worth scoring, uint8 [candidate, 155]: every voice after some of the steps.
        """
        if self._step is None:
            raise RuntimeError("compile() first")
        rows = np.arange(VOICES) % len(vced)
        patch = relax(Patch.from_vced(vced[rows]))
        moving = _moving(patch)
        state = self.optimiser.init(moving)
        found, distances = [], np.full(VOICES, np.inf)
        for step in range(steps):
            if not keep_going(distances):
                break
            current = clip(replace(patch, **moving))
            loss, moving, state = self._step(moving, state, patch, self._nearest(current), self.listener.features)
            distances = np.asarray(loss)
            if step % 3 == 2:
                found.append(clip(replace(patch, **moving)).to_vced())
        return np.concatenate(found) if found else vced[:0]

    def _nearest(self, patch: Patch) -> Nearest:
        host = jax.tree.map(np.asarray, patch)
        return plan_nearest(host, *self._hands(), self.listener.sample_rate)

    def _hands(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        key, velocity, gate = (
            np.full(VOICES, x, np.int32) for x in (self.listener.key, self.listener.velocity, self.listener.gate)
        )
        return key, velocity, gate

    def _loss_step(
        self, moving: Moving, state: optax.OptState, patch: Patch, nearest: Nearest, features: TargetFeatures
    ) -> tuple[Float[Array, " voice"], Moving, optax.OptState]:
        def loss(moving: Moving) -> tuple[Array, Array]:
            voices = clip(replace(patch, **moving))
            rate = self.listener.sample_rate
            audio = render_relaxed(voices, *self._hands(), self._n_blocks, rate, nearest=nearest)
            distances = perceptual_distance(features, audio)
            return distances.sum(), distances

        gradient, distances = jax.grad(loss, has_aux=True)(moving)
        gradient = jax.tree.map(lambda g: jnp.nan_to_num(g, posinf=0.0, neginf=0.0), gradient)
        change, state = self.optimiser.update(gradient, state)
        moved: Any = optax.apply_updates(moving, change)
        moved = {name: jnp.clip(moved[name], MINIMUM[name], MAXIMUM[name]) for name in FIELDS}
        return distances, moved, state


def _moving(patch: Patch) -> Moving:
    return {name: getattr(patch, name) for name in FIELDS}
