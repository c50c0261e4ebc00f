"""What the preset encoder is given of a recording, its proposals, and the choice of a hypothesis."""

import numpy as np
import pytest

import ddx7
from ddx7.audio import find_notes
from ddx7.encoder.examples import render_spectrograms
from ddx7.encoder.sampler import load_default
from ddx7.matching.prepare import Excerpt, PreparedRecording
from ddx7.matching.propose import (
    PROPOSALS,
    SPECTRAL_FITS,
    Proposals,
    fit_to_partials,
    propose,
    propose_for_target,
    sample_voices,
)
from ddx7.matching.target import RATE, SEARCH_RATE, Target, make_target
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


def test_the_inputs_of_a_recording_are_those_of_the_training_examples(voice: Voice, target: Target) -> None:
    """Pitch, gate and onset measured from the sound, at another rate, give the spectrogram of the training."""
    inputs = target.encoder_inputs()
    assert inputs.note_events[0, 0] == 57
    expected, _ = render_spectrograms(
        np.frombuffer(voice.to_vced(), np.uint8)[None], np.array([[57, 100, inputs.note_events[0, 2]]])
    )
    apart = np.abs(inputs.spectrograms[0].astype(int) - expected[0])
    clear = expected[0] > 80
    assert np.mean(apart[clear]) < 8  # 2.4 dB, onset and release a few milliseconds off


def test_an_octave_down_shifts_the_spectrogram_up(target: Target) -> None:
    same, lower = target.encoder_inputs(), target.encoder_inputs(below=12)
    assert lower.note_events[0, 0] == same.note_events[0, 0] - 12
    bands = same.spectrograms[0, :, : 112 - 14].astype(int)
    moved = lower.spectrograms[0, :, 14:112].astype(int)
    assert np.mean(np.abs(bands - moved)) < 3


def test_proposals_are_legal_end_and_depend_on_the_seed(target: Target) -> None:
    voices = sample_voices(load_default(), target, 40, seed=1)
    assert voices.shape == (40, 155)
    assert in_range(voices).all()
    assert (voices[:, VCED_COLUMNS["levels"][:, 3]] == 0).all()
    np.testing.assert_array_equal(voices, sample_voices(load_default(), target, 40, seed=1))
    assert (voices != sample_voices(load_default(), target, 40, seed=2)).any()


def test_proposals_are_nearer_than_voices_drawn_blind(target: Target) -> None:
    objective = target.objective(SEARCH_RATE)
    proposed = objective.distances(sample_voices(load_default(), target, 128))
    drawn = objective.distances(target.prior().draw(np.random.default_rng(0), 128))
    near = [np.sort(distances)[:16].mean() for distances in (proposed, drawn)]
    assert near[0] < 0.9 * near[1]


@pytest.fixture(scope="module")
def proposed(target: Target) -> Proposals:
    return propose_for_target(target, seed=1)


def test_proposals_are_the_nearest_of_the_encoders_and_the_fitted_voices(proposed: Proposals, target: Target) -> None:
    assert len(proposed.prior.proposed) == len(proposed.distances) == PROPOSALS
    sources = [fit_to_partials(target, SPECTRAL_FITS, seed=1), sample_voices(load_default(), target, PROPOSALS, seed=1)]
    distances = np.concatenate([target.objective(SEARCH_RATE).distances(voices) for voices in sources])
    np.testing.assert_allclose(np.sort(proposed.distances), np.sort(distances)[:PROPOSALS], rtol=1e-5)
    again = target.objective(SEARCH_RATE).distances(proposed.prior.proposed)
    np.testing.assert_allclose(proposed.distances, again, rtol=1e-5)


def test_without_the_encoder_fitted_voices_are_proposed(target: Target) -> None:
    alone = propose_for_target(target, use_encoder=False, seed=1)
    np.testing.assert_array_equal(alone.prior.proposed, fit_to_partials(target, SPECTRAL_FITS, seed=1))


@pytest.mark.parametrize("use_encoder", [True, False])
def test_the_hypothesis_that_voices_match_best_is_chosen(target: Target, use_encoder: bool) -> None:
    """A target whose sound breaks off in the middle of its gate can be matched by no voice."""
    gap = target.sound.copy()
    gap[round(0.2 * RATE) : round(0.5 * RATE)] = 0
    broken = make_target(gap, RATE, target.notes)
    excerpt = Excerpt(target.sound, RATE, "x", 0.0, len(target.sound) / RATE, cut=False)
    for hypotheses in ((broken, target), (target, broken)):
        assert propose(PreparedRecording(excerpt, hypotheses), use_encoder=use_encoder).target is target
