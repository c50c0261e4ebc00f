"""`ddx7.propose`: voices of the preset model alone, with their likelihoods."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ddx7
from ddx7.encoder import load_default
from ddx7.encoder.network import PresetModel
from ddx7.encoder.tokens import N_TOKENS, to_tokens
from ddx7.errors import ArgumentError
from ddx7.matching import ProposedVoices
from ddx7.matching.target import Target
from ddx7.voice import Voice

RATE = 44_100


@pytest.fixture(scope="module")
def proposed(note: np.ndarray) -> ProposedVoices:
    return ddx7.propose((note, RATE), 6, seed=3, name="HORN")


def test_voices_come_with_their_likelihoods_the_likeliest_first(proposed: ProposedVoices):
    assert [voice.name for voice in proposed.voices] == ["HORN", "HORN 2", "HORN 3", "HORN 4", "HORN 5", "HORN 6"]
    assert list(proposed.log_likelihoods) == sorted(proposed.log_likelihoods, reverse=True)
    assert len(np.unique(proposed.voices.to_vced()[:, :145], axis=0)) == 6
    [event] = proposed.events
    assert event.note == 57
    assert event.gate_s == pytest.approx(0.4, rel=0.1)
    assert all(operator.levels[3] == 0 for voice in proposed.voices for operator in voice.operators)


def test_a_likelihood_is_the_sum_over_the_tokens_of_what_the_model_gives_each(note_target: Target):
    model, inputs = load_default(), note_target.encoder_inputs()
    voices = model.sample(inputs, 3, seed=1)
    tokens = to_tokens(voices).astype(np.int32)
    notes = [jnp.asarray(x) for x in (inputs.spectrograms[None], inputs.note_events[None], np.ones((1, 1), np.float32))]
    network, params = PresetModel(model.size), jax.tree.map(jnp.asarray, model.params)
    expected, apply = np.zeros(3), jax.jit(network.apply)
    for k in range(3):
        logits = np.asarray(apply(params, *notes, jnp.asarray(tokens[k : k + 1])), np.float64)[0]
        for place in range(N_TOKENS):
            odds = np.exp(logits[place] - logits[place, tokens[k, place]])
            expected[k] -= np.log(odds.sum())
    np.testing.assert_allclose(model.log_likelihoods(inputs, voices), expected, rtol=1e-3)


def test_a_voice_that_makes_the_sound_is_likelier_than_others(note_target: Target, bright_vced: np.ndarray, rng):
    voices = np.concatenate([bright_vced[None], note_target.prior().draw(rng, 20)])
    own, *rest = load_default().log_likelihoods(note_target.encoder_inputs(), voices)
    assert own > max(rest)


def test_seeds_repeat_and_cold_samples_are_likelier(proposed: ProposedVoices, note: np.ndarray):
    again = ddx7.propose((note, RATE), 6, seed=3, name="HORN")
    assert again.voices == proposed.voices
    cold = ddx7.propose((note, RATE), 6, seed=3, temperature=0.3)
    assert np.mean(cold.log_likelihoods) > np.mean(proposed.log_likelihoods)


def test_the_name_of_a_voice_does_not_change_a_likelihood(note_target: Target, bright: Voice):
    renamed = np.stack([np.frombuffer(v.to_vced(), np.uint8) for v in (bright, bright.renamed("OTHER"))])
    first, second = load_default().log_likelihoods(note_target.encoder_inputs(), renamed)
    assert first == second


@pytest.mark.parametrize(
    ("wrong", "words"), [({"n": 0}, "n: found 0, wanted 1 to 512"), ({"temperature": 0}, "temperature: found 0")]
)
def test_wrong_arguments_get_a_sentence(note: np.ndarray, wrong: dict[str, int], words: str):
    with pytest.raises(ArgumentError, match=words):
        ddx7.propose((note, RATE), **wrong)
