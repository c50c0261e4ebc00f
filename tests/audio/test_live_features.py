import numpy as np
import pytest

from ddx7.audio.features import HOP
from ddx7.audio.live_features import LOUDNESS_DELAY_S, FeatureStream
from ddx7.audio.loudness import FLOOR_DB, loudness
from ddx7.errors import ArgumentError, AudioError

RATE = 16_000


def harmonic(f0_hz, seconds):
    """Eight harmonics on a curve or a constant of the fundamental."""
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(f0_hz, round(seconds * RATE))) / RATE
    return sum(np.sin(k * phase) / k for k in range(1, 9)) * 0.1


@pytest.mark.parametrize("size", [1, 63, 64, 100, 1000])
def test_blocks_of_any_size_are_the_whole(size):
    rng = np.random.default_rng(0)
    sound = harmonic(220 * 2 ** np.linspace(0, 2, RATE // 4), 0.25) + 0.01 * rng.normal(size=RATE // 4)
    whole, stream = FeatureStream(RATE).push(sound), FeatureStream(RATE)
    parts = [stream.push(sound[k : k + size]) for k in range(0, len(sound), size)]
    for name in ("f0_hz", "confidence", "loudness_db"):
        np.testing.assert_array_equal(np.concatenate([getattr(p, name) for p in parts]), getattr(whole, name))
    assert len(whole.f0_hz) == len(sound) // HOP


@pytest.mark.parametrize("f0_hz", [70.0, 131.0, 196.0, 440.0, 987.8, 2093.0])
def test_the_pitch_of_a_tone_is_found_within_three_cents(f0_hz):
    found = FeatureStream(RATE).push(harmonic(f0_hz, 0.3))
    assert np.abs(1200 * np.log2(found.f0_hz[20:] / f0_hz)).max() < 3
    assert (found.confidence[20:] > 0.85).all()


def test_an_octave_that_was_wrong_is_left_again():
    # Two periods of a tone repeat as well as one: after its lower octave only the shorter lag tells them apart.
    sound = np.concatenate([harmonic(220.0, 0.3), harmonic(440.0, 0.3)])
    found = FeatureStream(RATE).push(sound).f0_hz
    np.testing.assert_allclose(found[-20:], 440.0, rtol=0.002)


def test_pitch_follows_a_new_note_within_window_and_period():
    found = FeatureStream(RATE).push(np.concatenate([harmonic(262.0, 0.3), harmonic(392.0, 0.3)])).f0_hz
    there = int(np.argmax(np.abs(found / 392.0 - 1) < 0.01)) * HOP / RATE
    assert there < 0.3 + 0.02 + 1 / 392 + 2 * HOP / RATE


def test_a_vibrato_is_followed():
    time_s = np.arange(RATE) / RATE
    curve = 440 * 2 ** (0.5 / 12 * np.sin(2 * np.pi * 6 * time_s))
    found = FeatureStream(RATE).push(harmonic(curve, 1.0)).f0_hz
    ends = (np.arange(len(found)) + 1) * HOP - 1
    late = [np.abs(1200 * np.log2(found[30:] / curve[ends[30:] - lag])).max() for lag in (160, 192)]
    assert min(late) < 8


def test_loudness_of_clicks_comes_half_a_window_late():
    sound = np.zeros(RATE)
    sound[4000::4000] = 1.0
    level_db = FeatureStream(RATE).push(sound).loudness_db
    for click in (4000, 8000, 12000):
        around = slice((click - 400) // HOP, (click + 1200) // HOP)
        power = 10 ** (level_db[around] / 10)
        ends = (np.arange(around.start, around.stop) + 1) * HOP
        assert (power @ ends / power.sum() - click) / RATE == pytest.approx(LOUDNESS_DELAY_S, abs=0.001)


def test_loudness_of_a_steady_sound_is_that_of_the_offline_measurement():
    sound = harmonic(330.0, 0.5)
    live, offline = FeatureStream(RATE).push(sound).loudness_db, loudness(sound, RATE, HOP)
    np.testing.assert_allclose(live[40:80], offline[40:80], atol=0.1)


def test_a_rest_keeps_the_pitch_and_silence_has_none():
    found = FeatureStream(RATE).push(np.concatenate([np.zeros(3200), harmonic(300.0, 0.2), np.zeros(6400)]))
    assert (found.f0_hz[:50] == 0).all()
    assert found.f0_hz[-1] == pytest.approx(300, rel=0.01)
    assert found.loudness_db[-1] == FLOOR_DB
    assert found.confidence[-1] == 0


def test_noise_has_little_confidence():
    found = FeatureStream(RATE).push(0.1 * np.random.default_rng(1).normal(size=RATE))
    assert np.median(found.confidence) < 0.5


@pytest.mark.unchecked
def test_bad_blocks_and_settings_are_refused():
    with pytest.raises(AudioError, match="finite"):
        FeatureStream(RATE).push(np.full(64, np.nan))
    with pytest.raises(AudioError, match="shape"):
        FeatureStream(RATE).push(np.zeros((64, 2)))
    with pytest.raises(ArgumentError, match="lowest_hz"):
        FeatureStream(RATE, lowest_hz=5.0)
