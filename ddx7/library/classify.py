"""Categories of voices whose names say nothing, from what they are made of and how they sound."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ddx7.errors import Ddx7Error
from ddx7.library.canonical import AUDIBLE, canonical
from ddx7.library.categories import CATEGORIES
from ddx7.training import SHIPPED_WEIGHTS, read_weights, write_weights
from ddx7.voice.algorithms import ALGORITHMS
from ddx7.voice.packing import VCED_COLUMNS, VCED_MAX

if TYPE_CHECKING:
    from ddx7.library.screening import VoiceMeasures

WEIGHTS = SHIPPED_WEIGHTS / "categories.safetensors"
_SKETCH_FLOOR_DB = -60.0
_LONGEST_RELEASE_S = 30.0
_FAR = 6.0  # standard deviations: what is further is as far


@dataclass(frozen=True, eq=False)
class Classifier:
    """A small network: features, standardised, through one hidden layer to a probability for each category.

    Attributes:
      weights: mean, scale [feature]; hidden, hidden_bias; out, out_bias; limit [category], float32.
      card: what it learned from, how, and how well it does.
    """

    weights: Mapping[str, np.ndarray]
    card: dict[str, Any]

    def probabilities(self, vced: np.ndarray, heard: "VoiceMeasures") -> np.ndarray:
        """How likely each voice's programmer would have named each category, float32 [voice, 17].

        Args:
          vced: uint8 [voice, 155], legal.
          heard: what `ddx7.library.listen` heard of them.
        """
        w = self.weights
        x = np.clip((features(vced, heard) - w["mean"]) / w["scale"], -_FAR, _FAR)
        hidden = np.maximum(x @ w["hidden"] + w["hidden_bias"], 0)
        return 1 / (1 + np.exp(-(hidden @ w["out"] + w["out_bias"])))

    def categories(self, vced: np.ndarray, heard: "VoiceMeasures") -> np.ndarray:
        """Which categories each voice is of, bool [voice, 17]: the likeliest, and whatever passes its limit."""
        found = self.probabilities(vced, heard)
        chosen = found >= self.weights["limit"]
        chosen[np.arange(len(found)), (found / self.weights["limit"]).argmax(1)] = True
        return chosen


def features(vced: np.ndarray, heard: "VoiceMeasures") -> np.ndarray:
    """What the classifier looks at, float32 [voice, feature].

    Levels over time and frequency under the loudest, onset, decay, brightness, noise and pitch of two notes; all
    parameters that are heard, and the algorithm as a choice.
    """
    kept = canonical(vced)
    algorithm = kept[:, VCED_COLUMNS["algorithm"]].astype(int)
    parameters = kept[:, AUDIBLE] / np.maximum(VCED_MAX[AUDIBLE], 1)
    single: list[np.ndarray] = []
    for note in (heard.middle, heard.low):
        single += [
            note.level_db, np.sqrt(note.attack_s), np.maximum(note.held_db, _SKETCH_FLOOR_DB),
            np.log(np.minimum(note.release_s, _LONGEST_RELEASE_S) + 0.05), np.log2(note.centre_hz + 30),
            np.sqrt(note.bright_share), np.sqrt(note.flatness), np.sqrt(note.noise), note.pitch,
        ]  # fmt: skip
    middle = heard.middle.sketch - heard.middle.sketch.max((1, 2), keepdims=True)
    low = heard.low.sketch.mean(1) - heard.low.sketch.mean(1).max(1, keepdims=True)
    parts = [
        np.maximum(middle, _SKETCH_FLOOR_DB).reshape(len(vced), -1),
        np.maximum(low, _SKETCH_FLOOR_DB),
        np.stack(single, 1),
        parameters,
        np.eye(len(ALGORITHMS))[algorithm],
    ]
    return np.concatenate(parts, 1).astype(np.float32)


def save_classifier(path: Path, weights: Mapping[str, np.ndarray], card: dict[str, Any]) -> None:
    """Write weights in half precision, and their card beside them."""
    # What features are divided by spans many magnitudes; the rest does well with eleven bits.
    write_weights(path, dict(weights), {**card, "categories": list(CATEGORIES)}, exact=("mean", "scale"))


@cache
def load_classifier(path: Path = WEIGHTS) -> Classifier:
    """Read what `save_classifier` wrote.

    Raises:
      Ddx7Error: a file is missing, the weights are not those of the card, or know other categories.
    """
    weights, card = read_weights(path)
    if card.get("categories") != list(CATEGORIES):
        raise Ddx7Error(f"{path}: found weights for other categories than {', '.join(CATEGORIES)}")
    return Classifier(weights, card)


def categorise(vced: np.ndarray, heard: "VoiceMeasures", named: np.ndarray) -> np.ndarray:
    """Categories by name where the name says any, else by ear, bool [voice, 17].

    Args:
      vced: uint8 [voice, 155], legal.
      heard: what `ddx7.library.listen` heard of them.
      named: bool [voice, 17], what the names say.
    """
    unnamed = np.flatnonzero(~named.any(1))
    found = named.copy()
    if len(unnamed):
        found[unnamed] = load_classifier().categories(vced, heard)[unnamed]
    return found
