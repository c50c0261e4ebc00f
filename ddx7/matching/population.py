"""The population of the search: islands of voices with their distances, and pure functions from one to the next."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

from ddx7.matching.mutation import cross, mutate
from ddx7.matching.prior import Prior
from ddx7.matching.vced import structure
from ddx7.voice.spec import VCED_SIZE

ISLANDS, MEMBERS, CHILDREN = 4, 24, 16
"""Islands, voices that an island keeps, and voices that it breeds in a generation."""
SAME_STRUCTURE = 6
"""Voices of one structure on an island, at most: new structures take time to improve."""
FRESH_GAIN, FURTHER, STOPPED = 0.3, 2.5, 0.003
"""Shares of its distance that a voice loses in all steps, and of its last gain in all further ones; and the gain in a
step, against its distance, below which a voice has stopped."""


@dataclass(frozen=True, eq=False)
class Population:
    """Voices on islands that do not mix, best first.

    Attributes:
      voices: every island has as many.
      distances: perceptual distance of each.
    """

    voices: UInt8[np.ndarray, "island member 155"]
    distances: Float[np.ndarray, "island member"]

    @property
    def least(self) -> float:
        """Distance of the best voice; infinite if there is none."""
        return float(self.distances.min(initial=np.inf))

    @property
    def best(self) -> bytes:
        """The best voice, in edit form; empty if there is none."""
        return self.flat[np.argmin(self.distances)].tobytes() if self.distances.size else b""

    @property
    def flat(self) -> UInt8[np.ndarray, "voice 155"]:
        """All voices, island by island."""
        return self.voices.reshape(-1, VCED_SIZE)


EMPTY = Population(np.zeros((ISLANDS, 0, VCED_SIZE), np.uint8), np.zeros((ISLANDS, 0)))


def whole_rows(n: int) -> int:
    """The largest number of voices up to `n` that the islands can share equally."""
    return n // ISLANDS * ISLANDS


def spread(voices: UInt8[np.ndarray, "voice 155"], distances: Float[np.ndarray, " voice"]) -> Population:
    """Deal voices to the islands in turn; their number is a multiple of `ISLANDS`."""
    dealt = voices.reshape(-1, ISLANDS, VCED_SIZE).swapaxes(0, 1)
    return select(Population(dealt, distances.reshape(-1, ISLANDS).T))


def add(
    population: Population,
    voices: UInt8[np.ndarray, "island new 155"],
    distances: Float[np.ndarray, "island new"],
) -> Population:
    """Let new voices compete with those of their island."""
    return select(
        Population(
            np.concatenate([population.voices, voices], axis=1),
            np.concatenate([population.distances, distances], axis=1),
        )
    )


def with_distances(population: Population, distances: Float[np.ndarray, " voice"]) -> Population:
    """Replace all distances, in the order of `Population.flat`."""
    return select(Population(population.voices, distances.reshape(population.distances.shape)))


def select(population: Population) -> Population:
    """Sort every island and keep its `MEMBERS` best voices; copies and crowded structures come last."""
    islands = zip(population.voices, population.distances, strict=True)
    crowded = np.stack([_crowded(*island) for island in islands])
    order = np.lexsort((population.distances, crowded), axis=1)[:, :MEMBERS]
    return Population(
        np.take_along_axis(population.voices, order[:, :, None], axis=1),
        np.take_along_axis(population.distances, order, axis=1),
    )


def breed(
    rng: np.random.Generator, population: Population, prior: Prior, reach: float | int, n_children: int = CHILDREN
) -> UInt8[np.ndarray, "island child 155"]:
    """Breed a generation of children: tournaments of two, crossing, mutation.

    Args:
      rng: random generator.
      population: the parents.
      prior: draws new values for mutations.
      reach: 1 to explore, near 0 to polish.
      n_children: of each island.
    """
    children = []
    for island in population.voices:
        picks = rng.integers(0, len(island), (2, n_children, 2))
        # An island is sorted, so the smaller index wins its tournament.
        mothers, fathers = island[picks.min(axis=-1)]
        crossed = np.where(rng.random((n_children, 1)) < 0.5 * reach, cross(rng, mothers, fathers), mothers)
        children.append(mutate(rng, crossed, prior, reach))
    return np.stack(children)


def choose_to_refine(
    population: Population, gains: Mapping[bytes, float]
) -> tuple[UInt8[np.ndarray, "island 155"], Float[np.ndarray, " island"]]:
    """Choose the voice of each island that promises most: the one that may end nearest.

    A voice that was refined may gain `FURTHER` times as much as in its last step, another one `FRESH_GAIN` of its
    distance. Only the best voice of a structure counts, and none that has stopped.

    Args:
      population: the voices.
      gains: what the last step brought to refined voices; 0 for those that a step has replaced.

    Returns:
      the voices and their distances.
    """
    chosen = []
    for voices, distances in zip(population.voices, population.distances, strict=True):
        structures = structure(voices)
        expected = np.full(len(voices), np.inf)
        for k, own in enumerate(structures):
            gain = gains.get(voices[k].tobytes())
            stopped = gain is not None and gain < STOPPED * distances[k]
            if own not in structures[:k] and not stopped and np.isfinite(distances[k]):
                expected[k] = distances[k] - (FRESH_GAIN * distances[k] if gain is None else FURTHER * gain)
        chosen.append(int(expected.argmin()))
    rows = np.arange(len(chosen))
    return population.voices[rows, chosen], population.distances[rows, chosen]


def ranked(population: Population) -> UInt8[np.ndarray, "voice 155"]:
    """Distinct voices: the best of every island, then the second of every island, and so on.

    Any first part of them holds voices of all islands, so that they differ.
    """
    pool = population.voices.swapaxes(0, 1).reshape(-1, VCED_SIZE)
    return pool[np.sort(np.unique(pool, axis=0, return_index=True)[1])]


def _crowded(voices: np.ndarray, distances: np.ndarray) -> Bool[np.ndarray, " voice"]:
    """Mark copies, and voices with `SAME_STRUCTURE` better ones of their structure."""
    structures = structure(voices)
    crowded, seen, counts = np.zeros(len(voices), bool), set(), Counter()
    for k in np.argsort(distances, kind="stable"):
        identity = voices[k].tobytes()
        crowded[k] = counts[structures[k]] >= SAME_STRUCTURE or identity in seen
        seen.add(identity)
        counts[structures[k]] += 1
    return crowded
