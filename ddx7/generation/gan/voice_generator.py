"""Voices from a trained generator."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float, Int, UInt8

from ddx7.errors import Ddx7Error
from ddx7.generation.gan.conditions import ConditionPrior, VoiceConditions
from ddx7.generation.gan.representation import Fields, reset_inaudible, to_fields, to_vced
from ddx7.generation.gan.size import GanSize, Params
from ddx7.programs import StoredProgram
from ddx7.training import SHIPPED_WEIGHTS, read_weights, write_weights
from ddx7.voice.packing import VCED_COLUMNS

WEIGHTS = SHIPPED_WEIGHTS / "gan.safetensors"
_GROUP = 128


@dataclass(frozen=True, eq=False)
class VoiceGenerator:
    """A trained generator.

    Attributes:
      size: of the networks.
      categories: that it can be conditioned on, in the order of its condition vectors.
      params: of the generator and of the critic's category head, as "generator" and "category_head".
      condition_prior: of the real voices that it learned from.
      card: training data, configuration and scores.
    """

    size: GanSize
    categories: tuple[str, ...]
    params: Params
    condition_prior: ConditionPrior
    card: dict[str, Any]

    def sample(
        self, conditions: VoiceConditions, seed: int = 0, temperature: float = 1.0
    ) -> UInt8[np.ndarray, "voice 155"]:
        """Draw voices.

        Args:
          conditions: of each voice.
          seed: of the draw.
          temperature: 1 samples the learned distributions, less favours likely values.

        Returns:
          legal voices named INIT VOICE, with sorted operators and inaudible parameters as in that voice.
        """
        sample, n = _compiled_generator(self.size), len(conditions)
        vectors, voices = conditions.vectors(), []
        for first in range(0, n, _GROUP):
            rows = np.arange(first, first + _GROUP) % n  # one size, one compilation
            draw = np.uint32(seed), np.int32(first), np.float32(temperature)
            voice, operators = sample(self.params["generator"], vectors[rows], *draw)
            algorithm = conditions.algorithm[rows]
            audible, _ = to_fields(to_vced(algorithm, Fields(np.asarray(voice), np.asarray(operators))))
            voices.append(to_vced(algorithm, audible))
        return reset_inaudible(np.concatenate(voices)[:n])

    def category_probabilities(self, vced: UInt8[np.ndarray, "voice 155"]) -> Float[np.ndarray, "voice category"]:
        """Probability of each category by the critic, which knows only the parameters; float32."""
        classify, n = _compiled_category_head(self.size, len(self.categories)), len(vced)
        if not n:
            return np.zeros((0, len(self.categories)), np.float32)
        fields, _ = to_fields(vced)
        flags = np.zeros(n, np.int8)
        conditions = VoiceConditions(_algorithm(vced), np.zeros((n, len(self.categories)), bool), flags, flags)
        vectors, probabilities = conditions.vectors(), []
        for first in range(0, n, _GROUP):
            rows = np.arange(first, first + _GROUP) % n
            group = classify(self.params["category_head"], *(part[rows] for part in fields), vectors[rows])
            probabilities.append(np.asarray(group))
        return np.concatenate(probabilities)[:n]


def save_weights(
    path: Path, generator: Params, critic: Params, size: GanSize, condition_prior: ConditionPrior, card: dict[str, Any]
) -> None:
    """Write a generator in half precision, and beside it a card in JSON.

    Args:
      path: ends in .safetensors.
      generator: parameters of the generator.
      critic: parameters of the critic; only its category head is written.
      size: of the networks.
      condition_prior: of the voices that it learned from.
      card: training data, configuration and scores; "categories" names the categories.
    """
    params = {
        "generator": generator,
        "category_head": {"params": {name: critic["params"][name] for name in ("trunk", "categories")}},
        "condition_prior": vars(condition_prior),
    }
    write_weights(path, params, {**card, "size": size._asdict()})


def load_weights(path: Path = WEIGHTS) -> VoiceGenerator:
    """Read what `save_weights` wrote.

    Raises:
      Ddx7Error: a file is missing, or the weights are not those of the card or of no generator.
    """
    params, card = read_weights(path)
    try:
        size, categories = GanSize(**card["size"]), tuple(card["categories"])
        prior = params.pop("condition_prior")
        condition_prior = ConditionPrior(prior["combinations"] > 0, prior["counts"], prior["algorithm_counts"])
    except (KeyError, TypeError) as error:
        raise Ddx7Error(f"{path}: found weights of something else, wanted those of a generator ({error})") from None
    return VoiceGenerator(size, categories, params, condition_prior, card)


@cache
def shipped() -> VoiceGenerator:
    """The generator that comes with the package, read once."""
    return load_weights()


def _algorithm(vced: UInt8[np.ndarray, "voice 155"]) -> Int[np.ndarray, " voice"]:
    return vced[:, VCED_COLUMNS["algorithm"]].astype(np.int64)


@cache
def _compiled_generator(size: GanSize) -> Any:
    def build() -> Callable[..., Any]:
        from ddx7.generation.gan.network import GeneratorNetwork, draw, generate

        generator = GeneratorNetwork(size)

        def sample(params: Params, condition: Array, seed: Array, first: Array, temperature: Array) -> Any:
            key = jax.random.fold_in(jax.random.key(seed), first)
            noise_key, draw_key = jax.random.split(key)
            noise = jax.random.normal(noise_key, (len(condition), size.noise))
            return tuple(draw(draw_key, generate(generator, params, noise, condition, temperature)))

        return sample

    return StoredProgram("generator", build, str(size))


@cache
def _compiled_category_head(size: GanSize, n_categories: int) -> Any:
    def build() -> Callable[..., Any]:
        from ddx7.generation.gan.network import CategoryHead, one_hot

        head = CategoryHead(size, n_categories)

        def classify(params: Params, voice: Array, operators: Array, condition: Array) -> Array:
            logits: Any = head.apply(params, one_hot(voice, operators), condition)
            return jax.nn.sigmoid(logits)

        return classify

    return StoredProgram("generator-categories", build, f"{size} {n_categories}")
