import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ddx7.errors import Ddx7Error
from ddx7.resynthesis.fm import SILENT_OCTAVES, FmSynth
from ddx7.resynthesis.structure import (
    FULL_INDEX,
    PAPER,
    SHALLOW_STRUCTURES,
    TURN,
    Structure,
    from_voice,
    noise_beside,
    with_feedback,
)
from ddx7.voice import Operator, Voice
from ddx7.voice.algorithms import ALGORITHMS

RATE = 16_000
KEY, FIRST = jax.random.key(0), jnp.zeros((), jnp.int32)


def two_operators(ratio: tuple[int, int], limit: float = TURN) -> FmSynth:
    coarse, fine = ratio
    voice = Voice(
        operators=(Operator(output_level=99), Operator(output_level=99, coarse=coarse, fine=fine), *[Operator()] * 4),
        algorithm=1,
    )
    return FmSynth(from_voice(voice, limit))


def play(synth: FmSynth, octaves: np.ndarray, f0_hz: np.ndarray) -> np.ndarray:
    increment = synth.increments(f0_hz, RATE)[None]
    signal = jax.jit(synth.get_signal)  # one program instead of seventy
    octaves = jnp.asarray(octaves[None], jnp.float32)
    return np.asarray(signal(octaves, jnp.asarray(increment), synth.init_state(1), KEY, FIRST)[0][0])


def test_sound_is_the_formula_and_phases_stay_right_for_minutes():
    synth, frames, ratio = two_operators((1, 41)), 30_000, 1.41  # two minutes
    rng = np.random.default_rng(0)
    f0_hz = (330 * 2 ** (rng.normal(size=frames).cumsum() * 1e-3)).astype(np.float32)
    octaves = np.full((frames, 6), SILENT_OCTAVES, np.float32)
    octaves[:, 0], octaves[:, 1] = -1.0, -2.0
    found = play(synth, octaves, f0_hz)[-6400:]
    turns = np.cumsum(np.repeat(f0_hz.astype(np.float64), 64)) / RATE - np.repeat(f0_hz, 64) / RATE
    expected = 0.5 * np.sin(2 * np.pi * (turns + 0.25 * np.sin(2 * np.pi * ratio * turns)))
    assert np.abs(found - expected[-6400:]).max() < 2e-3


def test_blocks_are_the_whole():
    synth, rng = FmSynth(SHALLOW_STRUCTURES["violin"]), np.random.default_rng(0)
    octaves = rng.uniform(-6, 0, (32, 6)).astype(np.float32)
    f0_hz = np.full(32, 440.0, np.float32)
    whole, state, parts = play(synth, octaves, f0_hz), synth.init_state(1), []
    for at, n in ((0, 16), (16, 16)):
        audio, state = jax.jit(synth.get_signal)(
            jnp.asarray(octaves[None, at : at + n]),
            jnp.asarray(synth.increments(f0_hz[at : at + n], RATE)[None]),
            state,
            KEY,
            FIRST,
        )
        parts.append(np.asarray(audio[0]))
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_the_differentiable_signal_is_the_signal():
    # Feedback 3 is not chaotic at these levels, so that roundings stay small.
    synth, rng = FmSynth(with_feedback(from_voice(PAPER["violin"], 2.0), 3)), np.random.default_rng(1)
    octaves = jnp.asarray(rng.uniform(-5, -1, (1, 12, 6)), jnp.float32)
    increments = jnp.asarray(synth.increments(np.full((1, 12), 300.0), RATE))
    signal = jax.jit(synth.get_signal, static_argnames="differentiable")
    plain, _ = signal(octaves, increments, synth.init_state(1), KEY, FIRST)
    learned, _ = signal(octaves, increments, synth.init_state(1), KEY, FIRST, differentiable=True)
    np.testing.assert_allclose(learned, plain, atol=1e-3)


@pytest.mark.parametrize("scaling", ["sigmoid", "exponential"])
def test_levels_stay_below_the_limit(scaling: str):
    structure = from_voice(PAPER["violin-1x4"], 2.0)
    raw = np.stack([np.full(4, -30.0), np.full(4, 30.0)]).astype(np.float32)
    quiet, loud = np.asarray(FmSynth(structure, scaling).get_controls(jnp.asarray(raw)))
    carriers = structure.carriers & structure.active
    np.testing.assert_allclose(loud[carriers], 0.0, atol=1e-5)
    np.testing.assert_allclose(2.0 ** loud[structure.active & ~carriers] * TURN, 2.0, rtol=1e-5)
    assert (quiet == SILENT_OCTAVES).all()
    assert (loud[~structure.active] == SILENT_OCTAVES).all()


def test_frequencies_beyond_half_the_rate_fold_back():
    synth = two_operators((14, 0))
    increment = synth.increments(np.array([1500.0]), RATE)  # 21 kHz, which is 5 kHz
    assert increment[0, 1] / 2**32 * RATE == pytest.approx(5000, abs=0.01)


def test_the_papers_ratios_are_met():
    ratios = {name: [op.frequency for op in voice.operators if op.output_level] for name, voice in PAPER.items()}
    assert ratios["violin"] == [1, 1, 1, 1, 3, 14]
    assert ratios["flute"] == [1, 1, 1, 2, 2, 1.5]
    assert ratios["trumpet"] == pytest.approx([1, 1, 1, 1, 3.2, 8.5])


def test_noise_is_what_op1_and_op2_make_and_no_more_than_a_dx7_can():
    for structure in SHALLOW_STRUCTURES.values():
        algorithm = ALGORITHMS[structure.voice.algorithm - 1]
        assert algorithm.feedback == 2
        assert [op for op in range(1, 7) if 2 in algorithm.modulators[op - 1]] == [1]
        assert max(structure.index_limits) <= FULL_INDEX
    synth = FmSynth(noise_beside(12, 1.0, 1.0, 1.0, 1.0, noise_hz=3000.0))
    octaves = np.full((250, 6), SILENT_OCTAVES, np.float32)
    octaves[:, 0], octaves[:, 1] = 0.0, 1.0
    spectrum = np.abs(np.fft.rfft(play(synth, octaves, np.full(250, 200.0))[800:] * np.hanning(15200))) ** 2
    bands = np.array([band.mean() for band in np.array_split(spectrum[1:], 16)])
    assert 10 * np.log10(bands.max() / bands.min()) < 8  # flat, as noise is and no tone
    assert np.sort(spectrum)[-8:].sum() < 0.3 * spectrum.sum()


def test_impossible_structures_are_refused():
    with pytest.raises(Ddx7Error, match="no carrier has an output level"):
        from_voice(Voice(operators=(Operator(),) * 6), 2.0)
    with pytest.raises(Ddx7Error, match=r"wanted 0 to 12\.57 radians"):
        with_feedback(from_voice(PAPER["flute"], 2.0), 7, 13.0)
    with pytest.raises(Ddx7Error, match="found 2, wanted one for each operator"):
        Structure(PAPER["flute"], (1.0, 2.0))
