import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ddx7.resynthesis import reverb
from ddx7.resynthesis.reverb import FilteredNoiseReverb, FirReverb

RATE = 16_000


def test_reverb_frame_by_frame_is_the_convolution():
    rng = np.random.default_rng(0)
    x, response = rng.normal(size=(2, 640)).astype("f"), rng.normal(size=256).astype("f")
    expected = np.stack([np.convolve(row, response)[:640] for row in x])
    np.testing.assert_allclose(reverb.convolve(jnp.asarray(x), jnp.asarray(response)), expected, atol=1e-4)
    parts, state, found = reverb.partitions(jnp.asarray(response)), reverb.init_state(2, 256), []
    for block in (x[:, :128], x[:, 128:]):
        added, state = reverb.convolve_frames(jnp.asarray(block.reshape(2, -1, 64)), parts, state)
        found.append(np.asarray(added).reshape(2, -1))
    np.testing.assert_allclose(response[0] * x + np.concatenate(found, axis=1), expected, atol=1e-4)


@pytest.mark.parametrize("kind", [FirReverb, FilteredNoiseReverb])
def test_the_first_sample_is_the_dry_sound(kind):
    model = kind(RATE, RATE)
    assert model.apply(model.init(jax.random.key(0)))[0] == 1


def test_a_reverb_has_the_levels_and_the_times_of_its_bands():
    model = FilteredNoiseReverb(RATE, RATE)
    params = model.init(jax.random.key(0))["params"]
    # The thirteenth band as loud as the sound itself, the others 60 dB softer; all fall by 60 dB in half a second.
    level = (jnp.full(reverb.BANDS, -60.0).at[12].set(0) - reverb.LEVEL_DB) / reverb.LEVEL_SCALE_DB
    decay = jnp.full(reverb.BANDS, np.log(0.5 / reverb.RT60_S) / reverb.RT60_SCALE)
    assert jax.tree.map(jnp.shape, params) == {"level": level.shape, "decay": decay.shape}
    tail = np.asarray(model.apply({"params": {"level": level, "decay": decay}}))[1:]
    power = np.abs(np.fft.rfft(tail)) ** 2
    mel = np.log1p(np.fft.rfftfreq(len(tail), 1 / RATE) / 700)
    inside = (mel / mel[-1] * reverb.BANDS).astype(int) == 12
    # As loud as the sound itself in the share of all frequencies that the band is, since noise fills them all.
    assert power[inside].mean() == pytest.approx(1, rel=0.15)
    assert power[~inside].sum() < 0.02 * power.sum()
    edc_db = 10 * np.log10(np.cumsum(tail[::-1] ** 2)[::-1] / np.sum(tail**2))
    assert np.interp(0.25, np.arange(len(tail)) / RATE, edc_db) == pytest.approx(-30, abs=2)


def test_a_reverb_is_learned_in_some_hundred_steps():
    model, rng = FilteredNoiseReverb(RATE // 2 // 64 * 64, RATE), np.random.default_rng(0)
    key = jax.random.key(0)
    hidden = {"params": {"level": jnp.linspace(-0.2, 0.2, reverb.BANDS), "decay": jnp.full(reverb.BANDS, 0.1)}}
    click = jnp.asarray(rng.normal(size=(1, 4096)) * (np.arange(4096) < 512), jnp.float32)
    expected = reverb.convolve(click, model.apply(hidden))

    def spectra(x):
        return jnp.log(1e-3 + jnp.abs(jnp.fft.rfft(x.reshape(-1, 512))))

    @jax.jit
    def step(params, moment):
        def loss(w):
            return jnp.abs(spectra(reverb.convolve(click, model.apply(w))) - spectra(expected)).mean()

        value, grads = jax.value_and_grad(loss)(params)
        moment = jax.tree.map(lambda m, s: 0.9 * m + 0.1 * s, moment, grads)
        return jax.tree.map(lambda w, m: w - 2e-3 * jnp.sign(m), params, moment), moment, value

    params = model.init(key)
    moment, distances = jax.tree.map(jnp.zeros_like, params), []
    for _ in range(150):
        params, moment, value = step(params, moment)
        distances.append(float(value))
    assert distances[-1] < 0.3 * distances[0]
