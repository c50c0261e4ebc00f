import jax
import jax.numpy as jnp
import numpy as np
import pytest
from playing import quick_jit

from ddx7.resynthesis.hpn import HpnControls, HpnSynth

RATE, KEY, FIRST = 16_000, jax.random.key(0), jnp.zeros((), jnp.int32)


def play(synth: HpnSynth, harmonics: np.ndarray, noise: np.ndarray, f0_hz: np.ndarray) -> np.ndarray:
    controls = HpnControls(jnp.asarray(harmonics[None], jnp.float32), jnp.asarray(noise[None], jnp.float32))
    increment = jnp.asarray(synth.increments(f0_hz, RATE)[None])
    return np.asarray(quick_jit(synth.get_signal)(controls, increment, synth.init_state(1), KEY, FIRST)[0][0])


def test_harmonics_are_sines_and_those_above_half_the_rate_are_left_out():
    frames, f0 = 200, 3000.0
    harmonics = np.zeros((frames, 60))
    harmonics[:, :4] = 0.1, 0.2, 0.3, 0.4  # the last two lie above 8 kHz; the others are raised to the same sum
    x = play(HpnSynth(), harmonics, np.zeros((frames, 65)), np.full(frames, f0))[640:]
    t = (np.arange(len(x)) + 640) / RATE
    expected = (0.1 * np.sin(2 * np.pi * f0 * t) + 0.2 * np.sin(4 * np.pi * f0 * t)) / 0.3
    assert np.abs(x - expected).max() < 2e-3


def test_a_flat_noise_filter_gives_white_noise_and_the_published_defect_gives_silence():
    frames = 2000
    flat = np.ones((frames, 65))
    silent, f0_hz = np.zeros((frames, 60)), np.full(frames, 100.0)
    x = play(HpnSynth(), silent, flat, f0_hz)[640:]
    # Uniform noise from -1 to 1 has a mean square of 1/3.
    assert np.mean(x**2) == pytest.approx(1 / 3, rel=0.02)
    bands = [b.mean() for b in np.array_split(np.abs(np.fft.rfft(x)) ** 2, 10)]
    assert max(bands) / min(bands) < 1.1
    assert np.abs(play(HpnSynth(cropped=True), silent, flat, f0_hz)).max() < 1e-5


def test_a_noise_band_is_where_it_should_be():
    bands = np.zeros((1000, 65))
    bands[:, 16] = 1.0  # 2 kHz
    x = play(HpnSynth(), np.zeros((1000, 60)), bands, np.full(1000, 100.0))
    power = np.abs(np.fft.rfft(x)) ** 2
    f_hz = np.fft.rfftfreq(len(x), 1 / RATE)
    assert np.sum(f_hz * power) / power.sum() == pytest.approx(2000, abs=30)
    assert power[np.abs(f_hz - 2000) > 600].sum() < 0.01 * power.sum()


def test_blocks_are_the_whole():
    synth, rng = HpnSynth(), np.random.default_rng(0)
    get_signal = quick_jit(synth.get_signal)
    controls = quick_jit(synth.get_controls)(jnp.asarray(rng.normal(size=(1, 12, synth.n_outputs)), jnp.float32))
    increment = jnp.asarray(synth.increments(np.full((1, 12), 200.0), RATE))
    whole, _ = get_signal(controls, increment, synth.init_state(1), KEY, FIRST)
    state, parts = synth.init_state(1), []
    for at in (0, 6):
        some = jax.tree.map(lambda c, at=at: c[:, at : at + 6], controls)
        audio, state = get_signal(some, increment[:, at : at + 6], state, KEY, FIRST + at)
        parts.append(audio)
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=1e-6)
