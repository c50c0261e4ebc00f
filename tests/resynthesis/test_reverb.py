from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from playing import quick_jit

from ddx7.errors import Ddx7Error
from ddx7.resynthesis import Instrument, PlaybackControls, reverb
from ddx7.resynthesis.fm import FmSynth
from ddx7.resynthesis.hpn import HpnSynth
from ddx7.resynthesis.model import ResynthesisModel, scale_inputs
from ddx7.resynthesis.reverb import BodyReverb, FilteredNoiseReverb, FirReverb
from ddx7.resynthesis.rnn import RnnSize
from ddx7.resynthesis.structure import PAPER, TONE_RATIOS, from_voice, steady_noise_beside
from ddx7.resynthesis.tcn import TcnSize

RATE = 16_000


def parts(model: ResynthesisModel, params: Any, key: jax.Array | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Body and tail of a model's reverb, from one program."""

    @quick_jit
    def split(params: Any) -> Any:
        keys = () if key is None else (key,)
        return model.reverb.apply({"params": params}, *keys, method="split")

    body, tail = split(params["reverb"])
    return np.asarray(body), np.asarray(tail)


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


def test_a_body_has_the_levels_of_its_bands_and_no_delay():
    model = BodyReverb(RATE, RATE)
    params = model.init(jax.random.key(0))["params"]
    body = np.linspace(0.1, -0.3, reverb.BODY_BANDS)  # from +10 dB to -30 dB
    split: Any = model.apply({"params": {**params, "body": jnp.asarray(body)}}, method="split")
    dry, tail = split
    assert (len(dry), len(tail), float(tail[0])) == (reverb.BODY_TAPS, RATE, 0.0)
    frequency = np.fft.rfftfreq(2048, 1 / RATE)
    mel = np.log1p(frequency / 700)
    wanted_db = np.interp(mel / mel[-1] * (reverb.BODY_BANDS - 1), np.arange(reverb.BODY_BANDS), 100 * body)
    found_db = 20 * np.log10(np.abs(np.fft.rfft(np.asarray(dry), 2048)))
    np.testing.assert_allclose(found_db, wanted_db, atol=0.5)
    # Minimum phase puts the energy first.
    energy = np.cumsum(np.asarray(dry) ** 2) / np.sum(np.asarray(dry) ** 2)
    assert energy[8] > 0.7
    assert energy[32] > 0.95
    whole: Any = model.apply({"params": params})
    assert whole[0] == 1


def test_the_wet_level_leaves_the_body_alone():
    model = ResynthesisModel(
        FmSynth(from_voice(PAPER["2"], 2.0)), TcnSize(4, 3, (1,), "all", 0.0), reverb_s=0.1, reverb_kind="body"
    )
    params = quick_jit(model.init)(jax.random.key(0))
    params["reverb"]["body"] = jnp.linspace(0.1, -0.2, reverb.BODY_BANDS)
    f0_hz, loudness_db = np.full(96, 300.0, np.float32), np.full(96, -20.0, np.float32)
    instrument = Instrument(model, params, {})
    dry, wet = (instrument(f0_hz, loudness_db, PlaybackControls(reverb=level)) for level in (0.0, 1.0))
    source = Instrument(replace(model, reverb_s=0.0), {"decoder": params["decoder"]}, {})(f0_hz, loudness_db)
    body, tail = parts(model, params)
    expected = np.convolve(source, body)[: len(source)]
    np.testing.assert_allclose(dry, expected, atol=1e-4)
    np.testing.assert_allclose(wet, expected + np.convolve(source, tail)[: len(source)], atol=1e-4)


def test_noise_and_tone_have_bodies_of_their_own_in_one_room():
    synth = FmSynth(steady_noise_beside(12, *TONE_RATIOS), steady=(2,))
    model = ResynthesisModel(synth, TcnSize(4, 3, (1,), "all", 0.0), reverb_s=0.1, reverb_kind="two-bodies")
    params = quick_jit(model.init)(jax.random.key(0))
    params["reverb"]["body"] = jnp.stack(
        [jnp.linspace(0.1, -0.2, reverb.BODY_BANDS), jnp.full(reverb.BODY_BANDS, 0.06)]
    )
    f0_hz, loudness_db = np.full(98, 300.0, np.float32), np.full(98, -20.0, np.float32)
    instrument = Instrument(model, params, {})
    bare = Instrument(replace(model, reverb_s=0.0), {"decoder": params["decoder"]}, {})
    bodies, room = parts(model, params)
    off = -200.0
    noise = bare(f0_hz, loudness_db, PlaybackControls(levels_db=(0, 0, off, 0, 0, 0)))
    tone = bare(f0_hz, loudness_db, PlaybackControls(levels_db=(off, 0, 0, 0, 0, 0)))
    dry = np.convolve(noise, bodies[0])[: len(noise)] + np.convolve(tone, bodies[1])[: len(tone)]
    np.testing.assert_allclose(instrument(f0_hz, loudness_db, PlaybackControls(reverb=0.0)), dry, atol=1e-4)
    wet = instrument(f0_hz, loudness_db)
    np.testing.assert_allclose(wet, dry + np.convolve(dry, room)[: len(dry)], atol=1e-4)
    stream = instrument.stream()
    sizes = ((0, 1), (1, 64), (65, 1), (66, 32))  # few programs
    blocks = [stream.play(f0_hz[k : k + n], loudness_db[k : k + n]) for k, n in sizes]
    np.testing.assert_array_equal(np.concatenate(blocks), wet)
    # Training hears rooms of one kind, another with each key.
    rooms = [parts(model, params, jax.random.key(k))[1] for k in (1, 2)]
    for other in rooms:
        assert np.linalg.norm(other) == pytest.approx(np.linalg.norm(room), rel=0.1)
        assert abs(np.corrcoef(other, room)[0, 1]) < 0.1
    assert abs(np.corrcoef(*rooms)[0, 1]) < 0.1
    # Without a key it hears the same as a player, but for the course of the noise.
    trained = quick_jit(model.forward)(
        params, jnp.asarray(scale_inputs(f0_hz, loudness_db))[None], jnp.asarray(model.increments(f0_hz))[None]
    )[0]
    assert np.std(np.asarray(trained)) == pytest.approx(np.std(wet), rel=0.02)


def test_no_learned_tail_drowns_the_room():
    small = reverb.TwoBodiesReverb(RATE // 4, RATE)
    params = small.init(jax.random.key(0))["params"]
    quiet, loud = (
        {**params, "tail": {"level": jnp.full(reverb.BANDS, level), "decay": jnp.full(reverb.BANDS, -2.0)}}
        for level in (-2.0, 2.0)
    )
    _, room = (np.asarray(x) for x in small.apply({"params": quiet}, method="split"))
    assert 10 * np.log10(np.sum(room**2)) == pytest.approx(reverb.ROOM_DB, abs=0.1)  # the room alone
    _, both = (np.asarray(x) for x in small.apply({"params": loud}, method="split"))
    _, other = (np.asarray(x) for x in small.apply({"params": loud}, jax.random.key(1), method="split"))
    # As loud as the dry sound, and in the same room: 1 + r times 1 + t, without the dry sound.
    share = 10 ** (reverb.ROOM_DB / 10)
    assert np.sum(both**2) == pytest.approx((1 + share) * 2 - 1, rel=0.3)
    # What another room changes is in proportion to all that sounds in it, dry sound and tail.
    assert np.sum((both - other) ** 2) == pytest.approx(2 * share * 2, rel=0.3)
    # Nor is the tail a filter of some milliseconds: the energy after 20 ms is that of at least 50 ms per 60 dB.
    tail: Any = small.bind({"params": loud}).tail()
    late = np.sum(np.asarray(tail)[RATE // 50 :] ** 2) / np.sum(np.asarray(tail)[1:] ** 2)
    assert late > 10 ** (-6 * 0.02 / 0.05) / 2


def test_any_synthesizer_plays_in_a_room_and_learns_in_another_one_each_time():
    synth = FmSynth(from_voice(PAPER["2"], 2.0))
    model = ResynthesisModel(synth, TcnSize(4, 3, (1,), "all", 0.0), reverb_s=0.1, reverb_kind="room")
    params = model.init(jax.random.key(0))
    f0_hz, loudness_db = np.full(64, 300.0, np.float32), np.full(64, -20.0, np.float32)
    instrument = Instrument(model, params, {})
    dry = instrument(f0_hz, loudness_db, PlaybackControls(reverb=0.0))
    room = np.asarray(model.impulse_response(params))
    expected = np.convolve(dry, room)[: len(dry)]
    np.testing.assert_allclose(instrument(f0_hz, loudness_db), expected, atol=1e-4)
    inputs = jnp.asarray(scale_inputs(f0_hz, loudness_db))[None], jnp.asarray(model.increments(f0_hz))[None]
    without, one, two = (
        np.asarray(model.forward(params, *inputs, key)[0]) for key in (None, *map(jax.random.key, (1, 2)))
    )
    np.testing.assert_allclose(without, expected, atol=1e-3)
    # These operators have no noise, and the network no dropout: only the room differs.
    apart = np.linalg.norm(dry) * np.sqrt(2) * 10 ** (reverb.ROOM_DB / 20)
    assert np.linalg.norm(one - two) == pytest.approx(apart, rel=0.5)


def test_two_bodies_need_operators():
    model = ResynthesisModel(HpnSynth(), RnnSize(hidden=4, layers=1), reverb_s=0.1, reverb_kind="two-bodies")
    with pytest.raises(Ddx7Error, match="wanted FM"):
        Instrument(model, quick_jit(model.init)(jax.random.key(0)), {})(np.full(4, 300.0, "f"), np.full(4, -20.0, "f"))
