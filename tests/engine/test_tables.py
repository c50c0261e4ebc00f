"""Every entry of the tables that random examples would visit too seldom."""

import numpy as np
from stepping import EXPONENTIAL, ONE, VELOCITY, WAITS, PitchEnvelope, loudness

from ddx7.engine import tables
from ddx7.engine.levels import velocity_scaling
from ddx7.engine.profile import DEXED


def test_levels() -> None:
    assert tables.OUTPUT_LEVEL.tolist() == [loudness(level) for level in range(100)]
    assert tables.EG_LEVEL.tolist() == [loudness(level) // 2 for level in range(100)]
    assert tables.SCALING_EXPONENTIAL.tolist() == EXPONENTIAL


def test_velocity_at_every_sensitivity() -> None:
    for sensitivity in range(8):
        expected = [(sensitivity * (VELOCITY[v // 2] - 239) + 7) // 8 * 16 for v in range(128)]
        assert velocity_scaling(DEXED.levels, sensitivity, np.arange(128)).tolist() == expected


def test_static_stages() -> None:
    assert tables.STATIC_DELAY.tolist() == WAITS + [20 * (99 - rate) for rate in range(77, 100)]


def test_pitch_levels_reach_four_octaves() -> None:
    pitches = [PitchEnvelope((1, 1, 1, 1), (level,) * 4, 44100).pitch(0) for level in range(100)]
    assert (tables.PITCH_LEVEL * (ONE // 32)).tolist() == pitches
    assert (pitches[0], pitches[50], pitches[99]) == (-4 * ONE, 0, round(127 / 32 * ONE))


def test_frequencies() -> None:
    """Equal temperament on A4 = 440 Hz, and the ratios of coarse and fine."""
    notes = np.arange(128)
    octaves = np.log2(440) + (notes - 69) / 12
    np.testing.assert_allclose((tables.NOTE_ZERO + tables.SEMITONE * notes) / ONE, octaves, atol=1e-5)
    coarse = np.log2([0.5, *range(1, 32)])
    np.testing.assert_allclose(tables.COARSE / ONE, coarse, atol=1e-7)
    np.testing.assert_allclose(tables.FINE / ONE, np.log2(1 + np.arange(100) / 100), atol=1e-7)


def test_rates_only_quicken() -> None:
    for table in (tables.PITCH_RATE, tables.LFO_SPEED, tables.EG_INCREMENT, tables.PITCH_LEVEL, -tables.STATIC_DELAY):
        assert len(table) in (64, 100)
        assert np.all(np.diff(table) >= 0)
