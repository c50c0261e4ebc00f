import numpy as np
import pytest

from ddx7.audio import limit_level
from ddx7.audio.limiter import limiter_remark

RATE = 16_000


def test_a_peak_is_turned_down_and_the_rest_keeps_its_level():
    time_s = np.arange(2 * RATE) / RATE
    sound = (0.2 * np.sin(2 * np.pi * 300 * time_s)).astype(np.float32)
    sound[RATE : RATE + 80] *= 10.0
    limited = limit_level(sound, RATE)
    assert np.abs(limited.samples).max() <= 10 ** (-1 / 20) + 1e-6
    quiet = np.r_[0 : RATE - 80, RATE + RATE // 2 : 2 * RATE]  # 7 dB return within 0.2 s
    np.testing.assert_array_equal(limited.samples[quiet], sound[quiet])
    assert limited.reduction_db == pytest.approx(20 * np.log10(np.abs(sound).max()) + 1, abs=0.1)
    gain = limited.samples[np.abs(sound) > 0.01] / sound[np.abs(sound) > 0.01]
    assert np.ptp(np.diff(gain)) < 0.1  # no step


def test_a_sound_below_the_ceiling_stays_as_it_is():
    sound = np.array([[0.5, -0.1], [0.0, 0.8]], np.float32)
    limited = limit_level(sound, RATE)
    np.testing.assert_array_equal(limited.samples, sound)
    assert limited.reduction_db == 0
    assert limiter_remark(limited.reduction_db) is None


def test_stems_take_one_gain_so_that_their_sum_is_the_mixture():
    rng = np.random.default_rng(0)
    parts = rng.uniform(-1, 1, (2, RATE)).astype(np.float32)
    limited = limit_level(np.stack([parts.sum(axis=0), *parts]), RATE, -6.0)
    np.testing.assert_allclose(limited.samples[1:].sum(axis=0), limited.samples[0], atol=1e-6)
    assert np.abs(limited.samples).max() <= 10 ** (-6 / 20) + 1e-6


@pytest.mark.parametrize("sound", [np.full(1, 3.0), np.full(7, -3.0), np.zeros(0), np.full((2, 3), 5.0)])
def test_the_shortest_sounds_are_limited(sound):
    limited = limit_level(sound.astype(np.float32), RATE, 0.0)
    assert limited.samples.shape == sound.shape
    assert np.abs(limited.samples).max(initial=0.0) <= 1.0


def test_a_user_learns_of_much_limiting():
    assert "up to 5.2 dB" in str(limiter_remark(5.2))
    assert limiter_remark(2.9) is None
