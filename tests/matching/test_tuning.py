import numpy as np
import pytest

import ddx7
from ddx7.audio.pitch import estimate_pitch
from ddx7.matching.target import RATE, Target
from ddx7.matching.tuning import pitch_error_cents, transpose_voice, tune_voice
from ddx7.voice import Voice


@pytest.mark.parametrize("cents", [-1250, -730, -37, 8, 64, 100, 1200])
def test_transposing_moves_the_pitch_by_as_many_cents(cents: float, bright_vced: np.ndarray):
    moved = transpose_voice(bright_vced, cents, 60)
    before, after = (
        estimate_pitch(ddx7.render(Voice.from_vced(vced), 60, 100, 0.8, 0.8, RATE), RATE).f0_hz
        for vced in (bright_vced, moved)
    )
    assert 1200 * np.log2(after / before) == pytest.approx(cents, abs=2.5)


def test_a_voice_out_of_tune_is_tuned_and_one_in_tune_left_alone(phrase_target: Target, bright_vced: np.ndarray):
    target, note = phrase_target, phrase_target.notes[phrase_target.chosen[0]]
    sharp = transpose_voice(bright_vced, 45, 60)
    audio = target.render(np.stack([sharp, bright_vced]))
    sharp_distance, own_distance = target.objective().distances(np.stack([sharp, bright_vced]))
    assert pitch_error_cents(audio[0], note) == pytest.approx(45, abs=6)
    tuned = tune_voice(sharp, audio[0], sharp_distance, target)
    assert abs(pitch_error_cents(target.render(tuned[None])[0], note)) < 5
    np.testing.assert_array_equal(tune_voice(bright_vced, audio[1], own_distance, target), bright_vced)


def test_a_voice_that_tuning_moves_away_stays(phrase_target: Target, bright_vced: np.ndarray):
    sharp = transpose_voice(bright_vced, 45, 60)
    [audio] = phrase_target.render(sharp[None])
    np.testing.assert_array_equal(tune_voice(sharp, audio, 0.0, phrase_target), sharp)
