"""What voices of a corpus have in common, counted."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from ddx7.library.categories import CATEGORIES
from ddx7.library.corpus import Corpus
from ddx7.voice.algorithms import ALGORITHMS
from ddx7.voice.packing import rows
from ddx7.voice.spec import N_OPERATORS


@dataclass(frozen=True, eq=False)
class Statistics:
    """Numbers of voices.

    Attributes:
      counts: of voices, files and families, by what was counted, in the order in which they are told.
      algorithms: int64 [32], algorithm 1 first.
      fixed: int64 [7], with that many operators at a fixed frequency.
      feedback: int64 [8], by their feedback.
      categories: int64 [18], as `CATEGORIES`, and those whose names say nothing.
      diagnoses: voices by what is to be said about them, those of which there is something.
    """

    counts: dict[str, int]
    algorithms: np.ndarray
    fixed: np.ndarray
    feedback: np.ndarray
    categories: np.ndarray
    diagnoses: dict[str, int]

    def to_dict(self) -> dict[str, object]:
        """For JSON."""
        named = dict(zip([*CATEGORIES, "none"], self.categories.tolist(), strict=True))
        return {
            "counts": self.counts,
            "diagnoses": self.diagnoses,
            "categories": named,
            "algorithms": {str(k + 1): int(n) for k, n in enumerate(self.algorithms)},
            "fixed_operators": self.fixed.tolist(),
            "feedback": self.feedback.tolist(),
        }


def count(corpus: Corpus) -> Statistics:
    """Count what is in a corpus."""
    v = rows(corpus.vced)
    fixed = np.bincount((v.fixed > 0).sum(-1), minlength=N_OPERATORS + 1)
    named = corpus.categories.sum(0)
    counts = {
        **corpus.counts,
        "voices": len(corpus),
        "families by bytes": int(corpus.family.max()) + 1,
        **({"families by sound": int(corpus.sound_family.max()) + 1} if corpus.heard else {}),
        "with fixed operators": int(fixed[1:].sum()),
        "with an LFO that is heard": int(np.count_nonzero(_moved(v))),
        "with a pitch envelope": int(np.count_nonzero(np.any(v.pitch_levels != 50, axis=-1))),
        "with a category in the name": int(corpus.categories.any(1).sum()),
        "clean": int(corpus.clean.sum()),
    }
    return Statistics(
        counts=counts,
        algorithms=np.bincount(v.algorithm, minlength=len(ALGORITHMS)),
        fixed=fixed,
        feedback=np.bincount(v.feedback, minlength=8),
        categories=np.append(named, np.count_nonzero(~corpus.categories.any(1))),
        diagnoses={code: int(n) for code, n in zip(corpus.codes, corpus.diagnosis.sum(0), strict=True)},
    )


def _moved(v: SimpleNamespace) -> np.ndarray:
    """Voices whose pitch or level the LFO moves without a hand on a wheel."""
    pitch = (v.lfo_pitch_depth > 0) & (v.pitch_mod_sensitivity > 0)
    return pitch | ((v.lfo_amp_depth > 0) & np.any(v.amp_mod_sensitivity > 0, axis=-1))
