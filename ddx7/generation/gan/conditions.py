"""What can be asked of a voice, and what of it is true of voices that are there.

Asked are kinds of sound (any mix of `CATEGORIES`), the algorithm, long sweeping envelopes, and operators at a fixed
frequency. The algorithm is always told to the networks, as its routing: who modulates whom, who is heard, where
feedback enters and leaves; so algorithms that are alike learn from each other. What else is not asked is left unsaid.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from ddx7.engine import Patch, plan
from ddx7.engine.segments import Segments, read
from ddx7.engine.tables import BLOCK, DB_PER_OCTAVE, ONE
from ddx7.library.canonical import canonical
from ddx7.runtime import ONE_THREAD, in_groups
from ddx7.voice.algorithms import CARRIERS, FEEDBACK_OPERATOR, FEEDBACK_SOURCE, MODULATION
from ddx7.voice.packing import rows
from ddx7.voice.spec import N_OPERATORS

NO, UNSAID, YES = -1, 0, 1
N_ALGORITHMS = len(CARRIERS)
N_FLAGS = 4
"""Numbers at the end of a condition's vector: sweeping and fixed, yes and no of each."""

_LATER = np.triu_indices(N_OPERATORS, 1)
ROUTING = np.concatenate(
    [
        MODULATION[:, _LATER[0], _LATER[1]],
        CARRIERS,
        np.eye(N_OPERATORS)[FEEDBACK_OPERATOR],
        np.eye(N_OPERATORS)[FEEDBACK_SOURCE],
    ],
    axis=1,
).astype(np.float32)
"""What each algorithm is made of: its wires, carriers, and where feedback enters and leaves; float32 [32, 33]."""

# An operator sweeps if it still grows by 6 dB after half a second, to a level that matters.
_SWEEP_FROM_S, _SWEEP_TO_S, _SWEEP_DB, _MATTERS_DB = 0.3, 6.0, 6.0, 40.0
_RATE, _NOTE, _VELOCITY, _GROUP = 44_100, 60, 100, 256
_RARE = 1e-3  # of a voice, so that nothing is impossible
_FULL_OCTAVES = 15  # what an envelope reads, in octaves, at full level


@dataclass(frozen=True, eq=False)
class VoiceConditions:
    """What is asked of some voices, or true of them.

    Attributes:
      algorithm: int [voice], 0-31.
      categories: bool [voice, category]; none is said where all are False.
      sweeping: long sweeping envelopes, int8 [voice]: `NO`, `UNSAID` or `YES`.
      fixed: operators at a fixed frequency, likewise.
    """

    algorithm: np.ndarray
    categories: np.ndarray
    sweeping: np.ndarray
    fixed: np.ndarray

    def __len__(self) -> int:
        """How many voices."""
        return len(self.algorithm)

    def __getitem__(self, rows: np.ndarray) -> "VoiceConditions":
        """Those of some voices."""
        return VoiceConditions(*(value[rows] for value in vars(self).values()))

    def vectors(self) -> np.ndarray:
        """What the networks are told, float32 [voice, 33 + categories + 4]."""
        flags = [self.sweeping == YES, self.sweeping == NO, self.fixed == YES, self.fixed == NO]
        rest = np.concatenate([self.categories, np.stack(flags, axis=1)], axis=1)
        return np.concatenate([ROUTING[self.algorithm], rest.astype(np.float32)], axis=1)

    def dropped(self, rng: np.random.Generator, share: float) -> "VoiceConditions":
        """Each of the three that may be left unsaid left unsaid, now and then."""
        keep = rng.random((3, len(self))) >= share
        return VoiceConditions(
            self.algorithm, self.categories & keep[0][:, None], self.sweeping * keep[1], self.fixed * keep[2]
        )


def describe_conditions(vced: np.ndarray, categories: np.ndarray) -> VoiceConditions:
    """What is true of voices.

    Args:
      vced: uint8 [voice, 155].
      categories: bool [voice, category], from their names or otherwise.
    """
    heard = rows(canonical(vced))
    fixed = ((heard.fixed == 1) & (heard.output_level > 0)).any(axis=-1)
    return VoiceConditions(
        heard.algorithm.astype(np.int64),
        np.asarray(categories, bool),
        np.where(sweeping(vced), YES, NO).astype(np.int8),
        np.where(fixed, YES, NO).astype(np.int8),
    )


