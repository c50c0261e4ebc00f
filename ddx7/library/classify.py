"""Categories of voices by their parameters and sound, for those whose names tell none."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8

from ddx7.errors import Ddx7Error
from ddx7.library.canonical import AUDIBLE, canonical
from ddx7.library.categories import CATEGORIES
from ddx7.library.screening import VoiceMeasures
from ddx7.training import SHIPPED_WEIGHTS, read_weights, write_weights
from ddx7.voice.algorithms import ALGORITHMS
from ddx7.voice.packing import VCED_COLUMNS, VCED_MAX

WEIGHTS = SHIPPED_WEIGHTS / "categories.safetensors"
_FLOOR_DB = -60.0
_MAX_RELEASE_S = 30.0
_MAX_DEVIATION = 6.0  # standard deviations, to which features are clipped


@dataclass(frozen=True, eq=False)
class Classifier:
    """A small network: standardised features, one hidden layer, a probability for each category.

    Attributes:
      params: mean, scale [feature]; hidden, hidden_bias; out, out_bias; limit [category], float32.
      card: training data, configuration and scores.
    """

    params: Mapping[str, np.ndarray]
    card: dict[str, Any]

    def probabilities(
        self, vced: UInt8[np.ndarray, "voice 155"], measures: VoiceMeasures
    ) -> Float[np.ndarray, "voice category"]:
        """Probability that a voice's programmer would have named each category, float32.

        Args:
          vced: legal bytes.
          measures: of the same voices.
        """
        w = self.params
        x = np.clip((features(vced, measures) - w["mean"]) / w["scale"], -_MAX_DEVIATION, _MAX_DEVIATION)
        hidden = np.maximum(x @ w["hidden"] + w["hidden_bias"], 0)
        return 1 / (1 + np.exp(-(hidden @ w["out"] + w["out_bias"])))

    def categories(
        self, vced: UInt8[np.ndarray, "voice 155"], measures: VoiceMeasures
    ) -> Bool[np.ndarray, "voice category"]:
        """The categories of each voice: the likeliest one, and all whose probability reaches their limit."""
        probabilities = self.probabilities(vced, measures)
        chosen = probabilities >= self.params["limit"]
        chosen[np.arange(len(chosen)), (probabilities / self.params["limit"]).argmax(1)] = True
        return chosen


def features(vced: UInt8[np.ndarray, "voice 155"], measures: VoiceMeasures) -> Float[np.ndarray, "voice feature"]:
    """Inputs of the classifier, float32.

    They are the coarse log-mels of two notes below their maximum, onset, decay, brightness, noise and pitch of both
    notes, all audible parameters, and the algorithm as one-hot vector.
    """
    audible = canonical(vced)
    algorithm = audible[:, VCED_COLUMNS["algorithm"]].astype(int)
    parameters = audible[:, AUDIBLE] / np.maximum(VCED_MAX[AUDIBLE], 1)
    single: list[np.ndarray] = []
    for note in (measures.middle, measures.low):
        single += [
            note.level_db, np.sqrt(note.attack_s), np.maximum(note.held_db, _FLOOR_DB),
            np.log(np.minimum(note.release_s, _MAX_RELEASE_S) + 0.05), np.log2(note.centre_hz + 30),
            np.sqrt(note.bright_share), np.sqrt(note.flatness), np.sqrt(note.noise), note.pitch,
        ]  # fmt: skip
    middle = measures.middle.coarse_log_mel - measures.middle.coarse_log_mel.max((1, 2), keepdims=True)
    low = measures.low.coarse_log_mel.mean(1) - measures.low.coarse_log_mel.mean(1).max(1, keepdims=True)
    parts = [
        np.maximum(middle, _FLOOR_DB).reshape(len(vced), -1),
        np.maximum(low, _FLOOR_DB),
        np.stack(single, 1),
        parameters,
        np.eye(len(ALGORITHMS))[algorithm],
    ]
    return np.concatenate(parts, 1).astype(np.float32)


def save_classifier(path: Path, params: Mapping[str, np.ndarray], card: dict[str, Any]) -> None:
    """Write parameters in half precision, and their card beside them."""
    # Mean and scale of features span many magnitudes, so they stay in single precision.
    write_weights(path, dict(params), {**card, "categories": list(CATEGORIES)}, exact=("mean", "scale"))


@cache
def load_classifier(path: Path = WEIGHTS) -> Classifier:
    """Read what `save_classifier` wrote.

    Raises:
      Ddx7Error: a file is missing, the weights are not those of the card, or for other categories.
    """
    params, card = read_weights(path)
    if card.get("categories") != list(CATEGORIES):
        raise Ddx7Error(f"{path}: found weights for other categories than {', '.join(CATEGORIES)}")
    return Classifier(params, card)


def categorise(
    vced: UInt8[np.ndarray, "voice 155"], measures: VoiceMeasures, named: Bool[np.ndarray, "voice category"]
) -> Bool[np.ndarray, "voice category"]:
    """Categories of voices: those of the name or, where it tells none, those of the classifier.

    Args:
      vced: legal bytes.
      measures: of the same voices.
      named: categories by the names.
    """
    unnamed = np.flatnonzero(~named.any(1))
    categories = named.copy()
    if len(unnamed):
        categories[unnamed] = load_classifier().categories(vced, measures)[unnamed]
    return categories
