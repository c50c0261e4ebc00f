"""The sound of algorithms, modulation and feedback against closed forms and a float64 loop."""

from dataclasses import replace

import numpy as np
import pytest
from playing import organ
from scipy.special import jv
from stepping import loudness

import ddx7
from ddx7.engine import rendering
from ddx7.voice import Voice

RATE = 44100
N = 8192
N_LOOP = 2560
SETTLED = 512  # by then the quickest attack is over
F0_HZ = 440 * 2 ** (-9 / 12)

# The owner's manual's chart, as carriers / what modulates each operator / who feeds back.
CHART = """
1,3/2,0,4,5,6,0/6 1,3/2,0,4,5,6,0/2 1,4/2,3,0,5,6,0/6 1,4/2,3,0,5,6,0/6 1,3,5/2,0,4,0,6,0/6 1,3,5/2,0,4,0,6,0/6
1,3/2,0,45,0,6,0/6 1,3/2,0,45,0,6,0/4 1,3/2,0,45,0,6,0/2 1,4/2,3,0,56,0,0/3 1,4/2,3,0,56,0,0/6 1,3/2,0,456,0,0,0/2
1,3/2,0,456,0,0,0/6 1,3/2,0,4,56,0,0/6 1,3/2,0,4,56,0,0/2 1/235,0,4,0,6,0/6 1/235,0,4,0,6,0/2 1/234,0,0,5,6,0/3
1,4,5/2,3,0,6,6,0/6 1,2,4/3,3,0,56,0,0/3 1,2,4,5/3,3,0,6,6,0/3 1,3,4,5/2,0,6,6,6,0/6 1,2,4,5/0,3,0,6,6,0/6
1,2,3,4,5/0,0,6,6,6,0/6 1,2,3,4,5/0,0,0,6,6,0/6 1,2,4/0,3,0,56,0,0/6 1,2,4/0,3,0,56,0,0/3 1,3,6/2,0,4,5,0,0/5
1,2,3,5/0,0,4,0,6,0/6 1,2,3,6/0,0,4,5,0,0/5 1,2,3,4,5/0,0,0,0,6,0/6 1,2,3,4,5,6/0,0,0,0,0,0/6"""
ALGORITHMS = [entry.split("/") for entry in CHART.split()]


def gain(output_level: int) -> float:
    steps = 63 * 64 + loudness(output_level) * 32 - 4256
    return 2.0 ** (steps / 256 - 14)


def play_voice(voice: Voice, n: int = N) -> np.ndarray:
    return ddx7.render(voice, gate=1.0, duration=n / RATE).astype(np.float64)


def strengths(audio: np.ndarray, harmonics: np.ndarray) -> np.ndarray:
    """Amplitude of each harmonic of C3, by least squares."""
    turns = np.outer(np.arange(len(audio)), harmonics) * F0_HZ / RATE
    waves = np.concatenate([np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)], axis=1)
    found = np.linalg.lstsq(waves, audio, rcond=None)[0].reshape(2, -1)
    return np.hypot(*found)


def loop(algorithm: int, levels: dict[int, int], coarse: dict[int, int], feedback: int) -> np.ndarray:
    """Six sines, sample after sample."""
    carriers, modulators, feeding = ALGORITHMS[algorithm - 1]
    sources = [[int(s) for s in entry if s != "0"] for entry in modulators.split(",")]
    steps = [np.floor(F0_HZ * coarse[op] / RATE * 2**24) / 2**24 for op in range(1, 7)]
    gains = [gain(levels[op]) if levels[op] else 0.0 for op in range(1, 7)]
    out, before, total = np.zeros(7), np.zeros(2), np.zeros(N_LOOP)
    carrying = [int(c) for c in carriers.split(",")]
    for n in range(N_LOOP):
        for op in range(6, 0, -1):
            turns = n * steps[op - 1] + sum(out[s] for s in sources[op - 1])
            if op == int(feeding) and feedback:
                turns += before.mean() * 2.0 ** (feedback - 8)
            out[op] = gains[op - 1] * np.sin(2 * np.pi * turns)
        before = np.array([out[int(feeding)], before[0]])
        total[n] = out[carrying].sum() / 16
    return total


