"""Weights come back as they were written, and make legal voices that hang on seed and wish."""

import numpy as np
import pytest
from teaching import SIZE

from ddx7.errors import Ddx7Error
from ddx7.generation.gan.voice_generator import WEIGHTS, load_weights, shipped
from ddx7.library.categories import CATEGORIES
from ddx7.training import read_weights, write_weights
from ddx7.voice.packing import in_range, rows


def test_a_generator_makes_legal_voices_of_the_algorithm_asked_for(taught):
    maker = load_weights(taught)
    assert maker.size == SIZE
    for algorithm in range(0, 32, 5):
        asked = maker.habits.draw(np.random.default_rng(0), 20, algorithm=algorithm)
        made = maker.make(asked, seed=1)
        assert in_range(made).all()
        assert (rows(made).algorithm == algorithm).all()
    asked = maker.habits.draw(np.random.default_rng(0), 150)
    made = maker.make(asked, seed=1)
    np.testing.assert_array_equal(made, maker.make(asked, seed=1))
    assert (made != maker.make(asked, seed=2)).any(axis=1).mean() > 0.9
    np.testing.assert_array_equal(made[:128], maker.make(asked[np.arange(128)], seed=1))
    kinds = maker.kinds(made)
    assert kinds.shape == (150, len(CATEGORIES))
    assert ((kinds > 0) & (kinds < 1)).all()


def test_weights_of_something_else_are_refused(tmp_path, taught):
    weights, card = read_weights(taught)
    del weights["habits"]
    write_weights(tmp_path / "other.safetensors", weights, card)
    with pytest.raises(Ddx7Error, match="no weights of a generator"):
        load_weights(tmp_path / "other.safetensors")
    with pytest.raises(Ddx7Error, match="found no weights"):
        load_weights(tmp_path / "none.safetensors")


def test_the_shipped_weights_are_small_and_know_the_kinds_of_the_library():
    maker = shipped()
    assert maker.categories == CATEGORIES
    assert WEIGHTS.stat().st_size < 5_000_000
    assert WEIGHTS.stat().st_size == maker.card["bytes"]
