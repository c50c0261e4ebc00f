"""Voices for a recording, from a trained ear."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Float, UInt8

from ddx7.encoder.network import EncoderSize, PresetModel
from ddx7.encoder.spectrogram import BANDS, FRAMES
from ddx7.encoder.tokens import to_vced
from ddx7.training import SHIPPED_WEIGHTS, read_weights, write_weights

WEIGHTS = SHIPPED_WEIGHTS / "encoder.safetensors"
MOST_NOTES = 4
"""Notes of one sound that are seen at once."""
_GROUP = 64


@dataclass(frozen=True, eq=False)
class NoteInputs:
    """Notes of one sound as the ear takes them in.

    Attributes:
      pictures: uint8 [note, frame, band], as `picture` makes them; 1 to `MOST_NOTES` notes.
      hands: key, velocity and seconds held, float32 [note, 3].
    """

    pictures: np.ndarray
    hands: np.ndarray


@dataclass(frozen=True, eq=False)
class VoiceSampler:
    """A trained ear.

    Attributes:
      size: of the network.
      weights: its parameters.
      card: what it was trained on, how, and how well it does.
    """

    size: EncoderSize
    weights: Any
    card: dict[str, Any]

    def propose(self, heard: NoteInputs, n: int, seed: int = 0, temperature: float = 1.0) -> np.ndarray:
        """Draw voices that may have made a sound.

        Args:
          heard: its notes.
          n: how many voices.
          seed: of chance.
          temperature: 1 draws as learned, less keeps to what is likely.

        Returns:
          uint8 [n, 155], legal.
        """
        return self.draw(np.repeat(self.hear([heard]), n, axis=0), seed, temperature)

    def hear(self, sounds: Sequence[NoteInputs]) -> Float[np.ndarray, "sound heard"]:
        """What the ear takes sounds for: all that `draw` needs to know of each.

        Args:
          sounds: the notes of each.
        """
        # A fixed number of places for notes and of sounds at once, so that nothing is compiled twice.
        pictures = np.zeros((len(sounds), MOST_NOTES, FRAMES, BANDS), np.uint8)
        hands = np.ones((len(sounds), MOST_NOTES, 3), np.float32)
        present = np.zeros((len(sounds), MOST_NOTES), np.float32)
        for k, sound in enumerate(sounds):
            notes = len(sound.hands)
            pictures[k, :notes], hands[k, :notes], present[k, :notes] = sound.pictures, sound.hands, 1
        hear, _ = _compiled(self.size)
        one = [hear(self.weights, *(x[k : k + 1] for x in (pictures, hands, present))) for k in range(len(sounds))]
        return np.concatenate([np.asarray(x) for x in one])

    def draw(
        self, what: Float[np.ndarray, "voice heard"], seed: int = 0, temperature: float = 1.0
    ) -> UInt8[np.ndarray, "voice 155"]:
        """Draw one legal voice for each row that `hear` gave, or that lies between such rows.

        Args:
          what: what the voices are to sound like.
          seed: of chance.
          temperature: 1 draws as learned, less keeps to what is likely.
        """
        _, draw = _compiled(self.size)
        keys = jax.random.split(jax.random.key(seed), -(-len(what) // _GROUP))
        whole = np.resize(what, (len(keys) * _GROUP, what.shape[1]))
        groups = zip(np.split(whole, len(keys)), keys, strict=True)
        tokens = np.concatenate([np.asarray(draw(self.weights, group, key, temperature)) for group, key in groups])
        return to_vced(tokens[: len(what)].astype(np.uint8))


def save_weights(path: Path, weights: Any, size: EncoderSize, card: dict[str, Any]) -> None:
    """Write weights in half precision, and beside them a card in JSON with their hash."""
    write_weights(path, weights, {**card, "size": size._asdict()})


def load_weights(path: Path = WEIGHTS) -> VoiceSampler:
    """Read what `save_weights` wrote.

    Raises:
      Ddx7Error: a file is missing, or the weights are not those of the card.
    """
    weights, card = read_weights(path)
    size = EncoderSize(**{**card["size"], "patch": tuple(card["size"]["patch"])})
    return VoiceSampler(size, weights, card)


@cache
def shipped() -> VoiceSampler:
    """The ear that comes with the package, read once."""
    return load_weights()


@cache
def _compiled(size: EncoderSize) -> tuple[Any, Any]:
    model = PresetModel(size)

    def call(method: Any) -> Any:
        return jax.jit(partial(model.apply, method=method))

    return call(PresetModel.hear), call(PresetModel.draw)
