"""The floor of a match: how near a sound of the recording's strongest partials alone comes."""

from typing import NamedTuple

import numpy as np

from ddx7.audio.strongest_peaks import strongest_peaks
from ddx7.matching.target import RATE, Target

FLOOR_PEAKS = 48
"""Spectral peaks of a frame that the floor keeps."""


class PeakFloor(NamedTuple):
    """Distances of a recording from its own strongest spectral peaks.

    Attributes:
      peaks: number of peaks in a frame.
      distance: perceptual distance of the scored notes.
      distance_db: log-mel distance of the whole recording.
    """

    peaks: int
    distance: float
    distance_db: float


def peak_floor(target: Target) -> PeakFloor:
    """Measure the floor of a recording.

    What lies between its partials, such as breath, bow noise and reverb, makes the floor high.

    Args:
      target: the recording.
    """
    notes = target.objective().note_targets
    kept = [strongest_peaks(note.target * note.window, RATE, FLOOR_PEAKS) * note.window for note in notes]
    near = np.mean([note.distances(sound[None])[0] for note, sound in zip(notes, kept, strict=True)])
    [whole_db] = target.distances_db(strongest_peaks(target.sound, RATE, FLOOR_PEAKS)[None])
    return PeakFloor(FLOOR_PEAKS, float(near), whole_db)
