"""Shipped weights and seeds give the results that they gave when these values were recorded.

Floats are compared within -60 dB and bytes of sampled voices within 2 %, because another processor rounds otherwise and
a rounding can tip a draw. A wrong parameter, name or order changes nearly all of them.
"""

from pathlib import Path

import numpy as np
import pytest

import ddx7
from ddx7 import resynthesis
from ddx7.audio import find_notes, log_mel_distance, read_audio
from ddx7.encoder.latent import decode, encode
from ddx7.voice import Voice
from ddx7.voice.spec import NAME_SIZE

RECORDED = np.load(Path(__file__).parent / "recorded" / "values.npz")
TRUMPET = Path(ddx7.__file__).parent / "cli" / "demo" / "trumpet.flac"
EVERY = 7  # samples of a recorded sound

TIMES_S = np.arange(500) / 250
F0_HZ = (440 * 2 ** (np.floor(TIMES_S * 2) / 12)).astype(np.float32)
LOUDNESS_DB = (-30 + 10 * np.sin(3 * TIMES_S)).astype(np.float32)


def assert_close(estimate: np.ndarray, name: str) -> None:
    target = RECORDED[name].astype(float)
    assert np.square(estimate - target).sum() < 1e-6 * np.square(target).sum()


def assert_same_voices(estimate: np.ndarray, name: str) -> None:
    assert estimate.shape == RECORDED[name].shape
    sounding = slice(0, -NAME_SIZE)  # names are chosen anew whenever the words for them change
    assert np.mean(estimate[..., sounding] != RECORDED[name][..., sounding]) < 0.02


def as_bytes(voices) -> np.ndarray:
    return np.array([np.frombuffer(voice.to_vced(), np.uint8) for voice in voices])


@pytest.fixture(scope="module")
def brass() -> np.ndarray:
    """Voices that `generate` once made; other values were recorded with them."""
    return RECORDED["generate_brass"]


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("flute", "violin")]


@pytest.mark.parametrize("name", ["trumpet", *SLOW])
def test_an_instrument_plays_as_recorded(name):
    assert_close(resynthesis.load(name)(F0_HZ, LOUDNESS_DB)[::EVERY], f"resynthesis_{name}")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["flute", "trumpet", "violin"])
def test_a_dry_instrument_plays_as_recorded(name):
    dry = resynthesis.PlaybackControls(reverb=0)
    assert_close(resynthesis.load(name)(F0_HZ, LOUDNESS_DB, dry)[::EVERY], f"resynthesis_dry_{name}")


def test_the_preset_model_embeds_and_samples_as_recorded(brass):
    embeddings = encode(brass[:4])
    assert_close(embeddings, "encode")
    assert_same_voices(decode(RECORDED["encode"], 4, seed=2), "decode")


def test_generated_voices_are_those_recorded():
    assert_same_voices(as_bytes(ddx7.generate(16, algorithm=5, seed=3, screen=False)), "generate_algorithm_5")


def test_notes_and_distances_are_those_recorded():
    recording = read_audio(TRUMPET)
    samples, rate = recording.samples, recording.sample_rate
    measured = [
        [n.onset_s, n.duration_s, n.gate_s, n.f0_hz, n.confidence, n.loudness_db] for n in find_notes(samples, rate)
    ]
    np.testing.assert_allclose(measured, RECORDED["notes"], rtol=1e-6)
    noise = 0.01 * np.random.default_rng(0).standard_normal(len(samples)).astype(np.float32)
    changed = np.roll(samples, 500) * 0.5 + noise
    assert log_mel_distance(samples, changed, rate) == pytest.approx(float(RECORDED["log_mel_distance"]), rel=1e-6)


@pytest.mark.slow
def test_screened_voices_are_those_recorded(brass):
    assert_same_voices(as_bytes(ddx7.generate(16, category="brass", seed=7)), "generate_brass_screened")


@pytest.mark.slow
def test_variations_and_morphs_are_those_recorded(brass):
    first, second = (Voice.from_vced(row) for row in brass[:2])
    assert_same_voices(as_bytes(ddx7.vary(first, 6, amount=0.3, seed=5)), "vary")
    assert_same_voices(as_bytes(ddx7.morph(first, second, steps=5)), "morph")


@pytest.mark.slow
def test_a_fast_match_is_as_near_as_recorded():
    found = ddx7.match(TRUMPET, fast=True, seed=1)
    np.testing.assert_allclose(found.distances, RECORDED["match_fast_db"], rtol=1e-3)
