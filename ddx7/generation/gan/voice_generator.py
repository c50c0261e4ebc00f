"""Voices from a trained generator."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ddx7.errors import Ddx7Error
from ddx7.generation.gan.conditions import ConditionPrior, VoiceConditions
from ddx7.generation.gan.network import CategoryHead, GanSize, GeneratorNetwork, distributions, draw, one_hot
from ddx7.generation.gan.representation import Fields, tidied, to_fields, to_vced
from ddx7.training import SHIPPED_WEIGHTS, read_weights, write_weights
from ddx7.voice.packing import VCED_COLUMNS

WEIGHTS = SHIPPED_WEIGHTS / "gan.safetensors"
_GROUP = 128


@dataclass(frozen=True, eq=False)
class VoiceGenerator:
    """A trained generator, with what is needed to ask it.

    Attributes:
      size: of the networks.
      categories: kinds of sound that it knows, in the order of its conditions.
      weights: of the generator and of the critic's guess at kinds.
      habits: of the human voices it learned from.
      card: what it was trained on, how, and how well it does.
    """

    size: GanSize
    categories: tuple[str, ...]
    weights: dict[str, Any]
    habits: ConditionPrior
    card: dict[str, Any]

    def make(self, asked: VoiceConditions, seed: int = 0, temperature: float = 1.0) -> np.ndarray:
        """Draw voices.

        Args:
          asked: of each voice.
          seed: of chance.
          temperature: 1 draws as learned, less keeps to what is likely.

        Returns:
          uint8 [voice, 155], legal, named INIT VOICE; each with its operators in order and what cannot be heard as in
          that voice.
        """
        work, n = _compiled_maker(self.size), len(asked)
        vectors, found = asked.vectors(), []
        for first in range(0, n, _GROUP):
            rows = np.arange(first, first + _GROUP) % n  # one size, one compilation
            key = jax.random.fold_in(jax.random.key(seed), first)
            voice, operators = work(self.weights["generator"], vectors[rows], key, np.float32(temperature))
            algorithm = asked.algorithm[rows]
            stood, _ = to_fields(to_vced(algorithm, Fields(np.asarray(voice), np.asarray(operators))))
            found.append(to_vced(algorithm, stood))
        return tidied(np.concatenate(found)[:n])

    def kinds(self, vced: np.ndarray) -> np.ndarray:
        """How likely each kind of sound is, by the critic's guess from the parameters: [voice, category]."""
        work, n = _compiled_guesser(self.size, len(self.categories)), len(vced)
        if not n:
            return np.zeros((0, len(self.categories)), np.float32)
        fields, _ = to_fields(vced)
        nothing = np.zeros(n, np.int8)
        conditions = VoiceConditions(_algorithm(vced), np.zeros((n, len(self.categories)), bool), nothing, nothing)
        vectors, found = conditions.vectors(), []
        for first in range(0, n, _GROUP):
            rows = np.arange(first, first + _GROUP) % n
            found.append(np.asarray(work(self.weights["guesser"], *(part[rows] for part in fields), vectors[rows])))
        return np.concatenate([np.zeros((0, len(self.categories)), np.float32), *found])[:n]


def save_weights(
    path: Path, weights: dict[str, Any], size: GanSize, habits: ConditionPrior, card: dict[str, Any]
) -> None:
    """Write a generator in half precision, and beside it a card in JSON.

    Args:
      path: ends in .safetensors.
      weights: of "generator" and "critic".
      size: of the networks.
      habits: of the voices that it learned from.
      card: what is to be known of it; "categories" names the kinds of sound.
    """
    judge = weights["critic"]["params"]
    kept = {
        "generator": weights["generator"],
        "guesser": {"params": {name: judge[name] for name in ("trunk", "kinds")}},
        "habits": vars(habits),
    }
    write_weights(path, kept, {**card, "size": size._asdict()})


def load_weights(path: Path = WEIGHTS) -> VoiceGenerator:
    """Read what `save_weights` wrote.

    Raises:
      Ddx7Error: a file is missing, or the weights are not those of the card.
    """
    weights, card = read_weights(path)
    try:
        size, categories = GanSize(**card["size"]), tuple(card["categories"])
        habits = weights.pop("habits")
        habits = ConditionPrior(habits["mixes"] > 0, habits["counts"], habits["algorithms"])
    except (KeyError, TypeError) as error:
        raise Ddx7Error(f"{path}: these are no weights of a generator ({error})") from None
    return VoiceGenerator(size, categories, weights, habits, card)


@cache
def shipped() -> VoiceGenerator:
    """The generator that comes with the package, read once."""
    return load_weights()


def _algorithm(vced: np.ndarray) -> np.ndarray:
    return vced[:, VCED_COLUMNS["algorithm"]].astype(np.int64)


@cache
def _compiled_maker(size: GanSize) -> Any:
    generator = GeneratorNetwork(size)

    @jax.jit
    def work(weights: Any, asked: jax.Array, key: jax.Array, temperature: jax.Array) -> tuple[jax.Array, jax.Array]:
        of_noise, of_draw = jax.random.split(key)
        noise = jax.random.normal(of_noise, (len(asked), size.noise))
        logits: Any = generator.apply(weights, noise, asked)
        return draw(of_draw, distributions(logits, temperature))

    return work


@cache
def _compiled_guesser(size: GanSize, n_categories: int) -> Any:
    guesser = CategoryHead(size, n_categories)

    @jax.jit
    def work(weights: Any, voice: jax.Array, operators: jax.Array, asked: jax.Array) -> jax.Array:
        logits: Any = guesser.apply(weights, one_hot(voice, operators), asked)
        return jax.nn.sigmoid(logits)

    return work
