"""Weights survive writing and reading, and give legal voices determined by seed and conditions."""

import numpy as np
import pytest
from tiny_gan import SIZE

from ddx7.errors import Ddx7Error
from ddx7.generation.gan.voice_generator import WEIGHTS, load_weights, shipped
from ddx7.library.categories import CATEGORIES
from ddx7.training import read_weights, write_weights
from ddx7.voice.packing import in_range, rows


def test_voices_are_legal_and_have_the_requested_algorithm(trained_weights):
    generator = load_weights(trained_weights)
    assert generator.size == SIZE
    for algorithm in range(0, 32, 5):
        conditions = generator.condition_prior.sample(np.random.default_rng(0), 20, algorithm=algorithm)
        voices = generator.sample(conditions, seed=1)
        assert in_range(voices).all()
        assert (rows(voices).algorithm == algorithm).all()
    conditions = generator.condition_prior.sample(np.random.default_rng(0), 150)
    voices = generator.sample(conditions, seed=1)
    np.testing.assert_array_equal(voices, generator.sample(conditions, seed=1))
    assert (voices != generator.sample(conditions, seed=2)).any(axis=1).mean() > 0.9
    np.testing.assert_array_equal(voices[:128], generator.sample(conditions[np.arange(128)], seed=1))
    probabilities = generator.category_probabilities(voices)
    assert probabilities.shape == (150, len(CATEGORIES))
    assert ((probabilities > 0) & (probabilities < 1)).all()


def test_weights_of_something_else_are_refused(tmp_path, trained_weights):
    params, card = read_weights(trained_weights)
    del params["condition_prior"]
    write_weights(tmp_path / "other.safetensors", params, card)
    with pytest.raises(Ddx7Error, match="found weights of something else"):
        load_weights(tmp_path / "other.safetensors")
    with pytest.raises(Ddx7Error, match="found no weights"):
        load_weights(tmp_path / "none.safetensors")


def test_the_shipped_weights_are_small_and_cover_all_categories():
    generator = shipped()
    assert generator.categories == CATEGORIES
    assert WEIGHTS.stat().st_size < 5_000_000
    assert WEIGHTS.stat().st_size == generator.card["bytes"]