@pytest.mark.parametrize("algorithm", range(1, 33))
def test_every_algorithm_against_the_loop(algorithm: int) -> None:
    rng = np.random.default_rng(algorithm)
    levels = {op: int(rng.integers(65, 90)) for op in range(1, 7)}
    coarse = {op: int(rng.integers(1, 6)) for op in range(1, 7)}
    found = play_voice(organ(levels, coarse, algorithm=algorithm, feedback=5), N_LOOP)
    expected = loop(algorithm, levels, coarse, feedback=5)
    error = found[SETTLED:] - expected[SETTLED:]
    assert np.sqrt(np.mean(error**2) / np.mean(expected**2)) < 1e-2  # increments may differ by 2^-24 cycle
    # Without one modulator, or without feedback, it is another sound: the test could tell.
    assert np.abs(expected - loop(algorithm, levels | {6: 0}, coarse, 5))[SETTLED:].max() > 1e-3
    assert np.abs(expected - loop(algorithm, levels, coarse, 0))[SETTLED:].max() > 1e-4


@pytest.mark.parametrize("algorithm", range(1, 33))
def test_carriers_sound_without_modulators(algorithm: int) -> None:
    carriers = [int(c) for c in ALGORITHMS[algorithm - 1][0].split(",")]
    voice = organ(dict.fromkeys(carriers, 99), {}, algorithm=algorithm)
    found = strengths(play_voice(voice)[SETTLED:], np.arange(1, 10))
    expected = np.where(np.isin(np.arange(1, 10), carriers), 0.125, 0)
    np.testing.assert_allclose(found, expected, atol=5e-4)


@pytest.mark.parametrize("algorithm", range(1, 33))
def test_modulators_alone_are_silent(algorithm: int) -> None:
    carriers = [int(c) for c in ALGORITHMS[algorithm - 1][0].split(",")]
    modulators = set(range(1, 7)) - set(carriers)
    audio = play_voice(organ(dict.fromkeys(modulators, 99), {}, algorithm=algorithm, feedback=7))
    assert not audio.any()


@pytest.mark.parametrize("level", [50, 70, 80, 90])
def test_sidebands_of_two_operators_are_bessel_functions(level: int) -> None:
    carrier, n = 20, np.arange(-15, 16)
    voice = organ({1: 99, 2: level}, {1: carrier, 2: 1}, algorithm=1)
    found = strengths(play_voice(voice)[SETTLED:], carrier + n)
    index = 2 * np.pi * gain(level)
    np.testing.assert_allclose(found, 0.125 * np.abs(jv(n, index)), atol=5e-4)
    assert found[n == 1] > 0.001


@pytest.mark.parametrize("feedback", range(8))
def test_feedback_spectrum(feedback: int) -> None:
    """Feedback makes a saw: the output solves Kepler's equation y = sin(x + beta y)."""
    voice = organ({6: 99}, {6: 1}, algorithm=32, feedback=feedback)
    second = strengths(play_voice(voice)[SETTLED:], np.arange(1, 20))[1] / 0.125
    beta = 2 * np.pi * 2.0 ** (feedback - 7) if feedback else 0.0
    if feedback <= 4:  # below one, its harmonic n is 2 J_n(n beta) / (n beta)
        expected = 2 * abs(jv(2, 2 * beta)) / (2 * beta) if beta else 0.0
        assert second == pytest.approx(expected, abs=0.02)
    else:
        assert second > 0.2


@pytest.mark.parametrize(("operators", "peak"), [(1, 0.125), (2, 0.25), (6, 0.75)])
def test_scale(operators: int, peak: float) -> None:
    voice = organ(dict.fromkeys(range(1, operators + 1), 99), dict.fromkeys(range(1, 7), 1), algorithm=32)
    assert np.abs(play_voice(voice)[SETTLED:]).max() == pytest.approx(peak, rel=2e-3)


@pytest.mark.parametrize(("level", "db"), [(98, 0.7526), (89, 7.526), (79, 15.05)])
def test_output_level_in_decibels(level: int, db: float) -> None:
    full, less = (np.abs(play_voice(organ({1: x}, {1: 1}))[SETTLED:]).max() for x in (99, level))
    assert 20 * np.log10(full / less) == pytest.approx(db, abs=0.02)


