from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from playing import quick_jit

from ddx7.resynthesis import gru
from ddx7.resynthesis.hpn import HpnSynth
from ddx7.resynthesis.model import n_params
from ddx7.resynthesis.rnn import Rnn, RnnSize
from ddx7.resynthesis.tcn import Tcn, TcnSize

SMALL = {"tcn": (Tcn(TcnSize(8, 3, (1, 2, 4), "all", 0.0), 3), 28), "rnn": (Rnn(RnnSize(8, 1), 3), 0)}


def shapes(network: Any) -> Any:
    return jax.eval_shape(lambda: network.init(jax.random.key(0), jnp.zeros((1, 4, 2))))


@pytest.mark.parametrize(("n", "published"), [(6, 399_762), (4, 398_732), (2, 397_702)])
def test_ddx7_has_as_many_parameters_as_published(n: int, published: int):
    assert n_params(shapes(Tcn(TcnSize(), n))) == published
    assert TcnSize().context_frames == 124  # half a second with the current frame


def test_the_baseline_has_as_many_parameters_as_published():
    assert n_params(shapes(Rnn(RnnSize(), HpnSynth().n_outputs))) == 4_277_886


@pytest.mark.parametrize("name", SMALL)
def test_networks_look_back_and_never_ahead(name: str):
    network, context_frames = SMALL[name]
    x = jax.random.normal(jax.random.key(1), (1, 40, 2))
    params, apply = quick_jit(network.init)(jax.random.key(0), x), quick_jit(network.apply)
    before, _ = apply(params, x)
    after, _ = apply(params, x.at[0, 30].add(1.0))
    np.testing.assert_array_equal(before[0, :30], after[0, :30])
    assert np.abs(before[0, 30] - after[0, 30]).max() > 0
    if name == "tcn":
        later, _ = apply(params, x.at[0, 1].add(1.0))
        reached = np.flatnonzero(np.abs(before - later)[0].max(axis=-1) > 0)
        assert reached.max() == 1 + context_frames == 1 + network.size.context_frames


@pytest.mark.parametrize("name", SMALL)
def test_frames_one_by_one_are_the_whole(name: str):
    network, _ = SMALL[name]
    x = jax.random.normal(jax.random.key(1), (2, 20, 2))
    params = quick_jit(network.init)(jax.random.key(0), x)
    whole, _ = quick_jit(network.apply)(params, x)
    one = quick_jit(lambda x, state: network.apply(params, x, state))
    shapes = jax.eval_shape(one, x[:, :1], None)[1]
    state = jax.tree.map(lambda s: jnp.zeros(s.shape), shapes)
    outputs = []
    for k in range(20):
        out, state = one(x[:, k : k + 1], state)
        outputs.append(out[:, 0])
    np.testing.assert_allclose(np.stack(outputs, axis=1), whole, atol=1e-5)


def test_the_recurrent_gradient_is_that_of_the_plain_loop():
    rng = np.random.default_rng(0)
    arguments = [jnp.asarray(rng.normal(size=s), jnp.float32) for s in ((7, 2, 12), (2, 4), (4, 12), (12,))]
    target = jnp.asarray(rng.normal(size=(7, 2, 4)), jnp.float32)

    def loop(entering: jax.Array, before: jax.Array, stay: jax.Array, bias: jax.Array) -> jax.Array:
        states = []
        for into in entering:
            r_in, u_in, n_in = jnp.split(into, 3, axis=-1)
            r_on, u_on, n_on = jnp.split(before @ stay + bias, 3, axis=-1)
            reset, update = 1 / (1 + jnp.exp(-r_in - r_on)), 1 / (1 + jnp.exp(-u_in - u_on))
            before = (1 - update) * jnp.tanh(n_in + reset * n_on) + update * before
            states.append(before)
        return jnp.stack(states)

    grads, expected = (
        quick_jit(jax.grad(lambda *a, f=f: jnp.sum(f(*a) * target), argnums=(0, 1, 2, 3)))(*arguments)
        for f in (gru.unroll, loop)
    )
    for a, b in zip(grads, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)
