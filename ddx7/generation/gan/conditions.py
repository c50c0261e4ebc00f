"""Conditions that a voice can be generated under, and how to read them off existing voices.

A condition consists of categories (any combination of `CATEGORIES`), the algorithm, long sweeping envelopes, and
operators at a fixed frequency. The networks always receive the algorithm, as its routing: which operator modulates
which, which ones are carriers, and where feedback enters and leaves. Similar algorithms therefore share what the
networks learn. Every other condition may stay unspecified.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int, Int8, UInt8

from ddx7.engine import Patch, plan
from ddx7.engine.segments import read
from ddx7.engine.tables import BLOCK, DB_PER_OCTAVE, ONE
from ddx7.library.canonical import canonical
from ddx7.programs import StoredProgram
from ddx7.runtime import ONE_THREAD, in_groups
from ddx7.voice.algorithms import CARRIERS, FEEDBACK_OPERATOR, FEEDBACK_SOURCE, MODULATION
from ddx7.voice.packing import rows
from ddx7.voice.spec import N_OPERATORS

NO, UNSPECIFIED, YES = -1, 0, 1
N_ALGORITHMS = len(CARRIERS)
N_FLAGS = 4
"""Entries at the end of a condition vector: sweeping yes and no, fixed yes and no."""

_UPPER = np.triu_indices(N_OPERATORS, 1)
ROUTING = np.concatenate(
    [
        MODULATION[:, _UPPER[0], _UPPER[1]],
        CARRIERS,
        np.eye(N_OPERATORS)[FEEDBACK_OPERATOR],
        np.eye(N_OPERATORS)[FEEDBACK_SOURCE],
    ],
    axis=1,
).astype(np.float32)
"""Connections, carriers and feedback path of each algorithm, float32 [32, 33]."""
N_ROUTING = ROUTING.shape[1]

# An operator sweeps if its level still rises by 6 dB after 0.3 s, to within 40 dB of full level.
_SWEEP_FROM_S, _SWEEP_TO_S, _SWEEP_DB, _RELEVANT_DB = 0.3, 6.0, 6.0, 40.0
_RATE, _NOTE, _VELOCITY, _GROUP = 44_100, 60, 100, 256
_PRIOR_COUNT = 1e-3  # of a voice; it keeps every probability above 0
_FULL_LEVEL_OCTAVES = 15  # of an envelope at full level


@dataclass(frozen=True, eq=False)
class VoiceConditions:
    """Conditions of a batch of voices: requested ones, or those that existing voices meet.

    Attributes:
      algorithm: 0-31.
      categories: all False leaves the category unspecified.
      sweeping: long sweeping envelopes: `NO`, `UNSPECIFIED` or `YES`.
      fixed: operators at a fixed frequency: `NO`, `UNSPECIFIED` or `YES`.
    """

    algorithm: Int[np.ndarray, " voice"]
    categories: Bool[np.ndarray, "voice category"]
    sweeping: Int8[np.ndarray, " voice"]
    fixed: Int8[np.ndarray, " voice"]

    def __len__(self) -> int:
        """Number of voices."""
        return len(self.algorithm)

    def __getitem__(self, rows: np.ndarray) -> "VoiceConditions":
        """The conditions of some voices."""
        return VoiceConditions(self.algorithm[rows], self.categories[rows], self.sweeping[rows], self.fixed[rows])

    def vectors(self) -> Float[np.ndarray, "voice condition"]:
        """Inputs of the networks, float32 [voice, 33 + categories + 4]."""
        flags = [self.sweeping == YES, self.sweeping == NO, self.fixed == YES, self.fixed == NO]
        rest = np.concatenate([self.categories, np.stack(flags, axis=1)], axis=1)
        return np.concatenate([ROUTING[self.algorithm], rest.astype(np.float32)], axis=1)

    def drop(self, rng: np.random.Generator, rate: float) -> "VoiceConditions":
        """Leave each condition but the algorithm unspecified with probability `rate`, for each voice anew."""
        keep = rng.random((3, len(self))) >= rate
        return VoiceConditions(
            self.algorithm, self.categories & keep[0][:, None], self.sweeping * keep[1], self.fixed * keep[2]
        )


def describe_conditions(
    vced: UInt8[np.ndarray, "voice 155"], categories: Bool[np.ndarray, "voice category"]
) -> VoiceConditions:
    """The conditions that voices meet.

    Args:
      vced: legal bytes.
      categories: of the voices, by name or otherwise.
    """
    audible = rows(canonical(vced))
    fixed = ((audible.fixed == 1) & (audible.output_level > 0)).any(axis=-1)
    return VoiceConditions(
        audible.algorithm.astype(np.int64),
        categories,
        np.where(sweeping(vced), YES, NO).astype(np.int8),
        np.where(fixed, YES, NO).astype(np.int8),
    )


def sweeping(vced: UInt8[np.ndarray, "voice 155"]) -> Bool[np.ndarray, " voice"]:
    """Which voices have a long sweeping envelope: an operator whose level still rises after 0.3 s.

    On C3 at velocity 100, held, the level of an audible operator rises by 6 dB or more between 0.3 s and 6 s and comes
    within 40 dB of full level.
    """
    audible = canonical(vced)
    ticks = jnp.asarray(np.round(np.linspace(_SWEEP_FROM_S, _SWEEP_TO_S, 23) * _RATE / BLOCK), jnp.int32)

    def group(index: np.ndarray) -> np.ndarray:
        note, velocity, gate = (np.full(len(index), x) for x in (_NOTE, _VELOCITY, 10 * _RATE))
        amp = plan(Patch.from_vced(audible[index]), note, velocity, gate, _RATE).amp
        return np.asarray(_levels(amp, ticks))

    level_db = in_groups(group, len(audible), _GROUP).astype(np.float32) / ONE * DB_PER_OCTAVE
    full_db = _FULL_LEVEL_OCTAVES * DB_PER_OCTAVE
    peak_db = level_db.max(axis=-1)
    rises = (peak_db - level_db[..., 0] >= _SWEEP_DB) & (peak_db > full_db - _RELEVANT_DB)
    return (rises & (rows(audible).output_level > 0)).any(axis=-1)


_levels = StoredProgram(
    "segment-levels", lambda: jax.vmap(jax.vmap(read, in_axes=(0, None)), in_axes=(0, None)), "", ONE_THREAD
)


@dataclass(frozen=True, eq=False)
class ConditionPrior:
    """How often real voices meet conditions; conditions that nobody specified are sampled from it.

    Attributes:
      combinations: sets of categories that occur, one of them empty for voices of unknown category.
      counts: voices of each combination on each algorithm.
      algorithm_counts: voices of each algorithm: all, sweeping, fixed, then those of each category.
    """

    combinations: Bool[np.ndarray, "combination category"]
    counts: Float[np.ndarray, "combination 32"]
    algorithm_counts: Float[np.ndarray, "3+category 32"]

    @classmethod
    def from_conditions(cls, conditions: VoiceConditions) -> "ConditionPrior":
        """Count the conditions that real voices meet."""
        combinations, index = np.unique(conditions.categories, axis=0, return_inverse=True)
        counts = np.zeros((len(combinations), N_ALGORITHMS), np.float32)
        np.add.at(counts, (index, conditions.algorithm), 1)
        members = [
            np.ones(len(conditions), bool),
            conditions.sweeping == YES,
            conditions.fixed == YES,
            *conditions.categories.T,
        ]
        histograms = [np.bincount(conditions.algorithm[m], minlength=N_ALGORITHMS) for m in members]
        return cls(combinations, counts, np.stack(histograms).astype(np.float32))

    def sample(
        self,
        rng: np.random.Generator,
        n: int,
        *,
        categories: Sequence[int] = (),
        algorithm: int | None = None,
        sweeping: int = UNSPECIFIED,
        fixed: int = UNSPECIFIED,
    ) -> VoiceConditions:
        """Conditions for voices, with algorithms as frequent as in real voices that meet the specified conditions.

        Args:
          rng: source of randomness.
          n: number of voices.
          categories: that every voice has, all at once; with none of them and no algorithm, categories are sampled.
          algorithm: 0-31; None samples it.
          sweeping: `NO`, `UNSPECIFIED` or `YES`.
          fixed: `NO`, `UNSPECIFIED` or `YES`.
        """
        category_mask = np.zeros((n, self.combinations.shape[1]), bool)
        category_mask[:, list(categories)] = True
        algorithms = np.full(n, algorithm or 0)
        if algorithm is None:
            flags = self._flag_likelihood(sweeping, fixed)
            if categories:
                weight = self._category_likelihood(category_mask[0]) * flags
                algorithms = rng.choice(N_ALGORITHMS, n, p=weight / weight.sum())
            else:
                weight = self.counts * flags
                cells = rng.choice(weight.size, n, p=(weight / weight.sum()).ravel())
                combination, algorithms = np.divmod(cells, N_ALGORITHMS)
                category_mask = self.combinations[combination]
        return VoiceConditions(
            algorithms.astype(np.int64), category_mask, np.full(n, sweeping, np.int8), np.full(n, fixed, np.int8)
        )

    def _shares(self) -> np.ndarray:
        """Smoothed shares of each algorithm's voices that sweep, are fixed, and have each category; never 0 or 1."""
        total, *some = self.algorithm_counts
        overall = np.stack(some).sum(axis=1, keepdims=True) / total.sum()
        return (np.stack(some) + overall + _PRIOR_COUNT) / (total + 1 + 2 * _PRIOR_COUNT)

    def _category_likelihood(self, categories: np.ndarray) -> np.ndarray:
        """Probability of each algorithm given independent categories, up to a factor."""
        return (self.algorithm_counts[0] + _PRIOR_COUNT) * np.prod(self._shares()[2:][categories], axis=0)

    def _flag_likelihood(self, sweeping: int, fixed: int) -> np.ndarray:
        """Probability that a voice of each algorithm meets the two flags."""
        likelihood = np.ones(N_ALGORITHMS)
        for flag, yes in zip((sweeping, fixed), self._shares()[:2], strict=True):
            likelihood *= {YES: yes, NO: 1 - yes, UNSPECIFIED: 1.0}[flag]
        return likelihood
