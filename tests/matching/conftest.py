"""Voices and recordings that the tests of the search share."""

from dataclasses import replace

import numpy as np
import pytest

import ddx7
from ddx7.audio import find_notes
from ddx7.matching.target import RATE, Target, make_target
from ddx7.voice import Operator, Voice

PHRASE_NOTES, NOTE_S = (55, 62, 67), 0.6


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


@pytest.fixture(scope="session")
def bright() -> Voice:
    """A carrier and a modulator that answer to velocity."""
    carrier = Operator(rates=(90, 40, 30, 75), levels=(99, 90, 80, 0), output_level=99, velocity_sensitivity=3)
    modulator = replace(carrier, output_level=75, coarse=2)
    return Voice(operators=(carrier, modulator, *Voice().operators[2:]))


@pytest.fixture(scope="session")
def bright_vced(bright: Voice) -> np.ndarray:
    return np.frombuffer(bright.to_vced(), np.uint8)


@pytest.fixture(scope="session")
def note(bright: Voice) -> np.ndarray:
    """One note of the bright voice, released after 0.4 s."""
    return ddx7.render(bright, 57, 100, 0.4, NOTE_S, RATE)


@pytest.fixture(scope="session")
def note_target(note: np.ndarray) -> Target:
    return make_target(note, RATE, find_notes(note, RATE))


@pytest.fixture(scope="session")
def phrase(bright: Voice) -> np.ndarray:
    """Three notes of the bright voice, each softer than the one before."""
    notes = ddx7.render(bright, PHRASE_NOTES, (110, 90, 70), NOTE_S - 0.15, NOTE_S, RATE)
    return np.concatenate([np.zeros(2000, np.float32), *notes])


@pytest.fixture(scope="session")
def phrase_target(phrase: np.ndarray) -> Target:
    return make_target(phrase, RATE, find_notes(phrase, RATE))
