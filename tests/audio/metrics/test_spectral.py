import numpy as np
import pytest
import scipy.signal
import soundfile

from ddx7.audio.metrics import log_spectral_distance, multi_scale_spectral_distance
from ddx7.errors import AudioError, Ddx7Error

RATE = 16_000


def scipy_magnitudes(sound: np.ndarray, window: int, hop: int) -> np.ndarray:
    """|STFT| by SciPy: unit scaling undone, mirrored at the ends."""
    padded = np.pad(sound.astype(np.float64), window // 2, mode="reflect")
    hann = scipy.signal.get_window("hann", window)
    transform = scipy.signal.ShortTimeFFT(hann, hop, RATE, scale_to=None)
    n = (len(padded) - window) // hop + 1
    p0 = window // 2 // hop  # the slice whose frame begins at the first sample
    return np.abs(transform.stft(padded, p0=p0, p1=p0 + n))


def test_multi_scale_distance_is_the_published_one(tone):
    rng = np.random.default_rng(0)
    for target, other in [
        (tone(220, seconds=0.5, sample_rate=RATE), tone(225, seconds=0.5, sample_rate=RATE)),
        (tone(440, seconds=0.3, sample_rate=RATE), rng.normal(0, 0.1, round(0.3 * RATE))),
    ]:
        expected = 0.0
        for window in (2048, 1024, 512, 256, 128, 64):
            s, t = (scipy_magnitudes(x, window, window // 4) / window**0.5 for x in (target, other))
            expected += np.abs(s - t).mean() + np.abs(np.log(s + 1e-7) - np.log(t + 1e-7)).mean()
        assert multi_scale_spectral_distance(target, other, RATE) == pytest.approx(expected, rel=1e-9)


def test_a_gain_moves_every_logarithm_alike(tone):
    sound = np.random.default_rng(0).normal(0, 0.1, RATE)
    linear = multi_scale_spectral_distance(sound, 2 * sound, RATE) - 6 * np.log(2)
    louder = multi_scale_spectral_distance(sound, 4 * sound, RATE) - 6 * np.log(4)
    assert louder == pytest.approx(3 * linear, rel=1e-3)
    assert log_spectral_distance(sound, 2 * sound, RATE) == pytest.approx(20 * np.log10(2), rel=1e-9)


def test_log_spectral_distance_follows_its_definition(tone):
    target, other = tone(220, seconds=1.0, sample_rate=RATE), tone(330, seconds=1.0, sample_rate=RATE)
    s, t = (scipy_magnitudes(x, 2048, 512) for x in (target, other))
    floor = s.max() * 1e-4
    assert s.shape == (1025, 1 + RATE // 512)  # as many frames as librosa and torch make of centred ones
    apart = 20 * np.log10(np.maximum(s, floor) / np.maximum(t, floor))
    expected = np.sqrt((apart**2).mean(axis=0)).mean()
    assert expected > 5
    assert log_spectral_distance(target, other, RATE) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("distance", [multi_scale_spectral_distance, log_spectral_distance])
def test_the_same_sound_the_length_and_files(distance, tone, tmp_path):
    sound = tone(220, seconds=0.5, sample_rate=RATE)
    assert distance(sound, sound, RATE) == 0
    assert distance(sound, np.concatenate([sound, np.ones(50, np.float32)]), RATE) == 0
    cut = sound[: len(sound) // 2]
    padded = np.concatenate([cut, np.zeros(len(sound) - len(cut))])
    assert distance(sound, cut, RATE) == distance(sound, padded, RATE) > 0.1
    soundfile.write(tmp_path / "a.wav", sound, RATE, subtype="FLOAT")
    assert distance(tmp_path / "a.wav", sound, RATE) == 0


def test_long_sounds_are_taken_in_pieces_without_a_seam(tone, monkeypatch):
    sound, other = tone(220, seconds=0.5, sample_rate=RATE), tone(230, seconds=0.5, sample_rate=RATE)
    whole = multi_scale_spectral_distance(sound, other, RATE), log_spectral_distance(sound, other, RATE)
    monkeypatch.setattr("ddx7.audio.metrics.spectral._BLOCK", 1 << 13)
    pieces = multi_scale_spectral_distance(sound, other, RATE), log_spectral_distance(sound, other, RATE)
    assert pieces == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("distance", [multi_scale_spectral_distance, log_spectral_distance])
@pytest.mark.parametrize(
    ("target", "other", "message"),
    [
        (np.ones(1024), np.ones(1024), "1024 samples, more than 1024"),
        (np.ones((2, 4000)), np.ones(4000), "target of a distance has the shape"),
        (np.ones(4000), np.full(4000, np.nan), "other sound of a distance holds NaN"),
    ],
)
def test_sounds_that_cannot_be_compared(distance, target, other, message):
    with pytest.raises(Ddx7Error, match=message):
        distance(target, other, RATE)


def test_silence(tone):
    sound = tone(220, seconds=0.5, sample_rate=RATE)
    assert np.isfinite(log_spectral_distance(sound, np.zeros(10), RATE))
    assert np.isfinite(multi_scale_spectral_distance(np.zeros(len(sound)), sound, RATE))
    with pytest.raises(AudioError, match="silent"):
        log_spectral_distance(np.zeros(4000), sound, RATE)
