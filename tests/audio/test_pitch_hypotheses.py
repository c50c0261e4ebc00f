"""The pitches that a sound may have: bells, bars and chords are uncertain, clear notes are not."""

import numpy as np
import pytest

from ddx7.audio import analyse_note, hz_to_midi
from ddx7.audio.chords import find_chord

RATE = 44_100
MIDDLE_C, CHORD = 60, (60, 64, 67)


def hz(note: float) -> float:
    return 440 * 2 ** ((note - 69) / 12)


@pytest.mark.parametrize("note", [28, 45, 69, 93])
def test_a_clear_note_has_one_likely_pitch(tone, note):
    first, *others = analyse_note(tone(hz(note)), RATE).pitch_hypotheses
    assert first.f0_hz == pytest.approx(hz(note), rel=0.003)
    assert first.weight > 0.8
    assert sum(other.weight for other in others) < 0.2


@pytest.mark.parametrize(
    ("f0_hz", "partials"),
    [
        (880.0, {1: 1.0, 2.76: 0.5, 5.4: 0.25}),  # glockenspiel
        (220.0, {0.5: 0.5, 1: 1.0, 1.2: 0.8, 1.5: 0.3, 2: 1.0, 2.5: 0.2, 3: 0.5, 4: 0.3}),  # church bell
        (300.0, {0.61: 0.2, 1.2: 0.4, 2: 1.0, 2.97: 0.8, 4.1: 0.4}),  # tubular bell: its strike tone has no partial
    ],
)
def test_a_bell_has_several_pitches_and_low_confidence_or_the_right_one(tone, f0_hz, partials):
    note = analyse_note(tone(f0_hz, partials, decay_per_s=1.0), RATE)
    weights = [hypothesis.weight for hypothesis in note.pitch_hypotheses]
    assert note.confidence < 0.6 or abs(hz_to_midi(note.f0_hz) - hz_to_midi(f0_hz)) < 0.5
    assert weights == sorted(weights, reverse=True)
    assert len(weights) >= 2
    assert sum(weights) <= 1 + 1e-9


def test_noise_has_no_one_pitch():
    first, *_ = analyse_note(np.random.default_rng(0).normal(0, 0.1, RATE), RATE).pitch_hypotheses
    assert first.f0_hz is None
    assert first.weight > 0.5


def test_the_pitches_of_a_chord_are_found(tone):
    chord = sum(tone(hz(note), {1: 1.0, 2: 0.5, 3: 0.3, 4: 0.2}) for note in CHORD)
    np.testing.assert_allclose(find_chord(chord, RATE), CHORD, atol=0.1)
    assert analyse_note(chord, RATE).confidence < 0.5


@pytest.mark.parametrize("partials", [None, {1: 1.0, 2.76: 0.5, 5.4: 0.3}, {1: 1.0, 3: 0.4, 5: 0.3, 7: 0.2}])
def test_one_note_is_no_chord(tone, partials):
    assert find_chord(tone(hz(MIDDLE_C), partials), RATE) == ()


def test_a_tone_whose_fundamental_is_soft_is_no_chord():
    time = np.arange(44_100) / 44_100
    amplitudes = {1: 0.03, 2: 1, 4: 0.6, 5: 0.9, 6: 0.05, 10: 0.5, 11: 0.5, 15: 0.3, 22: 0.3}
    tone = sum(a * np.sin(2 * np.pi * 110 * k * time + k) for k, a in amplitudes.items())
    assert find_chord(tone, 44_100) == ()
    without = tone - 0.03 * np.sin(2 * np.pi * 110 * time + 1)
    assert [round(note) for note in find_chord(without, 44_100)] == [57, 73]
