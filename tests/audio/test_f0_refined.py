import numpy as np
import pytest

from ddx7.audio.f0_refined import refine

RATE = 16_000


def tone(f0_hz: np.ndarray) -> np.ndarray:
    """Six harmonics; f0 is one value for each sample."""
    phase = 2 * np.pi * np.cumsum(f0_hz) / RATE
    return np.sum([np.sin(k * phase) / k for k in range(1, 7)], axis=0)


def cents(a: np.ndarray, b: np.ndarray | float) -> np.ndarray:
    return np.abs(1200 * np.log2(a / b))


@pytest.mark.parametrize("f0_hz", [196.0, 523.3, 1400.0])
def test_a_pitch_on_a_grid_becomes_exact(f0_hz: float):
    times_s = np.arange(25, 225) / 250
    x = tone(np.full(RATE, f0_hz))
    found = refine(x, RATE, times_s, np.full(200, f0_hz * 2 ** (37 / 1200)))
    assert cents(found, f0_hz).max() < 1.5


def test_a_flattened_vibrato_and_a_smoothed_step_return():
    t = np.arange(2 * RATE) / RATE
    vibrato = 440 * 2 ** (40 / 1200 * np.sin(2 * np.pi * 5.5 * t))
    truth = np.where(t < 1, vibrato, 587.3)
    times_s = np.arange(25, 475) / 250
    glide = np.where(
        times_s < 0.97, 440.0, np.where(times_s > 1.03, 587.3, 440 * (587.3 / 440) ** ((times_s - 0.97) / 0.06))
    )
    found = refine(tone(truth), RATE, times_s, glide)
    error = cents(found, np.interp(times_s, t, truth))
    away = np.abs(times_s - 1) > 0.036  # the window covers both notes
    assert np.median(error[away]) < 3
    assert np.percentile(error[away], 95) < 8
    at_step = found[~away]
    assert ((cents(at_step, 440.0) < 60) | (cents(at_step, 587.3) < 60)).mean() > 0.9  # no glide


def test_silence_and_a_single_point_stay_as_they_are():
    assert refine(np.zeros(RATE), RATE, np.array([0.5]), np.array([300.0])).tolist() == [300.0]
    assert np.isfinite(refine(np.zeros(RATE), RATE, np.arange(10) / 250, np.full(10, 300.0))).all()
