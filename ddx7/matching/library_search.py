"""The player's own voices, heard on a recording's notes."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ddx7.matching.objective import Objective
from ddx7.matching.result import Progress

BATCH = 256
HEARD_WHOLE = 1024  # voices; of more, all are heard for the first 0.7 s of each note, and these whole


class LibraryHits(NamedTuple):
    """Voices of a collection by how near they come, nearest first.

    Attributes:
      rows: in the collection, int [voice].
      distance: perceptual distance, float [voice].
    """

    rows: np.ndarray
    distance: np.ndarray


def nearest_in_library(
    vced: np.ndarray, audition: Objective, n: int, progress: Callable[[Progress], None] | None = None
) -> LibraryHits:
    """The nearest of many voices.

    Args:
      vced: uint8 [voice, 155].
      audition: what to play and compare.
      n: how many to return, at most.
      progress: told how many were heard.
    """
    best = np.inf
    told = 0

    def distances(rows: np.ndarray, of: Objective) -> np.ndarray:
        nonlocal best, told
        found = []
        for first in range(0, len(rows), BATCH):
            found.append(of.distances(vced[rows[first : first + BATCH]]))
            best, told = min(best, float(found[-1].min())), told + len(found[-1])
            if progress:
                progress(Progress(0.0, 1.0, "hearing the library", told, best))
        return np.concatenate(found)

    rows = np.arange(len(vced))
    if len(rows) > HEARD_WHOLE:
        beginning = Objective(tuple(listener.beginning() for listener in audition.listeners))
        rows = rows[np.argsort(distances(rows, beginning), kind="stable")[:HEARD_WHOLE]]
    near = distances(rows, audition)
    order = np.argsort(near, kind="stable")[:n]
    return LibraryHits(rows[order], near[order])
