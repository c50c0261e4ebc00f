"""The population of the search: islands of voices with their distances, and pure functions from one to the next."""

from collections import Counter
from collections.abc import Set
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
    rng: np.random.Generator, population: Population, prior: Prior, reach: float | int
) -> UInt8[np.ndarray, "island child 155"]:
    """Breed a generation of children: tournaments of two, crossing, mutation.

    Args:
      rng: random generator.
      population: the parents.
      prior: draws new values for mutations.
      reach: 1 to explore, near 0 to polish.
    """
    children = []
    for island in population.voices:
        picks = rng.integers(0, len(island), (2, CHILDREN, 2))
        # An island is sorted, so the smaller index wins its tournament.
        mothers, fathers = island[picks.min(axis=-1)]
        crossed = np.where(rng.random((CHILDREN, 1)) < 0.5 * reach, cross(rng, mothers, fathers), mothers)
        children.append(mutate(rng, crossed, prior, reach))
    return np.stack(children)


def choose_for_gradient(
    population: Population, refined: Set[bytes], per_island: int
) -> tuple[UInt8[np.ndarray, "voice 155"], frozenset[bytes]]:
    """Choose voices of every island that the gradient has not refined.

    An island gives its best voice if that changed since a gradient refined it, then the best voices of structures that
    no gradient has refined, then its best ones.

    Args:
      population: the voices.
      refined: voices and structures that a gradient has refined.
      per_island: voices to choose from each island.

    Returns:
      the voices, island by island, and `refined` with these added.
    """
    chosen_voices, seen = [], set(refined)
    for island in population.voices:
        structures = structure(island)
        chosen = [] if island[0].tobytes() in seen else [0]
        for k, own in enumerate(structures):
            if own not in seen and all(own != structures[j] for j in chosen):
                chosen.append(k)
        chosen = list(dict.fromkeys([*chosen, *range(len(island))]))[:per_island]
        seen |= {island[k].tobytes() for k in chosen} | {structures[k] for k in chosen}
        chosen_voices.append(island[chosen])
    return np.concatenate(chosen_voices), frozenset(seen)


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
