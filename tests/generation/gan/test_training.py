"""Training: learns, resumes exactly, keeps the best, refuses another run's folder; its parts do what they promise."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_gan import CONFIG, SIZE, uniqueness

from ddx7.errors import Ddx7Error
from ddx7.generation.gan.config import GanConfig
from ddx7.generation.gan.data import examples_of, named_categories
from ddx7.generation.gan.network import VALUES, OneHot, distributions, draw, one_hot
from ddx7.generation.gan.representation import OPERATOR_FIELDS, VOICE_FIELDS
from ddx7.generation.gan.training import draw_batch, train
from ddx7.library.categories import CATEGORIES
from ddx7.training.checkpoint import read_metrics

pytestmark = pytest.mark.usefixtures("quickly_compiled")


def test_training_learns_resumes_exactly_and_keeps_the_best(real_voices, tmp_path):
    examples = examples_of(real_voices)
    scores = iter([0.1, 0.2, 0.5, 0.3] * 2)

    def run(name, stop_after=None):
        return train(
            examples,
            tmp_path / name,
            CONFIG,
            SIZE,
            lambda voices, categories: {"score": next(scores)},
            stop_after=stop_after,
        )

    whole = run("whole")
    best = run("parts", stop_after=30)  # while the surrogate learns
    parts = run("parts")
    jax.tree.map(np.testing.assert_array_equal, (whole.generator, whole.critic), (parts.generator, parts.critic))
    jax.tree.map(np.testing.assert_array_equal, whole.generator, best.generator)
    lines = read_metrics(tmp_path / "whole")
    assert [line["step"] for line in lines] == [10, 20, 30, 36]
    # The autoencoder learns, although the biases start at the frequencies of the values.
    assert lines[1]["missed"] < 0.95 * lines[0]["missed"]
    assert "critic" in lines[2]
    assert whole.metrics == lines[2]
    assert whole.metrics["score"] == 0.5
    with pytest.raises(Ddx7Error, match=r"config\.steps: found 36, wanted 37"):
        train(examples, tmp_path / "whole", replace(CONFIG, steps=37), SIZE, uniqueness)
    others = examples_of(real_voices[:-1])
    with pytest.raises(Ddx7Error, match="data: found"):
        train(others, tmp_path / "whole", CONFIG, SIZE, uniqueness)


def test_phases_scale_with_the_steps():
    config = GanConfig(seed=3).scaled_to(2700)
    assert (config.steps, config.warm_up_steps, config.head_start_steps) == (2700, 800, 200)
    assert (config.surrogate_start_step, config.surrogate_weight_start_step, config.seed) == (1600, 2000, 3)


def test_a_batch_depends_on_seed_and_step_and_an_epoch_has_every_voice_once(real_voices):
    examples = examples_of(real_voices)
    first = draw_batch(examples, CONFIG, 7)
    for a, b in zip(first, draw_batch(examples, CONFIG, 7), strict=True):
        np.testing.assert_array_equal(a, b)
    epoch = np.concatenate([draw_batch(examples, CONFIG, step).voice for step in range(6)])
    assert sorted(map(bytes, epoch)) == sorted(map(bytes, examples.fields.voice))


def test_categories_come_from_names(real_voices):
    named = named_categories(real_voices)
    assert named[0].tolist() == [category == "brass" for category in CATEGORIES]
    assert "bell" in np.array(CATEGORIES)[named[1]]
    assert not named[2].any()


def test_values_are_drawn_by_their_distribution_and_within_their_range():
    rng = np.random.default_rng(0)
    n = 1000
    logits = OneHot(
        jnp.tile(rng.normal(size=len(VOICE_FIELDS) * VALUES).astype(np.float32), (n, 1)),
        jnp.zeros((n, 6, len(OPERATOR_FIELDS) * VALUES)),
    )
    sample = jax.jit(lambda key, temperature: draw(key, distributions(logits, temperature)))
    voice, operators = sample(jax.random.key(0), 1.0)
    for k, field in enumerate(VOICE_FIELDS):
        expected = np.asarray(logits.voice[0]).reshape(-1, VALUES)[k, : field.size]
        expected = np.exp(expected) / np.exp(expected).sum()
        observed = np.bincount(np.asarray(voice[:, k]), minlength=VALUES) / n
        assert observed[field.size :].sum() == 0
        assert np.abs(observed[: field.size] - expected).max() < 5 * np.sqrt(expected.max() / n)
    assert (np.asarray(operators).max(axis=(0, 1)) < [field.size for field in OPERATOR_FIELDS]).all()
    assert np.asarray(operators)[..., 0].max() > 95  # the whole range of an output level
    cold, _ = sample(jax.random.key(1), 1e-3)
    assert (np.asarray(cold) == np.asarray(cold)[0]).all()


def test_one_hot_vectors_are_empty_where_a_field_does_not_apply():
    voice = np.zeros((1, len(VOICE_FIELDS)), int)
    operators = np.full((1, 6, len(OPERATOR_FIELDS)), -1)
    operators[0, 2, 3] = 7
    encoded = one_hot(jnp.asarray(voice), jnp.asarray(operators))
    assert float(encoded.voice.sum()) == len(VOICE_FIELDS)
    assert float(encoded.operators.sum()) == 1
    assert float(encoded.operators[0, 2, 3 * VALUES + 7]) == 1
