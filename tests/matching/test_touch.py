"""Changes of touch leave the reference note as it is and change the others."""

from dataclasses import replace

import numpy as np
import pytest

import ddx7
from ddx7.engine import DEXED
from ddx7.matching.touch import KEYBOARD, VELOCITY, TouchReference, vary_touch
from ddx7.voice import Operator, Voice
from ddx7.voice.packing import VCED_COLUMNS, in_range

NOTE, VELOCITY_OF_IT = 57, 100


@pytest.fixture(scope="module")
def voice() -> Voice:
    """Levels and rates in the middle of their ranges, so that there is room to make up for anything."""
    operator = Operator(rates=(70, 55, 50, 50), levels=(99, 90, 80, 0), output_level=75)
    quiet = replace(operator, output_level=60, coarse=2)
    return Voice(operators=(operator, quiet, operator, quiet, operator, quiet), algorithm=5, transpose=5)


def reference(*, by_velocity: bool = True, by_pitch: bool = True) -> TouchReference:
    return TouchReference(NOTE, VELOCITY_OF_IT, DEXED.levels, by_velocity, by_pitch)


def levels_db(voices: list[Voice], note: int, velocity: int) -> np.ndarray:
    sounds = ddx7.render(voices, note, velocity, 0.2, 0.25, 22_050, operators=True)
    return 10 * np.log10(np.square(sounds).mean(axis=-1) + 1e-12)


def varied(voice: Voice, n: int, of: TouchReference) -> np.ndarray:
    vced = np.frombuffer(voice.to_vced(), np.uint8)
    return vary_touch(np.random.default_rng(0), np.tile(vced, (n, 1)), of)


def test_the_reference_note_keeps_its_levels_and_other_velocities_do_not(voice: Voice):
    rows = varied(voice, 60, reference(by_pitch=False))
    full = (rows[:, VCED_COLUMNS["output_level"]] < 99).all(axis=1)  # beyond it nothing can be made up for
    voices = [Voice.from_vced(row) for row in rows[full]]
    assert len(voices) > 40
    own = levels_db([voice], NOTE, VELOCITY_OF_IT)
    assert np.abs(levels_db(voices, NOTE, VELOCITY_OF_IT) - own).max() < 0.6  # a step of output level is 0.75 dB
    softer = levels_db(voices, NOTE, 40) - levels_db([voice], NOTE, 40)
    assert (np.abs(softer).max(axis=1) > 1).mean() > 0.6


def test_the_keyboard_changes_other_notes_alone(voice: Voice):
    rows = varied(voice, 60, reference(by_velocity=False))
    assert (rows[:, VCED_COLUMNS["velocity_sensitivity"]] == 0).all()
    inside = (rows[:, VCED_COLUMNS["output_level"]] < 99).all(axis=1)
    inside &= (rows[:, VCED_COLUMNS["rates"]] < 99).all(axis=(1, 2))
    voices = [Voice.from_vced(row) for row in rows[inside]]
    own = levels_db([voice], NOTE, VELOCITY_OF_IT)
    assert np.abs(levels_db(voices, NOTE, VELOCITY_OF_IT) - own).max() < 1.2  # rates are rounded, too
    apart = [
        np.abs(levels_db(voices, note, VELOCITY_OF_IT) - levels_db([voice], note, VELOCITY_OF_IT)).max(axis=1)
        for note in (33, 81)
    ]
    assert (np.maximum(*apart) > 1).mean() > 0.4


def test_only_touch_levels_and_rates_change_and_stay_legal(voice: Voice):
    rows = varied(replace(voice, algorithm=32), 200, reference())
    moved = {name for name, places in VCED_COLUMNS.items() if (rows[:, places] != varied_from(voice)[places]).any()}
    assert moved - {"algorithm"} == {*VELOCITY, *KEYBOARD, "output_level", "rates"}
    assert in_range(rows).all()


def varied_from(voice: Voice) -> np.ndarray:
    return np.frombuffer(voice.to_vced(), np.uint8)


def test_an_operator_that_is_off_stays_off(voice: Voice):
    off = replace(voice, operators=(*voice.operators[:5], replace(voice.operators[5], output_level=0)))
    rows = varied(off, 100, reference())
    assert (rows[:, VCED_COLUMNS["output_level"][5]] == 0).all()


def test_what_the_notes_do_not_determine_stays(voice: Voice):
    rows = varied(voice, 5, reference(by_velocity=False, by_pitch=False))
    np.testing.assert_array_equal(rows, np.tile(varied_from(voice), (5, 1)))
