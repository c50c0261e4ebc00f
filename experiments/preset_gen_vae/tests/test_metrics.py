"""The published measures, on voices and sounds of which the errors are known."""

import numpy as np
import pytest
from preset_gen_vae.metrics import parameter_errors, sound_errors, tuned
from preset_gen_vae.spectrogram import ONE_NOTE, SAMPLES, play_notes

from ddx7.voice.packing import INIT_VCED, VCED_COLUMNS, random_vced
from ddx7.voice.spec import FIELDS


def test_parameter_errors_count_what_was_changed():
    wanted = np.tile(INIT_VCED, (2, 1))
    found = wanted.copy()
    assert parameter_errors(wanted, found) == (0, 1, 0, 1)
    found[0, VCED_COLUMNS["algorithm"]] = 31
    found[0, VCED_COLUMNS["velocity_sensitivity"][2]] = 7
    found[1, VCED_COLUMNS["left_curve"][0]] = 3
    found[1, VCED_COLUMNS["pitch_rates"][1]] = 0
    found[:, VCED_COLUMNS["transpose"]] = 0
    found[:, VCED_COLUMNS["name"]] = ord("x")
    errors = parameter_errors(wanted, found)
    # 122 numbers and 22 categories a voice; of key and velocity 5 and 2 an operator.
    np.testing.assert_allclose(errors.numbers, 2 / (2 * 122))
    np.testing.assert_allclose(errors.categories, 1 - 2 / (2 * 22))
    np.testing.assert_allclose(errors.played_numbers, 1 / (2 * 30))
    np.testing.assert_allclose(errors.played_categories, 1 - 1 / (2 * 12))


def test_only_what_counts_is_compared():
    wanted, found = random_vced(np.random.default_rng(0), 2)[:, None]
    counted = np.zeros((1, 155), bool)
    counted[0, VCED_COLUMNS["feedback"]] = True
    errors = parameter_errors(wanted, found, counted)
    off = abs(int(wanted[0, VCED_COLUMNS["feedback"]]) - int(found[0, VCED_COLUMNS["feedback"]]))
    np.testing.assert_allclose(errors.numbers, off / 7)
    assert np.isnan(errors[1:]).all()
    assert FIELDS[VCED_COLUMNS["feedback"]].parameter.maximum == 7


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_sound_errors_of_a_change_of_level():
    """A tenth of the amplitude is one decade of every magnitude, and moves the first coefficient alone."""
    rng = np.random.default_rng(1)
    wanted = rng.normal(0, 0.1, SAMPLES).astype(np.float32)
    same = sound_errors(wanted, wanted)
    assert same == (0, 0, 0, 0)
    softer = sound_errors(wanted, wanted / 10)
    np.testing.assert_allclose(softer.log_spectral, 1, atol=1e-3)
    np.testing.assert_allclose(softer.convergence, 0.9, atol=1e-5)
    # 20 dB in each of 128 bands: the orthonormal transform puts 20 * sqrt(128) into the first coefficient.
    np.testing.assert_allclose(softer.mfcc_13, 20 * np.sqrt(128) / 13, rtol=1e-3)
    np.testing.assert_allclose(softer.mfcc_40, 20 * np.sqrt(128) / 40, rtol=1e-3)
    assert np.isfinite(sound_errors(np.zeros_like(wanted), wanted)).all()


def test_a_voice_is_tuned_to_the_sound_that_was_wanted():
    voice, sharp = INIT_VCED.copy(), INIT_VCED.copy()
    sharp[VCED_COLUMNS["coarse"]] = 2
    sharp[VCED_COLUMNS["detune"]] = 14
    sounds = play_notes(np.stack([voice, sharp]), ONE_NOTE)
    mended = tuned(sharp, sounds[0], sounds[1], ONE_NOTE)
    assert mended[VCED_COLUMNS["transpose"]] == 12
    np.testing.assert_array_equal(tuned(voice, sounds[0], sounds[0], ONE_NOTE), voice)
    silent = np.zeros_like(sounds[0])
    np.testing.assert_array_equal(tuned(sharp, silent, sounds[1], ONE_NOTE), sharp)
