"""The floor of a match: low for a few partials, high for noise."""

import numpy as np

from ddx7.audio import Note
from ddx7.matching.peak_floor import FLOOR_PEAKS, peak_floor
from ddx7.matching.target import make_target

RATE = 44_100
LENGTH_S = 0.7


def floor_of(sound: np.ndarray):
    note = Note(0.0, LENGTH_S, LENGTH_S, 330.0, 64, 0.0, 1.0, -20.0, -10.0)
    return peak_floor(make_target(sound.astype(np.float32), RATE, (note,)))


def test_partials_have_a_low_floor_and_noise_has_a_high_one():
    t = np.arange(round(LENGTH_S * RATE)) / RATE
    tone = 0.1 * np.sin(2 * np.pi * 330 * np.outer(t, np.arange(1, 7))).sum(axis=1) * np.exp(-9 * t)
    hiss = np.random.default_rng(0).normal(0, 0.03, len(t)) * np.exp(-9 * t)
    low, high = floor_of(tone), floor_of(hiss)
    assert low.peaks == high.peaks == FLOOR_PEAKS
    assert low.distance < 1.5
    assert low.distance_db < 1.5
    assert high.distance > 2 * low.distance
    assert high.distance_db > 5 * low.distance_db
