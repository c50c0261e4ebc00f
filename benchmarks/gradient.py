"""Seconds of audio per second, render plus gradient in every continuous parameter, 44.1 kHz.

    python benchmarks/gradient.py [--json gradient.json] [--seconds 1]

The loss is the inner product with a fixed signal, so the time is the engine's and not a spectrogram's.
"""

import argparse
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from timing import lively_voices, machine, measure, random_notes, write_json

from ddx7.engine import Patch, plan, plan_nearest, play_differentiable, relax
from ddx7.engine.control import NearestVoice
from ddx7.engine.tables import BLOCK
from ddx7.runtime import ONE_THREAD

RATE = 44100


Notes = tuple[np.ndarray, np.ndarray, np.ndarray]


def gradient_step(patch: Patch, target: jax.Array, notes: Notes, n_blocks: int) -> Patch:
    """One step of a search: plan the nearest real voices, then the gradient."""
    nearest = plan_nearest(patch, *notes, RATE)
    return _gradient(patch, nearest, target, notes, n_blocks)


def gradient(patch: Patch, nearest: NearestVoice, target: jax.Array, notes: Notes, n_blocks: int) -> Patch:
    """Gradient of the sum over voices of the inner product of sound and target."""

    def loss(patch: Patch) -> jax.Array:
        return jnp.sum(play_differentiable(plan(patch, *notes, RATE, nearest), n_blocks) * target)

    return jax.grad(loss)(patch)


_gradient = jax.jit(gradient, static_argnames="n_blocks", compiler_options=ONE_THREAD)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=float, default=1.0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    n_blocks = round(arguments.seconds * RATE / BLOCK)
    rows = []
    print(f"{machine()}\n")
    print("| voices | audio s / wall s | median ms | compile and first call s |\n|---|---|---|---|")
    for n in (1, 8, 32):
        voices, (note_numbers, velocities) = lively_voices(rng, n), random_notes(rng, n)
        voices.feedback[:] = rng.integers(0, 8, n)
        notes = note_numbers, velocities, np.full(n, n_blocks * 3 // 4)
        target = jnp.asarray(rng.standard_normal((n, n_blocks * BLOCK)), jnp.float32)
        step = partial(gradient_step, relax(voices), target, notes, n_blocks)
        first, median = measure(step)
        speed = n * n_blocks * BLOCK / RATE / median
        rows.append({"voices": n, "speed": speed, "median_s": median, "first_s": first})
        print(f"| {n} | {speed:,.0f} | {1000 * median:.1f} | {first:.1f} |", flush=True)
    write_json(arguments.json, rows)


if __name__ == "__main__":
    main()
