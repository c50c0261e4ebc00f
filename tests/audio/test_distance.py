import librosa
import numpy as np
import pytest

from ddx7.audio import log_mel_distance, mel_target
from ddx7.errors import AudioError

RATE = 44_100


def test_the_distance_follows_its_definition(tone, plain_stft):
    filters = librosa.filters.mel(sr=RATE, n_fft=2048, n_mels=128, fmin=30, fmax=16_000).T.astype(np.float64)

    def mel_db(sound):
        power = np.square(plain_stft(sound, 2048, 512)) @ filters
        return 10 * np.log10(np.maximum(power / np.mean(sound.astype(np.float64) ** 2), 1e-20))

    noise = np.random.default_rng(0).normal(0, 0.1, len(tone(220))).astype(np.float32)
    for target, other in [(tone(220), tone(330)), (tone(220), noise), (noise, tone(220))]:
        expected, result = mel_db(target), mel_db(other)
        floor = expected.max() - 80
        difference = np.mean(np.abs(np.maximum(expected, floor) - np.maximum(result, floor)))
        assert log_mel_distance(target, other) == pytest.approx(difference, rel=1e-4)
        assert difference > 3


def test_the_same_sound_at_another_level_is_at_zero(tone):
    assert log_mel_distance(tone(220), 0.01 * tone(220)) == pytest.approx(0, abs=1e-4)


def test_six_decibels_in_some_bands_change_the_mean_by_their_share():
    noise = np.random.default_rng(0).normal(0, 0.1, 2 * RATE)
    f_hz = np.fft.rfftfreq(len(noise), 1 / RATE)
    louder = np.fft.irfft(np.fft.rfft(noise) * np.where(f_hz < 1000, 2.0, 1.0), len(noise))
    matched_db = 10 * np.log10(np.mean(louder**2) / np.mean(noise**2))  # RMS matching removes this everywhere
    share = np.mean(librosa.mel_frequencies(130, fmin=30, fmax=16_000)[1:-1] < 1000)
    expected = share * (20 * np.log10(2) - matched_db) + (1 - share) * matched_db
    assert log_mel_distance(noise, louder) == pytest.approx(expected, rel=0.03)


def test_length_and_rate_follow_the_target(tone):
    target = tone(220, seconds=1.0)
    assert log_mel_distance(target, np.concatenate([target, np.ones(9000)])) == pytest.approx(0, abs=1e-4)
    cut = target[: RATE // 2]
    padded = np.concatenate([cut, np.zeros(len(target) - len(cut), np.float32)])
    assert log_mel_distance(target, cut) == log_mel_distance(target, padded) > 1
    slow, other = tone(220, {1: 1, 2: 0.5}, sample_rate=22_050), tone(220, {1: 1, 3: 0.5}, sample_rate=22_050)
    same_at_44 = log_mel_distance(tone(220, {1: 1, 2: 0.5}), tone(220, {1: 1, 3: 0.5}))
    assert log_mel_distance(slow, other, 22_050) == pytest.approx(same_at_44, rel=0.1)


def test_levels_eighty_decibels_down_do_not_count(tone):
    loud = tone(220, {1: 1.0}, attack_s=0.1, decay_per_s=0.0)
    faint = tone(5000, {1: 1.0}, attack_s=0.1, decay_per_s=0.0)
    assert log_mel_distance(loud, loud + 2e-5 * faint) < 0.01
    assert log_mel_distance(loud, loud + 1e-2 * faint) > 0.3


def test_silence_has_a_finite_distance_and_is_no_target(tone):
    distance = log_mel_distance(tone(220), np.zeros(10))
    assert 10 < distance < 80
    with pytest.raises(AudioError, match="silent"):
        log_mel_distance(np.zeros(1000), tone(220))
    with pytest.raises(AudioError, match="other sound of a distance holds NaN"):
        log_mel_distance(tone(220), np.full(1000, np.nan))


def test_random_voices_are_about_fourteen_decibels_from_recordings(shared):
    """The scale of reported distances."""
    import soundfile

    from ddx7.audio import read_audio

    target = read_audio(shared / "audio/oneshots/wav44k/rhodes_A_059__B3_1.flac").samples[: 2 * RATE]
    folder = shared / "golden/corpus_voices/audio"
    others = [soundfile.read(folder / f"{i:04d}.flac")[0] for i in range(20)]
    distances = [log_mel_distance(target, other) for other in others if np.abs(other).max() > 0.01]
    assert len(distances) > 10
    assert 10 < np.median(distances) < 25


def test_a_target_analysed_once_gives_the_same_distances(tone):
    target = mel_target(tone(220))
    for other in (tone(220), tone(330), tone(330)[:5000], np.zeros(10)):
        assert target.distance(other) == log_mel_distance(tone(220), other)
