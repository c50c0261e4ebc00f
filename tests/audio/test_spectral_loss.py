import jax
import jax.numpy as jnp
import librosa
import numpy as np
import pytest

from ddx7.audio.spectral_loss import magnitudes, mel_distance, multi_scale_distance


@pytest.mark.parametrize("window", [64, 512])
def test_magnitudes_are_those_of_librosa(window: int):
    x = np.random.default_rng(0).normal(size=2048).astype(np.float32)
    wanted = np.abs(librosa.stft(x, n_fft=window, hop_length=window // 4, pad_mode="reflect")).T / np.sqrt(window)
    np.testing.assert_allclose(magnitudes(jnp.asarray(x), window), wanted, atol=1e-4)


def test_distance_is_nothing_to_itself_and_has_a_finite_gradient_at_silence():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 1024)), jnp.float32)
    assert multi_scale_distance(x, x, (64,)) == 0
    slope = jax.grad(lambda a: multi_scale_distance(a, x, (64,)))(jnp.zeros_like(x))
    assert np.isfinite(slope).all()


def test_distance_is_the_published_sum():
    rng = np.random.default_rng(1)
    a, b = (rng.normal(size=2048).astype(np.float32) for _ in range(2))
    wanted = 0.0
    for n in (512, 128):
        s, t = (np.abs(librosa.stft(x, n_fft=n, hop_length=n // 4, pad_mode="reflect")) / np.sqrt(n) for x in (a, b))
        wanted += np.mean(np.abs(s - t)) + np.mean(np.abs(np.log(s + 1e-7) - np.log(t + 1e-7)))
    assert multi_scale_distance(jnp.asarray(a), jnp.asarray(b), (512, 128)) == pytest.approx(wanted, rel=1e-4)


def test_mel_distance_is_the_mean_of_librosas_bands():
    rng, rate = np.random.default_rng(2), 16_000
    a, b = (rng.normal(size=4096).astype(np.float32) for _ in range(2))

    def bands(x: np.ndarray) -> np.ndarray:
        power = np.abs(librosa.stft(x, n_fft=1024, hop_length=256, pad_mode="reflect")) ** 2 / 1024
        filters = librosa.filters.mel(sr=rate, n_fft=1024, n_mels=64, fmin=40.0, fmax=8000.0)
        return np.log(filters @ power / filters.sum(axis=1, keepdims=True) + 1e-9)

    found = mel_distance(jnp.asarray(a), jnp.asarray(b), rate)
    assert found == pytest.approx(np.mean(np.abs(bands(a) - bands(b))), rel=1e-4)


def test_what_lies_below_1_khz_counts_for_more_in_bands():
    rng, rate, n = np.random.default_rng(3), 16_000, 32_000
    spectrum, low = np.fft.rfft(rng.normal(size=n)), np.fft.rfftfreq(n, 1 / rate) < 1000
    floor, thin, thin_below = (
        jnp.asarray(np.fft.irfft(spectrum * gain), jnp.float32) for gain in (1.0, 0.1, np.where(low, 0.1, 1.0))
    )
    in_bands, in_bins = (
        distance(floor, thin_below) / distance(floor, thin)
        for distance in (lambda a, b: mel_distance(a, b, rate), lambda a, b: multi_scale_distance(a, b, (1024,)))
    )
    assert in_bands == pytest.approx(1 / 3, abs=0.05)
    assert in_bins == pytest.approx(1 / 8, abs=0.02)


def test_mel_distance_has_a_finite_gradient_at_silence():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 2048)), jnp.float32)
    assert mel_distance(x, x, 16_000) == 0
    assert np.isfinite(jax.grad(lambda a: mel_distance(a, x, 16_000))(jnp.zeros_like(x))).all()
