from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ddx7.resynthesis.configs import get_config
from ddx7.resynthesis.fm import FmSynth
from ddx7.resynthesis.fm_parallel import feedback_noise, parallel_outputs
from ddx7.resynthesis.model import ResynthesisModel
from ddx7.resynthesis.structure import PAPER, TONE_RATIOS, TURN, from_voice, steady_noise_beside
from ddx7.resynthesis.tcn import TcnSize
from ddx7.resynthesis.training import DeviceBatch, loss_fn

RATE = 16_000
KEY, FIRST = jax.random.key(0), jnp.zeros((), jnp.int32)
NOISY = FmSynth(steady_noise_beside(12, *TONE_RATIOS), steady=(2,))
# One program each, instead of a hundred for their operations one by one.
signal_of_noisy = jax.jit(NOISY.get_signal, static_argnames="differentiable")
stems_of_noisy = jax.jit(NOISY.get_stems, static_argnames="differentiable")


FEW = 16  # harmonics, one after the other


def primitives(jaxpr) -> set[str]:
    """Names of all operations of a program, with those of the programs in it, but for loops of a few turns."""
    names = set()
    for equation in jaxpr.eqns:
        if not (equation.primitive.name == "scan" and equation.params["length"] <= FEW):
            names.add(equation.primitive.name)
        for value in jax.tree.leaves(equation.params, is_leaf=lambda x: hasattr(x, "eqns") or hasattr(x, "jaxpr")):
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                names |= primitives(inner)
    return names


def gradient_program(model: ResynthesisModel, mel_weight: float) -> set[str]:
    training = replace(get_config("fm-tcn", "violin").training, windows=(256, 64), mel_weight=mel_weight)
    frames = 24
    batch = DeviceBatch(
        jnp.zeros((1, frames, 2)),
        jnp.asarray(model.increments(np.full((1, frames), 300.0))),
        jnp.zeros((1, frames * 64)),
    )
    params = jax.eval_shape(model.init, KEY)
    return primitives(
        jax.make_jaxpr(jax.grad(lambda p: loss_fn(p, batch, KEY, model=model, training=training)))(params).jaxpr
    )


@pytest.mark.parametrize("name", ["ddx7-2", "fm-tcn"])
def test_a_training_step_has_no_loop_over_samples(name):
    model = replace(get_config(name, "violin").model, decoder=TcnSize(4, 3, (1,), "all", 0.0), reverb_s=0.0)
    assert not gradient_program(model, mel_weight=0.0) & {"scan", "while"}


def test_a_level_that_feeds_back_needs_the_loop():
    model = replace(get_config("fm-tcn-noise", "violin").model, decoder=TcnSize(4, 3, (1,), "all", 0.0))
    assert gradient_program(model, mel_weight=0.0) & {"scan", "while"}


