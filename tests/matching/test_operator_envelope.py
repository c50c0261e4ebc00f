"""Envelopes in closed form, compared with what the engine plays."""

import numpy as np
import pytest

import ddx7
from ddx7.matching.operator_envelope import (
    ATTACK_S,
    FALL_DB_PER_S,
    attack_rate,
    decay_rate,
    envelope_level,
    fit_envelope,
)
from ddx7.voice import Operator, Voice

RATE = 44_100


def level_db(
    rates, levels, gate_s: float, duration_s: float, times_s: np.ndarray, output_level: int = 99
) -> np.ndarray:
    """Levels of a carrier that the engine plays, at some moments."""
    operator = Operator(rates=tuple(rates), levels=tuple(levels), output_level=output_level)
    silent = Operator(output_level=0)
    voice = Voice(operators=(operator, *[silent] * 5), algorithm=32)
    sound = ddx7.render(voice, note=72, gate=gate_s, duration=duration_s, sample_rate=RATE)
    period = RATE // 523 + 1
    peaks = [np.abs(sound[max(round(t * RATE) - period, 0) :][: 2 * period]).max() for t in times_s]
    return 20 * np.log10(np.maximum(peaks, 1e-6) / 0.125)


@pytest.mark.parametrize("rate", [30, 45, 60])
def test_decay_speeds_are_those_of_the_engine(rate):
    span_s = min(30 / FALL_DB_PER_S[rate], 1.5)
    early, late = level_db((99, rate, 50, 50), (99, 0, 0, 0), 2.0, 2.0, np.array([0.1, 0.1 + span_s]))
    assert (early - late) / span_s == pytest.approx(FALL_DB_PER_S[rate], rel=0.08)
    assert abs(decay_rate(FALL_DB_PER_S[rate]) - rate) <= 1


@pytest.mark.parametrize("rate", [40, 50])
def test_an_attack_ends_when_the_engine_says(rate):
    before, at_end = level_db((rate, 50, 50, 50), (99, 99, 99, 0), 2.0, 2.0, np.array([0.5, 1.0]) * ATTACK_S[rate])
    assert before < -3
    assert at_end > -1.5
    assert abs(attack_rate(ATTACK_S[rate]) - rate) <= 1


def test_envelope_levels_are_those_of_the_engine():
    for wanted_db in (-6.0, -20.0, -40.0):
        level = envelope_level(wanted_db)
        [found_db] = level_db((99, 99, 99, 99), (level, level, level, 0), 1.0, 1.0, np.array([0.5]))
        assert found_db == pytest.approx(wanted_db, abs=1.0)


@pytest.mark.parametrize(
    "course",
    [
        lambda t: np.where(t <= 1.0, -40.0 * t, -40.0 - 120 * (t - 1.0)),
        lambda t: np.where(t <= 0.2, -60.0 * t, -12.0 - 10 * (t - 0.2)) - 100 * np.maximum(t - 1.0, 0),
        lambda t: np.where(t <= 1.0, -3.0, -3.0 - 90 * (t - 1.0)),
    ],
    ids=["decay", "two decays", "sustained"],
)
def test_a_fitted_envelope_follows_the_course(course):
    times_s = np.concatenate([np.linspace(0.01, 1.0, 12), [1.05, 1.1, 1.2]])
    wanted_db = course(times_s)
    rates, levels = fit_envelope(times_s, wanted_db, 1.0)
    found_db = level_db(rates, levels, 1.0, 1.5, times_s)
    np.testing.assert_allclose(found_db - found_db.max(), wanted_db - wanted_db.max(), atol=3.5)
