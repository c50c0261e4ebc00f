from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ddx7.errors import Ddx7Error
from ddx7.resynthesis import gru
from ddx7.resynthesis.configs import NAMES, config
from ddx7.resynthesis.hpn import HpnSynth, Rnn, RnnSize
from ddx7.resynthesis.model import from_dict, n_weights, to_dict
from ddx7.resynthesis.reverb import BANDS
from ddx7.resynthesis.tcn import Tcn, TcnSize

SMALL = {"tcn": (Tcn(TcnSize(8, 3, (1, 2, 4), "all", 0.0), 3), 28), "rnn": (Rnn(RnnSize(8, 1), 3), 0)}


def shapes(network: Any) -> Any:
    return jax.eval_shape(lambda: network.init(jax.random.key(0), jnp.zeros((1, 4, 2))))


@pytest.mark.parametrize(("n", "published"), [(6, 399_762), (4, 398_732), (2, 397_702)])
def test_ddx7_has_as_many_weights_as_published(n: int, published: int):
    assert n_weights(shapes(Tcn(TcnSize(), n))) == published
    assert TcnSize().memory == 124  # and the present frame: half a second


def test_the_baseline_has_as_many_weights_as_published():
    assert n_weights(shapes(Rnn(RnnSize(), HpnSynth().n_outputs))) == 4_277_886


@pytest.mark.parametrize("name", SMALL)
def test_networks_look_back_and_never_ahead(name: str):
    network, memory = SMALL[name]
    x = jax.random.normal(jax.random.key(1), (1, 40, 2))
    weights = network.init(jax.random.key(0), x)
    before, _ = network.apply(weights, x)
    after, _ = network.apply(weights, x.at[0, 30].add(1.0))
    np.testing.assert_array_equal(before[0, :30], after[0, :30])
    assert np.abs(before[0, 30] - after[0, 30]).max() > 0
    if name == "tcn":
        later, _ = network.apply(weights, x.at[0, 1].add(1.0))
        reached = np.flatnonzero(np.abs(before - later)[0].max(axis=-1) > 0)
        assert reached.max() == 1 + memory == 1 + network.size.memory


@pytest.mark.parametrize("name", SMALL)
def test_frames_one_by_one_are_the_whole(name: str):
    network, _ = SMALL[name]
    x = jax.random.normal(jax.random.key(1), (2, 20, 2))
    weights = network.init(jax.random.key(0), x)
    whole, _ = network.apply(weights, x)
    one = jax.jit(lambda x, memory: network.apply(weights, x, memory))
    silent = jax.eval_shape(one, x[:, :1], None)[1]
    memory = jax.tree.map(lambda s: jnp.zeros(s.shape), silent)
    found = []
    for k in range(20):
        out, memory = one(x[:, k : k + 1], memory)
        found.append(out[:, 0])
    np.testing.assert_allclose(np.stack(found, axis=1), whole, atol=1e-5)


def test_the_recurrent_gradient_is_that_of_the_plain_loop():
    rng = np.random.default_rng(0)
    arguments = [jnp.asarray(rng.normal(size=s), jnp.float32) for s in ((7, 2, 12), (2, 4), (4, 12), (12,))]
    target = jnp.asarray(rng.normal(size=(7, 2, 4)), jnp.float32)

    def plain(entering: jax.Array, before: jax.Array, stay: jax.Array, bias: jax.Array) -> jax.Array:
        states = []
        for into in entering:
            r_in, u_in, n_in = jnp.split(into, 3, axis=-1)
            r_on, u_on, n_on = jnp.split(before @ stay + bias, 3, axis=-1)
            reset, update = 1 / (1 + jnp.exp(-r_in - r_on)), 1 / (1 + jnp.exp(-u_in - u_on))
            before = (1 - update) * jnp.tanh(n_in + reset * n_on) + update * before
            states.append(before)
        return jnp.stack(states)

    found, wanted = (
        jax.jit(jax.grad(lambda *a, f=f: jnp.sum(f(*a) * target), argnums=(0, 1, 2, 3)))(*arguments)
        for f in (gru.unroll, plain)
    )
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)


@pytest.mark.parametrize("name", NAMES)
def test_every_configuration_survives_its_card(name: str):
    instrument = "violin" if "1x4" in name or "2x2" in name else "flute"
    model = config(name, instrument).model
    assert from_dict(to_dict(model)) == model


def test_ours_has_less_than_a_tenth_of_the_baselines_weights():
    ours, baseline = (
        n_weights(jax.eval_shape(config(name, "violin").model.init, jax.random.key(0))) for name in ("ours", "hpn")
    )
    assert ours < baseline / 10


def test_published_training_is_there_by_name():
    found = config("ddx7-2-room-published", "flute")
    assert (found.settings.steps, found.settings.batch, found.settings.learning_rate) == (120_000, 16, 3e-4)
    assert n_weights(jax.eval_shape(found.model.init, jax.random.key(0))) == 399_762 + 16_002


def test_a_room_is_heard_from_before_the_crop_and_adds_two_weights_a_band():
    dry, room = config("ours-tone", "flute"), config("ours-tone-room", "flute")
    assert (room.model.room_s, room.model.room_kind, room.settings.lead) == (1.0, "bands", 250)
    sizes = [n_weights(jax.eval_shape(c.model.init, jax.random.key(0))) for c in (dry, room)]
    assert sizes[1] - sizes[0] == 2 * BANDS


def test_bands_are_learned_from_by_name_and_ours_is_all_that_we_add():
    plain, bands = config("hpn", "flute"), config("hpn-mel", "flute")
    assert (plain.settings.mel, bands.settings.mel) == (0, 3)
    assert plain.model == bands.model
    assert config("ours", "violin") == config("ours-room", "violin") == config("ours-shallow-mel-room", "violin")
    assert config("ours-published", "violin") == config("ours-shallow-mel-room-published", "violin")


@pytest.mark.parametrize("name", ["ours-hall", "ddx8", "ddx7-3"])
def test_another_name_is_refused_with_those_that_are_known(name):
    with pytest.raises(Ddx7Error, match=f"'{name}' is no configuration, wanted one of ddx7-2, .*ours-tone"):
        config(name, "flute")
