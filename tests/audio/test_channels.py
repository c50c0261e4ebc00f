"""Which channels become the mono sound: the average, unless it loses what a single channel keeps."""

import numpy as np
import pytest
import soundfile

from ddx7.audio import read_audio

RATE = 44_100
T = np.arange(RATE) / RATE


def note(f0_hz: float = 261.63, decay: float = 3.0) -> np.ndarray:
    """A decaying note of twelve harmonics that peaks near 0.4, after a tenth of a second of silence."""
    wave = sum(np.sin(2 * np.pi * k * f0_hz * T + k) / k for k in range(1, 13))
    return np.where(T < 0.1, 0.0, 0.2 * wave * np.exp(-decay * T))


def noise(level: float, seed: int = 0) -> np.ndarray:
    return level * np.random.default_rng(seed).normal(size=RATE)


def level_db(sound: np.ndarray) -> float:
    return 10 * np.log10(np.mean(np.square(sound)))


@pytest.fixture
def read(tmp_path):
    def read_channels(*channels: np.ndarray, subtype: str = "FLOAT"):
        soundfile.write(tmp_path / "a.wav", np.stack(channels, axis=1), RATE, subtype=subtype)
        return read_audio(tmp_path / "a.wav")

    return read_channels


def reverberated(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    tail = rng.normal(size=8000) * np.exp(-np.arange(8000) / 1500)
    return note() + 0.02 * np.convolve(note(), tail)[:RATE]


@pytest.mark.parametrize(
    "channels",
    [
        (note(), note()),
        (note(), 0.5 * note()),  # panned
        (reverberated(1), reverberated(2)),  # related, not equal
        (0.2 * noise(1, 1), 0.2 * noise(1, 2)),  # unrelated
        (note(), note(), note()),
    ],
    ids=["equal", "panned", "reverb", "noise", "three"],
)
def test_channels_that_agree_are_averaged(read, channels):
    recording = read(*channels)
    np.testing.assert_allclose(recording.samples, np.mean(channels, axis=0), atol=1e-6)
    assert recording.report.channel == f"average of {len(channels)} channels"
    assert not recording.remarks


@pytest.mark.parametrize(
    ("right", "says"),
    [
        (-note(), "the right channel is the left upside down"),
        (-0.7 * note(), "the right channel is the left upside down"),
        (np.roll(note(), 84), "the right channel is the left, 1.9 ms later"),
        (np.roll(note(), -84), "the left channel is the right, 1.9 ms later"),
        (np.roll(note(), 441), "would cancel 32 % of the sound"),
        (-np.roll(note(), 84), "cancel"),
    ],
)
def test_channels_that_cancel_leave_one(read, right, says):
    recording = read(note(), right)
    np.testing.assert_allclose(recording.samples, note(), atol=1e-6)
    assert recording.report.channel == "left channel"
    [remark] = recording.remarks
    assert says in remark
    assert remark.endswith("only the left channel is used")


@pytest.mark.parametrize("f0_hz", [55.0, 131.0, 440.0, 1175.0])
@pytest.mark.parametrize("delay", [11, 30, 84, 200])
def test_no_delay_loses_partials(read, f0_hz, delay):
    """At each strong harmonic the mono sound is within 6 dB of a channel."""
    left = note(f0_hz)
    mono = read(left, np.roll(left, delay)).samples
    spectra = [np.abs(np.fft.rfft(x * np.hanning(RATE))) for x in (left, mono)]
    at = [round(k * f0_hz) for k in range(1, 6)]
    change_db = [20 * np.log10(max(spectra[1][b - 2 : b + 3]) / max(spectra[0][b - 2 : b + 3])) for b in at]
    assert min(change_db) > -9.5


@pytest.mark.parametrize("dead", [np.zeros(RATE), np.full(RATE, 0.3), noise(1e-4), 0.05 * note()])
@pytest.mark.parametrize("side", [0, 1])
def test_a_dead_or_soft_channel_is_left_out(read, dead, side):
    recording = read(*((dead, note()) if side else (note(), dead)))
    np.testing.assert_allclose(recording.samples, note(), atol=1e-4)
    assert recording.report.channel == ("left channel", "right channel")[side]
    assert "only the" in recording.remarks[0]


@pytest.mark.parametrize(
    "other",
    [noise(0.2), noise(0.02), note() + noise(0.1), 0.3 * np.sin(2 * np.pi * 50 * T)],
    ids=["loud hiss", "hiss", "note in hiss", "hum"],
)
def test_a_channel_of_noise_is_left_out_even_if_it_is_louder(read, other):
    recording = read(note(), other)
    np.testing.assert_allclose(recording.samples, note(), atol=1e-6)
    assert "no more than noise" in recording.remarks[0] or "softer" in recording.remarks[0]


def test_surround_channels_that_are_silent_are_left_out(read):
    silent = np.zeros(RATE)
    recording = read(note(), note(), silent, silent, 0.01 * note(), silent)
    np.testing.assert_allclose(recording.samples, note(), atol=1e-6)
    assert recording.report.channel == "average of 2 of 6 channels"
    assert "channels 3, 4, 5, 6 are" in recording.remarks[0]


def test_of_very_many_channels_the_loudest_is_taken(read):
    recording = read(*[0.1 * note()] * 19, note())
    assert recording.report.channels == 20
    assert "loudest of the first 16" in recording.remarks[0]
    assert level_db(recording.samples) == pytest.approx(level_db(0.1 * note()), abs=0.1)
