"""Voices for a recording, from a trained ear."""

from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ddx7.inference.encoder.network import Ear, Size
from ddx7.library.tokens import to_vced
from ddx7.runs import read_weights, write_weights

WEIGHTS = Path(__file__).parents[2] / "weights" / "encoder.safetensors"
MOST_NOTES = 4
"""Notes of one sound that are seen at once."""
_GROUP = 64


@dataclass(frozen=True, eq=False)
class Heard:
    """Notes of one sound as the ear takes them in.

    Attributes:
      pictures: uint8 [note, frame, band], as `picture` makes them; 1 to `MOST_NOTES` notes.
      hands: key, velocity and seconds held, float32 [note, 3].
    """

    pictures: np.ndarray
    hands: np.ndarray


@dataclass(frozen=True, eq=False)
class Proposer:
    """A trained ear.

    Attributes:
      model: the network.
      weights: its parameters.
      card: what it was trained on, how, and how well it does.
    """

    model: Ear
    weights: Any
    card: dict[str, Any]

    def propose(self, heard: Heard, n: int, seed: int = 0, temperature: float = 1.0) -> np.ndarray:
        """Draw voices that may have made a sound.

        Args:
          heard: its notes.
          n: how many voices.
          seed: of chance.
          temperature: 1 draws as learned, less keeps to what is likely.

        Returns:
          uint8 [n, 155], legal.
        """
        model: Any = self.model
        hear, draw = _compiled(model)
        # A fixed number of places for notes, so that nothing is compiled twice.
        notes = len(heard.hands)
        pictures = np.zeros((1, MOST_NOTES, *heard.pictures.shape[1:]), np.uint8)
        hands = np.ones((1, MOST_NOTES, 3), np.float32)
        pictures[0, :notes], hands[0, :notes] = heard.pictures, heard.hands
        present = (np.arange(MOST_NOTES) < notes).astype(np.float32)[None]
        what = jnp.repeat(hear(self.weights, pictures, hands, present), _GROUP, axis=0)
        keys = jax.random.split(jax.random.key(seed), -(-n // _GROUP))
        tokens = np.concatenate([np.asarray(draw(self.weights, what, key, temperature)) for key in keys])
        return to_vced(tokens[:n].astype(np.uint8))


def save_weights(path: Path, weights: Any, size: Size, card: dict[str, Any]) -> None:
    """Write weights in half precision, and beside them a card in JSON with their hash."""
    write_weights(path, weights, {**card, "size": size._asdict()})


def load_weights(path: Path = WEIGHTS) -> Proposer:
    """Read what `save_weights` wrote.

    Raises:
      Ddx7Error: a file is missing, or the weights are not those of the card.
    """
    weights, card = read_weights(path)
    size = Size(**{**card["size"], "patch": tuple(card["size"]["patch"])})
    return Proposer(Ear(size), weights, card)


@cache
def shipped() -> Proposer:
    """The ear that comes with the package, read once."""
    return load_weights()


@cache
def _compiled(model: Any) -> tuple[Any, Any]:
    def call(method: Any) -> Any:
        return jax.jit(partial(model.apply, method=method))

    return call(Ear.hear), call(Ear.draw)
