import sys
from dataclasses import replace
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from melodies import RATE, melody
from playing import quick_jit

from ddx7.audio.features import HOP, extract
from ddx7.audio.files import Recording
from ddx7.audio.live_features import LOUDNESS_WINDOW_S
from ddx7.audio.loudness import loudness
from ddx7.errors import AudioError, Ddx7Error
from ddx7.resynthesis import PlaybackControls
from ddx7.resynthesis import instrument as instrument_module
from ddx7.resynthesis.hpn import HpnSynth
from ddx7.resynthesis.instrument import SHIPPED, Instrument, load, save, shipped
from ddx7.resynthesis.model import ResynthesisModel
from ddx7.resynthesis.reverb import convolve
from ddx7.resynthesis.rnn import RnnSize
from ddx7.resynthesis.transfer import learned_range, transfer


@pytest.fixture(scope="module")
def instrument(small) -> Instrument:
    return Instrument(small, quick_jit(small.init)(jax.random.key(3)), {"what": "a test"})


def test_blocks_of_any_size_are_the_whole(instrument):
    rng = np.random.default_rng(0)
    f0_hz, level_db = 300 * 2 ** rng.uniform(0, 1, 40), rng.uniform(-50, -10, 40)
    whole = instrument(f0_hz, level_db)
    stream = instrument.stream()
    parts = [stream.play(f0_hz[a:b], level_db[a:b]) for a, b in ((0, 1), (1, 1), (1, 20), (20, 39), (39, 40))]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert whole.shape == (40 * 64,)
    assert np.abs(whole).max() > 0.01


def test_sounds_of_other_lengths_take_the_same_program(instrument, programs_made):
    sizes = [257, 300, 777]
    made = []
    for n in sizes:
        before = programs_made()
        assert instrument(np.full(n, 330.0), np.full(n, -20.0)).shape == (64 * n,)
        made.append(programs_made() - before)
    assert made[1:] == [0, 0]


@pytest.mark.parametrize("sizes", [(1, 63, 64, 1000), (256,), (333,)])
def test_an_input_in_blocks_of_any_size_is_answered_as_the_whole(instrument, sizes):
    sound = melody(0, 1.0)[:6000]
    whole, stream, at, parts = instrument.stream().play_audio(sound), instrument.stream(), 0, []
    while at < len(sound):
        for size in sizes:
            parts.append(stream.play_audio(sound[at : at + size]))
            at += size
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert whole.shape == sound.shape
    assert np.abs(whole).max() > 0.01


def test_the_answer_to_a_burst_comes_at_once_and_not_before(instrument):
    # The small model plays noise of its own; silence of the input is silence of the sound.
    sound = np.zeros(8000, np.float32)
    sound[3000:4600] = 0.3 * melody(1, 1.0)[2000:3600]
    heard = np.flatnonzero(instrument.stream().play_audio(sound))
    assert 3000 < heard[0] < 3000 + 0.03 * RATE
    window = round(LOUDNESS_WINDOW_S * RATE)
    assert 4600 < heard[-1] <= 4600 + window + 2 * HOP


def test_an_input_gain_reaches_the_instrument_and_leaves_the_level(instrument):
    sound = 0.1 * melody(0, 1.0)[:4800]
    stream = instrument.stream()
    stream.input_gain_db = 20.0
    loud = instrument.stream().play_audio(10 * sound)
    np.testing.assert_allclose(stream.play_audio(sound), loud / 10, atol=2e-3 * np.abs(loud).max())


def test_blocks_are_the_whole_for_the_baseline_with_reverb():
    model = ResynthesisModel(HpnSynth(), RnnSize(8, 1), reverb_s=0.05)
    instrument = Instrument(model, quick_jit(model.init)(jax.random.key(0)), {})
    f0_hz, level_db = np.full(12, 200.0), np.full(12, -20.0)
    whole, stream = instrument(f0_hz, level_db), instrument.stream()
    parts = [stream.play(f0_hz[a:b], level_db[a:b]) for a, b in ((0, 4), (4, 8), (8, 12))]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-6)
    other = instrument(f0_hz, level_db, seed=1)
    assert np.abs(other - whole).max() > 1e-4


