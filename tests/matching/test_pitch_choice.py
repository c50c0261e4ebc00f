"""Pitches of an unclear note: candidates, the key, and proposals at each of them."""

from dataclasses import replace

import numpy as np
import pytest

from ddx7.audio import Note
from ddx7.audio.pitch_hypotheses import PitchHypothesis
from ddx7.matching.measured_note import measure
from ddx7.matching.pitch_choice import common_fundamental, on_own_key, possible_pitches
from ddx7.matching.propose import fit_to_partials
from ddx7.matching.target import SEARCH_RATE, Target, make_target
from ddx7.matching.vced import columns
from ddx7.voice.packing import INIT_VCED

RATE = 44_100
LENGTH_S = 1.4


def series(f0_hz: float, numbers: np.ndarray) -> np.ndarray:
    """Decaying harmonics, the strongest at the middle of the numbers."""
    t = np.arange(round(LENGTH_S * RATE)) / RATE
    level = np.exp(-np.abs(numbers - numbers.mean()) / 4)
    sound = (level * np.sin(2 * np.pi * f0_hz * np.outer(t, numbers) + numbers**2)).sum(axis=1)
    return (0.1 * sound * np.exp(-t / 0.5)).astype(np.float32)


def note_at(key: int, f0_hz: float, confidence: float, *hypotheses: PitchHypothesis) -> Note:
    return Note(
        onset_s=0.0,
        gate_s=LENGTH_S,
        duration_s=LENGTH_S,
        f0_hz=f0_hz,
        note=key,
        cents=0.0,
        confidence=confidence,
        loudness_db=-20.0,
        peak_db=-10.0,
        pitch_hypotheses=hypotheses,
    )


@pytest.fixture(scope="module")
def dense() -> np.ndarray:
    """Harmonics 3 to 24 of 196 Hz; the seventh is G6."""
    return series(196.0, np.arange(3, 25))


def test_dense_harmonics_have_a_common_fundamental(dense):
    partials = measure(dense, RATE, f0_hz=1372.0, gate_s=LENGTH_S, duration_s=LENGTH_S, lowest_f0_hz=40.0)
    assert common_fundamental(partials) == pytest.approx(196.0, rel=0.005)


def test_a_clear_pitch_is_alone_and_an_unclear_one_is_not(dense):
    partials = measure(dense, RATE, f0_hz=392.0, gate_s=LENGTH_S, duration_s=LENGTH_S, lowest_f0_hz=40.0)
    other = PitchHypothesis(588.0, 0.2)
    assert [x.f0_hz for x in possible_pitches(note_at(67, 392.0, 0.9, other), partials)] == [392.0]
    possible = possible_pitches(note_at(67, 392.0, 0.3, other), partials)
    assert sum(x.share for x in possible) == pytest.approx(1.0)
    for f0_hz in (392.0, 588.0, 196.0):
        assert min(abs(x.f0_hz / f0_hz - 1) for x in possible) < 0.005


def target_of(sound: np.ndarray, confidence: float) -> Target:
    return make_target(sound, RATE, (note_at(89, 1397.0, confidence),))


def test_proposals_at_other_pitches_are_nearer_where_the_measured_one_is_wrong(dense):
    nearest = [
        target.objective().at_rate(SEARCH_RATE).distances(fit_to_partials(target, 64)).min()
        for target in (target_of(dense, 1.0), target_of(dense, 0.05))
    ]
    assert nearest[1] < 0.8 * nearest[0]


def test_the_key_of_the_best_voice_plays_it_without_transposing(dense):
    target = target_of(dense, 0.1)
    voices = np.tile(INIT_VCED, (2, 1))
    voices[:, columns("detune")] = 9
    voices[:, columns("transpose")] = [[24 - 17], [24 + 24]]
    moved, own = on_own_key(target, voices)
    assert own[0, columns("transpose")] == 24
    assert moved.events[0].note == 89 - 17
    assert moved.notes[0].f0_hz == pytest.approx(1397.0 * 2 ** (-17 / 12))
    np.testing.assert_array_equal(moved.render(own[:1]), target.render(voices[:1]))
    assert len(own) == 1  # the other one would need 41 semitones
    clear = replace(target, notes=(replace(target.notes[0], confidence=0.9),))
    assert on_own_key(clear, voices)[0] is clear
    assert on_own_key(target, voices[1:])[0] is target  # two octaves
