"""Notes for an instrument, and its audible operator levels."""

from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from playing import quick_jit

from ddx7.audio import Recording, resample
from ddx7.audio.loudness import loudness
from ddx7.errors import AudioError, Ddx7Error
from ddx7.resynthesis.fm import FmSynth
from ddx7.resynthesis.instrument import Instrument
from ddx7.resynthesis.level_curves import CONTEXT_S, audible_floor, learned_notes, play_notes, recorded_notes, shape_db
from ddx7.resynthesis.model import ResynthesisModel
from ddx7.resynthesis.structure import PAPER, SHALLOW_STRUCTURES, from_voice
from ddx7.resynthesis.tcn import TcnSize

RATE = 16_000
MODEL = ResynthesisModel(FmSynth(from_voice(PAPER["2"], 2.0)), TcnSize(channels=4, dilations=(1,)))
INSTRUMENT = Instrument(MODEL, {}, {"range": {"lowest_note": 55.2, "highest_note": 79.9, "loud_db": -10.0}})


def test_a_shape_is_the_loudness_of_a_tone_of_that_shape():
    attack_s, gate_s, release_s, length_s = 0.05, 0.5, 0.3, 0.8
    t = np.arange(-0.5, 1.0, 1 / RATE)
    amplitude = np.clip(t / attack_s, 0, 1) * 10 ** (-3 * np.maximum(t - gate_s, 0) / release_s)
    tone = amplitude * np.sin(2 * np.pi * 1000 * t)
    measured = loudness(tone, RATE, 64)
    start = round((0.5 - CONTEXT_S) * RATE / 64)
    shape = shape_db(gate_s, length_s, attack_s, release_s, RATE)
    # A sine of full scale is 3 dB under a square wave; the attack's first frames are far too quiet to matter.
    measured = measured[start : start + len(shape)] + 3.01
    audible = measured > -55
    assert audible.sum() > 150
    np.testing.assert_allclose(shape[audible], measured[audible], atol=0.6)


