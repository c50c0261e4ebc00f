from functools import partial

import jax
import jax.numpy as jnp
import librosa
import numpy as np
import pytest

from ddx7.audio.mel import hz_to_mel, mel_filterbank, mel_to_hz
from ddx7.audio.spectra import frames, log_mel, stft_magnitude, stft_power

RATE = 44_100


@pytest.mark.parametrize(
    ("rate", "n_fft", "n_mels", "low", "high"),
    [(44_100, 2048, 128, 30.0, 16_000.0), (16_000, 512, 64, 0.0, 8000.0), (22_050, 1024, 40, 30.0, 16_000.0)],
)
def test_filterbank_is_that_of_librosa(rate, n_fft, n_mels, low, high):
    expected = librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=n_mels, fmin=low, fmax=min(high, rate / 2)).T
    result = mel_filterbank(rate, n_fft, n_mels, lowest_hz=low, highest_hz=high)
    np.testing.assert_allclose(result, expected, atol=1e-7)
    assert expected.max() > 1e-3


def test_mel_scale_is_that_of_librosa_and_invertible():
    f_hz = np.linspace(0, 20_000, 999)
    np.testing.assert_allclose(hz_to_mel(f_hz), librosa.hz_to_mel(f_hz))
    np.testing.assert_allclose(mel_to_hz(hz_to_mel(f_hz)), f_hz, atol=1e-6)


@pytest.mark.parametrize("hop", [128, 256, 512])
def test_frames_are_slices(hop):
    audio = np.random.default_rng(0).normal(size=(2, 3, 2000)).astype(np.float32)
    result = np.asarray(frames(jnp.asarray(audio), 512, hop))
    starts = range(0, 2000 - 512 + 1, hop)
    np.testing.assert_array_equal(result, np.stack([audio[..., s : s + 512] for s in starts], axis=-2))


@pytest.mark.parametrize(("n", "length", "hop"), [(1000, 512, 100), (500, 512, 256)])
def test_frames_that_cannot_be_cut_are_refused(n, length, hop):
    with pytest.raises(ValueError, match="cannot cut"):
        frames(jnp.zeros(n), length, hop)


@pytest.mark.parametrize(("n_fft", "hop"), [(256, 128), (2048, 512)])
def test_magnitude_is_that_of_a_plain_transform(plain_stft, n_fft, hop):
    audio = np.random.default_rng(0).normal(size=(2, 5000)).astype(np.float32)
    result = jax.jit(stft_magnitude, static_argnums=(1, 2))(jnp.asarray(audio), n_fft, hop)
    expected = np.stack([plain_stft(row, n_fft, hop) for row in audio])
    np.testing.assert_allclose(result, expected * 2 / np.sum(np.hanning(n_fft + 1)), atol=1e-5)


def test_a_full_sine_has_power_one():
    audio = jnp.sin(2 * jnp.pi * 64 / 1024 * jnp.arange(8192.0))
    assert jax.jit(stft_power, static_argnums=(1, 2))(audio, 1024, 512)[7, 64] == pytest.approx(1.0, abs=1e-4)


def test_log_mel_is_the_mel_of_the_power_above_the_floor(plain_stft):
    audio = np.random.default_rng(0).normal(size=RATE // 2).astype(np.float32)
    power = np.square(plain_stft(audio, 2048, 512) * 2 / np.sum(np.hanning(2049)))
    mel = power @ librosa.filters.mel(sr=RATE, n_fft=2048, n_mels=128, fmin=30, fmax=16_000).T
    result = jax.jit(log_mel, static_argnums=1)(jnp.asarray(audio), RATE)
    np.testing.assert_allclose(result, 10 * np.log10(mel + 1e-10), atol=2e-3)


def test_batches_are_rows():
    audio = jnp.asarray(np.random.default_rng(0).normal(size=(2, 2, 4000)).astype(np.float32))
    small = jax.jit(partial(log_mel, sample_rate=RATE, n_fft=512, hop=256))
    np.testing.assert_allclose(small(audio)[1, 0], small(audio[1, 0]), atol=1e-3)


def test_silence_has_the_level_of_the_floor_and_no_gradient():
    @jax.jit
    @jax.value_and_grad
    def total(x):
        return log_mel(x, RATE, floor_db=-90.0).mean() + 0.0 * stft_magnitude(x, 512, 256).sum()

    level, gradient = total(jnp.zeros(4096))
    assert level == pytest.approx(-90, abs=1e-3)
    np.testing.assert_array_equal(gradient, 0)


def test_the_gradient_is_the_slope():
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        audio, direction = jnp.asarray(rng.normal(size=3000)), jnp.asarray(rng.normal(size=3000))

        @jax.jit
        @jax.value_and_grad
        def total(step):
            return log_mel(audio + step * direction, RATE, n_fft=512, hop=128).sum()

        slope = (total(1e-6)[0] - total(-1e-6)[0]) / 2e-6
        assert total(0.0)[1] == pytest.approx(float(slope), rel=1e-4)
