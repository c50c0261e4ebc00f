from functools import partial

import jax
import jax.numpy as jnp
import librosa
import numpy as np
import pytest
import scipy.signal

from ddx7.audio.spectral_loss import harmonic_distance, magnitudes, mel_distance, multi_scale_distance


def plain_magnitudes(x: np.ndarray, window: int) -> np.ndarray:
    """Frame by frame, [frame, bin]."""
    padded = np.pad(x.astype(np.float64), window // 2, mode="reflect")
    hann = scipy.signal.get_window("hann", window)
    starts = range(0, len(padded) - window + 1, window // 4)
    return np.abs([np.fft.rfft(hann * padded[start : start + window]) for start in starts]) / np.sqrt(window)


multi_scale = jax.jit(multi_scale_distance, static_argnums=2)
mel = jax.jit(partial(mel_distance, sample_rate=16_000))


@pytest.mark.parametrize("window", [64, 512])
def test_magnitudes_are_those_of_a_plain_transform(window: int):
    x = np.random.default_rng(0).normal(size=2048).astype(np.float32)
    np.testing.assert_allclose(magnitudes(jnp.asarray(x), window), plain_magnitudes(x, window), atol=1e-4)


def test_the_distance_of_a_sound_to_itself_is_zero_and_the_gradient_at_silence_finite():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 1024)), jnp.float32)
    value, gradient = jax.jit(jax.value_and_grad(lambda a: multi_scale_distance(a, x, (64,))))(jnp.zeros_like(x))
    assert value > 0
    assert multi_scale(x, x, (64,)) == 0
    assert np.isfinite(gradient).all()


def test_distance_is_the_published_sum():
    rng = np.random.default_rng(1)
    a, b = (rng.normal(size=2048).astype(np.float32) for _ in range(2))
    expected = 0.0
    for n in (512, 128):
        s, t = (plain_magnitudes(x, n) for x in (a, b))
        expected += np.mean(np.abs(s - t)) + np.mean(np.abs(np.log(s + 1e-7) - np.log(t + 1e-7)))
    assert multi_scale(jnp.asarray(a), jnp.asarray(b), (512, 128)) == pytest.approx(expected, rel=1e-4)


def test_mel_distance_is_the_mean_difference_in_librosas_bands():
    rng, rate = np.random.default_rng(2), 16_000
    a, b = (rng.normal(size=4096).astype(np.float32) for _ in range(2))

    def bands(x: np.ndarray) -> np.ndarray:
        power = plain_magnitudes(x, 1024).T ** 2
        filters = librosa.filters.mel(sr=rate, n_fft=1024, n_mels=64, fmin=40.0, fmax=8000.0)
        return np.log(filters @ power / filters.sum(axis=1, keepdims=True) + 1e-9)

    result = mel(jnp.asarray(a), jnp.asarray(b))
    assert result == pytest.approx(np.mean(np.abs(bands(a) - bands(b))), rel=1e-4)


def test_sound_below_1_khz_counts_for_more_in_bands():
    rng, rate, n = np.random.default_rng(3), 16_000, 32_000
    spectrum, low = np.fft.rfft(rng.normal(size=n)), np.fft.rfftfreq(n, 1 / rate) < 1000
    floor, thin, thin_below = (
        jnp.asarray(np.fft.irfft(spectrum * gain), jnp.float32) for gain in (1.0, 0.1, np.where(low, 0.1, 1.0))
    )
    in_bands, in_bins = (
        distance(floor, thin_below) / distance(floor, thin)
        for distance in (mel, lambda a, b: multi_scale(a, b, (1024,)))
    )
    assert in_bands == pytest.approx(1 / 3, abs=0.05)
    assert in_bins == pytest.approx(1 / 8, abs=0.02)


def test_mel_distance_has_a_finite_gradient_at_silence():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 2048)), jnp.float32)
    assert mel(x, x) == 0
    assert np.isfinite(jax.jit(jax.grad(lambda a: mel_distance(a, x, 16_000)))(jnp.zeros_like(x))).all()


def test_harmonic_distance_counts_each_harmonic_alike_and_none_above_half_the_rate():
    rate, f0_hz = 16_000, 1000.0
    t = np.arange(4096) / rate
    tone = np.sum([np.sin(2 * np.pi * k * f0_hz * t) / k**2 for k in range(1, 8)], axis=0)
    softer = tone - 0.5 * np.sin(2 * np.pi * 3 * f0_hz * t) / 3**2  # the third harmonic 6 dB lower
    distance = jax.jit(partial(harmonic_distance, hop=64))
    cycles = jnp.full((1, 64), f0_hz / rate)
    found = distance(jnp.asarray(tone[None], jnp.float32), jnp.asarray(softer[None], jnp.float32), cycles)
    assert found == pytest.approx(2 * np.log(2) / 7, rel=0.02)  # of seven harmonics below 7,840 Hz
    x = jnp.asarray(tone[None], jnp.float32)
    assert distance(x, x, cycles) == 0
    assert np.isfinite(jax.jit(jax.grad(lambda a: harmonic_distance(a, x, cycles, 64)))(jnp.zeros_like(x))).all()