def test_a_learned_reverb_plays_in_blocks_and_has_a_wet_level(small):
    model = replace(small, reverb_s=0.25)
    params = quick_jit(model.init)(jax.random.key(0))
    wet, dry = Instrument(model, params, {}), Instrument(small, {"decoder": params["decoder"]}, {})
    rng = np.random.default_rng(0)
    f0_hz, level_db = 300 * 2 ** rng.uniform(0, 1, 40), rng.uniform(-50, -10, 40)
    whole, stream = wet(f0_hz, level_db), wet.stream()
    parts = [stream.play(f0_hz[a:b], level_db[a:b]) for a, b in ((0, 1), (1, 20), (20, 39), (39, 40))]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    plain = dry(f0_hz, level_db)
    np.testing.assert_array_equal(wet(f0_hz, level_db, PlaybackControls(reverb=0.0)), plain)
    np.testing.assert_allclose(whole, convolve(jnp.asarray(plain[None]), model.impulse_response(params))[0], atol=1e-5)
    tail, twice = whole - plain, wet(f0_hz, level_db, PlaybackControls(reverb=2.0)) - plain
    assert np.abs(tail).max() > 0.01
    np.testing.assert_allclose(twice, 2 * tail, atol=1e-5)


def test_playback_controls_change_the_sound(instrument):
    f0_hz, level_db = np.full(64, 250.0), np.full(64, -20.0)
    plain = instrument(f0_hz, level_db)
    up = instrument(f0_hz, level_db, PlaybackControls(transpose=12.0))
    assert np.argmax(np.abs(np.fft.rfft(up[1024:3072]))) != np.argmax(np.abs(np.fft.rfft(plain[1024:3072])))
    quiet = instrument(f0_hz, level_db, PlaybackControls(levels_db=(-60.0,) * 6))
    assert np.std(quiet) < 0.01 * np.std(plain)
    # Without modulation only carriers remain: OP3 at the fundamental, and OP1's line at 4 kHz.

    def spectrum(playback: PlaybackControls) -> np.ndarray:
        return np.abs(np.fft.rfft(instrument(f0_hz, level_db, playback)[2048:4096] * np.hanning(2048)))

    dull = spectrum(PlaybackControls(mod_index=1e-4))
    f_hz = np.fft.rfftfreq(2048, 1 / RATE)
    lines = (np.abs(f_hz - 250) < 30) | (np.abs(f_hz - 3981) < 30)
    assert np.square(dull[~lines]).sum() < 0.02 * np.square(dull).sum()
    tuned = spectrum(PlaybackControls(mod_index=1e-4, ratios=(None, None, 3.0, None, None, None)))
    assert tuned[np.abs(f_hz - 750) < 10].max() > 10 * tuned[np.abs(f_hz - 250) < 10].max()


def test_wrong_arguments_are_refused(instrument):
    with pytest.raises(Ddx7Error, match="wanted a factor above 0"):
        PlaybackControls(mod_index=0.0)
    with pytest.raises(Ddx7Error, match="wanted two of one length"):
        instrument(np.ones(3), np.ones(4))
    with pytest.raises(Ddx7Error, match="not finite"):
        instrument(np.full(3, np.nan), np.ones(3))


def test_params_come_back_from_their_file(tmp_path, instrument):
    save(tmp_path / "kazoo.safetensors", instrument)
    back = load(tmp_path / "kazoo.safetensors")
    assert back.model == instrument.model
    assert back.card["what"] == "a test"
    found, expected = (i(np.full(8, 300.0), np.full(8, -20.0)) for i in (back, instrument))
    np.testing.assert_allclose(found, expected, atol=0.05)  # half precision
    with pytest.raises(Ddx7Error, match="no such instrument, wanted"):
        load("ukulele")


def test_digital_silence_stays_silent(instrument):
    loudness_db = np.repeat([-20.0, -80.0, -79.0], 16)
    audio = instrument(np.full(48, 300.0), loudness_db).reshape(3, -1)
    assert np.abs(audio[1]).max() == 0
    assert (np.abs(audio[[0, 2]]).max(axis=1) > 0).all()


