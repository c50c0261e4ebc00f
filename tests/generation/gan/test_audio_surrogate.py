"""The listener learns what is heard of voices, and a generator that heeds it can tell what to change."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from teaching import SIZE

from ddx7.generation.gan import audio_surrogate
from ddx7.generation.gan.conditions import VoiceConditions
from ddx7.generation.gan.network import VALUES, one_hot
from ddx7.generation.gan.representation import OPERATOR_PLACES, to_fields
from ddx7.library.categories import CATEGORIES
from ddx7.library.screening import RULES
from ddx7.voice.packing import VCED_COLUMNS

CODES = [rule.code for rule in RULES]


@pytest.fixture(scope="module")
def lessons(human) -> audio_surrogate.ReplayBuffer:
    """The voices of the tests; every third carrier on its own is so soft that the voice is silent."""
    vced = np.array(human)
    vced[::3, VCED_COLUMNS["output_level"]] = 1
    algorithm = vced[:, VCED_COLUMNS["algorithm"]].astype(int)
    return audio_surrogate.measure_draw(vced, to_fields(vced)[0], algorithm)


def test_what_is_heard_is_what_the_rules_say(lessons):
    silent = np.asarray(lessons.faults)[:, CODES.index("silent")]
    np.testing.assert_array_equal(silent, np.arange(len(silent)) % 3 == 0)
    assert lessons.kinds.shape == (len(silent), len(CATEGORIES))
    assert (lessons.kinds >= 0).all()
    assert (lessons.kinds <= 1).all()


def test_it_learns_what_is_heard_and_tells_what_to_change(lessons):
    model = audio_surrogate.model(SIZE)
    seen = one_hot(lessons.voice, lessons.operators)
    asked = VoiceConditions(
        lessons.algorithm.astype(int),
        np.zeros((len(lessons.voice), len(CATEGORIES)), bool),
        *(np.zeros(len(lessons.voice), np.int8) for _ in range(2)),
    )
    routing = asked.vectors()[:, :33]
    weights = model.init(jax.random.key(0), seen, routing, learning=False)
    optimiser = optax.adam(1e-2)
    state = optimiser.init(weights)

    @jax.jit
    def step(weights, state, key):
        slope = jax.grad(partial(audio_surrogate.surrogate_fit_loss, model))(weights, lessons, key)
        change, state = optimiser.update(slope, state)
        return optax.apply_updates(weights, change), state

    for key in jax.random.split(jax.random.key(1), 80):
        weights, state = step(weights, state, key)
    faults, _ = model.apply(weights, seen, routing, learning=False)
    guess, silent = faults[:, CODES.index("silent")], np.arange(len(faults)) % 3 == 0
    assert guess[silent].min() > guess[~silent].max()

    # The generator learns from it that a silent voice wants another output level of its operators.
    some = jax.tree.map(lambda x: x[silent], seen)
    slope = jax.grad(lambda x: audio_surrogate.surrogate_losses(model, weights, x, asked.vectors()[silent])[0])(some)
    level = [place.name for place in OPERATOR_PLACES].index("output_level")
    of_level = slope.operators.reshape(len(some.voice), 6, -1, VALUES)[:, :, level].mean(axis=(0, 1))
    assert of_level[60:].mean() < of_level[1]


def test_drums_need_no_pitch_and_what_was_asked_is_missed(lessons):
    model = audio_surrogate.model(SIZE)
    n = len(lessons.voice)
    seen = one_hot(lessons.voice, lessons.operators)
    nothing = np.zeros((n, len(CATEGORIES)), bool)
    drums = nothing | np.isin(CATEGORIES, "percussion")
    flags = [np.zeros(n, np.int8)] * 2
    plain, asked = (
        VoiceConditions(lessons.algorithm.astype(int), kinds, *flags).vectors() for kinds in (nothing, drums)
    )
    weights = model.init(jax.random.key(0), seen, plain[:, :33], learning=False)
    # So sure of every fault, and so unsure of every kind, that each counts as 10.
    for name in ("faults", "kinds"):
        weights["params"][name] = jax.tree.map(jnp.zeros_like, weights["params"][name])
    weights["params"]["faults"]["bias"] += 10
    weights["params"]["kinds"]["bias"] -= 10
    faults, other = audio_surrogate.surrogate_losses(model, weights, seen, plain)
    assert faults == pytest.approx(10 * len(RULES), rel=1e-3)
    assert other == 0
    faults, other = audio_surrogate.surrogate_losses(model, weights, seen, asked)
    assert faults == pytest.approx(10 * (len(RULES) - sum(rule.pitched for rule in RULES)), rel=1e-3)
    assert other == pytest.approx(10 - np.log(2), rel=1e-3)
    # Of a kind that is as likely as not, no more is asked.
    weights["params"]["kinds"]["bias"] += 10
    assert audio_surrogate.surrogate_losses(model, weights, seen, asked)[1] == 0
