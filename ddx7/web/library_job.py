"""Measuring a library, and searching it for the sound of a recording, as jobs (in the worker)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Float, Int32, UInt8

from ddx7.audio import Note
from ddx7.web.session_library import DESCRIPTORS, LibrarySounds, named_categories
from ddx7.web.worker import Report

if TYPE_CHECKING:
    from ddx7.matching import Progress
    from ddx7.matching.library_search import ComparedVoices

CHUNK = 128
"""Voices that are measured between two reports."""


@dataclass(frozen=True, eq=False)
class MeasureTask:
    """What a measurement of voices needs.

    Attributes:
      vced: voices that are not measured yet.
      known: measures of those that come before; None for none.
    """

    vced: UInt8[np.ndarray, "voice 155"]
    known: LibrarySounds | None


class TimbreMap(NamedTuple):
    """Where voices stand.

    Attributes:
      places: on the map, from 0 to 1.
      clusters: voices that sound the same share a number.
    """

    places: Float[np.ndarray, "voice 2"]
    clusters: Int32[np.ndarray, " voice"]


def measure_sounds(vced: UInt8[np.ndarray, "voice 155"]) -> LibrarySounds:
    """Render and measure voices."""
    from ddx7.library.classify import categorise
    from ddx7.library.screening import measure_voices, screen_measures, unpitched
    from ddx7.library.timbre import timbre_descriptors

    measures = measure_voices(vced)
    named = np.array([named_categories(row) for row in vced])
    categories = categorise(vced, measures, named)
    middle = measures.middle
    return LibrarySounds(
        level_db=np.maximum(middle.level_db, measures.low.level_db),
        centre_hz=middle.centre_hz,
        attack_s=middle.attack_s,
        held_db=middle.held_db,
        release_s=middle.release_s,
        coarse_log_mel=middle.coarse_log_mel.astype(np.float32),
        categories=categories,
        descriptors=np.array([np.isin(DESCRIPTORS, timbre_descriptors(middle, k)) for k in range(len(vced))]),
        faults=screen_measures(measures, without_pitch=unpitched(categories)).broken,
    )


def run_measure(report: Report, task: MeasureTask) -> TimbreMap:
    """Measure voices; reports hold the measures, so that a stop loses none."""
    from ddx7.library.clusters import sound_clusters
    from ddx7.library.sound_map import timbre_map

    parts = [task.known] if task.known else []
    first = len(task.known) if task.known else 0
    total = first + len(task.vced)
    try:
        report({"stage": "measuring", "done": first, "total": total})
        for start in range(0, len(task.vced), CHUNK):
            sounds = measure_sounds(task.vced[start : start + CHUNK])
            parts.append(sounds)
            done = first + start + len(sounds)
            report({"stage": "measuring", "done": done, "total": total, "first": done - len(sounds), "sounds": sounds})
        report({"stage": "drawing the map", "done": total, "total": total})
    except KeyboardInterrupt:
        if len(parts) <= bool(task.known):
            raise
    sounds = LibrarySounds.concatenate(parts)
    return TimbreMap(timbre_map(sounds.coarse_log_mel, sounds.centre_hz), sound_clusters(sounds.coarse_log_mel))


@dataclass(frozen=True, eq=False)
class NearestTask:
    """What a search of a library needs.

    Attributes:
      vced: its voices.
      samples: the recording.
      sample_rate: in Hz.
      notes: its notes; none for those that are found.
      count: number of voices.
    """

    vced: UInt8[np.ndarray, "voice 155"]
    samples: np.ndarray
    sample_rate: int
    notes: tuple[Note, ...]
    count: int


def run_nearest(report: Report, task: NearestTask) -> "ComparedVoices":
    """Find the voices that sound most like a recording."""
    from ddx7.audio import find_notes
    from ddx7.matching.library_search import compare_library
    from ddx7.matching.target import make_target

    def progress(now: "Progress") -> None:
        report({"stage": now.stage, "renders": now.renders, "total": len(task.vced)})

    report({"stage": "finding the notes"})
    notes = task.notes or tuple(find_notes(task.samples, task.sample_rate))
    return compare_library(task.vced, make_target(task.samples, task.sample_rate, notes), task.count, progress)