def test_a_recording_is_played_as_long_and_about_as_loud(tmp_path, instrument):
    x = 0.3 * melody(0)[:-37]
    made = transfer(Recording(x, RATE, tmp_path / "x.wav"), instrument, extractor="yin")
    assert len(made.audio) == len(x)
    assert made.controls.shape == (-(-len(x) // 64), 6)
    slow = transfer(Recording(x, RATE, tmp_path / "x.wav"), instrument, extractor="yin", attack_s=1.0)
    rise = np.diff(slow.features.loudness_db)
    assert rise.max() < 60 / 250 + 1e-3
    with pytest.raises(AudioError, match="no pitch is found anywhere"):
        transfer(Recording(np.full(RATE, 1e-3, np.float32), RATE, tmp_path / "x.wav"), instrument, extractor="yin")


def test_a_recording_is_played_as_loud_moment_by_moment(tmp_path, instrument):
    x = 0.3 * melody(0)
    recording = Recording(x, RATE, tmp_path / "x.wav")
    made = transfer(recording, instrument, extractor="yin")
    n = len(x) // 64 - 32
    found, wanted = (loudness(sound, RATE, 64)[32:n] for sound in (made.audio, x))
    assert np.median(np.abs(found - wanted)) < 0.3
    softer = transfer(recording, instrument, PlaybackControls(levels_db=(-6.0,) * 6), extractor="yin")
    assert np.median(found - loudness(softer.audio, RATE, 64)[32:n]) > 3  # a player's own change stays


def test_loudness_is_moved_into_the_learned_range_and_back(tmp_path, small):
    params = quick_jit(small.init)(jax.random.key(3))
    known = {"range": {"lowest_note": 80.0, "highest_note": 90.0, "loud_db": -15.0}}
    instrument = Instrument(small, params, known)
    x = melody(0)
    loud, soft = (transfer(Recording(g * x, RATE, tmp_path / "x.wav"), instrument, extractor="yin") for g in (1, 0.01))
    np.testing.assert_allclose(loud.features.loudness_db[40:100], soft.features.loudness_db[40:100], atol=0.2)
    levels = [loudness(m.audio, RATE, 64).max() for m in (loud, soft)]
    assert levels[0] - levels[1] == pytest.approx(40, abs=0.5)
    assert any("outside the learned MIDI notes, 80 to 90; --transpose" in n for n in loud.remarks)


def test_a_level_that_the_instrument_learned_stays(tmp_path, instrument):
    known = {"lowest_note": 30.0, "highest_note": 90.0, "loud_db": -10.0, "soft_db": -30.0, "gain_db": 6.0}
    player = Instrument(instrument.model, instrument.params, {"range": known})
    x = melody(0) * 0.1 / np.abs(melody(0)).max()
    measured = extract(x[: len(x) // 64 * 64], RATE, "yin").loudness_db
    made = transfer(Recording(x, RATE, tmp_path / "x.wav"), player, extractor="yin")
    np.testing.assert_allclose(made.features.loudness_db[100:200], measured[100:200] + 6, atol=0.2)
    # Forty decibels softer is below the softest passage, and becomes as loud as the loud ones.
    faint = transfer(Recording(0.01 * x, RATE, tmp_path / "x.wav"), player, extractor="yin")
    assert np.percentile(faint.features.loudness_db, 95) == pytest.approx(-10, abs=1)


def test_loudness_does_not_fall_where_a_recording_is_cut_off(tmp_path, instrument):
    x = (0.3 * np.sin(2 * np.pi * 300 * np.arange(RATE + 17) / RATE)).astype(np.float32)
    made = transfer(Recording(x, RATE, tmp_path / "x.wav"), instrument, extractor="yin")
    assert len(made.features.loudness_db) == -(-len(x) // 64)
    assert np.ptp(made.features.loudness_db) < 1.5


def test_a_learned_range_counts_soft_passages(segments, monkeypatch):
    features = segments[0].features
    module = sys.modules["ddx7.resynthesis.transfer"]  # the package has a function of that name
    monkeypatch.setattr(module, "_PASSAGE_FRAMES", len(features.f0_hz))
    soft = replace(segments[0], features=replace(features, loudness_db=features.loudness_db - 9))
    alone, both = learned_range(segments[:1]), learned_range([segments[0], soft], gain=2.0)
    assert both["gain_db"] == pytest.approx(6.02)
    assert alone["soft_db"] - both["soft_db"] == pytest.approx(9, abs=0.2)


@pytest.mark.skipif(not shipped(), reason="the package has no instruments")
def test_shipped_instruments_are_small():
    for name in shipped():
        assert (SHIPPED / f"{name}.safetensors").stat().st_size < 1_000_000


# By default tests/test_recorded.py plays one of them.
@pytest.mark.slow
@pytest.mark.skipif(not shipped(), reason="the package has no instruments")
def test_shipped_instruments_play():
    for name in shipped():
        instrument = load(name)
        known = instrument.card["range"]
        f0_hz = 440 * 2 ** (((known["lowest_note"] + known["highest_note"]) / 2 - 69) / 12)
        audio = instrument(np.full(256, f0_hz), np.full(256, known["loud_db"]))
        assert 0.02 < np.abs(audio).max() < 2


def test_a_whole_sound_is_played_by_one_program(instrument):
    f0_hz, loudness_db = np.full(300, 440.0), np.full(300, -30.0)
    sizes = []
    play = instrument_module.play

    def counted(model, params, inputs, *rest):
        sizes.append(inputs.shape[1])
        return play(model, params, inputs, *rest)

    with mock.patch.object(instrument_module, "play", counted):
        whole = instrument(f0_hz, loudness_db)
    assert sizes == [256, 256]
    stream = instrument.stream()
    np.testing.assert_array_equal(whole, stream.play(f0_hz, loudness_db))