def test_the_parallel_signal_is_the_signal_of_the_engine():
    synth, rng = FmSynth(from_voice(PAPER["violin"], 2.0)), np.random.default_rng(1)
    octaves = jnp.asarray(rng.uniform(-5, -1, (2, 12, 6)), jnp.float32)
    increments = jnp.asarray(synth.increments(rng.uniform(200, 400, (2, 12)), RATE))
    expected, _ = jax.jit(synth.get_signal)(octaves, increments, synth.init_state(2), KEY, FIRST)
    outputs = jax.jit(partial(parallel_outputs, synth.structure))(octaves, increments, KEY)
    found = np.asarray(outputs)[:, synth.structure.carriers].sum(axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_steady_operator_stays_at_its_limit_and_has_no_output():
    assert NOISY.n_outputs == 5
    controls = np.asarray(NOISY.get_controls(jnp.asarray(np.random.default_rng(0).normal(size=(1, 4, 5)))))
    np.testing.assert_allclose(controls[..., 1], np.log2(NOISY.structure.index_limits[1] / TURN), rtol=1e-6)
    assert np.ptp(controls[..., [0, 2, 3, 4, 5]], axis=1).min() > 0


def test_drawn_noise_has_the_spectrum_of_the_engines_and_no_line():
    frames = 512
    octaves = np.full((1, frames, 6), -20.0, np.float32)
    octaves[..., 0], octaves[..., 1] = 0.0, np.log2(NOISY.structure.index_limits[1] / TURN)
    increments = jnp.asarray(NOISY.increments(np.full((1, frames), 440.0), RATE))
    sounds = [
        signal_of_noisy(jnp.asarray(octaves), increments, NOISY.init_state(1), KEY, FIRST, differentiable=drawn)[0]
        for drawn in (False, True)
    ]
    powers = [np.abs(np.fft.rfft(np.asarray(s).reshape(-1, 1024) * np.hanning(1024))) ** 2 for s in sounds]
    for power in powers:
        mean_db = 10 * np.log10(power.mean(axis=0))[8:-8]
        bands_db = 10 * np.log10(power.mean(axis=0)[:512].reshape(16, 32).mean(axis=1))
        assert np.ptp(bands_db) < 3  # flat
        assert mean_db.max() - np.median(mean_db) < 8  # the spread of 32 frames of noise; a line stood 13 dB out
    levels_db = [10 * np.log10(power.mean()) for power in powers]
    assert levels_db[0] == pytest.approx(levels_db[1], abs=0.5)


def test_noise_far_below_the_engines_quietest_level_still_plays():
    octaves = np.full((1, 64, 6), -20.0, np.float32)
    octaves[..., 0], octaves[..., 1] = -17.0, np.log2(NOISY.structure.index_limits[1] / TURN)  # -102 dB
    increments = jnp.asarray(NOISY.increments(np.full((1, 64), 440.0), RATE))
    sound, _ = signal_of_noisy(jnp.asarray(octaves), increments, NOISY.init_state(1), KEY, FIRST)
    assert np.std(np.asarray(sound)) == pytest.approx(2.0**-17 / np.sqrt(2), rel=0.05)


def test_each_sound_and_each_key_gets_its_own_noise():
    assert np.abs(feedback_noise(NOISY.structure)).max() < 1.9
    octaves = jnp.zeros((2, 8, 6))
    increments = jnp.asarray(NOISY.increments(np.full((2, 8), 440.0), RATE))
    one, other = (parallel_outputs(NOISY.structure, octaves, increments, jax.random.key(k))[:, 0] for k in (0, 1))
    assert np.abs(np.asarray(one[0] - one[1])).max() > 0.1
    assert np.abs(np.asarray(one - other)).max() > 0.1


def test_noise_and_tone_add_up_to_the_sound():
    rng = np.random.default_rng(4)
    octaves = np.asarray(rng.uniform(-5, -1, (2, 8, 6)), np.float32)
    octaves[..., 1] = np.log2(NOISY.structure.index_limits[1] / TURN)
    increments = jnp.asarray(NOISY.increments(rng.uniform(200, 400, (2, 8)), RATE))
    assert NOISY.structure.noise_carriers.tolist() == [True, *[False] * 5]
    state = NOISY.init_state(2)
    for drawn in (False, True):
        options = {"differentiable": drawn}
        stems, _ = stems_of_noisy(jnp.asarray(octaves), increments, (state, state), KEY, **options)
        whole, _ = signal_of_noisy(jnp.asarray(octaves), increments, state, KEY, FIRST, **options)
        np.testing.assert_allclose(stems.sum(axis=1), whole, atol=1e-5)
        # Without noise only the tone is left.
        silent = octaves.copy()
        silent[..., 0] = -20
        tone, _ = signal_of_noisy(jnp.asarray(silent), increments, state, KEY, FIRST, **options)
        np.testing.assert_allclose(stems[:, 1], tone, atol=1e-5)
        assert np.std(np.asarray(stems[:, 0])) > 0.01
