"""Voices fitted to partials, on sounds whose operators are known."""

import numpy as np
import pytest

import ddx7
from ddx7.audio import log_mel_distance
from ddx7.matching.fm_spectra import FmSpectra, fm_spectra
from ddx7.matching.measured_note import MeasuredNote, measure
from ddx7.matching.operator_frequency import KeyTuning
from ddx7.matching.spectral_fit import STRUCTURES, fit_voices
from ddx7.matching.vced import columns
from ddx7.voice import Operator, Voice

RATE, NOTE, GATE_S, DURATION_S = 22_050, 57, 1.0, 1.4
F0_HZ = 220.0


def play(vced: np.ndarray) -> np.ndarray:
    voices = [Voice.from_vced(row) for row in vced]
    return np.asarray(ddx7.render(voices, note=NOTE, gate=GATE_S, duration=DURATION_S, sample_rate=RATE))


def to_array(voice: Voice) -> np.ndarray:
    return np.frombuffer(voice.to_vced(), np.uint8).copy()


def decaying(ratio: tuple[int, int], output_level: int, rate: int) -> Operator:
    return Operator(
        coarse=ratio[0], fine=ratio[1], output_level=output_level, rates=(99, rate, 50, 60), levels=(99, 0, 0, 0)
    )


@pytest.fixture(scope="module")
def chime() -> Voice:
    """Three carriers of inharmonic ratios that decay at different rates."""
    operators = (decaying((1, 0), 99, 40), decaying((2, 38), 92, 45), decaying((5, 8), 86, 50))
    return Voice(operators=(*operators, *[Operator(output_level=0)] * 3), algorithm=32)


@pytest.fixture(scope="module")
def target(chime) -> np.ndarray:
    return play(to_array(chime)[None])[0]


@pytest.fixture(scope="module")
def analysis(target) -> tuple[MeasuredNote, FmSpectra]:
    note = measure(target, RATE, f0_hz=F0_HZ, gate_s=GATE_S, duration_s=DURATION_S)
    return note, fm_spectra(note)


def ratios(vced: np.ndarray) -> np.ndarray:
    """Ratios of the operators that sound."""
    level = vced[columns("output_level")[:, 0]]
    coarse, fine = vced[columns("coarse")[:, 0]], vced[columns("fine")[:, 0]]
    return np.sort((np.where(coarse == 0, 0.5, coarse) * (1 + fine / 100))[level > 50])


def test_carriers_stand_on_the_partials_and_the_sound_is_near(target, analysis):
    [k] = [k for k, structure in enumerate(STRUCTURES) if structure.algorithm == 32]
    fitted = fit_voices(*analysis, KeyTuning(NOTE, F0_HZ), n=len(STRUCTURES))[k]
    for ratio in (1.0, 2.76, 5.4):
        assert np.abs(ratios(fitted) / ratio - 1).min() < 0.006
    assert log_mel_distance(target, play(fitted[None])[0], RATE) < 2.0


def test_fits_are_legal_determined_by_the_seed_and_various(analysis):
    first, again, other = (fit_voices(*analysis, KeyTuning(NOTE, F0_HZ), n=12, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert len(np.unique(first, axis=0)) > 8
    for row in first:
        assert to_array(Voice.from_vced(row)).tolist() == row.tolist()
