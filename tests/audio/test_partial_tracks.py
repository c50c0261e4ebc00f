"""Levels of partials over time."""

import numpy as np

from ddx7.audio.partial_tracks import partial_tracks

RATE = 22_050
TIME_S = np.arange(RATE) / RATE


def test_amplitudes_of_two_partials_that_decay_at_different_rates():
    f_hz, start, decay_per_s = np.array([220.0, 590.0]), np.array([0.5, 0.1]), np.array([3.0, 8.0])
    sound = sum(
        a * np.exp(-d * TIME_S) * np.sin(2 * np.pi * f * TIME_S)
        for a, d, f in zip(start, decay_per_s, f_hz, strict=True)
    )
    times_s = np.array([0.1, 0.3, 0.5])
    found = partial_tracks(sound, RATE, f_hz, times_s)
    np.testing.assert_allclose(found, start[:, None] * np.exp(-decay_per_s[:, None] * times_s), rtol=0.02)


def test_a_sound_is_silent_after_its_end():
    sound = np.sin(2 * np.pi * 440 * TIME_S)
    found = partial_tracks(sound, RATE, np.array([440.0]), np.array([0.5, 1.5]))
    np.testing.assert_allclose(found, [[1.0, 0.0]], atol=0.01)


def test_neighbours_one_hertz_apart_do_not_need_an_endless_window():
    sound = np.sin(2 * np.pi * 440 * TIME_S)
    assert partial_tracks(sound, RATE, np.array([440.0, 441.0]), np.array([0.5])).shape == (2, 1)
