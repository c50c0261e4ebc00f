"""Human voices to learn from, and what made voices are measured against while learning."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ddx7.generation.gan.conditions import describe_conditions
from ddx7.generation.gan.representation import numbers, to_fields
from ddx7.generation.gan.training import GanExamples
from ddx7.generation.prdc import prdc
from ddx7.library.categories import CATEGORIES, categories_of_name
from ddx7.library.screening import VoiceMeasures, measure_voices, screen_measures, unpitched
from ddx7.voice.health import has_stuck_note, is_silent
from ddx7.voice.packing import VCED_COLUMNS
from ddx7.voice.voice import decode_name

_DB = 10.0  # of level that count as much as a whole range of a parameter


def named_categories(vced: np.ndarray) -> np.ndarray:
    """Kinds of sound that the names of voices, uint8 [voice, 155], speak of: bool [voice, category]."""
    names = [decode_name(bytes(row)) for row in vced[:, VCED_COLUMNS["name"]]]
    found = [categories_of_name(name) for name in names]
    return np.array([[kind in some for kind in CATEGORIES] for some in found], bool).reshape(-1, len(CATEGORIES))


def is_clean(vced: np.ndarray, heard: VoiceMeasures | None = None, categories: np.ndarray | None = None) -> np.ndarray:
    """Which voices are worth learning from: well by their bytes and by their sound.

    Args:
      vced: uint8 [voice, 155], legal.
      heard: of them, if they were listened to already.
      categories: kinds of sound that they are meant to be, bool [voice, category]; by default those of their names.

    Returns:
      bool [voice].
    """
    meant = named_categories(vced) if categories is None else categories
    duds = screen_measures(heard or measure_voices(vced), without_pitch=unpitched(meant)).duds
    return ~(is_silent(vced) | has_stuck_note(vced) | duds)


def examples_of(vced: np.ndarray) -> GanExamples:
    """Voices as the networks learn them; kinds of sound come from their names."""
    return GanExamples(to_fields(vced)[0], describe_conditions(vced, named_categories(vced)))


def coarse_log_mels(heard: VoiceMeasures) -> np.ndarray:
    """What voices sound like, as points between which distances mean something: two notes' levels over time and bands.

    Returns:
      float32 [voice, 576], in tens of decibels.
    """
    parts = [note.sketch.reshape(len(heard), -1) for note in (heard.middle, heard.low)]
    return np.concatenate(parts, axis=1) / np.float32(_DB)


@dataclass(frozen=True, eq=False)
class HeldOutEvaluator:
    """Held-out voices to compare with.

    Attributes:
      numbers: of their parameters.
      coarse_log_mels: of their sound.
    """

    numbers: np.ndarray
    coarse_log_mels: np.ndarray

    @classmethod
    def of(cls, vced: np.ndarray) -> "HeldOutEvaluator":
        """From human voices that nothing is learned from, uint8 [voice, 155]."""
        return cls(numbers(vced), coarse_log_mels(measure_voices(vced)))

    def __call__(self, made: np.ndarray, categories: np.ndarray) -> dict[str, float]:
        """Scores of voices that were asked to be of some categories.

        "score" is the mean of their coverage in parameters and in sound, less their share of duds.
        """
        heard = measure_voices(made)
        by_number, by_sound = prdc(self.numbers, numbers(made)), prdc(self.coarse_log_mels, coarse_log_mels(heard))
        duds = float(1 - is_clean(made, heard, categories).mean())
        return {
            "score": (by_number.coverage + by_sound.coverage) / 2 - duds,
            **{f"{name}_numbers": value for name, value in by_number._asdict().items()},
            **{f"{name}_sound": value for name, value in by_sound._asdict().items()},
            "duds": duds,
        }


def load_clean(vced: np.ndarray, folder: Path, progress: Callable[[int, int], object] | None = None) -> np.ndarray:
    """Listen to voices and keep those that are clean; `folder` keeps what was heard, for a run that is stopped."""
    return vced[is_clean(vced, measure_voices(vced, folder=folder, progress=progress))]
