"""Training: learns, resumes exactly, keeps the best, refuses another run's folder; the parts do what they say."""

import json
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from teaching import SETTINGS, SIZE, novelty

from ddx7.errors import Ddx7Error
from ddx7.generation.gan.data import examples_of, named_categories
from ddx7.generation.gan.network import VALUES, OneHot, distributions, draw, one_hot
from ddx7.generation.gan.representation import OPERATOR_PLACES, VOICE_PLACES
from ddx7.generation.gan.training import draw_batch, train
from ddx7.library.categories import CATEGORIES
from ddx7.runs import METRICS


def test_training_resumes_exactly_and_keeps_the_best(human, tmp_path):
    examples = examples_of(human)
    scores = iter([0.1, 0.5, 0.3, 0.1, 0.5, 0.3])

    def run(name, until=None):
        return train(
            examples, tmp_path / name, SETTINGS, SIZE, lambda made, categories: {"score": next(scores)}, until=until
        )

    whole, metrics = run("whole")
    best, _ = run("parts", until=8)  # while the listener learns
    parts, _ = run("parts")
    for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(parts), strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    for a, b in zip(jax.tree.leaves(whole["generator"]), jax.tree.leaves(best["generator"]), strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    lines = [json.loads(line) for line in (tmp_path / "whole" / METRICS).read_text().splitlines()]
    assert [line["step"] for line in lines] == [4, 8, 12]
    assert "missed" in lines[0]
    assert "critic" in lines[1]
    assert metrics == lines[1]
    assert metrics["score"] == 0.5
    with pytest.raises(Ddx7Error, match="other settings"):
        train(examples, tmp_path / "whole", replace(SETTINGS, steps=13), SIZE, novelty)


def test_the_autoencoder_learns(human, tmp_path):
    settings = replace(SETTINGS, steps=60, warm_up=60, measured_every=30, learning_rates=(5e-3, 1e-3, 1e-3))
    train(examples_of(human), tmp_path, settings, SIZE, novelty)
    first, last = (json.loads(line) for line in (tmp_path / METRICS).read_text().splitlines())
    assert last["missed"] < 0.95 * first["missed"]  # it begins with how often each value occurs


def test_a_batch_hangs_on_seed_and_step_alone_and_every_voice_comes_once_an_epoch(human):
    examples = examples_of(human)
    first = draw_batch(examples, SETTINGS, 7)
    for a, b in zip(first, draw_batch(examples, SETTINGS, 7), strict=True):
        np.testing.assert_array_equal(a, b)
    seen = np.concatenate([draw_batch(examples, SETTINGS, step)[0] for step in range(6)])
    assert sorted(map(bytes, seen)) == sorted(map(bytes, examples.fields.voice))


def test_kinds_come_from_names(human):
    found = named_categories(human)
    assert found[0].tolist() == [kind == "brass" for kind in CATEGORIES]
    assert "bell" in np.array(CATEGORIES)[found[1]]
    assert not found[2].any()


def test_values_are_drawn_as_often_as_their_distribution_says_and_never_beyond_their_range():
    rng = np.random.default_rng(0)
    n = 4000
    logits = OneHot(
        jnp.tile(rng.normal(size=len(VOICE_PLACES) * VALUES).astype(np.float32), (n, 1)),
        jnp.zeros((n, 6, len(OPERATOR_PLACES) * VALUES)),
    )
    chances = distributions(logits)
    voice, operators = draw(jax.random.key(0), chances)
    for k, place in enumerate(VOICE_PLACES):
        wanted = np.asarray(logits.voice[0]).reshape(-1, VALUES)[k, : place.size]
        wanted = np.exp(wanted) / np.exp(wanted).sum()
        found = np.bincount(np.asarray(voice[:, k]), minlength=VALUES) / n
        assert found[place.size :].sum() == 0
        assert np.abs(found[: place.size] - wanted).max() < 5 * np.sqrt(wanted.max() / n)
    assert (np.asarray(operators).max(axis=(0, 1)) < [place.size for place in OPERATOR_PLACES]).all()
    assert np.asarray(operators)[..., 0].max() > 95  # the whole range of an output level
    cold, _ = draw(jax.random.key(1), distributions(logits, 1e-3))
    assert (np.asarray(cold) == np.asarray(cold)[0]).all()


def test_one_hot_vectors_are_empty_where_a_field_does_not_apply():
    voice = np.zeros((1, len(VOICE_PLACES)), int)
    operators = np.full((1, 6, len(OPERATOR_PLACES)), -1)
    operators[0, 2, 3] = 7
    seen = one_hot(jnp.asarray(voice), jnp.asarray(operators))
    assert float(seen.voice.sum()) == len(VOICE_PLACES)
    assert float(seen.operators.sum()) == 1
    assert float(seen.operators[0, 2, 3 * VALUES + 7]) == 1
