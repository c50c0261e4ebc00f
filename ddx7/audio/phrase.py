"""Which note of a phrase to listen to: recordings are split where the sound falls away and comes back."""

import numpy as np

from ddx7.audio.note import HOP_S, envelope
from ddx7.errors import AudioError

DEPTH_DB = 24.0  # a dip this far below both of its sides parts two notes; vibrato, beats and wobbles stay above
LOUD_DB = -20.0  # what does not come this near to the loudest moment is no note of its own: noises, echoes, breath


def loudest_note(samples: np.ndarray, sample_rate: int) -> tuple[float, float]:
    """The stretch of a recording that holds its strongest note: the one with the most energy, so a long one.

    Notes are parted by silence, or by a dip of 24 dB, before the next attack; slurred notes stay together.

    Args:
      samples: float [time], mono.
      sample_rate: in Hz.

    Returns:
      start and stop in seconds. Silence around the note is part of the stretch, so a recording of one note is returned
      whole.

    Raises:
      AudioError: the recording is silent.
    """
    samples = np.asarray(samples, np.float64)
    if not samples.any():
        raise AudioError(f"found only silence in {len(samples) / sample_rate:.2f} s, a note is wanted")
    hop = round(HOP_S * sample_rate)
    cuts = [0, *(hop * frame for frame in _dips(envelope(samples, sample_rate))), len(samples)]
    energy = np.add.reduceat(samples**2, cuts[:-1])
    strongest = int(np.argmax(energy))
    return cuts[strongest] / sample_rate, cuts[strongest + 1] / sample_rate


def _dips(level_db: np.ndarray) -> list[int]:
    """Frames between two notes, each the last of the lowest before the sound comes back."""
    # Nothing under this floor can be a note, so only sides above LOUD_DB are DEPTH_DB higher than a dip.
    level_db = np.maximum(level_db, LOUD_DB - DEPTH_DB)
    dips, peak, dip = [], level_db[0], 0
    for frame, level in enumerate(level_db):
        if level <= level_db[dip]:
            dip = frame
        if min(level, peak) >= level_db[dip] + DEPTH_DB:
            dips.append(dip)
            peak, dip = level, frame
        elif level > peak:
            peak, dip = level, frame
    return dips
