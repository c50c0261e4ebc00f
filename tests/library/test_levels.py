"""Voices brought to one level: carriers alone change, by equal steps, as far as they have room."""

import numpy as np

from ddx7 import Operator, Voice
from ddx7.library import even_levels
from ddx7.library.levels import STEP_DB, level_of_voices

LEVEL_OF_OP1, LEVEL_OF_OP2 = 121, 100


def voice(*levels):
    operators = [Operator(output_level=level) for level in levels]
    return list(Voice(operators=(*operators, *(Operator(),) * (6 - len(operators))), algorithm=5).to_vced())


def test_a_step_is_an_eighth_of_an_octave_of_gain():
    loud, soft = level_of_voices(np.array([voice(99), voice(91)], np.uint8))
    np.testing.assert_allclose(loud - soft, 8 * STEP_DB, atol=0.05)
    np.testing.assert_allclose(8 * STEP_DB, 20 * np.log10(2), atol=0.001)


def test_levels_meet_and_only_carriers_change():
    vced = np.array([voice(99, 60), voice(80, 60), voice(90, 60), voice(70, 60)], np.uint8)
    evened = even_levels(vced, target_db=-40.0)
    assert np.ptp(evened.before_db) > 15
    np.testing.assert_allclose(evened.after_db, -40.0, atol=0.6)
    changed = evened.vced != vced
    changed[:, LEVEL_OF_OP1] = False
    assert not changed.any()
    assert evened.vced[0, LEVEL_OF_OP2] == 60


def test_a_full_voice_does_not_become_louder_and_silence_stays():
    vced = np.array([voice(99), voice(0), voice(95)], np.uint8)
    evened = even_levels(vced, target_db=0.0)
    np.testing.assert_array_equal(evened.vced[:, LEVEL_OF_OP1], [99, 0, 99])


def test_most_voices_reach_the_level_that_is_chosen():
    vced = np.array([voice(99), voice(99, 99), voice(60), voice(85)], np.uint8)
    evened = even_levels(vced)
    assert np.mean(np.abs(evened.after_db - evened.target_db) < 0.6) >= 0.75
