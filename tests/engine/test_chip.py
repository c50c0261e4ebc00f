"""`profile="hardware+dac"`: the chip's integers one by one, its noise and its filter against theory, its gradient."""

import math
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from playing import organ

import ddx7
from ddx7.engine import (
    DEXED,
    HARDWARE,
    HARDWARE_DAC,
    Patch,
    initial_state,
    plan,
    plan_nearest,
    play,
    play_differentiable,
    relax,
    synthesise,
)
from ddx7.engine.chip import Chip, convert, filter_taps, operate
from ddx7.engine.hardware import CONVERTER_RANGES, FILTER_POLES_HZ, exponential, log_sine
from ddx7.voice import Voice, init_voice

RATE = 49_096
FULL_ATTENUATION = 240  # of an operator at level 99, in 1/256 octave
FULL = 8548  # the loudest sample at that level
GOLDEN_RATIO = (math.sqrt(5) - 1) / 2
CHIP = Chip(log_sine(), exponential(), CONVERTER_RANGES)
EXACT_OUTPUT = CHIP._replace(ranges=np.full(3, 1 << 30, np.int32))
NO_FILTER = np.zeros(0)  # no pole: an impulse, as long as the filter, so that nothing is compiled for it

operated = jax.jit(operate)


def chip_sample(phase: int, attenuation: int) -> int:
    """One sample of an operator in the machine's integers: phase in 4096 to a turn, attenuation in 1/256 octave."""
    quarter, part = divmod(phase % 4096, 1024)
    part = 1023 - part if quarter % 2 else part
    log_sine = int(0.5002 - 1024 * math.log2(math.sin((part + 0.5) * math.pi / 2048)))
    octave, place = divmod(16_383 - min(log_sine + 4 * attenuation, 16_383), 1024)
    size = (int(2048 * 2 ** (place / 1024) + 0.5) << octave) >> 13
    return -size if quarter > 1 else size


def samples_of(voice: Voice, n: int, chip: Chip) -> np.ndarray:
    """A voice on C3 in the machine's integers, before the filter."""
    profile = replace(HARDWARE_DAC, chip=chip, filter_poles_hz=NO_FILTER)
    planned = plan(Patch.stack([voice]), 60, 100, 10_000, RATE, profile=profile)
    return np.round(play(planned, n)[0] * 16 * 4096).astype(int)


def increment(coarse: int) -> int:
    """Of C3 times a whole number, 2^32 a cycle."""
    octave, place = divmod(9675 + round(1024 * math.log2(coarse)), 1024)
    hz = round(2048 * 2 ** (place / 1024)) / 2048 * 2**octave * 64 * 9_426_500 / 192 / 2**23
    return math.floor(hz / RATE * 2**32)


def test_modulator_and_carrier_are_the_machines_integers() -> None:
    """Operator 2 modulates operator 1, each on for a while; a unit of phase may fall to the other side of a step."""
    n, start, level = 3000, 1024, 75
    found = samples_of(organ({1: 99, 2: level}, {1: 1, 2: 3}), n, EXACT_OUTPUT)
    quieter = 2 * (99 - level) * 16
    expected = []
    for k in range(n):
        modulator = chip_sample((k * increment(3)) >> 20, FULL_ATTENUATION + quieter)
        expected.append(chip_sample(((k * increment(1)) >> 20) + modulator, FULL_ATTENUATION + 256))
    same = found[start:] == np.array(expected)[start:]
    assert np.mean(same) > 0.98
    assert np.abs(found - expected)[start:].max() <= 30  # one step of phase


def test_feedback_is_cut_to_whole_steps() -> None:
    n, start, feedback = 2500, 1024, 5
    found = samples_of(organ({1: 99, 6: 60}, {1: 1, 6: 1}, algorithm=32, feedback=feedback), n, EXACT_OUTPUT)
    loss, newest, older, expected = 672, 0, 0, []
    for k in range(n):
        phase = (k * increment(1)) >> 20
        back = (newest + older) >> (9 - feedback)
        newest, older = chip_sample(phase + back, FULL_ATTENUATION + 2 * 39 * 16 + loss), newest
        expected.append(newest + chip_sample(phase, FULL_ATTENUATION + loss))
    assert np.mean(found[start:] == np.array(expected)[start:]) > 0.9


def test_full_level_is_8548_of_16384() -> None:
    phases = np.arange(4096)
    found = np.asarray(operated(jnp.asarray(phases / 4096, jnp.float32), jnp.float32(2.0868), CHIP)) * 4096
    np.testing.assert_array_equal(found, [chip_sample(int(p), FULL_ATTENUATION) for p in phases])
    assert found.max() == FULL == -found.min()


