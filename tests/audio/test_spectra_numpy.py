import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal

from ddx7.audio import spectra
from ddx7.audio.spectra_numpy import frames, hann, log_mel, magnitude, mean_square, power, to_db, unit_sine


@pytest.mark.parametrize("length", [64, 400, 2048])
def test_the_window_is_the_periodic_hann_window_of_scipy(length):
    np.testing.assert_allclose(hann(length), scipy.signal.get_window("hann", length), atol=1e-15)


def test_frames_of_batches_are_slices_and_short_sounds_are_refused():
    sound = np.random.default_rng(0).normal(size=(2, 1000))
    expected = np.stack([sound[:, start : start + 512] for start in (0, 200, 400)], axis=1)
    np.testing.assert_array_equal(frames(sound, 512, 200), expected)
    with pytest.raises(ValueError, match="window shape"):
        frames(sound, 1001, 200)


def test_spectra_are_those_of_a_plain_transform(plain_stft):
    sound = np.random.default_rng(0).normal(size=3000)
    framed = frames(np.pad(sound, 256), 512, 128)
    expected = plain_stft(sound, 512, 128)
    np.testing.assert_allclose(magnitude(framed, hann(512)), expected, atol=1e-10)
    np.testing.assert_allclose(power(framed, hann(512)), expected**2, atol=1e-10)
    assert magnitude(framed, hann(512), 1024).shape == (len(expected), 513)


def test_a_sine_of_amplitude_1_has_magnitude_1():
    sound = np.sin(2 * np.pi * 32 / 512 * np.arange(2048))
    assert magnitude(frames(sound, 512, 256), unit_sine(hann(512)))[3, 32] == pytest.approx(1.0, abs=1e-12)


def test_numpy_and_jax_agree():
    rate = 16_000
    sound = np.random.default_rng(0).normal(0, 0.1, rate // 2)
    scale_db = 20 * np.log10(2 / hann(2048).sum())  # the JAX spectrum is scaled
    in_jax = spectra.log_mel(jnp.asarray(sound, jnp.float32), rate, floor_db=-200.0, highest_hz=8000.0)
    np.testing.assert_allclose(log_mel(sound, rate, highest_hz=8000.0) + scale_db, in_jax, atol=2e-3)


def test_mean_square_is_the_weighted_mean_around_every_hop():
    sound = np.random.default_rng(0).normal(size=700)
    level = mean_square(sound, 50, 40)
    weights = np.sin(np.pi * np.arange(1, 51) / 51) ** 2
    padded = np.concatenate([np.zeros(25), sound, np.zeros(50)])
    expected = [np.average(padded[k : k + 50] ** 2, weights=weights) for k in range(0, 700, 40)]
    np.testing.assert_allclose(level, expected, rtol=1e-12)
    assert mean_square(np.zeros(0), 50, 40).tolist() == [0.0]


def test_decibels_stop_at_the_least_power():
    np.testing.assert_allclose(to_db(np.array([2.0, 1e-9, 0.0]), 1e-8), [3.0103, -80, -80], atol=1e-4)
