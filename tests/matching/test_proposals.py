"""What the ear is shown of a recording, and what comes of its proposals."""

import numpy as np
import pytest

import ddx7
from ddx7.audio import find_notes
from ddx7.encoder.examples import render_spectrograms
from ddx7.encoder.sampler import load_default
from ddx7.errors import Ddx7Error
from ddx7.matching import match
from ddx7.matching.proposals import proposals
from ddx7.matching.search import SEARCH_RATE
from ddx7.matching.target import RATE, Target, make_target
from ddx7.voice import Operator, Voice
from ddx7.voice.packing import VCED_COLUMNS, in_range


@pytest.fixture(scope="module")
def voice() -> Voice:
    """An electric piano of two operators."""
    carrier = Operator(rates=(96, 40, 30, 60), levels=(99, 85, 0, 0), output_level=99)
    modulator = Operator(rates=(96, 50, 30, 60), levels=(99, 70, 0, 0), output_level=74, coarse=3)
    return Voice(operators=(carrier, modulator, *Voice().operators[2:]), algorithm=5, transpose=0)


@pytest.fixture(scope="module")
def target(voice: Voice) -> Target:
    sound = ddx7.render(voice, note=57, velocity=100, gate=0.8, duration=1.9, sample_rate=RATE)
    padded = np.concatenate([np.zeros(4000, np.float32), sound])
    return make_target(padded, RATE, find_notes(padded, RATE))


def test_a_recording_is_shown_as_the_examples_were(voice: Voice, target: Target) -> None:
    """Pitch, gate and onset measured from the sound, at another rate, give the picture that training would."""
    heard = target.heard()
    assert heard.note_events[0, 0] == 57
    expected, _ = render_spectrograms(
        np.frombuffer(voice.to_vced(), np.uint8)[None], np.array([[57, 100, heard.note_events[0, 2]]])
    )
    apart = np.abs(heard.spectrograms[0].astype(int) - expected[0])
    clear = expected[0] > 80
    assert np.mean(apart[clear]) < 8  # 2.4 dB, onset and release a few milliseconds off


def test_an_octave_down_shifts_the_picture_up(target: Target) -> None:
    same, lower = target.heard(), target.heard(octave=1)
    assert lower.note_events[0, 0] == same.note_events[0, 0] - 12
    bands = same.spectrograms[0, :, : 112 - 14].astype(int)
    moved = lower.spectrograms[0, :, 14:112].astype(int)
    assert np.mean(np.abs(bands - moved)) < 3


def test_proposals_are_legal_end_and_hang_on_the_seed(target: Target) -> None:
    voices = proposals(load_default(), target, 40, seed=1)
    assert voices.shape == (40, 155)
    assert in_range(voices).all()
    assert (voices[:, VCED_COLUMNS["levels"][:, 3]] == 0).all()
    np.testing.assert_array_equal(voices, proposals(load_default(), target, 40, seed=1))
    assert (voices != proposals(load_default(), target, 40, seed=2)).any()


def test_proposals_are_nearer_than_voices_drawn_blind(target: Target) -> None:
    audition = target.audition().at(SEARCH_RATE)
    proposed = audition.distances(proposals(load_default(), target, 128))
    drawn = audition.distances(target.prior().draw(np.random.default_rng(0), 128))
    near = [np.sort(distances)[:16].mean() for distances in (proposed, drawn)]
    assert near[0] < 0.9 * near[1]


def test_fast_plays_the_proposals_and_is_done(voice: Voice) -> None:
    sound = ddx7.render(voice, note=57, velocity=100, gate=0.8, duration=1.9, sample_rate=RATE)
    found = match((sound, RATE), fast=True, candidates=2)
    assert found.distances[0] < 5
    assert found.report["renders"] == found.report["proposals"]
    assert [stage["stage"] for stage in found.report["stages"]] == ["hearing proposals"]
    with pytest.raises(Ddx7Error, match="fast without ears"):
        match((sound, RATE), fast=True, ears=False)
