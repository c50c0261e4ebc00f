"""An empty recording is refused; a quiet note is not."""

import numpy as np
import pytest
import soundfile

from ddx7.audio import read_audio
from ddx7.errors import AudioError

RATE = 44_100
N = RATE
T = np.arange(N) / RATE
LSB_16 = 2.0**-15


def dither(seed: int = 0) -> np.ndarray:
    """Triangular dither in steps: -1, 0 or 1."""
    rng = np.random.default_rng(seed)
    return np.round(rng.uniform(-0.5, 0.5, N) + rng.uniform(-0.5, 0.5, N))


def shaped_dither(zeros: tuple[float, ...]) -> np.ndarray:
    """Requantised silence whose error is filtered by (1 - z)(...): noise of a few steps, mostly treble."""
    rng = np.random.default_rng(1)
    noise = rng.uniform(-0.5, 0.5, (2, N)).sum(axis=0)
    errors = np.zeros(len(zeros))
    sound = np.empty(N)
    for k in range(N):
        wanted = -np.dot(zeros, errors)
        sound[k] = np.round(wanted + noise[k])
        errors = np.roll(errors, 1)
        errors[0] = sound[k] - wanted
    return sound


EMPTY = {
    "dither of 16 bits": (dither() * LSB_16, "PCM_16"),
    "dither of 24 bits": (dither() * 2.0**-23, "PCM_24"),
    "dither of 8 bits": (dither() * 2.0**-7, "PCM_U8"),
    "dither of 16 bits in a file of 24": (dither() * LSB_16, "PCM_24"),
    "shaped dither": (shaped_dither((-2.0, 1.0)) * LSB_16, "PCM_16"),
    "strongly shaped dither": (shaped_dither((-2.4, 2.1, -0.7)) * LSB_16, "FLOAT"),
    "a constant": (np.full(N, 0.25), "PCM_16"),
    "a constant and dither": (0.1 + dither() * LSB_16, "PCM_16"),
    "a tone of -90 dBFS": (10 ** (-90 / 20) * np.sin(2 * np.pi * 440 * T), "FLOAT"),
    "a converter's noise": (2e-4 * np.random.default_rng(2).normal(size=N), "PCM_24"),
}


@pytest.mark.parametrize("kind", EMPTY)
@pytest.mark.parametrize("seconds", [0.1, 1.0])
def test_a_recording_of_nothing_is_refused_in_one_sentence(tmp_path, kind, seconds):
    sound, subtype = EMPTY[kind]
    soundfile.write(tmp_path / "a.wav", sound[: round(seconds * RATE)], RATE, subtype=subtype)
    with pytest.raises(AudioError, match=r"found only (silence|steady noise)") as caught:
        read_audio(tmp_path / "a.wav")
    assert "\n" not in str(caught.value)


def decaying(level: float) -> np.ndarray:
    return level * np.sin(2 * np.pi * 440 * T) * np.exp(-2 * T)


QUIET = {
    "a note of -70 dBFS in 24 bits": (decaying(10 ** (-70 / 20)), "PCM_24"),
    "a note of -80 dBFS in floats": (decaying(10 ** (-80 / 20)), "FLOAT"),
    "a note of eight steps and dither": (np.round(decaying(8) + dither()) * LSB_16, "PCM_16"),
    "a sustained tone of eight steps and dither": (np.round(8 * np.sin(2770 * T) + dither()) * LSB_16, "PCM_16"),
    "a soft hit": (1e-3 * np.random.default_rng(3).normal(size=N) * np.exp(-8 * T), "PCM_24"),
    "a note in 8 bits": (decaying(0.4), "PCM_U8"),
    "loud noise": (0.1 * np.random.default_rng(4).normal(size=N), "PCM_16"),
}


@pytest.mark.parametrize("kind", QUIET)
@pytest.mark.parametrize("seconds", [0.1, 1.0])
def test_a_quiet_sound_is_read(tmp_path, kind, seconds):
    sound, subtype = QUIET[kind]
    soundfile.write(tmp_path / "a.wav", sound[: round(seconds * RATE)], RATE, subtype=subtype)
    assert len(read_audio(tmp_path / "a.wav").samples) == round(seconds * RATE)
