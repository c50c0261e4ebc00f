import numpy as np
import pytest
import soundfile

from ddx7.audio import peak_limit, read_audio, resample, write_audio
from ddx7.audio.files import audio_duration
from ddx7.errors import AudioError, Ddx7Error

RATE = 44_100


def sine(f_hz: float, rate: int = RATE, seconds: float = 0.5) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * f_hz * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


def strongest_hz(samples: np.ndarray, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 18))
    return float(np.argmax(spectrum) * rate / (1 << 18))


@pytest.mark.parametrize(
    ("name", "subtype"),
    [
        ("a.wav", "PCM_16"),
        ("a.wav", "FLOAT"),
        ("a.flac", "PCM_24"),
        ("a.ogg", "VORBIS"),
        ("a.aiff", "PCM_16"),
        ("a.mp3", "MPEG_LAYER_III"),
    ],
)
@pytest.mark.parametrize(("rate", "channels"), [(16_000, 1), (44_100, 2), (48_000, 2)])
def test_any_common_format_is_read_as_mono(tmp_path, name, subtype, rate, channels):
    path = tmp_path / name
    soundfile.write(path, np.stack([sine(440, rate)] * channels, axis=1), rate, subtype=subtype)
    recording = read_audio(path)
    assert (recording.sample_rate, recording.samples.dtype, recording.samples.ndim) == (rate, np.float32, 1)
    assert recording.duration_s == pytest.approx(0.5, abs=0.1)  # MP3 pads
    assert strongest_hz(recording.samples, rate) == pytest.approx(440, abs=1)
    assert np.abs(recording.samples).max() == pytest.approx(0.5, rel=0.1)


def test_channels_are_averaged_across_block_borders(tmp_path):
    left, right = np.random.default_rng(0).uniform(-1, 1, (2, 200_000)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], axis=1), RATE, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav").samples, (left + right) / 2, atol=1e-7)