def noise(signal: np.ndarray, turns: np.ndarray) -> float:
    """Power of what is left of a signal without its sine."""
    basis = np.stack([np.sin(2 * np.pi * turns), np.cos(2 * np.pi * turns)], axis=1)
    return float(np.mean(np.square(signal - basis @ np.linalg.lstsq(basis, signal, rcond=None)[0])))


def test_noise_of_an_operator() -> None:
    """Phase and logarithm are rounded and twelve bits of mantissa kept, each with an error spread evenly."""
    turns = np.arange(1 << 16) * GOLDEN_RATIO % 1
    gain = FULL / 4096
    found = 4096 * np.asarray(operated(jnp.asarray(turns, jnp.float32), jnp.float32(gain), CHIP), float)
    phase, logarithm = 2 * math.pi / 4096, math.log(2) / 1024
    size = np.abs(FULL * np.sin(2 * np.pi * turns))
    mantissa = np.exp2(np.maximum(np.floor(np.log2(size + 1)) - 11, 0))
    theory = FULL**2 / 2 * (phase**2 + logarithm**2) / 12 + np.mean(mantissa**2) / 12
    assert 10 * math.log10(noise(found, turns) / theory) == pytest.approx(0, abs=0.5)
    assert 10 * math.log10(FULL**2 / 2 / noise(found, turns)) == pytest.approx(66, abs=1)  # 12 bits of phase: 67


@pytest.mark.parametrize(("quieter_db", "noise_db"), [(0, -65), (12, -63), (24, -60)])
def test_noise_of_both(quieter_db: float, noise_db: float) -> None:
    """An operator and the converter behind it: figures of the same integers in NumPy."""
    turns, gain = np.arange(1 << 16) * GOLDEN_RATIO % 1, FULL / 4096 * 10 ** (-quieter_db / 20)
    played = operated(jnp.asarray(turns, jnp.float32), jnp.float32(gain), CHIP)
    found = np.asarray(convert(played, CHIP), float)
    assert 10 * math.log10(2 * noise(found, turns) / gain**2) == pytest.approx(noise_db, abs=0.7)


@pytest.mark.parametrize("peak", [500, 3000, FULL])
def test_noise_of_the_converter(peak: int) -> None:
    """A magnitude that drops d bits is short by 0 to 2^d - 1, all equally often."""
    exact = np.round(peak * np.sin(2 * np.pi * GOLDEN_RATIO * np.arange(1 << 16)))
    found = 4096 * np.asarray(convert(jnp.asarray(exact / 4096, jnp.float32), CHIP), float)
    share = [0.0, *(math.acos(min(r / peak, 1)) * 2 / math.pi for r in (1024, 2048, 4096))]
    share[0] = 1 - share[1]
    share[1:] = [share[1] - share[2], share[2] - share[3], share[3]]
    theory = sum(p * (2**d - 1) * (2 ** (d + 1) - 1) / 6 for d, p in enumerate(share))
    assert np.mean(np.square(exact - found)) == pytest.approx(theory, rel=0.05)
    assert np.all(np.abs(found) <= np.abs(exact))


def analogue_db(hz: np.ndarray) -> np.ndarray:
    """One pole and two resonant pairs, by corner frequency and Q."""
    s = 1j * hz
    gain = 1 / (1 + s / 6786.9)
    for corner, q in ((11_592.5, 1.0163), (16_083.8, 4.1231)):
        gain = gain / (1 + s / (q * corner) + (s / corner) ** 2)
    return 20 * np.log10(np.abs(gain))


@pytest.mark.parametrize("sample_rate", [8_000, 44_100, RATE, 96_000, 192_000])
def test_filter_follows_the_analogue_curve(sample_rate: int) -> None:
    taps = filter_taps(FILTER_POLES_HZ, sample_rate)
    hz = np.linspace(0, min(0.49 * sample_rate, 30_000), 200)
    response = np.exp(-2j * np.pi * hz[:, None] / sample_rate * np.arange(len(taps))) @ taps
    assert np.abs(20 * np.log10(np.abs(response)) - analogue_db(hz)).max() < 0.05


def test_filter_reaches_its_corner_near_16_khz() -> None:
    assert analogue_db(np.array([15_000.0, 17_000.0, 20_000.0])) == pytest.approx([0.80, -2.94, -14.08], abs=0.02)


