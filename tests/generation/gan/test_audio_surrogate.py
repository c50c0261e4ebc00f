"""The audio surrogate learns measures of voices, and its gradient tells a generator what to change."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from tiny_gan import SIZE

from ddx7.generation.gan.audio_surrogate import ReplayBuffer, measure_draw
from ddx7.generation.gan.conditions import N_ROUTING, VoiceConditions
from ddx7.generation.gan.losses import GanModels, surrogate_fit_loss, surrogate_losses
from ddx7.generation.gan.network import VALUES, one_hot
from ddx7.generation.gan.representation import OPERATOR_FIELDS, to_fields
from ddx7.library.categories import CATEGORIES
from ddx7.library.screening import RULES
from ddx7.voice.packing import VCED_COLUMNS

CODES = [rule.code for rule in RULES]
MODEL = GanModels.create(SIZE).surrogate

# Compiled as a whole, because operations one by one take several times as long to compile.
init = jax.jit(partial(MODEL.init, training=False))
predict = jax.jit(partial(MODEL.apply, training=False))
losses = jax.jit(partial(surrogate_losses, MODEL))


@pytest.fixture(scope="module")
def measured(real_voices) -> ReplayBuffer:
    """The voices of the tests; every third one is so soft that it is silent."""
    vced = np.array(real_voices)
    vced[::3, VCED_COLUMNS["output_level"]] = 1
    algorithm = vced[:, VCED_COLUMNS["algorithm"]].astype(int)
    return measure_draw(vced, to_fields(vced)[0], algorithm)


def conditions_of(measured: ReplayBuffer, categories: np.ndarray) -> np.ndarray:
    flags = np.zeros(len(categories), np.int8)
    return VoiceConditions(np.asarray(measured.algorithm).astype(int), categories, flags, flags).vectors()


def test_faults_are_those_of_the_rules(measured):
    silent = np.asarray(measured.faults)[:, CODES.index("silent")]
    np.testing.assert_array_equal(silent, np.arange(len(silent)) % 3 == 0)
    assert measured.categories.shape == (len(silent), len(CATEGORIES))
    assert (measured.categories >= 0).all()
    assert (measured.categories <= 1).all()


# By default test_training.py trains a surrogate with the generator, and the tests beside this one have its losses.
@pytest.mark.slow
def test_the_surrogate_learns_measures_and_its_gradient_raises_the_level_of_silent_voices(measured):
    voices = one_hot(measured.voice, measured.operators)
    condition = conditions_of(measured, np.zeros((len(voices.voice), len(CATEGORIES)), bool))
    routing = condition[:, :N_ROUTING]
    params = init(jax.random.key(0), voices, routing)
    optimiser = optax.adam(1e-2)
    opt_state = optimiser.init(params)

    @jax.jit
    def step(params, opt_state, key):
        grads = jax.grad(surrogate_fit_loss)(params, measured, key, MODEL)
        updates, opt_state = optimiser.update(grads, opt_state)
        return optax.apply_updates(params, updates), opt_state

    for key in jax.random.split(jax.random.key(1), 80):
        params, opt_state = step(params, opt_state, key)
    faults, _ = predict(params, voices, routing)
    logits, silent = faults[:, CODES.index("silent")], np.arange(len(faults)) % 3 == 0
    assert logits[silent].min() > logits[~silent].max()

    silent_voices = jax.tree.map(lambda x: x[silent], voices)
    grads = jax.jit(jax.grad(lambda x: surrogate_losses(MODEL, params, x, condition[silent])[0]))(silent_voices)
    level = [field.name for field in OPERATOR_FIELDS].index("output_level")
    by_level = grads.operators.reshape(len(silent_voices.voice), 6, -1, VALUES)[:, :, level].mean(axis=(0, 1))
    assert by_level[60:].mean() < by_level[1]


def test_drums_need_no_pitch_and_missing_categories_count(measured):
    n = len(measured.voice)
    voices = one_hot(measured.voice, measured.operators)
    none = np.zeros((n, len(CATEGORIES)), bool)
    plain, drums = (conditions_of(measured, c) for c in (none, none | np.isin(CATEGORIES, "percussion")))
    params = init(jax.random.key(0), voices, plain[:, :N_ROUTING])
    # Certain of every fault and against every category, so that each counts as 10.
    for name in ("faults", "categories"):
        params["params"][name] = jax.tree.map(jnp.zeros_like, params["params"][name])
    params["params"]["faults"]["bias"] += 10
    params["params"]["categories"]["bias"] -= 10
    faults, other = losses(params, voices, plain)
    assert faults == pytest.approx(10 * len(RULES), rel=1e-3)
    assert other == 0
    faults, other = losses(params, voices, drums)
    assert faults == pytest.approx(10 * (len(RULES) - sum(rule.pitched for rule in RULES)), rel=1e-3)
    assert other == pytest.approx(10 - np.log(2), rel=1e-3)
    # From a probability of one half on, a category costs nothing.
    params["params"]["categories"]["bias"] += 10
    assert losses(params, voices, drums)[1] == 0
