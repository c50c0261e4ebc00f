"""Real voices to learn from, and the evaluator that compares generated voices with held-out ones."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, UInt8

from ddx7.generation.gan.conditions import describe_conditions
from ddx7.generation.gan.representation import parameter_vectors, to_fields
from ddx7.generation.gan.training import GanExamples
from ddx7.generation.prdc import prdc
from ddx7.library.categories import CATEGORIES, categories_of_name
from ddx7.library.screening import VoiceMeasures, measure_voices, screen_measures, unpitched
from ddx7.voice.health import has_stuck_note, is_silent
from ddx7.voice.packing import VCED_COLUMNS
from ddx7.voice.voice import decode_name

_LEVEL_UNIT_DB = 10.0


def named_categories(vced: UInt8[np.ndarray, "voice 155"]) -> Bool[np.ndarray, "voice category"]:
    """The categories that the names of voices tell."""
    names = [decode_name(bytes(row)) for row in vced[:, VCED_COLUMNS["name"]]]
    found = [categories_of_name(name) for name in names]
    return np.array([[category in some for category in CATEGORIES] for some in found], bool).reshape(
        -1, len(CATEGORIES)
    )


def is_clean(
    vced: UInt8[np.ndarray, "voice 155"],
    measures: VoiceMeasures | None = None,
    categories: Bool[np.ndarray, "voice category"] | None = None,
) -> Bool[np.ndarray, " voice"]:
    """Which voices are worth learning from: not rejected by screening, not silent and without a stuck note.

    Args:
      vced: legal bytes.
      measures: of the voices; None renders them.
      categories: that the voices are meant to have; None takes those of their names.
    """
    intended = named_categories(vced) if categories is None else categories
    rejected = screen_measures(measures or measure_voices(vced), without_pitch=unpitched(intended)).rejected
    return ~(is_silent(vced) | has_stuck_note(vced) | rejected)


def examples_of(vced: UInt8[np.ndarray, "voice 155"]) -> GanExamples:
    """Voices as the networks learn them; categories come from their names."""
    return GanExamples(to_fields(vced)[0], describe_conditions(vced, named_categories(vced)))


def coarse_log_mels(measures: VoiceMeasures) -> Float[np.ndarray, "voice 576"]:
    """Sounds of voices as points with meaningful distances: the coarse log-mels of two notes, in units of 10 dB."""
    parts = [note.coarse_log_mel.reshape(len(measures), -1) for note in (measures.middle, measures.low)]
    return np.concatenate(parts, axis=1) / np.float32(_LEVEL_UNIT_DB)


@dataclass(frozen=True, eq=False)
class HeldOutEvaluator:
    """Compares generated voices with held-out real ones.

    Attributes:
      parameters: points of the held-out voices by their parameters (`parameter_vectors`).
      sounds: points of the held-out voices by their sound (`coarse_log_mels`).
    """

    parameters: Float[np.ndarray, "real parameter"]
    sounds: Float[np.ndarray, "real 576"]

    @classmethod
    def from_voices(cls, vced: UInt8[np.ndarray, "real 155"]) -> "HeldOutEvaluator":
        """An evaluator on held-out real voices."""
        return cls(parameter_vectors(vced), coarse_log_mels(measure_voices(vced)))

    def __call__(
        self, generated: UInt8[np.ndarray, "voice 155"], categories: Bool[np.ndarray, "voice category"]
    ) -> dict[str, float]:
        """Scores of generated voices and their specified categories.

        Returns:
          "score", the mean of the coverage by parameters and by sound minus "rejected", the share of
          rejected voices; and precision, recall, density and coverage of both.
        """
        measures = measure_voices(generated)
        by_parameters = prdc(self.parameters, parameter_vectors(generated))
        by_sound = prdc(self.sounds, coarse_log_mels(measures))
        rejected = float(1 - is_clean(generated, measures, categories).mean())
        return {
            "score": (by_parameters.coverage + by_sound.coverage) / 2 - rejected,
            **{f"{name}_numbers": value for name, value in by_parameters._asdict().items()},
            **{f"{name}_sound": value for name, value in by_sound._asdict().items()},
            "rejected": rejected,
        }


def load_clean(
    vced: UInt8[np.ndarray, "voice 155"], folder: Path, progress: Callable[[int, int], object] | None = None
) -> UInt8[np.ndarray, "clean 155"]:
    """The clean ones of some voices; `folder` keeps their measures, so that a run that was stopped resumes."""
    return vced[is_clean(vced, measure_voices(vced, folder=folder, progress=progress))]
