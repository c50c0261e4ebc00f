"""Resynthesis of the strongest peaks."""

import numpy as np
import pytest

from ddx7.audio.strongest_peaks import strongest_peaks

RATE = 44_100


def harmonics(n: int, seconds: float = 0.8) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    k = np.arange(1, n + 1)
    return (np.sin(2 * np.pi * 330 * np.outer(t, k) + k) / k).sum(axis=1).astype(np.float32)


def error_db(estimate: np.ndarray, sound: np.ndarray) -> float:
    return 10 * np.log10(np.square(estimate - sound).sum() / np.square(sound).sum())


def test_a_sound_of_few_partials_comes_back():
    sound = harmonics(8)
    assert error_db(strongest_peaks(sound, RATE, 48)[2000:-2000], sound[2000:-2000]) < -35


def test_the_weakest_of_too_many_partials_are_lost():
    sound = harmonics(8)
    kept = strongest_peaks(sound, RATE, 3)
    assert error_db(kept[2000:-2000], harmonics(3)[2000:-2000]) < -15


def test_noise_loses_what_lies_between_its_peaks():
    noise = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    kept = strongest_peaks(noise, RATE, 48)
    assert len(kept) == len(noise)
    assert np.square(kept).sum() / np.square(noise).sum() == pytest.approx(0.25, abs=0.15)
