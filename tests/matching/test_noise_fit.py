"""Noise between partials: its measured power, and the operators that imitate it."""

import numpy as np
import pytest

import ddx7
from ddx7.audio.loudness import a_weighting
from ddx7.matching.fm_spectra import fm_spectra
from ddx7.matching.measured_note import MOMENTS, measure
from ddx7.matching.noise_fit import HIGHEST_HZ, LOWEST_HZ, N_BANDS, fit_noise, measure_noise, noise_shapes
from ddx7.matching.operator_frequency import KeyTuning
from ddx7.matching.spectral_fit import STRUCTURES, fit_voices
from ddx7.matching.vced import columns
from ddx7.voice import Voice

RATE = 44_100
F_HZ = 440.0 * np.arange(1, 6)


def tone(seconds: float) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * np.outer(t, F_HZ)) / np.arange(1, 6)).sum(axis=1)


def erb(f_hz: float) -> float:
    return 21.4 * np.log10(1 + 0.00437 * f_hz)


def test_the_power_between_partials_is_that_of_white_noise():
    sigma = 0.003  # 40 dB below the first partial
    samples = tone(1.0) + np.random.default_rng(0).normal(0, sigma, RATE)
    measured = measure_noise(samples, RATE, F_HZ, np.linspace(0.1, 0.9, 12)).mean(axis=1)
    edges = (10 ** (np.linspace(erb(LOWEST_HZ), erb(HIGHEST_HZ), N_BANDS + 2) / 21.4) - 1) / 0.00437
    for band, (low, centre, high) in enumerate(zip(edges[:-2], edges[1:-1], edges[2:], strict=True)):
        f_hz = np.linspace(low, high, 400)
        triangle = np.minimum((f_hz - low) / (centre - low), (high - f_hz) / (high - centre))
        expected = np.trapezoid(triangle * a_weighting(f_hz), f_hz) * 2 * sigma**2 / RATE
        if low > 150:
            assert 10 * np.log10(measured[band] / expected) == pytest.approx(0, abs=2.0)


def test_a_pure_tone_has_no_noise():
    power = measure_noise(tone(1.0), RATE, F_HZ, np.linspace(0.1, 0.9, 12))
    assert fit_noise(power, MOMENTS) is None


def test_some_pairs_are_white_and_some_fall_towards_high_frequencies():
    _, level_db = noise_shapes()
    slope_db = level_db[:, -6:-2].mean(axis=1) - level_db[:, 8:12].mean(axis=1)
    assert slope_db.max() > 0
    assert slope_db.min() < -20


def test_a_note_with_a_burst_of_noise_gets_operators_for_it():
    t = np.arange(RATE) / RATE
    burst = np.random.default_rng(1).normal(0, 0.05, RATE) * np.exp(-t / 0.05)
    samples = tone(1.0) * np.exp(-t / 0.5) + burst
    note = measure(samples, RATE, f0_hz=440.0, gate_s=1.0, duration_s=1.0)
    [k] = [k for k, structure in enumerate(STRUCTURES) if structure.noise and structure.algorithm == 31]
    voice = fit_voices(note, fm_spectra(note), KeyTuning(69, 440.0), len(STRUCTURES))[k]
    without = voice.copy()
    without[columns("output_level")[4]] = 0
    high = [
        np.diff(np.asarray(ddx7.render(Voice.from_vced(v), note=69, gate=1.0, duration=1.0)), n=2)
        for v in (voice, without)
    ]
    early, late = slice(0, RATE // 20), slice(RATE // 2, RATE)
    assert np.std(high[0][early]) > 3 * np.std(high[1][early])
    assert np.std(high[0][late]) < 0.2 * np.std(high[0][early])