@pytest.mark.parametrize(("from_rate", "to_rate"), [(16_000, 44_100), (48_000, 44_100), (96_000, 22_050)])
def test_resampling_keeps_pitch_level_and_time(tmp_path, from_rate, to_rate):
    soundfile.write(tmp_path / "a.wav", sine(1000, from_rate), from_rate, subtype="FLOAT")
    recording = read_audio(tmp_path / "a.wav", sample_rate=to_rate)
    assert recording.sample_rate == to_rate
    inner = slice(to_rate // 10, -to_rate // 10)
    np.testing.assert_allclose(
        recording.samples[inner], sine(1000, to_rate)[: len(recording.samples)][inner], atol=1e-4
    )


def test_resampling_does_not_alias():
    above = sine(15_000, 44_100)
    assert np.abs(resample(above, 44_100, 22_050)[1000:-1000]).max() < 1e-4


def bad_file(tmp_path, kind: str):
    path = tmp_path / f"{kind}.wav"
    match kind:
        case "missing":
            return path
        case "folder":
            path.mkdir()
        case "empty":
            path.write_bytes(b"")
        case "text":
            path.write_text("this is not sound\n" * 50)
        case "headerless":
            path = path.with_suffix(".raw")
            path.write_bytes(bytes(range(256)))
        case "nothing":
            soundfile.write(path, np.zeros(0), RATE)
        case "silent":
            soundfile.write(path, np.zeros(1000), RATE)
        case "nan":
            soundfile.write(path, np.where(np.arange(1000) < 7, np.nan, 0.1), RATE, subtype="FLOAT")
        case "infinite":
            soundfile.write(path, np.where(np.arange(1000) < 7, np.inf, 0.1), RATE, subtype="DOUBLE")
        case "absurd":
            soundfile.write(path, np.full(1000, 1e30), RATE, subtype="FLOAT")
        case "long":
            soundfile.write(path, np.ones(3 * 8000), 8000)
        case "cut":
            soundfile.write(path, sine(440), RATE)
            path.write_bytes(path.read_bytes()[:20])
    return path


BAD_FILES = {
    "missing": "no such file",
    "folder": "is a folder",
    "empty": "file is empty",
    "text": "cannot be decoded",
    "headerless": "cannot be decoded",
    "nothing": "0 samples",
    "silent": "only silence",
    "nan": "7 of 1,000 samples are NaN",
    "infinite": "7 of 1,000 samples are NaN or infinite",
    "absurd": "not sound",
    "long": "at most 2 s",
    "cut": "cannot be decoded",
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_file_that_cannot_be_used_gets_one_sentence(tmp_path, kind):
    path = bad_file(tmp_path, kind)
    with pytest.raises(AudioError) as caught:
        read_audio(path, max_seconds=2)
    message = str(caught.value)
    assert BAD_FILES[kind] in message
    assert message.startswith(str(path))
    assert "\n" not in message


def test_a_long_file_is_refused_before_it_is_decoded(tmp_path):
    soundfile.write(tmp_path / "hour.wav", np.zeros(8000 * 3600, np.int16), 8000, subtype="PCM_U8")
    with pytest.raises(AudioError, match="3,600 s in 1 channels, at most 600 s"):
        read_audio(tmp_path / "hour.wav")


def test_the_samples_of_a_compressed_file_decide_whether_it_is_too_long(tmp_path):
    path = tmp_path / "hour.flac"
    soundfile.write(path, np.tile(np.int16([9000, -9000]), 4000 * 3600), 8000)  # 57 KB
    with pytest.raises(AudioError, match="3,600 s in 1 channels, at most 600 s"):
        read_audio(path)
    path.write_bytes(path.read_bytes()[:1000])
    recording = read_audio(path)
    assert 0.1 < recording.duration_s < 600
    assert recording.report.announced_samples == 8000 * 3600


def test_many_channels_are_refused_before_they_are_decoded(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.ones((8000, 100), np.float32), 8000)
    with pytest.raises(AudioError, match="100 channels"):
        read_audio(tmp_path / "a.wav", max_seconds=1.5)


@pytest.mark.parametrize("suffix", [".wav", ".FLAC"])
def test_written_sound_reads_back(tmp_path, suffix):
    expected = np.random.default_rng(0).uniform(-1, 1, 5000).astype(np.float32)
    path = write_audio(tmp_path / f"a{suffix}", expected, 48_000)
    result = read_audio(path)
    assert result.sample_rate == 48_000
    np.testing.assert_allclose(result.samples, expected, atol=2.0**-23)


def test_full_scale_survives_writing(tmp_path):
    result = read_audio(write_audio(tmp_path / "a.wav", np.array([1.0, -1.0, 1.0, 0.0]), RATE))
    np.testing.assert_allclose(result.samples, [1, -1, 1, 0], atol=2.0**-22)


def test_writing_never_overwrites_unasked(tmp_path):
    path = write_audio(tmp_path / "a.wav", sine(440), RATE)
    before = path.read_bytes()
    with pytest.raises(Ddx7Error, match="exists already"):
        write_audio(path, sine(880), RATE)
    assert path.read_bytes() == before
    write_audio(path, sine(880), RATE, force=True)
    assert strongest_hz(read_audio(path).samples, RATE) == pytest.approx(880, abs=1)


@pytest.mark.parametrize(
    ("name", "samples", "message"),
    [
        ("a.mp3", np.ones(10), "cannot write .mp3"),
        ("a", np.ones(10), "without suffix"),
        ("a.wav", np.ones(0), "shape (0,)"),
        ("a.wav", np.ones((10, 2)), "shape (10, 2)"),
        ("a.wav", np.array([0.1, np.nan]), "NaN"),
        ("a.wav", np.array([0.1, -np.inf]), "NaN or infinite"),
        ("a.wav", np.array([0.1, -1.25]), "peaks at 1.250"),
    ],
)
def test_unwritable_sounds_are_refused_and_leave_no_file(tmp_path, name, samples, message):
    with pytest.raises(Ddx7Error) as caught:
        write_audio(tmp_path / name, samples, RATE)
    assert message in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_peak_limit_only_turns_down():
    loud, quiet = np.array([[0.5, -4.0], [1.0, 2.0]]), np.array([0.5, -0.1])
    np.testing.assert_allclose(peak_limit(loud, -6.0), loud * 10 ** (-6 / 20) / 4, rtol=1e-6)
    np.testing.assert_array_equal(peak_limit(quiet), quiet.astype(np.float32))
    assert np.abs(peak_limit(loud)).max() <= 10 ** (-1 / 20) + 1e-6
    np.testing.assert_array_equal(peak_limit(np.zeros(4)), np.zeros(4))


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_a_part_of_a_file_is_the_part_of_its_sound(tmp_path, name):
    sound = np.random.default_rng(0).uniform(-0.9, 0.9, 3 * RATE)
    soundfile.write(tmp_path / name, sound, RATE)
    whole = read_audio(tmp_path / name).samples
    assert audio_duration(tmp_path / name) == 3.0
    part = read_audio(tmp_path / name, start_s=0.5, stop_s=2.25, max_seconds=2.0).samples
    np.testing.assert_array_equal(part, whole[RATE // 2 : round(2.25 * RATE)])
    np.testing.assert_array_equal(read_audio(tmp_path / name, start_s=2.0).samples, whole[2 * RATE :])
    np.testing.assert_array_equal(read_audio(tmp_path / name, stop_s=9.0).samples, whole)
    with pytest.raises(AudioError, match="3 s in 1 channels, at most 2 s"):
        read_audio(tmp_path / name, max_seconds=2.0)
