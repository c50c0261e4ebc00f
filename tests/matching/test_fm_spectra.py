"""Spectra of pairs of operators, against the Fourier transform of the formula."""

import numpy as np
import pytest

from ddx7.audio.loudness import a_weighting
from ddx7.matching.fm_spectra import SHAPES, fm_spectra
from ddx7.matching.measured_note import MeasuredNote

F0_HZ, RATE = 200.0, 44_100


@pytest.fixture(scope="module")
def note() -> MeasuredNote:
    f_hz = F0_HZ * np.arange(1, 21)
    amplitude = np.repeat(1 / np.arange(1, 21)[:, None], 15, axis=1)
    return MeasuredNote(f_hz, amplitude, np.linspace(0, 1, 15), 0.9, F0_HZ, RATE)


@pytest.mark.parametrize(("carrier", "modulator", "index"), [(1, 1, 4), (2, 3, 6), (4, 1, 8)])
def test_a_pair_has_the_spectrum_of_its_formula(note, carrier, modulator, index):
    spectra = fm_spectra(note)
    [entry] = np.flatnonzero((spectra.carrier == carrier) & (spectra.modulator == modulator))
    turns = 2 * np.pi * np.arange(1024) / 1024
    sound = np.sin(carrier * turns + SHAPES[index][1] * np.sin(modulator * turns))
    weighted = np.abs(np.fft.rfft(sound))[1:21] / 512 * np.sqrt(a_weighting(note.f_hz))
    found = np.sqrt(spectra.power[entry, index] / 10 ** (spectra.full_db[entry] / 10))
    np.testing.assert_allclose(found, weighted, atol=2e-3)


def test_a_single_carrier_is_one_partial(note):
    spectra = fm_spectra(note)
    [entry] = np.flatnonzero((spectra.carrier == 3) & (spectra.modulator == 0))
    np.testing.assert_allclose(spectra.power[entry, 0], np.arange(1, 21) == 3, atol=1e-6)
    assert spectra.full_db[entry] == pytest.approx(-10 * np.log10(a_weighting(np.array([600.0]))[0]), abs=1e-4)


def test_sidebands_beside_all_partials_are_spurious(note):
    spectra = fm_spectra(note)
    whole = (spectra.carrier == 1) & (spectra.modulator == 1)
    halves = (spectra.carrier == 1) & (spectra.modulator == 0.5)
    assert spectra.spurious[whole, 4] < 0.05 < spectra.spurious[halves, 4]
