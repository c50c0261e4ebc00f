"""The model that writes voices: each token hangs on those before it, drawn as judged."""

import jax
import numpy as np
import pytest

from ddx7.encoder.network import EncoderSize, PresetModel
from ddx7.encoder.spectrogram import BANDS, FRAMES
from ddx7.encoder.tokens import N_TOKENS, SIZES

SIZE = EncoderSize(look=16, layers=1, heard=24, write=16)
MODEL = PresetModel(SIZE)


@pytest.fixture(scope="module")
def sounds():
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 241, (3, 2, FRAMES, BANDS)).astype(np.uint8)
    hands = np.stack([rng.uniform(40, 80, (3, 2)), rng.uniform(40, 120, (3, 2)), rng.uniform(0.1, 2, (3, 2))], -1)
    return pictures, hands.astype(np.float32), np.ones((3, 2), np.float32)


@pytest.fixture(scope="module")
def tokens():
    return np.random.default_rng(1).integers(0, SIZES, (3, N_TOKENS)).astype(np.int32)


@pytest.fixture(scope="module")
def weights(sounds, tokens):
    started = MODEL.init(jax.random.key(0), *sounds, tokens)
    keys = iter(jax.random.split(jax.random.key(1), len(jax.tree.leaves(started))))
    return jax.tree.map(lambda x: x + 0.1 * jax.random.normal(next(keys), x.shape), started)


def test_a_token_is_judged_by_those_before_it_alone(weights, sounds, tokens):
    judge = jax.jit(MODEL.apply)
    before = np.asarray(judge(weights, *sounds, tokens))
    for place in (0, 2, 3, 23, 24, 60, 128, 129, 143):
        changed = tokens.copy()
        changed[:, place] = (changed[:, place] + 1) % SIZES[place]
        moved = np.abs(np.asarray(judge(weights, *sounds, changed)) - before).max(axis=(0, 2))
        assert (moved[: place + 1] == 0).all()
        assert (moved[place + 1 :] > 0).all()


def test_values_out_of_range_are_impossible(weights, sounds, tokens):
    chances = jax.nn.softmax(MODEL.apply(weights, *sounds, tokens))
    for place, size in enumerate(SIZES):
        assert np.asarray(chances[:, place, size:]).max(initial=0.0) == 0


def test_voices_are_drawn_as_they_are_judged(weights, sounds):
    """At a temperature near 0 every drawn token is the likeliest in view of the ones drawn before it."""
    heard = MODEL.apply(weights, *sounds, method=PresetModel.hear)
    drawn = np.asarray(MODEL.apply(weights, heard, jax.random.key(2), 1e-6, method=PresetModel.draw))
    assert (drawn < SIZES).all()
    np.testing.assert_array_equal(np.argmax(MODEL.apply(weights, *sounds, drawn), axis=-1), drawn)


def test_drawing_at_temperature_1_follows_the_distribution(weights, sounds):
    heard = MODEL.apply(weights, *(x[:1] for x in sounds), method=PresetModel.hear)
    draw = jax.jit(lambda heard, key: MODEL.apply(weights, heard, key, 1.0, method=PresetModel.draw))
    many = np.asarray(draw(np.repeat(heard, 4000, axis=0), jax.random.key(3)))
    some = jax.nn.softmax(MODEL.apply(weights, *(x[:1] for x in sounds), many[:1]))[0, 0]
    counts = np.bincount(many[:, 0], minlength=32) / len(many)
    np.testing.assert_allclose(counts, np.asarray(some)[:32], atol=0.03)


def test_notes_are_a_set_and_absent_ones_do_not_matter(weights, sounds):
    pictures, hands, present = sounds
    hear = jax.jit(lambda *notes: MODEL.apply(weights, *notes, method=PresetModel.hear))
    both = np.asarray(hear(pictures, hands, present))
    turned = np.asarray(hear(pictures[:, ::-1], hands[:, ::-1], present))
    np.testing.assert_allclose(both, turned, atol=1e-4)
    one = np.asarray(hear(pictures[:, :1], hands[:, :1], present[:, :1]))
    half = np.asarray(hear(pictures, hands, present * [1.0, 0.0]))
    np.testing.assert_allclose(one, half, atol=1e-4)
    assert np.abs(one - both).max() > 1e-3
