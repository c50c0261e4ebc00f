import numpy as np
import pytest
from scipy.stats import beta

from ddx7.audio import pyin

RATE, LENGTH, HOP = 16_000, 1024, 256


def tones(*f_hz: float) -> np.ndarray:
    time_s = np.arange(4096) / RATE
    return np.concatenate([sum(np.sin(2 * np.pi * hz * k * time_s) / k for k in range(1, 5)) for hz in f_hz])


@pytest.mark.parametrize("hz", [110.0, 440.0, 880.0])
def test_a_tone_is_found_to_half_a_bin(hz: float):
    found_hz, voiced = pyin.track(tones(hz), RATE, LENGTH, HOP, 50.0, 2100.0)
    np.testing.assert_allclose(12 * np.log2(found_hz[3:-3] / hz), 0, atol=0.06)
    assert voiced[3:-3].min() > 0.5


def test_a_scale_is_followed():
    f_hz = 220 * 2 ** (np.array([0, 2, 4, 5, 7]) / 12)
    found_hz, _ = pyin.track(tones(*f_hz), RATE, LENGTH, HOP, 50.0, 2100.0)
    np.testing.assert_allclose(12 * np.log2(found_hz[8 : 16 * len(f_hz) : 16] / f_hz), 0, atol=0.06)


def test_silence_and_noise_are_unvoiced():
    noise = np.random.default_rng(0).normal(0, 0.1, 8192)
    for sound in (np.zeros(8192), noise):
        found_hz, voiced = pyin.track(sound, RATE, LENGTH, HOP, 50.0, 2100.0)
        assert np.mean(found_hz > 0) < 0.2
        assert np.median(voiced) < 0.5


def test_thresholds_follow_a_beta_distribution():
    edges = np.linspace(0, 1, 101)
    np.testing.assert_allclose(pyin._threshold_shares(), np.diff(beta.cdf(edges, 2, 18)), atol=1e-14)


@pytest.mark.parametrize("seed", range(3))
def test_path_is_as_likely_as_the_best_through_the_dense_matrix(seed: int):
    rng = np.random.default_rng(seed)
    n, n_frames, reach = 60, 40, 2
    voiced = np.where(rng.random((n_frames, n)) < 0.05, rng.random((n_frames, n)), 0.0)
    voiced *= rng.choice([0.0, 0.5, 1.0], (n_frames, 1)) / np.maximum(voiced.sum(axis=1, keepdims=True), 1e-9)
    unvoiced = (1 - np.clip(voiced.sum(axis=1), 0, 1)) / n

    distance = np.abs(np.arange(n)[:, None] - np.arange(n))
    local = np.maximum(1 - distance / (reach * pyin.BINS_PER_SEMITONE // 2 + 1), 0)
    dense = np.kron([[0.99, 0.01], [0.01, 0.99]], local / local.sum(axis=1, keepdims=True))
    tiny = np.finfo(float).tiny
    observed = np.log(np.concatenate([voiced, np.repeat(unvoiced[:, None], n, axis=1)], axis=1) + tiny)
    moves, total = np.log(dense + tiny), observed[0]
    for row in observed[1:]:
        total = (total[:, None] + moves).max(axis=0) + row

    found = pyin._likeliest(voiced, unvoiced, reach)
    score = sum(observed[k, s] for k, s in enumerate(found)) + moves[found[:-1], found[1:]].sum()
    assert score == pytest.approx(total.max(), rel=1e-12)


@pytest.mark.slow  # librosa compiles for half a minute the first time
def test_pitch_is_that_of_librosa():
    import librosa

    rng = np.random.default_rng(0)
    glide = np.sin(2 * np.pi * np.cumsum(np.linspace(80, 1900, RATE)) / RATE)
    sound = np.concatenate([glide, tones(200, 900, 300), rng.normal(0, 0.2, 4096)]) + rng.normal(0, 0.02, RATE + 16384)
    expected, _, voiced = librosa.pyin(sound, fmin=50.0, fmax=2100.0, sr=RATE, frame_length=LENGTH, hop_length=HOP)
    found_hz, found_voiced = pyin.track(sound, RATE, LENGTH, HOP, 50.0, 2100.0)
    np.testing.assert_allclose(found_hz, np.nan_to_num(expected), rtol=1e-9)
    assert np.mean(np.abs(found_voiced - voiced) > 1e-9) < 0.01  # the border between two bins is a matter of rounding
