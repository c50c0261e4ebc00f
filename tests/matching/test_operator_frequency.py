"""Operators' frequencies, measured on rendered sounds."""

import numpy as np
import pytest

import ddx7
from ddx7.audio.pitch import estimate_pitch
from ddx7.matching.operator_frequency import KeyTuning
from ddx7.voice import Operator, Voice

RATE = 44_100


def cents_off(tuning: KeyTuning, f_hz: float) -> float:
    """Pitch of one operator against the frequency that it is meant to have, in cents."""
    coarse, fine, detune = tuning.nearest(f_hz)
    operators = (Operator(coarse=coarse, fine=fine, detune=detune, output_level=99), *[Operator(output_level=0)] * 5)
    voice = Voice(operators=operators, algorithm=32, transpose=tuning.transpose)
    sound = np.asarray(ddx7.render(voice, note=tuning.note, gate=0.5, duration=0.5, sample_rate=RATE))
    return float(1200 * np.log2(estimate_pitch(sound, RATE).f0_hz / f_hz))


@pytest.mark.parametrize("cents", [-45, -20, -5, 0, 13, 38])
def test_a_fundamental_off_the_key_is_reached(cents):
    f0_hz = 220.0 * 2 ** (cents / 1200)
    tuning = KeyTuning(57, f0_hz)
    assert cents_off(tuning, f0_hz) == pytest.approx(0, abs=2.0)
    assert cents_off(tuning, 3 * f0_hz) == pytest.approx(0, abs=2.0)


@pytest.mark.parametrize("ratio", [1.414, 2.76, 5.404, 8.93])
def test_partials_between_harmonics_are_reached(ratio):
    assert cents_off(KeyTuning(57, 221.0), ratio * 221.0) == pytest.approx(0, abs=2.0)


def test_harmonics_share_fine_and_detune():
    tuning = KeyTuning(60, 256.0)
    settings = [tuning.nearest(k * 256.0) for k in (1, 2, 3, 7)]
    assert [coarse for coarse, _, _ in settings] == [1, 2, 3, 7]
    assert len({setting[1:] for setting in settings}) == 1


def test_a_key_an_octave_below_the_pitch_is_transposed():
    tuning = KeyTuning(45, 220.0)
    assert tuning.transpose == 12
    assert tuning.nearest(440.0)[0] == 2
