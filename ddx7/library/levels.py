"""Levels of voices beside each other, and voices changed so that they are equally loud."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from ddx7.library.measures import measure_notes
from ddx7.library.notes import render_notes
from ddx7.library.screening import LOW, MIDDLE
from ddx7.voice.algorithms import CARRIERS
from ddx7.voice.packing import VCED_COLUMNS, VCED_MAX

STEP_DB = 6.0206 / 8
"""Of the output level, from level 20 upwards."""
_AUDIBLE_DB = -80.0
_REACHED = 0.75  # share of the voices that can reach the level
_PASSES = 2  # low output levels have larger steps, and a carrier that feeds back changes its sound
_OUTPUT_LEVELS = VCED_COLUMNS["output_level"]
_MAX_LEVEL = int(VCED_MAX[_OUTPUT_LEVELS[0]])


@dataclass(frozen=True, eq=False)
class EvenedVoices:
    """Voices at one level.

    Attributes:
      vced: the voices; only the output levels of carriers differ.
      before_db: A-weighted level of each before, on the louder of a low and a middle note.
      after_db: the same after.
      target_db: the level that they were to have.
    """

    vced: UInt8[np.ndarray, "voice 155"]
    before_db: Float[np.ndarray, " voice"]
    after_db: Float[np.ndarray, " voice"]
    target_db: float


def level_of_voices(vced: UInt8[np.ndarray, "voice 155"]) -> Float[np.ndarray, " voice"]:
    """A-weighted level in dB of each voice, on the louder of a low and a middle note.

    Args:
      vced: legal bytes.
    """
    notes = [measure_notes(render_notes(vced, *probe), probe.gate_s).level_db for probe in (MIDDLE, LOW)]
    return np.max(notes, axis=0)


def even_levels(vced: UInt8[np.ndarray, "voice 155"], *, target_db: float | None = None) -> EvenedVoices:
    """Bring voices to one level by the output levels of their carriers, all of a voice by the same number of steps.

    A voice whose loudest carrier stands at 99 cannot become louder and keeps its level. Silent voices stay as they are.

    Args:
      vced: legal bytes.
      target_db: the level; None takes the highest one that three quarters of the audible voices can reach.
    """
    before_db = level_of_voices(vced)
    audible = before_db > _AUDIBLE_DB
    carrier = CARRIERS[vced[:, VCED_COLUMNS["algorithm"]]] > 0
    room = _MAX_LEVEL - np.where(carrier, vced[:, _OUTPUT_LEVELS], 0).max(1).astype(int)
    if target_db is None:
        reach_db = (before_db + STEP_DB * room)[audible]
        target_db = float(np.percentile(reach_db, 100 * (1 - _REACHED))) if len(reach_db) else 0.0
    changed, now_db = vced.copy(), before_db
    for _ in range(_PASSES):
        levels = changed[:, _OUTPUT_LEVELS].astype(int)
        steps = np.where(audible, np.round((target_db - now_db) / STEP_DB), 0).astype(int)
        room = _MAX_LEVEL - np.where(carrier, levels, 0).max(1)
        steps = np.minimum(steps, room)
        moved = np.where(carrier & (levels > 0), np.maximum(levels + steps[:, None], 1), levels)
        changed[:, _OUTPUT_LEVELS] = moved
        now_db = level_of_voices(changed)
    return EvenedVoices(changed, before_db, now_db, target_db)
