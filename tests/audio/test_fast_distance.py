"""The machine code computes the distance of `perceptual_distance`."""

import jax
import numpy as np
import pytest

from ddx7.audio import fast_distance, perceptual_distance, target_features
from ddx7.audio.noise import NOISE_HZ

features_of = jax.jit(target_features, static_argnums=1)
distances_by_jax = jax.jit(perceptual_distance)
"""One program for each shape; its operations one by one would be fifty."""


@pytest.fixture(scope="module")
def kernels():
    found = fast_distance.fast_kernels(1)
    assert found is not None  # the suite asks for numba
    return found


def sounds(rng: np.random.Generator, n: int, n_samples: int, rate: int) -> np.ndarray:
    """Decaying tones with partials and some noise, at levels 60 dB apart."""
    time_s = np.arange(n_samples) / rate
    f_hz, decay = rng.uniform(60, 1500, (n, 1)), rng.uniform(0.5, 8, (n, 1))
    tones = sum(np.sin(2 * np.pi * k * f_hz * time_s) * rng.uniform(0, 1, (n, 1)) / k for k in range(1, 9))
    noise = rng.normal(0, 0.01, (n, n_samples))
    return (10 ** rng.uniform(-3, 0, (n, 1)) * (tones * np.exp(-decay * time_s) + noise)).astype(np.float32)


@pytest.mark.parametrize(("rate", "n", "n_samples"), [(22_050, 40, 9_001), (44_100, 3, 16_384), (16_000, 1, 4_000)])
def test_distances_are_those_of_jax(kernels, rate: int, n: int, n_samples: int):
    rng = np.random.default_rng(rate)
    target, *others = sounds(rng, n + 1, n_samples, rate)
    features, audio = features_of(target, rate), np.stack(others)
    found = fast_distance.fast_distances(kernels, features, audio)
    expected = np.asarray(distances_by_jax(features, audio))
    assert expected.min() > 1
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_floor_of_a_noisy_recording_counts(kernels):
    rng = np.random.default_rng(5)
    target, *others = sounds(rng, 4, 8_192, 22_050)
    noise = np.geomspace(1e-11, 1e-13, len(NOISE_HZ)).astype(np.float32)
    features, audio = features_of(target, 22_050, noise), np.stack(others)
    found = fast_distance.fast_distances(kernels, features, audio)
    np.testing.assert_allclose(found, np.asarray(distances_by_jax(features, audio)), rtol=1e-5, atol=2e-5)
    assert np.abs(found - fast_distance.fast_distances(kernels, features_of(target, 22_050), audio)).min() > 0.01


def test_silence_that_pads_both_sounds_changes_little(kernels):
    """By JAX and by machine code: a sound of a third of a second in one of a second."""
    rng, n, rate = np.random.default_rng(7), 8_192, 22_050
    target, *others = sounds(rng, 4, n, rate)
    noise = np.geomspace(1e-11, 1e-13, len(NOISE_HZ)).astype(np.float32)
    alone = fast_distance.fast_distances(kernels, features_of(target, rate, noise), np.stack(others))
    target, audio = (np.pad(x, [(0, 0)] * (np.ndim(x) - 1) + [(0, 2 * n)]) for x in (target, others))
    features = features_of(target, rate, noise, np.array(1 / 3, np.float32))
    found = fast_distance.fast_distances(kernels, features, audio)
    np.testing.assert_allclose(found, np.asarray(distances_by_jax(features, audio)), rtol=1e-5)
    np.testing.assert_allclose(found, alone, rtol=0.1)  # frames over the end count, too
    diluted = fast_distance.fast_distances(kernels, features_of(target, rate, noise), audio)
    assert (diluted < 0.8 * alone).all()


def test_the_target_itself_and_silence(kernels):
    target, other = sounds(np.random.default_rng(1), 2, 8_192, 22_050)
    features, audio = features_of(target, 22_050), np.stack([target, 0.01 * target, np.zeros_like(target), other])
    found = fast_distance.fast_distances(kernels, features, audio)
    assert found[0] < 1e-4
    np.testing.assert_allclose(found, np.asarray(distances_by_jax(features, audio)), rtol=1e-5, atol=2e-5)


def test_a_sound_has_the_same_distance_in_any_company(kernels):
    target, *others = sounds(np.random.default_rng(2), 71, 4_096, 22_050)
    features, audio = features_of(target, 22_050), np.stack(others)
    together = fast_distance.fast_distances(kernels, features, audio)
    reverse = fast_distance.fast_distances(kernels, features, audio[::-1])[::-1]
    alone = fast_distance.fast_distances(kernels, features, audio[13:14])
    np.testing.assert_allclose(reverse, together, rtol=1e-6)
    np.testing.assert_allclose(alone, together[13:14], rtol=1e-6)


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(fast_distance, "_choice", fast_distance._Choice())
    monkeypatch.setenv("DDX7_RENDERER", "auto")
    return monkeypatch


def test_a_cold_cache_compares_by_jax_until_compiling_is_worth_it(fresh: pytest.MonkeyPatch):
    fresh.setattr(fast_distance, "is_kept", lambda folder: False)
    assert fast_distance.fast_kernels(fast_distance._WORTH - 1) is None
    assert fast_distance.fast_kernels(1) is not None


def test_a_warm_cache_is_used_at_once_unless_jax_is_wanted(fresh: pytest.MonkeyPatch):
    fresh.setattr(fast_distance, "is_kept", lambda folder: True)
    assert fast_distance.fast_kernels(1) is not None
    fresh.setenv("DDX7_RENDERER", "jax")
    assert fast_distance.fast_kernels(1) is None


def test_what_fails_to_compile_leaves_jax(fresh: pytest.MonkeyPatch):
    def fail() -> None:
        raise OSError("no LLVM")

    fresh.setattr(fast_distance, "is_kept", lambda folder: True)
    fresh.setattr(fast_distance, "_compile_all", fail)
    assert fast_distance.fast_kernels(1) is None
    fresh.setattr(fast_distance, "_compile_all", lambda: None)
    assert fast_distance.fast_kernels(10**9) is None  # one failure is enough
