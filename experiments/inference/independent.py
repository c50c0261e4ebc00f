"""The ear with a regression in place of its writer: every parameter from the sound alone.

    python experiments/inference/independent.py runs/encoder [--steps 2000] [--weights FILE]

Keeps the trained eye, and trains on it one layer more and a distribution for each of the 145 parameters (NumCat++ with
every parameter a class), none of which sees the others. Its answer is the likeliest value of each: what a sound-to-
parameters regression gives, where several voices make one sound.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import numpy as np
import optax
from flax import serialization

from ddx7.inference.encoder.network import Ear
from ddx7.inference.encoder.propose import WEIGHTS, Heard, Proposer, load_weights
from ddx7.inference.encoder.tokens import N_TOKENS, N_VALUES, SIZES, to_vced
from ddx7.inference.encoder.training import Settings, draw_batch, load_shards

SEEN = 512


class Independent(nn.Module):
    """A distribution for each parameter, [batch, token, value]."""

    @nn.compact
    def __call__(self, heard: jax.Array) -> jax.Array:
        """Logits for each row of what was heard."""
        x = nn.relu(nn.Dense(SEEN)(heard))
        x = x + nn.Dense(SEEN)(nn.relu(nn.Dense(SEEN)(nn.LayerNorm()(x))))
        logits = nn.Dense(N_TOKENS * N_VALUES)(nn.LayerNorm()(x)).reshape(-1, N_TOKENS, N_VALUES)
        return jax.numpy.where(np.arange(N_VALUES) < SIZES[:, None], logits, -1e9)


def load_independent(path: Path, ear: Proposer) -> Callable[[Heard], np.ndarray]:
    """A function from notes to the voice that is regressed, uint8 [155]."""
    model = Independent()
    start = model.init(jax.random.key(0), np.zeros((1, ear.model.size.heard)))
    weights: Any = serialization.from_bytes(start, path.read_bytes())

    @jax.jit
    def answer(pictures: jax.Array, hands: jax.Array) -> jax.Array:
        heard = ear.model.apply(ear.weights, pictures, hands, np.ones((1, hands.shape[1])), method=Ear.hear)
        return model.apply(weights, heard).argmax(axis=-1)

    return lambda heard: to_vced(np.asarray(answer(heard.pictures[None], heard.hands[None])).astype(np.uint8))[0]


def main() -> None:
    """Train, and write `independent.msgpack`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--shards", type=int, default=32)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    arguments = parser.parse_args()
    ear = load_weights(arguments.weights)
    examples = load_shards(sorted((arguments.run / "train").glob("*.npz"))[: arguments.shards])
    model, settings = Independent(), Settings(batch=128)
    optimiser = optax.adamw(optax.cosine_decay_schedule(1e-3, arguments.steps))
    weights: Any = model.init(jax.random.key(0), np.zeros((1, ear.model.size.heard)))
    state = optimiser.init(weights)

    @jax.jit
    def update(weights: Any, state: Any, batch: tuple) -> tuple[Any, Any, jax.Array]:
        *notes, tokens = batch
        heard = ear.model.apply(ear.weights, *notes, method=Ear.hear)

        def loss_of(weights: Any) -> jax.Array:
            logits: Any = model.apply(weights, heard)
            return optax.softmax_cross_entropy_with_integer_labels(logits, tokens).sum(axis=-1).mean()

        loss, slope = jax.value_and_grad(loss_of)(weights)
        change, state = optimiser.update(slope, state, weights)
        return optax.apply_updates(weights, change), state, loss

    losses = []
    for step in range(arguments.steps):
        weights, state, loss = update(weights, state, draw_batch(examples, settings, step))
        losses.append(loss)
        if step % 100 == 99:
            print(step + 1, round(float(np.mean(losses[-100:])), 2), flush=True)
    (arguments.run / "independent.msgpack").write_bytes(serialization.to_bytes(weights))


if __name__ == "__main__":
    main()
