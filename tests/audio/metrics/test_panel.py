import itertools

import numpy as np
import pytest
import scipy.stats

from ddx7.audio.mel import mel_filterbank
from ddx7.audio.metrics import (
    attack_time_s,
    compare_notes,
    envelope_cosine_similarity,
    mfcc_cosine_distance,
    relative_harmonic_error,
    spectral_transport,
    warped_mfcc_distance,
)
from ddx7.audio.metrics.cepstral import mfcc, warped_cost
from ddx7.errors import AudioError

RATE = 16_000


def steady(amplitudes: list[float], f0_hz: float = 200.0, seconds: float = 0.6) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    return sum(0.1 * a * np.sin(2 * np.pi * k * f0_hz * t + k) for k, a in enumerate(amplitudes, 1))


def test_mfcc_are_the_cosine_transform_of_levels_in_mel_bands(tone, plain_stft):
    sound = tone(220, seconds=0.4, sample_rate=RATE)
    bands = plain_stft(sound, 2048, 512) ** 2 @ mel_filterbank(RATE, 2048, 128, lowest_hz=0, highest_hz=RATE / 2)
    level = 10 * np.log10(np.maximum(bands, 1e-10))
    level = np.maximum(level, level.max() - 80)
    k, n = np.arange(40)[:, None], np.arange(128)
    basis = np.cos(np.pi * k * (2 * n + 1) / 256) * np.where(k == 0, np.sqrt(1 / 128), np.sqrt(2 / 128))
    expected = level @ basis.T
    np.testing.assert_allclose(mfcc(sound, RATE, 40), expected, rtol=1e-5, atol=1e-3)
    other = tone(330, seconds=0.5, sample_rate=RATE)
    a, b = expected.mean(axis=0), mfcc(other, RATE, 40).mean(axis=0)
    cosine = a @ b / np.sqrt((a @ a) * (b @ b))
    assert mfcc_cosine_distance(sound, other, RATE) == pytest.approx(1 - cosine, abs=1e-6)


def every_path(n: int, m: int) -> list[list[tuple[int, int]]]:
    """All warping paths from the first to the last pair of frames."""
    paths, grown = [], [[(0, 0)]]
    while grown:
        path = grown.pop()
        i, j = path[-1]
        if (i, j) == (n - 1, m - 1):
            paths.append(path)
        steps = [(i + di, j + dj) for di, dj in ((1, 0), (0, 1), (1, 1))]
        grown += [[*path, (a, b)] for a, b in steps if a < n and b < m]
    return paths


def test_the_warping_path_is_the_cheapest_of_all_paths():
    rng = np.random.default_rng(0)
    for n, m in itertools.product((1, 3, 4), (2, 4)):
        cost = rng.uniform(0, 1, (n, m))
        best = min((sum(cost[cell] for cell in path), len(path)) for path in every_path(n, m))
        assert warped_cost(cost) == pytest.approx(best[0] / best[1])


def test_warping_forgives_the_timing_and_not_the_timbre(tone):
    sound = tone(220, seconds=0.5, sample_rate=RATE)
    late = np.concatenate([sound[:2000], np.repeat(sound[2000:2400][None], 4, 0).ravel(), sound[2400:]])
    other = tone(220, {1.0: 1.0, 6.0: 1.0}, seconds=0.5, sample_rate=RATE)
    assert warped_mfcc_distance(sound, sound, RATE) == 0
    assert warped_mfcc_distance(sound, late, RATE) < 0.3 * warped_mfcc_distance(sound, other, RATE)


def test_the_transport_of_a_sine_is_the_interval_in_hz():
    assert spectral_transport(steady([1.0], 400.0), steady([1.0], 1000.0), RATE) == pytest.approx(600, rel=0.05)
    assert spectral_transport(steady([1.0]), np.zeros(10), RATE) == pytest.approx(RATE / 2)


def test_the_transport_of_noise_is_scipys_distance_of_its_spectra(plain_stft):
    rng = np.random.default_rng(3)
    a, b = rng.normal(0, 0.1, (2, 4096))
    b = np.convolve(b, [0.5, 0.5], "same")
    f_hz = np.arange(257) * RATE / 512
    first, second = (plain_stft(x, 512, 256) for x in (a, b))
    # The window of 46 ms has 1,024 samples at twice this rate: the frames here are those of 512 at 8 kHz.
    frames = [scipy.stats.wasserstein_distance(f_hz, f_hz, x, y) for x, y in zip(first, second, strict=True)]
    expected = np.average(frames, weights=first.sum(axis=1))
    assert spectral_transport(a, b, RATE // 2) == pytest.approx(expected / 2, rel=1e-6)


def test_the_harmonic_error_is_that_of_the_amplitudes():
    a, b = np.array([1.0, 0.5, 0.25]), np.array([1.0, 0.2, 0.6])
    matched = b * np.sqrt((a @ a) / (b @ b))
    expected = np.sqrt(np.sum((a - matched) ** 2) / (a @ a))
    found = relative_harmonic_error(steady(list(a)), 3 * steady(list(b), 210.0), RATE, 200.0, 210.0)
    assert found == pytest.approx(expected, rel=0.02)
    assert relative_harmonic_error(steady(list(a)), steady(list(a)), RATE, 200.0) == 0


def test_envelopes_are_compared_as_directions():
    t = np.arange(RATE) / RATE
    noise = np.random.default_rng(0).choice([-0.1, 0.1], RATE)
    falling, rising = noise * np.exp(-5 * t), noise * np.exp(5 * (t - 1))
    cosine = np.exp(-5.0) / ((1 - np.exp(-10.0)) / 10)
    assert envelope_cosine_similarity(falling, rising, RATE) == pytest.approx(cosine, rel=0.05)
    assert envelope_cosine_similarity(falling, 9 * falling, RATE) == pytest.approx(1)


@pytest.mark.parametrize("attack_s", [0.02, 0.2])
def test_the_attack_of_a_ramp_is_eight_tenths_of_it(attack_s):
    t = np.arange(RATE) / RATE
    ramp = 0.3 * np.minimum(t / attack_s, 1) * np.sin(2 * np.pi * 2000 * t)
    assert attack_time_s(ramp, RATE) == pytest.approx(0.8 * attack_s, abs=0.003)


def test_the_panel_holds_all_figures_at_one_level(tone):
    target = tone(220, seconds=0.6, sample_rate=RATE)
    panel = compare_notes(target, 0.1 * tone(220 * 2 ** (20 / 1200), seconds=0.7, sample_rate=RATE), RATE)
    assert panel.pitch_cents == pytest.approx(20, abs=2)
    assert panel.attack_ratio == pytest.approx(1, abs=0.2)
    assert panel.envelope_cosine > 0.999
    assert panel.relative_harmonic_error < 0.05
    assert 0 < panel.mfcc_cosine < 0.05
    assert all(np.isfinite(panel))
    hiss = np.random.default_rng(0).normal(0, 0.1, len(target))
    assert np.isnan(compare_notes(target, hiss, RATE).pitch_cents)


def test_silence_is_refused():
    sound, silence = steady([1.0]), np.zeros(RATE)
    for function in (mfcc_cosine_distance, warped_mfcc_distance, spectral_transport, envelope_cosine_similarity):
        with pytest.raises(AudioError, match="silent"):
            function(silence, sound, RATE)
    with pytest.raises(AudioError, match="silent"):
        attack_time_s(silence, RATE)
    with pytest.raises(AudioError, match="8 periods"):
        relative_harmonic_error(sound[:300], sound[:300], RATE, 200.0)