@pytest.mark.parametrize(
    ("coarse", "fine", "ratio"), [(0, 0, 0.5), (1, 0, 1), (3, 50, 4.5), (31, 0, 31), (0, 99, 0.995)]
)
def test_ratio(coarse: int, fine: int, ratio: float) -> None:
    voice = organ({1: 99}, {1: coarse})
    voice = replace(voice, operators=(replace(voice.operators[0], fine=fine), *voice.operators[1:]))
    assert strengths(play_voice(voice)[SETTLED:], np.array([ratio])) == pytest.approx(0.125, abs=5e-4)


@pytest.mark.parametrize(("coarse", "fine", "hz"), [(2, 0, 100), (6, 64, 436.52), (3, 20, 1584.9), (31, 99, 9772.4)])
def test_fixed_frequency_does_not_follow_the_note(coarse: int, fine: int, hz: float) -> None:
    voice = organ({1: 99}, {1: coarse})
    voice = replace(voice, operators=(replace(voice.operators[0], fine=fine, fixed=1), *voice.operators[1:]))
    audio = ddx7.render(voice, note=[30, 90], duration=N / RATE)
    for row in audio.astype(np.float64):
        assert strengths(row[SETTLED:], np.array([hz / F0_HZ])) == pytest.approx(0.125, abs=5e-4)


def voices_of_every_algorithm(feedback: int) -> list[Voice]:
    """One voice for each algorithm, all operators on, away from chaos."""
    rng = np.random.default_rng(5)
    return [
        organ(
            {op: int(rng.integers(65, 90)) for op in range(1, 7)},
            {op: int(rng.integers(1, 6)) for op in range(1, 7)},
            algorithm=algorithm,
            feedback=feedback,
        )
        for algorithm in range(1, 33)
    ]


# The profiles of the machine differ in tables and rounding; test_hardware.py and test_chip.py have those by default.
@pytest.mark.parametrize(
    "profile", ["dexed", *(pytest.param(name, marks=pytest.mark.slow) for name in ("hardware", "hardware+dac"))]
)
def test_carriers_among_the_operators_outputs_sum_to_the_sound(profile: str) -> None:
    voices = voices_of_every_algorithm(feedback=4)
    sound = ddx7.render(voices, duration=0.2, profile=profile)
    outputs = ddx7.render(voices, duration=0.2, profile=profile, operators=True)
    assert outputs.shape == (32, 6, 8820)
    assert outputs.dtype == np.float32
    for (carriers, _, _), one, expected in zip(ALGORITHMS, outputs, sound, strict=True):
        total = sum(one[int(op) - 1].astype(np.float64) for op in carriers.split(","))
        # Six float32 below 0.125 are added in another order: 6 roundings of at most 2^-25. The filter of the DAC adds
        # 256 taps to each, so its rounding is larger. The converter's steps are no part of the difference: each
        # carrier keeps the share of their sum that the converter keeps.
        np.testing.assert_allclose(total, expected, atol=2e-7)
        assert all(output.any() for output in one)
    single = ddx7.render(voices[3], duration=0.2, profile=profile, operators=True)
    assert single.shape == (6, 8820)
    # A batch compiles another program, whose sines differ in the last bit; a step of the chip is 2^-16 of the scale.
    np.testing.assert_allclose(single, outputs[3], atol=2e-5)


def test_the_output_of_a_modulator_is_its_sound_as_a_carrier() -> None:
    outputs = ddx7.render(organ({5: 85, 6: 80}, {5: 3, 6: 2}, algorithm=1), duration=0.1, operators=True)
    np.testing.assert_array_equal(outputs[:4], 0)
    as_carrier = ddx7.render(organ({6: 80}, {6: 2}, algorithm=32), duration=0.1)
    np.testing.assert_allclose(outputs[5], as_carrier, atol=1e-6)
    pair = ddx7.render(organ({1: 85, 2: 80}, {1: 3, 2: 2}, algorithm=1), duration=0.1)
    np.testing.assert_allclose(outputs[4], pair, atol=1e-6)
    assert np.abs(pair).max() > 0.01


@pytest.mark.usefixtures("by_jax")
def test_rendering_without_operators_outputs_compiles_nothing_more() -> None:
    voice = organ({1: 99}, {}, algorithm=1)
    ddx7.render(voice, duration=0.1)
    before = rendering._play_piece._cache_size()
    ddx7.render(voice, duration=0.1, operators=True)
    with_outputs = rendering._play_piece._cache_size()
    sound = ddx7.render(voice, duration=0.2)
    assert sound.shape == (8820,)
    assert rendering._play_piece._cache_size() == with_outputs <= before + 1
