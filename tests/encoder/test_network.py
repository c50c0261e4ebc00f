"""The network: each token depends on the earlier ones alone, and sampling agrees with scoring."""

from functools import partial

import jax
import numpy as np
import pytest

from ddx7.encoder.network import PresetModel
from ddx7.encoder.size import EncoderSize
from ddx7.encoder.spectrogram import BANDS, FRAMES
from ddx7.encoder.tokens import N_TOKENS, SIZES

SIZE = EncoderSize(encoder_width=16, layers=1, embedding_width=24, decoder_width=16)
MODEL = PresetModel(SIZE)
# Compiled once for all tests, with one number of sounds and of notes.
SCORE = jax.jit(MODEL.apply)
EMBED, SAMPLE = (jax.jit(partial(MODEL.apply, method=name)) for name in ("embed", "sample"))
N_SOUNDS = 3


@pytest.fixture(scope="module")
def inputs():
    rng = np.random.default_rng(0)
    spectrograms = rng.integers(0, 241, (N_SOUNDS, 2, FRAMES, BANDS)).astype(np.uint8)
    shape = (N_SOUNDS, 2)
    note_events = np.stack([rng.uniform(40, 80, shape), rng.uniform(40, 120, shape), rng.uniform(0.1, 2, shape)], -1)
    return spectrograms, note_events.astype(np.float32), np.ones(shape, np.float32)


@pytest.fixture(scope="module")
def tokens():
    return np.random.default_rng(1).integers(0, SIZES, (N_SOUNDS, N_TOKENS)).astype(np.int32)


@pytest.fixture(scope="module")
def params(inputs, tokens):
    initial = jax.jit(MODEL.init)(jax.random.key(0, impl="rbg"), *inputs, tokens)
    rng = np.random.default_rng(2)
    return jax.tree.map(lambda x: x + 0.1 * rng.normal(size=x.shape).astype(np.float32), initial)


def test_a_tokens_distribution_depends_on_earlier_tokens_alone(params, inputs, tokens):
    before = np.asarray(SCORE(params, *inputs, tokens))
    for position in (0, 2, 3, 23, 24, 60, 128, 129, 143):
        changed = tokens.copy()
        changed[:, position] = (changed[:, position] + 1) % SIZES[position]
        difference = np.abs(np.asarray(SCORE(params, *inputs, changed)) - before).max(axis=(0, 2))
        assert (difference[: position + 1] == 0).all()
        assert (difference[position + 1 :] > 0).all()


def test_values_out_of_range_are_impossible(params, inputs, tokens):
    probabilities = jax.nn.softmax(SCORE(params, *inputs, tokens))
    for position, size in enumerate(SIZES):
        assert np.asarray(probabilities[:, position, size:]).max(initial=0.0) == 0


def test_sampling_near_temperature_0_takes_the_likeliest_value_of_each_token(params, inputs):
    embedding = EMBED(params, *inputs)
    sampled = np.asarray(SAMPLE(params, embedding, jax.random.key(2), 1e-6))
    assert (sampled < SIZES).all()
    np.testing.assert_array_equal(np.argmax(SCORE(params, *inputs, sampled), axis=-1), sampled)


def test_sampling_at_temperature_1_follows_the_distribution(params, inputs):
    embedding = EMBED(params, *inputs)
    sampled = np.asarray(SAMPLE(params, np.repeat(embedding[:1], 4000, axis=0), jax.random.key(3), 1.0))
    probabilities = jax.nn.softmax(SCORE(params, *inputs, sampled[:N_SOUNDS]))[0, 0]
    frequencies = np.bincount(sampled[:, 0], minlength=32) / len(sampled)
    np.testing.assert_allclose(frequencies, np.asarray(probabilities)[:32], atol=0.03)


def test_notes_are_a_set_and_absent_ones_do_not_matter(params, inputs):
    spectrograms, note_events, present = inputs
    both = np.asarray(EMBED(params, spectrograms, note_events, present))
    reversed_notes = np.asarray(EMBED(params, spectrograms[:, ::-1], note_events[:, ::-1], present))
    np.testing.assert_allclose(both, reversed_notes, atol=1e-4)
    first = np.asarray(EMBED(params, spectrograms, note_events, present * [1.0, 0.0]))
    others = spectrograms.copy(), note_events.copy()
    others[0][:, 1], others[1][:, 1] = 0, 1
    np.testing.assert_allclose(first, np.asarray(EMBED(params, *others, present * [1.0, 0.0])), atol=1e-4)
    assert np.abs(first - both).max() > 1e-3


def test_one_note_alone_embeds_as_beside_an_absent_one(params, inputs):
    spectrograms, note_events, present = inputs
    alone = np.asarray(EMBED(params, spectrograms[:, :1], note_events[:, :1], present[:, :1]))
    beside = np.asarray(EMBED(params, spectrograms, note_events, present * [1.0, 0.0]))
    np.testing.assert_allclose(alone, beside, atol=1e-4)
