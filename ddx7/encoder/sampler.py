"""Sampling voices for recorded notes from a trained preset model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float, Float32, UInt8

from ddx7.encoder.size import EncoderSize
from ddx7.encoder.spectrogram import BANDS, FRAMES
from ddx7.encoder.tokens import N_TOKENS, to_tokens, to_vced
from ddx7.errors import Ddx7Error
from ddx7.programs import StoredProgram
from ddx7.runtime import ONE_THREAD, in_threads
from ddx7.training import SHIPPED_WEIGHTS, read_weights, write_weights

WEIGHTS = SHIPPED_WEIGHTS / "encoder.safetensors"
MAX_NOTES = 4
"""Highest number of notes in one `NoteInputs`."""
_BATCH = 64


@dataclass(frozen=True, eq=False)
class NoteInputs:
    """Notes of one sound, as the preset model takes them.

    Attributes:
      spectrograms: as `log_frequency_spectrogram` makes them; 1 to `MAX_NOTES` notes.
      note_events: MIDI note, velocity and gate in seconds.
    """

    spectrograms: UInt8[np.ndarray, "note frame band"]
    note_events: Float32[np.ndarray, "note 3"]


@dataclass(frozen=True, eq=False)
class VoiceSampler:
    """A trained preset model.

    Attributes:
      size: of the network.
      params: of the network.
      card: the model's training data, training and scores.
    """

    size: EncoderSize
    params: Any
    card: dict[str, Any]

    def sample(
        self, inputs: NoteInputs, n: int, seed: int = 0, temperature: float = 1.0
    ) -> UInt8[np.ndarray, "{n} 155"]:
        """Sample voices that may have made a sound.

        Args:
          inputs: the notes of the sound.
          n: number of voices.
          seed: of the random numbers.
          temperature: 1 samples the learned distribution; lower values favour likely voices.

        Returns:
          legal voices, named INIT VOICE.
        """
        return self.decode(np.repeat(self.embed([inputs]), n, axis=0), seed, temperature)

    def embed(self, sounds: Sequence[NoteInputs]) -> Float[np.ndarray, "sound embedding"]:
        """Embed sounds, each from its notes.

        Args:
          sounds: the notes of each.
        """
        # One shape for every number of notes and of sounds needs one compilation.
        spectrograms = np.zeros((len(sounds), MAX_NOTES, FRAMES, BANDS), np.uint8)
        note_events = np.ones((len(sounds), MAX_NOTES, 3), np.float32)
        present = np.zeros((len(sounds), MAX_NOTES), np.float32)
        for k, sound in enumerate(sounds):
            n = len(sound.note_events)
            spectrograms[k, :n], note_events[k, :n], present[k, :n] = sound.spectrograms, sound.note_events, 1
        embed, _, _ = _compiled(self.size)
        inputs = spectrograms, note_events, present
        embeddings = [embed(self.params, *(x[k : k + 1] for x in inputs)) for k in range(len(sounds))]
        return np.concatenate([np.asarray(x) for x in embeddings])

    def decode(
        self, embeddings: Float[np.ndarray, "voice embedding"], seed: int = 0, temperature: float = 1.0
    ) -> UInt8[np.ndarray, "voice 155"]:
        """Sample one legal voice for each embedding.

        Args:
          embeddings: as `embed` returns them, or points between.
          seed: of the random numbers.
          temperature: 1 samples the learned distribution; lower values favour likely voices.
        """
        _, sample, _ = _compiled(self.size)
        keys = np.asarray(_keys(-(-len(embeddings) // _BATCH))(np.uint32(seed)))
        padded = np.resize(embeddings, (len(keys) * _BATCH, embeddings.shape[1]))
        tokens = np.empty((len(padded), N_TOKENS), np.uint8)

        def sample_batch(number: int) -> None:
            batch = slice(number * _BATCH, (number + 1) * _BATCH)
            tokens[batch] = sample(self.params, padded[batch], keys[number], np.float32(temperature))

        in_threads(sample_batch, range(len(keys)))
        return to_vced(tokens[: len(embeddings)])

    def log_likelihoods(self, inputs: NoteInputs, vced: UInt8[np.ndarray, "voice 155"]) -> Float[np.ndarray, " voice"]:
        """How likely the model finds voices for a sound.

        Args:
          inputs: the notes of the sound.
          vced: voices; those that sound the same count as one, so that names and inaudible bytes do not matter.

        Returns:
          log-likelihoods in nats.
        """
        _, _, score = _compiled(self.size)
        n = -(-len(vced) // _BATCH) * _BATCH
        tokens = np.resize(to_tokens(vced).astype(np.int32), (n, N_TOKENS))
        embedding = np.repeat(self.embed([inputs]), _BATCH, axis=0)
        batches = [score(self.params, embedding, tokens[k : k + _BATCH]) for k in range(0, n, _BATCH)]
        return np.concatenate([np.zeros(0), *map(np.asarray, batches)])[: len(vced)]


def save_weights(path: Path, params: Any, size: EncoderSize, card: dict[str, Any]) -> None:
    """Write weights in half precision, and beside them a card in JSON with their hash."""
    write_weights(path, params, {**card, "size": size._asdict()})


def load_weights(path: Path = WEIGHTS) -> VoiceSampler:
    """Read weights that `save_weights` wrote.

    Raises:
      Ddx7Error: a file is missing, or the weights are not those of the card or of no preset model.
    """
    params, card = read_weights(path)
    try:
        size = EncoderSize(**{**card["size"], "patch": tuple(card["size"]["patch"])})
    except (KeyError, TypeError) as error:
        raise Ddx7Error(f"{path}: found weights of something else, wanted those of a preset model ({error})") from None
    return VoiceSampler(size, params, card)


@cache
def load_default() -> VoiceSampler:
    """The preset model that comes with the package, read once."""
    return load_weights()


@cache
def _compiled(size: EncoderSize) -> tuple[Any, Any, Any]:
    def build(method: str) -> Callable[..., Any]:
        from ddx7.encoder.network import PresetModel

        return partial(PresetModel(size).apply, method=method)

    def build_sample() -> Callable[..., Any]:
        def sample(params: Any, embedding: Array, key: Array, temperature: Array) -> Array:
            return build("sample")(params, embedding, jax.random.wrap_key_data(key), temperature)

        return sample

    embed, score = (
        StoredProgram(f"encoder-{name}", partial(build, name), str(size)) for name in ("embed", "log_likelihoods")
    )
    return embed, StoredProgram("encoder-sample", build_sample, str(size), ONE_THREAD), score


@cache
def _keys(n: int) -> Any:
    """From a seed to `n` random keys: their data, uint32 [key, 2]."""

    def split(seed: Array) -> Array:
        return jax.random.key_data(jax.random.split(jax.random.key(seed), n))

    return StoredProgram(f"encoder-keys{n}", lambda: split)
