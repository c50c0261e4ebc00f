"""Statistics of a corpus: how often algorithms, categories and diagnoses occur."""

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
      counts: of voices, files and clusters, by label, in the order of the report.
      algorithms: int64 [32], algorithm 1 first.
      fixed: int64 [7], by the number of operators at a fixed frequency.
      feedback: int64 [8], by feedback.
      categories: int64 [18], in the order of `CATEGORIES`, and voices whose names tell none.
      diagnoses: by code.
    """

    counts: dict[str, int]
    algorithms: np.ndarray
    fixed: np.ndarray
    feedback: np.ndarray
    categories: np.ndarray
    diagnoses: dict[str, int]

    def to_dict(self) -> dict[str, object]:
        """All numbers, for JSON."""
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
    """Count the voices of a corpus."""
    v = rows(corpus.vced)
    fixed = np.bincount((v.fixed > 0).sum(-1), minlength=N_OPERATORS + 1)
    n_named = corpus.categories.sum(0)
    counts = {
        **corpus.counts,
        "voices": len(corpus),
        "near-duplicate clusters by bytes": int(corpus.byte_cluster.max()) + 1,
        **({"near-duplicate clusters by sound": int(corpus.sound_cluster.max()) + 1} if corpus.is_measured else {}),
        "with fixed operators": int(fixed[1:].sum()),
        "with an audible LFO": int(np.count_nonzero(_modulated(v))),
        "with a pitch envelope": int(np.count_nonzero(np.any(v.pitch_levels != 50, axis=-1))),
        "with a category in the name": int(corpus.categories.any(1).sum()),
        "clean": int(corpus.clean.sum()),
    }
    return Statistics(
        counts=counts,
        algorithms=np.bincount(v.algorithm, minlength=len(ALGORITHMS)),
        fixed=fixed,
        feedback=np.bincount(v.feedback, minlength=8),
        categories=np.append(n_named, np.count_nonzero(~corpus.categories.any(1))),
        diagnoses={code: int(n) for code, n in zip(corpus.codes, corpus.diagnosis.sum(0), strict=True)},
    )


def _modulated(v: SimpleNamespace) -> np.ndarray:
    """Voices whose pitch or level the LFO modulates without a controller."""
    pitch = (v.lfo_pitch_depth > 0) & (v.pitch_mod_sensitivity > 0)
    return pitch | ((v.lfo_amp_depth > 0) & np.any(v.amp_mod_sensitivity > 0, axis=-1))