def test_a_render_is_converted_and_then_filtered_and_ends_in_silence() -> None:
    voice = init_voice()
    raw = samples_of(voice, 8192, CHIP)
    assert np.all(raw[np.abs(raw) >= 4096] % 8 == 0)
    assert np.abs(raw).max() >= 4096
    rendered = ddx7.render(voice, duration=8192 / RATE, gate=8192 / RATE, sample_rate=RATE, profile="hardware+dac")
    expected = np.convolve(raw / 65_536, filter_taps(FILTER_POLES_HZ, RATE))[:8192]
    np.testing.assert_allclose(rendered, expected, atol=1e-6)
    released = ddx7.render(voice, gate=0.1, duration=1.0, profile="hardware+dac")
    assert released[:4000].any()
    assert not released[-4000:].any()


def test_switched_off_it_leaves_no_trace() -> None:
    """The same tables in the same order are the same compiled program and the same sound."""
    off = replace(HARDWARE_DAC, chip=None, filter_poles_hz=None).at(RATE)
    assert jax.tree.structure(off) == jax.tree.structure(HARDWARE.at(RATE)) == jax.tree.structure(DEXED.at(RATE))
    jax.tree.map(np.testing.assert_array_equal, off, HARDWARE.at(RATE))
    gains = jnp.zeros((1, 6, 2)), jnp.zeros((1, 6, 2), jnp.uint32)
    program = {
        name: str(
            jax.make_jaxpr(lambda c=chip: synthesise(*gains, jnp.array([1]), jnp.zeros(1), initial_state(1), chip=c))()
        )
        for name, chip in (("off", None), ("on", CHIP))
    }
    assert " floor " in program["on"]
    assert " floor " not in program["off"]


def test_gradient_is_that_of_the_exact_sound() -> None:
    turns, gain = jnp.linspace(-0.9, 0.9, 50), jnp.float32(1.3)
    by_turns, by_gain = jax.jit(jax.grad(lambda t, g: operate(t, g, CHIP).sum(), argnums=(0, 1)))(turns, gain)
    np.testing.assert_allclose(by_turns, 2 * np.pi * 1.3 * np.cos(2 * np.pi * turns), atol=1e-4)
    assert by_gain == pytest.approx(np.sin(2 * np.pi * np.asarray(turns)).sum(), abs=1e-4)
    np.testing.assert_array_equal(jax.grad(lambda x: convert(x, CHIP).sum())(turns), np.ones(50))


def test_relaxed_voices_have_it_only_if_asked() -> None:
    voice = Patch.stack([organ({1: 90, 2: 70}, {}, feedback=4)])
    patch, notes, n = relax(voice), (np.array([60]), np.array([100]), np.array([20])), 24
    nearest = {p.name: plan_nearest(patch, *notes, RATE, p) for p in (HARDWARE, HARDWARE_DAC)}

    def sound(patch: Patch, name: str, dac: bool) -> jax.Array:
        return play_differentiable(plan(patch, *notes, RATE, nearest[name]), n, dac=dac)

    program = {name: str(jax.make_jaxpr(lambda p, name=name: sound(p, name, False))(patch)) for name in nearest}
    assert program["hardware+dac"] == program["hardware"]
    assert jax.eval_shape(lambda p: sound(p, "hardware+dac", True), patch).shape == (1, n * 64)


# By default the test above builds the program that this one compiles, and tests of `operate` and `convert` its parts.
@pytest.mark.slow
def test_relaxed_voices_with_it_sound_as_the_real_ones_and_have_a_gradient() -> None:
    voice = Patch.stack([organ({1: 90, 2: 70}, {}, feedback=4)])
    patch, notes, n = relax(voice), (np.array([60]), np.array([100]), np.array([20])), 24
    nearest = plan_nearest(patch, *notes, RATE, HARDWARE_DAC)

    @partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})  # it runs once
    def energy(patch: Patch) -> tuple[jax.Array, Patch]:
        """The sound, and half the gradient of its energy."""
        audio, pull = jax.vjp(lambda p: play_differentiable(plan(p, *notes, RATE, nearest), n, dac=True), patch)
        return audio, *pull(audio)

    noisy, slope = energy(patch)
    real = play(plan(voice, *notes, RATE, profile=HARDWARE_DAC), n * 64)[0]
    error = np.square(np.asarray(noisy)[0] - real).sum() / np.square(real).sum()
    assert 10 * math.log10(error) < -60
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slope))
    # Louder by an octave in eight steps of 0.75 dB, and the energy with it.
    assert float(slope.output_level[0, 0]) == pytest.approx(math.log(2) / 8 * float(jnp.square(noisy).sum()), rel=0.02)