def sweeping(vced: np.ndarray) -> np.ndarray:
    """Which voices have a long sweeping envelope: an operator that is still well on its rise after 0.3 s.

    On C3 at velocity 100, the key held, an operator that is heard and comes within 40 dB of full level gains 6 dB or
    more between 0.3 s and 6 s.

    Args:
      vced: uint8 [voice, 155].

    Returns:
      bool [voice].
    """
    heard = canonical(vced)
    n = len(heard)
    ticks = jnp.asarray(np.round(np.linspace(_SWEEP_FROM_S, _SWEEP_TO_S, 23) * _RATE / BLOCK), jnp.int32)

    def group(of: np.ndarray) -> np.ndarray:
        key, velocity, gate = (np.full(len(of), x) for x in (_NOTE, _VELOCITY, 10 * _RATE))
        amp = plan(Patch.from_vced(heard[of]), key, velocity, gate, _RATE).amp
        return np.asarray(_levels(amp, ticks))

    level_db = in_groups(group, n, _GROUP).astype(np.float32) / ONE * DB_PER_OCTAVE
    full_db = _FULL_OCTAVES * DB_PER_OCTAVE
    peak = level_db.max(axis=-1)
    grows = (peak - level_db[..., 0] >= _SWEEP_DB) & (peak > full_db - _MATTERS_DB)
    return (grows & (rows(heard).output_level > 0)).any(axis=-1)


@partial(jax.jit, compiler_options=ONE_THREAD)
def _levels(amp: Segments, ticks: jax.Array) -> jax.Array:
    return jax.vmap(jax.vmap(read, in_axes=(0, None)), in_axes=(0, None))(amp, ticks)


@dataclass(frozen=True, eq=False)
class ConditionPrior:
    """How people use algorithms and mix kinds: enough to fill in what was not asked.

    Attributes:
      mixes: sets of categories that occur, bool [mix, category]; one of them is empty, for voices of no known kind.
      counts: voices of each mix on each algorithm, [mix, 32].
      algorithms: voices of each algorithm, in all, of each category, sweeping and fixed, [2 + 1 + category, 32]: all,
        sweeping, fixed, categories.
    """

    mixes: np.ndarray
    counts: np.ndarray
    algorithms: np.ndarray

    @classmethod
    def of(cls, human: VoiceConditions) -> "ConditionPrior":
        """Those of human voices."""
        mixes, mix = np.unique(human.categories, axis=0, return_inverse=True)
        counts = np.zeros((len(mixes), N_ALGORITHMS), np.float32)
        np.add.at(counts, (mix, human.algorithm), 1)
        members = [np.ones(len(human), bool), human.sweeping == YES, human.fixed == YES, *human.categories.T]
        return cls(
            mixes,
            counts,
            np.stack([np.bincount(human.algorithm[m], minlength=N_ALGORITHMS) for m in members]).astype(np.float32),
        )

    def draw(
        self,
        rng: np.random.Generator,
        n: int,
        *,
        categories: Sequence[int] = (),
        algorithm: int | None = None,
        sweeping: int = UNSAID,
        fixed: int = UNSAID,
    ) -> VoiceConditions:
        """Conditions for voices of which some are asked; algorithms as people use them for such voices.

        Args:
          rng: source of chance.
          n: how many.
          categories: asked for, all at once; none: as they come.
          algorithm: 0-31; None: as they come.
          sweeping: `NO`, `UNSAID` or `YES`.
          fixed: likewise.
        """
        asked = np.zeros((n, self.mixes.shape[1]), bool)
        asked[:, list(categories)] = True
        chosen = np.full(n, algorithm or 0)
        if algorithm is None:
            flags = self._flags(sweeping, fixed)
            if categories:
                chance = self._of_kinds(asked[0]) * flags
                chosen = rng.choice(N_ALGORITHMS, n, p=chance / chance.sum())
            else:
                chance = self.counts * flags
                mix, chosen = np.divmod(rng.choice(chance.size, n, p=(chance / chance.sum()).ravel()), N_ALGORITHMS)
                asked = self.mixes[mix]
        said = (np.full(n, flag, np.int8) for flag in (sweeping, fixed))
        return VoiceConditions(chosen.astype(np.int64), asked, *said)

    def _shares(self) -> np.ndarray:
        """Shares of each algorithm's voices that sweep, are fixed, and are of each category; none is 0 or 1."""
        every, *some = self.algorithms
        usual = np.stack(some).sum(axis=1, keepdims=True) / every.sum()
        return (np.stack(some) + usual + _RARE) / (every + 1 + 2 * _RARE)

    def _of_kinds(self, asked: np.ndarray) -> np.ndarray:
        """How likely each algorithm is for a mix, as if its kinds were independent, up to a factor."""
        return (self.algorithms[0] + _RARE) * np.prod(self._shares()[2:][asked], axis=0)

    def _flags(self, sweeping: int, fixed: int) -> np.ndarray:
        """How likely each algorithm's voices are to sweep, and to be fixed, as asked."""
        likely = np.ones(N_ALGORITHMS)
        for flag, yes in zip((sweeping, fixed), self._shares()[:2], strict=True):
            likely *= {YES: yes, NO: 1 - yes, UNSAID: 1.0}[flag]
        return likely
