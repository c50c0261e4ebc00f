"""Search of a collection of existing voices, rendered on the notes of a recording."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8

from ddx7.library import scan
from ddx7.matching.objective import Objective
from ddx7.matching.result import LibraryHit, Progress
from ddx7.matching.target import SEARCH_RATE, Target
from ddx7.voice.spec import VCED_SIZE

BATCH = 256
RENDERED_IN_FULL = 1024
"""Voices that are rendered in full. Of a larger collection the first 0.7 s of each note select them."""
COMPARED = 64
"""Voices of a library whose log-mel distance is measured."""
LIBRARY_SEEDS, LIBRARY_SHOWN = 64, 4
"""The nearest voices of a library that a search starts from, and those that its report names."""


class NearestVoices(NamedTuple):
    """The nearest voices of a collection, nearest first.

    Attributes:
      rows: indices in the collection.
      distances: perceptual distance of each.
    """

    rows: Int[np.ndarray, " voice"]
    distances: Float[np.ndarray, " voice"]


class ComparedVoices(NamedTuple):
    """Voices of a collection in the order of their perceptual distance.

    Attributes:
      rows: indices in the collection.
      distances: perceptual distance of each.
      distances_db: log-mel distance of each.
    """

    rows: Int[np.ndarray, " voice"]
    distances: Float[np.ndarray, " voice"]
    distances_db: Float[np.ndarray, " voice"]


class LibrarySeeds(NamedTuple):
    """Voices of a library that a search starts from, nearest first.

    Attributes:
      voices: the voices.
      distances: perceptual distance of each.
      hits: the nearest ones by log-mel distance, with their names.
      unread: what of the library was not read, in one sentence.
    """

    voices: UInt8[np.ndarray, "voice 155"]
    distances: Float[np.ndarray, " voice"]
    hits: tuple[LibraryHit, ...]
    unread: str = ""


NO_LIBRARY = LibrarySeeds(np.zeros((0, VCED_SIZE), np.uint8), np.zeros(0), ())


def nearest_in_library(
    vced: UInt8[np.ndarray, "voice 155"],
    objective: Objective,
    n: int,
    progress: Callable[[Progress], None] | None = None,
) -> NearestVoices:
    """Find the nearest of many voices.

    Args:
      vced: the collection.
      objective: the distance.
      n: number of voices to return, at most.
      progress: called after every batch.
    """
    least = np.inf
    renders = 0

    def distances(rows: np.ndarray, objective: Objective) -> np.ndarray:
        nonlocal least, renders
        parts = []
        for first in range(0, len(rows), BATCH):
            parts.append(objective.distances(vced[rows[first : first + BATCH]]))
            least, renders = min(least, float(parts[-1].min())), renders + len(parts[-1])
            if progress:
                progress(Progress(0.0, 1.0, "rendering the library", renders, least))
        return np.concatenate(parts)

    rows = np.arange(len(vced))
    if len(rows) > RENDERED_IN_FULL:
        rows = rows[np.argsort(distances(rows, objective.beginning()), kind="stable")[:RENDERED_IN_FULL]]
    in_full = distances(rows, objective)
    order = np.argsort(in_full, kind="stable")[:n]
    return NearestVoices(rows[order], in_full[order])


def compare_library(
    vced: UInt8[np.ndarray, "voice 155"],
    target: Target,
    count: int,
    progress: Callable[[Progress], None] | None = None,
) -> ComparedVoices:
    """Find the voices nearest to a recording; the full sample rate orders the `COMPARED` nearest ones.

    Args:
      vced: the collection.
      target: the recording.
      count: number of voices to return, at most `COMPARED`.
      progress: called after every batch.
    """
    rows = nearest_in_library(vced, target.objective(SEARCH_RATE), COMPARED, progress).rows
    distances = target.objective().distances(vced[rows])
    order = np.argsort(distances, kind="stable")[:count]
    distances_db = np.asarray(target.distances_db(target.render(vced[rows[order]])))
    return ComparedVoices(rows[order], distances[order], distances_db)


def search_library(
    places: Sequence[str | Path],
    target: Target,
    objective: Objective,
    progress: Callable[[Progress], None] | None = None,
) -> LibrarySeeds:
    """Find the voices of a library that a search starts from.

    Args:
      places: folders or files with voices.
      target: the recording.
      objective: its notes at the rate of the search.
      progress: called after every batch.

    Raises:
      Ddx7Error: the library holds no voice.
    """
    collection = scan([Path(place) for place in places])
    nearest = nearest_in_library(collection.vced, objective, LIBRARY_SEEDS, progress)
    voices = collection.vced[nearest.rows]
    distances_db = target.distances_db(target.render(voices[:LIBRARY_SHOWN]))
    shown = sorted(zip(distances_db, nearest.rows.tolist(), strict=False))
    hits = tuple(LibraryHit(collection.label(row), distance_db) for distance_db, row in shown)
    return LibrarySeeds(voices, nearest.distances, hits, collection.unread())
