from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stepping import ONE, Lfo

from ddx7.engine.lfo import exact_lfo
from ddx7.engine.profile import DEXED
from ddx7.engine.tables import LFO_SPEED

N_BLOCKS = 2500
TRIANGLE, SAW_DOWN, SAW_UP, SQUARE, SINE, SAMPLE_AND_HOLD = range(6)


@partial(jax.jit, static_argnames="rate")
def lfo(speed: int, delay: int, wave: int, sync: int, rate: int) -> tuple:
    blocks = jnp.arange(1, N_BLOCKS + 1)
    return exact_lfo(speed, delay, wave, sync, blocks, blocks, DEXED.at(rate).control.lfo)


@settings(max_examples=80)
@given(
    st.integers(0, 99), st.integers(0, 99), st.integers(0, 5), st.integers(0, 1), st.sampled_from((22050, 44100, 96000))
)
def test_the_lfo_is_the_stepped_one(speed: int, delay: int, wave: int, sync: int, rate: int) -> None:
    one = Lfo(float(LFO_SPEED[speed]), delay, wave, bool(sync), rate)
    expected = np.array([one.step() for _ in range(N_BLOCKS)])
    found = np.stack(lfo(speed, delay, wave, sync, rate), axis=1)
    if wave == SINE:  # msfa reads a table of 1024 steps
        np.testing.assert_allclose(found[:, 0], expected[:, 0], atol=1e-5 * ONE)
    else:
        np.testing.assert_array_equal(found[:, 0], expected[:, 0])
    np.testing.assert_array_equal(found[:, 1], expected[:, 1])


@pytest.mark.parametrize("rate", [22050, 44100, 48000, 96000])
def test_speed_99_is_as_fast_at_any_sample_rate(rate: int) -> None:
    wave = np.asarray(lfo(99, 0, SAW_UP, 0, rate)[0])
    turns = np.sum(np.diff(wave) < 0)
    assert turns / (N_BLOCKS * 64 / rate) == pytest.approx(49.261084 * 1.03319, abs=1)


@pytest.mark.parametrize(
    ("wave", "first", "then"),
    [(TRIANGLE, 1.0, -1), (SAW_DOWN, 1.0, -1), (SAW_UP, 0.0, 1), (SQUARE, 0.0, 0), (SINE, 0.5, -1)],
)
def test_where_key_sync_starts_each_wave(wave: int, first: float, then: int) -> None:
    start = np.asarray(lfo(30, 0, wave, 1, 44100)[0])[:5] / ONE
    assert start[0] == pytest.approx(first, abs=0.03)
    assert np.all(np.sign(np.diff(start)) == then)


@pytest.mark.parametrize(("delay", "begins", "full"), [(20, 0.086, 0.180), (60, 0.463, 1.128), (99, 2.663, 3.329)])
def test_delay_in_seconds(delay: int, begins: float, full: float) -> None:
    """Measured in Dexed."""
    fade = np.asarray(lfo(0, delay, 0, 1, 44100)[1])
    at = np.array([np.argmax(fade > 0), np.argmax(fade == ONE)]) * 64 / 44100
    np.testing.assert_allclose(at, [begins, full], atol=0.003)
