"""Early rejection: the beginnings of the notes rule out most children of a search before the whole notes are played."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, UInt8

from ddx7.matching.objective import Objective
from ddx7.matching.population import Population

WORTH = 0.75
"""Beginnings that take a larger share of the notes than this save nothing."""
_REMEMBERED = 20_000

Distances = Callable[[UInt8[np.ndarray, "voice 155"], Objective], Float[np.ndarray, " voice"]]


class EarlyRejection:
    """Compares children by the first 0.7 s of every note, and rejects those that are worse there than all parents.

    A child that differs from its parent only later has its parent's distance there, so it is never rejected.

    Attributes:
      objective: the beginnings.
      useful: whether they are so much shorter than the notes that rejection saves time.
    """

    def __init__(self, objective: Objective) -> None:
        self.objective = objective.beginning()
        self.useful = self.objective.duration_s <= WORTH * objective.duration_s
        self._known: dict[bytes, float] = {}

    def promising(
        self, population: Population, children: UInt8[np.ndarray, "island child 155"], distances: Distances
    ) -> Bool[np.ndarray, "island child"]:
        """Mark the children that are worth playing whole.

        Args:
          population: their parents and all others of their islands.
          children: of each island.
          distances: of voices from an objective.

        Returns:
          those that begin at least as near as the worst voice of their island does.
        """
        if len(self._known) > _REMEMBERED:
            self._known = {}
        new = np.unique([voice for voice in population.flat if voice.tobytes() not in self._known], axis=0)
        if len(new):
            self._remember(new, distances(new, self.objective))
        members = [[self._known[voice.tobytes()] for voice in island] for island in population.voices]
        found = distances(children.reshape(-1, children.shape[-1]), self.objective).reshape(children.shape[:2])
        promising = found <= np.max(members, axis=1, keepdims=True)
        self._remember(children[promising], found[promising])
        return promising

    def _remember(self, voices: UInt8[np.ndarray, "voice 155"], distances: Float[np.ndarray, " voice"]) -> None:
        self._known.update(zip((voice.tobytes() for voice in voices), distances.tolist(), strict=True))
