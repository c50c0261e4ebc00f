from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from stepping import AmpEnvelope, PitchEnvelope, run

from ddx7.engine import envelope
from ddx7.engine.pitch import plan_pitch_envelope
from ddx7.engine.profile import DEXED
from ddx7.engine.segments import Segments, read
from ddx7.engine.tables import PITCH_RATE

N_BLOCKS = 1500
RATES = (22050, 44100, 48000, 96000, 192000)

panel = st.integers(0, 99)
quick = st.integers(35, 99)
four_rates = st.tuples(*[st.one_of(quick, quick, panel)] * 4)
# Few distinct levels, so that stages between equal levels come up often.
four_levels = st.tuples(*[st.one_of(panel, st.sampled_from((0, 50, 99)))] * 4)
gates = st.one_of(st.integers(0, 40), st.integers(0, 2 * N_BLOCKS))


@partial(jax.jit, static_argnames="n_blocks")
def levels_of(segments: Segments, n_blocks: int) -> jax.Array:
    return read(segments, jnp.arange(1, n_blocks + 1))


def amp_levels(
    rates: tuple, levels: tuple, output_level: int, scaling: int, gate: int, rate: int, n_blocks: int = N_BLOCKS
) -> np.ndarray:
    batch = [np.array([x], np.int32) for x in (rates, levels, output_level, scaling, gate)]
    planned, _ = envelope.plan(*batch, DEXED.at(rate).envelope)
    return np.asarray(levels_of(jax.tree.map(lambda x: x[0], planned), n_blocks))


@settings(max_examples=250)
@given(four_rates, four_levels, st.integers(0, 4240), st.integers(0, 27), gates, st.sampled_from(RATES))
@example((99, 99, 99, 99), (99, 99, 99, 0), 4064, 0, 700, 44100)
@example((99, 99, 99, 99), (0, 0, 0, 0), 4064, 0, 3, 44100)
@example((50, 60, 70, 80), (0, 0, 99, 99), 4064, 27, 900, 48000)
@example((76, 77, 99, 99), (99, 99, 99, 99), 4064, 0, 100, 192000)
@example((99, 99, 99, 99), (99, 50, 99, 0), 0, 0, 0, 44100)
def test_amplitude_envelope_is_the_stepped_one(
    rates: tuple, levels: tuple, output_level: int, scaling: int, gate: int, rate: int
) -> None:
    expected = run(AmpEnvelope(rates, levels, output_level, scaling, rate), gate, N_BLOCKS)
    np.testing.assert_array_equal(amp_levels(rates, levels, output_level, scaling, gate, rate), expected)


@pytest.mark.parametrize("rate", RATES)
def test_slow_stages_to_their_end(rate: int) -> None:
    """The slowest envelope that ends within minutes."""
    rates, levels, n = (20, 25, 30, 20), (90, 20, 20, 10), 40_000
    expected = run(AmpEnvelope(rates, levels, 3000, 0, rate), 30_000, n)
    assert len(set(expected)) > 1000
    np.testing.assert_array_equal(amp_levels(rates, levels, 3000, 0, 30_000, rate, n), expected)


@settings(max_examples=100)
@given(four_rates, four_levels, gates, st.sampled_from(RATES))
@example((0, 0, 0, 0), (0, 99, 0, 99), 50, 44100)
@example((99, 99, 99, 99), (50, 50, 50, 50), 2, 44100)
def test_pitch_envelope_is_the_stepped_one(rates: tuple, levels: tuple, gate: int, rate: int) -> None:
    planned, _ = plan_pitch_envelope(
        np.array([rates]), np.array([levels]), np.array([gate]), DEXED.at(rate).pitch_envelope
    )
    found = levels_of(jax.tree.map(lambda x: x[0], planned), N_BLOCKS)
    expected = run(PitchEnvelope([int(PITCH_RATE[r]) for r in rates], levels, rate), gate, N_BLOCKS)
    np.testing.assert_array_equal(found, expected)


def test_decay_speed_in_decibels() -> None:
    """Rate 60 is step 38: 0.2532 dB/s x 2^9 x 1.5 at 44.1 kHz."""
    octaves = amp_levels((99, 60, 99, 99), (99, 0, 0, 0), 4064, 0, 10_000, 44100) / 2**24
    falling = octaves[10:40]
    assert falling[-1] > 1
    speed = -np.diff(falling).mean() * 44100 / 64 * 20 * np.log10(2)
    assert speed == pytest.approx(0.2532 * 2**9 * 1.5, rel=2e-3)