def test_notes_cover_the_range_and_its_dynamics():
    grid, scale = learned_notes(INSTRUMENT, attack_s=0.05, release_s=0.2)
    assert (grid.notes.min(), grid.notes.max()) == (56, 79)
    # 40 dB are a factor of ten of velocity, so 6 dB are 0.708.
    assert sorted(set(grid.velocities.tolist()), reverse=True) == [100, 71, 50, 35]
    held = grid.loudness_db[:, grid.context_frames + grid.gates[0] // 2]
    np.testing.assert_allclose(held, -10 + 40 * np.log10(grid.velocities / 100), atol=0.3)  # velocities are whole
    assert np.all(np.isin(scale.notes, np.arange(56, 80)))
    assert scale.velocities.max() == 100


def test_an_instrument_without_a_range_is_refused():
    with pytest.raises(Ddx7Error, match="range"):
        learned_notes(Instrument(MODEL, {}, {}), attack_s=0.05, release_s=0.2)


def _melody() -> np.ndarray:
    """A5 held for 0.4 s, silence, then E6 twelve decibels softer; A-weighting hears them alike."""
    t = np.arange(round(0.5 * RATE)) / RATE

    def note(f_hz: float, gain: float) -> np.ndarray:
        fades = np.clip(t / 0.02, 0, 1) * np.clip((0.42 - t) / 0.02, 0, 1)
        return gain * fades * sum(np.sin(2 * np.pi * f_hz * k * t) / k for k in (1, 2, 3))

    return np.concatenate([np.zeros(RATE // 2), note(880.0, 0.3), np.zeros(RATE // 4), note(1318.5, 0.075)])


def test_notes_of_a_recording_keep_their_keys_and_dynamics():
    samples = _melody().astype(np.float32)
    grid, sounds = recorded_notes(Recording(samples, RATE, Path("tune.wav")), INSTRUMENT, release_s=0.2)
    assert grid.notes.tolist() == [81, 88]
    assert grid.velocities[0] == 100
    assert grid.velocities[1] == pytest.approx(50, abs=2)
    np.testing.assert_allclose(grid.gates * 64 / RATE, 0.4, atol=0.06)
    peaks = grid.loudness_db.max(axis=1)
    assert peaks[0] == pytest.approx(-10.0, abs=1.0)  # moved to what the instrument learned
    assert peaks[0] - peaks[1] == pytest.approx(12, abs=2)
    assert len(sounds) == 2
    assert all(np.abs(sound).max() > 0.05 for sound in sounds)


def test_a_recording_without_notes_is_refused():
    noise = np.random.default_rng(0).normal(size=RATE).astype(np.float32) * 0.1
    with pytest.raises(AudioError, match=r"hiss\.wav"):
        recorded_notes(Recording(noise, RATE, Path("hiss.wav")), INSTRUMENT, release_s=0.2)


def test_a_modulator_is_audible_through_its_carrier():
    # Algorithm 1: OP2 modulates OP1; OP6 > OP5 > OP4 > OP3.
    octaves = np.full((1, 2, 6), -20.0)
    octaves[..., 0] = [0.0, -10.0]
    octaves[..., 1] = -3.0
    floor = audible_floor(octaves, 1)
    sixty_db = 60 / 6.0206
    np.testing.assert_allclose(floor[..., 0], -sixty_db, atol=1e-3)
    # A sideband is half the index, which is 2 pi at gain 1: at this floor it is 60 dB under full, when OP1 is.
    sidebands_db = 20 * np.log10(np.pi * 2 ** floor[0, :, 1])
    np.testing.assert_allclose(sidebands_db, [-60, -60 + 60.2], atol=0.01)
    assert np.all(floor[..., 5] > octaves[..., 5])  # behind silent carriers nothing is audible


def test_a_body_is_in_the_levels_and_in_the_sound():
    model = ResynthesisModel(
        FmSynth(SHALLOW_STRUCTURES["flute"]), TcnSize(8, 3, (1, 2), "all", 0.0), reverb_s=0.1, reverb_kind="body"
    )
    params = quick_jit(model.init)(jax.random.key(0))
    params["reverb"]["body"] = jnp.full(32, 0.12)  # 12 dB everywhere
    instrument = Instrument(model, params, {"range": {"lowest_note": 60.0, "highest_note": 62.0, "loud_db": -10.0}})
    bare = Instrument(replace(model, reverb_s=0.0), {"decoder": params["decoder"]}, instrument.card)
    grid = learned_notes(bare, attack_s=0.05, release_s=0.1)[0][:2]
    with_body, without = play_notes(instrument, grid), play_notes(bare, grid)
    carriers = np.flatnonzero(SHALLOW_STRUCTURES["flute"].carriers)
    raised = with_body.octaves - without.octaves
    np.testing.assert_allclose(raised[..., carriers], 12 / 20 * np.log2(10), atol=0.02)
    np.testing.assert_array_equal(np.delete(raised, carriers, axis=-1), 0)
    np.testing.assert_allclose(
        with_body.audio, without.audio * 10 ** (12 / 20), atol=0.02 * np.abs(with_body.audio).max()
    )
    assert np.abs(with_body.wet - with_body.audio).max() > 0.01 * np.abs(with_body.audio).max()
    np.testing.assert_array_equal(without.wet, without.audio)


def test_sounds_of_notes_come_at_the_rate_that_is_wanted():
    tune = Recording(resample(_melody(), RATE, 48_000), 48_000, Path("tune.wav"))
    low, high = (recorded_notes(tune, INSTRUMENT, release_s=0.2, sounds_rate=rate)[1] for rate in (None, 48_000))
    assert [len(sound) for sound in high] == [3 * len(sound) for sound in low]
    np.testing.assert_allclose(resample(high[0], 48_000, RATE)[200:-200], low[0][200:-200], atol=0.02)
