"""Human voices to learn from, and what made voices are measured against while learning."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ddx7.generation.gan.conditions import describe
from ddx7.generation.gan.representation import numbers, to_fields
from ddx7.generation.gan.training import Examples
from ddx7.generation.scores import prdc
from ddx7.library.categories import CATEGORIES, categories_of_name
from ddx7.library.listening import Heard, judge, listen, unpitched
from ddx7.voice.health import silent, unending
from ddx7.voice.packing import VCED_COLUMNS
from ddx7.voice.voice import decode_name

_DB = 10.0  # of level that count as much as a whole range of a parameter


def named_categories(vced: np.ndarray) -> np.ndarray:
    """Kinds of sound that the names of voices, uint8 [voice, 155], speak of: bool [voice, category]."""
    names = [decode_name(bytes(row)) for row in vced[:, VCED_COLUMNS["name"]]]
    found = [categories_of_name(name) for name in names]
    return np.array([[kind in some for kind in CATEGORIES] for some in found], bool).reshape(-1, len(CATEGORIES))


def clean(vced: np.ndarray, heard: Heard | None = None, categories: np.ndarray | None = None) -> np.ndarray:
    """Which voices are worth learning from: well by their bytes and by their sound.

    Args:
      vced: uint8 [voice, 155], legal.
      heard: of them, if they were listened to already.
      categories: kinds of sound that they are meant to be, bool [voice, category]; by default those of their names.

    Returns:
      bool [voice].
    """
    meant = named_categories(vced) if categories is None else categories
    duds = judge(heard or listen(vced), without_pitch=unpitched(meant)).duds
    return ~(silent(vced) | unending(vced) | duds)


def examples_of(vced: np.ndarray) -> Examples:
    """Voices as the networks learn them; kinds of sound come from their names."""
    return Examples(to_fields(vced)[0], describe(vced, named_categories(vced)))


def sketches(heard: Heard) -> np.ndarray:
    """What voices sound like, as points between which distances mean something: two notes' levels over time and bands.

    Returns:
      float32 [voice, 576], in tens of decibels.
    """
    parts = [note.sketch.reshape(len(heard), -1) for note in (heard.middle, heard.low)]
    return np.concatenate(parts, axis=1) / np.float32(_DB)


@dataclass(frozen=True, eq=False)
class Yardstick:
    """Held-out voices to compare with.

    Attributes:
      numbers: of their parameters.
      sketches: of their sound.
    """

    numbers: np.ndarray
    sketches: np.ndarray

    @classmethod
    def of(cls, vced: np.ndarray) -> "Yardstick":
        """From human voices that nothing is learned from, uint8 [voice, 155]."""
        return cls(numbers(vced), sketches(listen(vced)))

    def __call__(self, made: np.ndarray, categories: np.ndarray) -> dict[str, float]:
        """Scores of voices that were asked to be of some categories.

        "score" is the mean of their coverage in parameters and in sound, less their share of duds.
        """
        heard = listen(made)
        by_number, by_sound = prdc(self.numbers, numbers(made)), prdc(self.sketches, sketches(heard))
        duds = float(1 - clean(made, heard, categories).mean())
        return {
            "score": (by_number.coverage + by_sound.coverage) / 2 - duds,
            **{f"{name}_numbers": value for name, value in by_number._asdict().items()},
            **{f"{name}_sound": value for name, value in by_sound._asdict().items()},
            "duds": duds,
        }


def learn(vced: np.ndarray, folder: Path, progress: Callable[[int, int], object] | None = None) -> np.ndarray:
    """Listen to voices and keep those that are clean; `folder` keeps what was heard, for a run that is stopped."""
    return vced[clean(vced, listen(vced, folder=folder, progress=progress))]
