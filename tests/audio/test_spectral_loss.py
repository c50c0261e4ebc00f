import jax
import jax.numpy as jnp
import librosa
import numpy as np
import pytest

from ddx7.audio.spectral_loss import magnitudes, multi_scale_distance


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
