"""The published measures, on voices and sounds of which the errors are known."""

import numpy as np
import pytest
from preset_gen_vae.metrics import parameter_errors, sound_errors, tune_voice
from preset_gen_vae.spectrogram import ONE_NOTE, SAMPLES, render_notes

from ddx7.voice.packing import INIT_VCED, VCED_COLUMNS, random_vced
from ddx7.voice.spec import FIELDS


def test_parameter_errors_count_what_was_changed():
    target = np.tile(INIT_VCED, (2, 1))
    estimate = target.copy()
    assert parameter_errors(target, estimate) == (0, 1, 0, 1)
    estimate[0, VCED_COLUMNS["algorithm"]] = 31
    estimate[0, VCED_COLUMNS["velocity_sensitivity"][2]] = 7
    estimate[1, VCED_COLUMNS["left_curve"][0]] = 3
    estimate[1, VCED_COLUMNS["pitch_rates"][1]] = 0
    estimate[:, VCED_COLUMNS["transpose"]] = 0
    estimate[:, VCED_COLUMNS["name"]] = ord("x")
    errors = parameter_errors(target, estimate)
    # 122 numbers and 22 categories a voice; of key and velocity 5 and 2 an operator.
    np.testing.assert_allclose(errors.numbers, 2 / (2 * 122))
    np.testing.assert_allclose(errors.categories, 1 - 2 / (2 * 22))
    np.testing.assert_allclose(errors.played_numbers, 1 / (2 * 30))
    np.testing.assert_allclose(errors.played_categories, 1 - 1 / (2 * 12))


def test_only_masked_bytes_are_compared():
    target, estimate = random_vced(np.random.default_rng(0), 2)[:, None]
    mask = np.zeros((1, 155), bool)
    mask[0, VCED_COLUMNS["feedback"]] = True
    errors = parameter_errors(target, estimate, mask)
    off = abs(int(target[0, VCED_COLUMNS["feedback"]]) - int(estimate[0, VCED_COLUMNS["feedback"]]))
    np.testing.assert_allclose(errors.numbers, off / 7)
    assert np.isnan(errors[1:]).all()
    assert FIELDS[VCED_COLUMNS["feedback"]].parameter.maximum == 7


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_sound_errors_of_a_change_of_level():
    """A tenth of the amplitude is one decade of every magnitude, and moves the first coefficient alone."""
    rng = np.random.default_rng(1)
    target = rng.normal(0, 0.1, SAMPLES).astype(np.float32)
    same = sound_errors(target, target)
    assert same == (0, 0, 0, 0)
    quieter = sound_errors(target, target / 10)
    np.testing.assert_allclose(quieter.log_spectral, 1, atol=1e-3)
    np.testing.assert_allclose(quieter.convergence, 0.9, atol=1e-5)
    # 20 dB in each of 128 bands: the orthonormal transform puts 20 * sqrt(128) into the first coefficient.
    np.testing.assert_allclose(quieter.mfcc_13, 20 * np.sqrt(128) / 13, rtol=1e-3)
    np.testing.assert_allclose(quieter.mfcc_40, 20 * np.sqrt(128) / 40, rtol=1e-3)
    assert np.isfinite(sound_errors(np.zeros_like(target), target)).all()


def test_a_voice_is_tuned_to_the_target():
    voice, sharp = INIT_VCED.copy(), INIT_VCED.copy()
    sharp[VCED_COLUMNS["coarse"]] = 2
    sharp[VCED_COLUMNS["detune"]] = 14
    sounds = render_notes(np.stack([voice, sharp]), ONE_NOTE)
    tuned = tune_voice(sharp, sounds[0], sounds[1], ONE_NOTE)
    assert tuned[VCED_COLUMNS["transpose"]] == 12
    np.testing.assert_array_equal(tune_voice(voice, sounds[0], sounds[0], ONE_NOTE), voice)
    silent = np.zeros_like(sounds[0])
    np.testing.assert_array_equal(tune_voice(sharp, silent, sounds[1], ONE_NOTE), sharp)
