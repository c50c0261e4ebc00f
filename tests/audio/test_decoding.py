"""What comes in is what is there: wrong lengths, damage, formats by content, and reports."""

import io
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ddx7.audio import read_audio
from ddx7.audio.files import audio_duration
from ddx7.errors import AudioError

RATE = 44_100
NOTE = (0.5 * np.sin(2 * np.pi * 330 * np.arange(RATE) / RATE) * np.exp(-np.arange(RATE) / RATE)).astype(np.float32)
NOTE_16 = np.round(NOTE * 32767).astype("<i2")


def encoded(container: str = "WAV", subtype: str = "PCM_16", sound: np.ndarray = NOTE_16, rate: int = RATE) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, sound, rate, format=container, subtype=subtype)
    return buffer.getvalue()


@pytest.fixture
def read(tmp_path):
    def read_bytes(data: bytes, name: str = "a.wav", **options):
        (tmp_path / name).write_bytes(data)
        return read_audio(tmp_path / name, **options)

    return read_bytes


def with_data_size(size: int, riff: int | None = None) -> bytes:
    wav = bytearray(encoded())
    at = wav.index(b"data") + 4
    wav[at : at + 4] = struct.pack("<I", size)
    if riff is not None:
        wav[4:8] = struct.pack("<I", riff)
    return bytes(wav)


@pytest.mark.parametrize("size", [0, 1000, 88_000, 1 << 20, 0x7FFFFFFF, 0xFFFFFFFE])
def test_a_wav_file_whose_data_size_lies_gives_the_samples_that_are_there(read, size):
    recording = read(with_data_size(size))
    np.testing.assert_array_equal(recording.samples, NOTE_16 / np.float32(32768))
    assert (recording.report.announced_samples, recording.report.decoded_samples) == (size // 2, RATE)
    assert f"announces {size // 2:,} samples, 44,100 are there" in recording.remarks[0]


@pytest.mark.parametrize("riff", [0, 0xFFFFFFFF])
@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_wav_file_that_was_never_finished_is_read_to_its_end(read, size, riff):
    recording = read(with_data_size(size, riff))
    np.testing.assert_array_equal(recording.samples, NOTE_16 / np.float32(32768))
    assert len(recording.remarks) == 1


def test_samples_that_look_like_a_chunk_are_samples(read):
    sound = np.frombuffer(b"HHCCAACC" * 500, np.uint8)
    wav = bytearray(encoded(sound=(sound.astype(np.float32) - 128) / 128, subtype="PCM_U8", rate=8000))
    at = wav.index(b"data") + 4
    wav[at : at + 4] = struct.pack("<I", 1000)
    recording = read(bytes(wav))
    assert len(recording.samples) == len(sound)
    assert "announces 1,000 samples, 4,000 are there" in recording.remarks[0]


def test_bytes_after_a_whole_wav_file_are_no_sound(read):
    recording = read(encoded() + bytes([200]) * 5000)
    assert len(recording.samples) == RATE
    assert recording.remarks == ("5,000 bytes after the sound are not read",)
    tagged = encoded() + b"LIST" + struct.pack("<I", 4) + b"INFO"
    assert not read(tagged).remarks


@pytest.mark.parametrize("container", ["WAV", "AIFF", "W64", "RF64", "AU"])
def test_what_is_left_of_a_cut_file_is_read(read, container):
    whole = encoded(container)
    recording = read(whole[: len(whole) // 2])
    n = len(recording.samples)
    assert 0.49 * RATE < n < 0.5 * RATE
    np.testing.assert_array_equal(recording.samples, NOTE_16[:n] / np.float32(32768))
    if container != "AU":
        assert recording.report.announced_samples == RATE
        assert f"announces 44,100 samples, {n:,} are there" in recording.remarks[0]


@pytest.mark.parametrize(("chunk", "wrong"), [(b"SSND", 8), (b"SSND", 1000), (b"SSND", 0xFFFFFFFF), (b"COMM", 1000)])
def test_an_aiff_file_whose_counts_lie_gives_the_samples_that_are_there(read, chunk, wrong):
    aiff = bytearray(encoded("AIFF"))
    at = aiff.index(chunk) + (4 if chunk == b"SSND" else 10)
    aiff[at : at + 4] = struct.pack(">I", wrong)
    recording = read(bytes(aiff))
    np.testing.assert_array_equal(recording.samples, NOTE_16 / np.float32(32768))
    if chunk == b"COMM":
        assert "announces 1,000 samples, 44,100 are there" in recording.remarks[0]


@pytest.mark.parametrize("total", [0, 1000, RATE, 3 * RATE, (1 << 36) - 1])
def test_a_flac_file_gives_all_its_frames_whatever_total_it_announces(read, tmp_path, total):
    flac = bytearray(encoded("FLAC"))
    flac[21:26] = ((flac[21] >> 4) << 36 | total).to_bytes(5, "big")
    recording = read(bytes(flac), "a.flac")
    np.testing.assert_array_equal(recording.samples, NOTE_16 / np.float32(32768))
    assert bool(recording.remarks) == (total not in (0, RATE))
    assert recording.report.announced_samples == (total or None)
    assert audio_duration(tmp_path / "a.flac") == pytest.approx(1.0)


def test_a_flac_file_is_read_up_to_its_damage(read):
    flac = bytearray(encoded("FLAC"))
    flac[len(flac) // 2] ^= 0xFF
    recording = read(bytes(flac), "a.flac")
    n = len(recording.samples)
    assert 0.2 * RATE < n < 0.6 * RATE
    np.testing.assert_array_equal(recording.samples, NOTE_16[:n] / np.float32(32768))
    assert recording.remarks == (f"damaged: {n:,} of 44,100 announced samples can be decoded",)


def test_a_cut_mp3_file_gives_what_is_left_and_prints_nothing(read, capfd):
    mp3 = encoded("MP3", "MPEG_LAYER_III")
    recording = read(mp3[: len(mp3) * 6 // 10], "a.mp3")
    n = len(recording.samples)
    assert 0.45 * RATE < n < 0.6 * RATE
    assert recording.report.announced_samples == RATE
    assert f"announces 44,100 samples, {n:,} are there" in recording.remarks[0]
    assert capfd.readouterr() == ("", "")


def test_an_mp3_file_that_announces_too_few_frames_is_read_whole(read):
    mp3 = bytearray(encoded("MP3", "MPEG_LAYER_III"))
    at = max(mp3.find(b"Xing"), mp3.find(b"Info")) + 8
    mp3[at : at + 4] = struct.pack(">I", 10)
    recording = read(bytes(mp3), "a.mp3")
    assert len(recording.samples) == pytest.approx(RATE, abs=1152)
    assert "announces 11,520 samples" in recording.remarks[0]


def test_damage_between_the_frames_of_an_mp3_file_is_told(read):
    mp3 = encoded("MP3", "MPEG_LAYER_III")
    half = len(mp3) // 2
    recording = read(mp3[:half] + b"\x12" * 3000 + mp3[half:], "a.mp3")
    assert any("bytes between its frames are damaged" in remark for remark in recording.remarks)


def test_an_ogg_file_without_its_last_page_says_so(read):
    sound = np.tile(NOTE, 8)
    ogg = encoded("OGG", "VORBIS", sound)
    assert not read(ogg, "a.ogg").remarks
    recording = read(ogg[: len(ogg) * 7 // 10], "a.ogg")
    assert 0 < len(recording.samples) < len(sound)
    assert "the last page is missing" in recording.remarks[0]
    last_page = bytearray(ogg)
    last_page[-100] ^= 0xFF
    assert "pages are missing or damaged" in read(bytes(last_page), "a.ogg").remarks[0]
    damaged = bytearray(ogg)
    damaged[len(ogg) // 2] ^= 0xFF
    assert "are there" in read(bytes(damaged), "a.ogg").remarks[-1]


def test_mp3_in_a_wav_file_is_not_called_damaged(tmp_path, shared):
    path = shared / "bug_inputs" / "mp3_in_wav_whole.wav"
    if not path.exists():
        pytest.skip(f"needs {path}")
    report = read_audio(path).report
    assert (report.announced_samples, report.decoded_samples) == (68_865, 67_968)
    assert "nothing is damaged" in report.remarks[0]


@pytest.mark.parametrize("name", ["a.mp3", "a.raw", "a.syx", "a", "a.txt", "a.FLAC"])
def test_the_content_decides_on_the_format_whatever_the_suffix_says(read, name):
    recording = read(encoded(), name)
    np.testing.assert_array_equal(recording.samples, NOTE_16 / np.float32(32768))
    assert recording.report.format == "WAV, Signed 16 bit PCM"
    assert read(encoded("FLAC"), name).report.format.startswith("FLAC")


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"remember the milk\n" * 20, "found text"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "found a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "found a Git LFS pointer"),
        (b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\4\0\xff\x2f\0", "found a Standard MIDI File"),
        (b"\xf0\x43\0\0\1\x1b" + bytes(156) + b"\xf7", "found SysEx"),
        (b"PK\x03\x04" + bytes(50), "found a ZIP archive"),
        (bytes(5000), "found zeros"),
        (bytes(range(1, 256)), "found bytes of no known format"),
    ],
)
def test_what_is_no_sound_is_named(read, data, found):
    with pytest.raises(AudioError, match=found) as caught:
        read(data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("rate", "wanted"), [(0, "0 Hz"), (12, "12 Hz"), (10**9, "1,000,000,000 Hz")])
def test_an_absurd_sample_rate_is_named(read, rate, wanted):
    wav = bytearray(encoded())
    wav[24:28] = struct.pack("<I", rate)
    with pytest.raises(AudioError, match=f"found a sample rate of {wanted}"):
        read(bytes(wav))


@pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 44_056, 96_000, 192_000])
@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "PCM_32", "DOUBLE", "ULAW", "MS_ADPCM"])
def test_any_rate_and_kind_of_samples_is_read(read, rate, subtype):
    sound = 0.5 * np.sin(2 * np.pi * 330 * np.arange(rate // 2) / rate)
    recording = read(encoded("WAV", subtype, sound, rate))
    assert recording.sample_rate == rate
    n = len(sound)
    assert n <= len(recording.samples) < n + 4096  # ADPCM fills its last block
    assert np.abs(recording.samples[:n] - sound).max() < 0.03
    assert not recording.remarks


def test_a_report_tells_what_was_done(read):
    stereo = np.stack([NOTE, NOTE], axis=1)
    recording = read(encoded("WAV", "PCM_24", stereo), sample_rate=16_000, start_s=0.25, stop_s=0.75)
    report = recording.report
    assert report.decoder.startswith("libsndfile 1.")
    assert (report.sample_rate, report.resampled_to, report.channels) == (RATE, 16_000, 2)
    assert (report.channel, report.announced_samples, report.decoded_samples) == ("average of 2 channels", RATE, 22_050)
    assert (report.from_s, report.cut, report.dc_offset, report.remarks) == (0.25, True, 0.0, ())
    assert len(recording.samples) == 8000


def test_a_constant_offset_is_removed_and_told(read):
    recording = read(encoded("WAV", "FLOAT", 0.5 * NOTE + np.float32(0.2)))
    np.testing.assert_allclose(recording.samples, 0.5 * NOTE, atol=0.002)
    assert recording.report.dc_offset == pytest.approx(0.2, abs=0.002)
    assert "a constant offset of 0.200 of full scale was removed" in recording.remarks


def with_ffmpeg() -> None:
    if subprocess.run(["sh", "-c", "command -v ffmpeg"], capture_output=True, check=False).returncode:
        pytest.skip("needs ffmpeg on the PATH")


def convert(tmp_path: Path, name: str, *options: str) -> Path:
    with_ffmpeg()
    (tmp_path / "source.wav").write_bytes(encoded())
    command = ["ffmpeg", "-v", "error", "-i", str(tmp_path / "source.wav"), *options, str(tmp_path / name)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip(f"this ffmpeg cannot write {name}")
    return tmp_path / name


FFMPEG_FORMATS = {
    "a.m4a": ("-c:a", "aac"),
    "a.aac": ("-c:a", "aac"),
    "a.webm": ("-c:a", "libopus"),
    "a.wma": ("-c:a", "wmav2"),
    "a.mkv": ("-c:a", "pcm_s16le"),
    "a.mov": ("-f", "mov", "-c:a", "alac"),
}


@pytest.mark.parametrize("name", FFMPEG_FORMATS)
def test_other_formats_are_read_through_ffmpeg_whatever_the_suffix_says(tmp_path, name):
    path = convert(tmp_path, name, *FFMPEG_FORMATS[name]).rename(tmp_path / "-odd name.wav")
    recording = read_audio(path)
    assert recording.report.decoder == "ffmpeg"
    assert recording.duration_s == pytest.approx(1.0, abs=0.07)
    spectrum = np.abs(np.fft.rfft(recording.samples * np.hanning(len(recording.samples))))
    assert np.argmax(spectrum) / recording.duration_s == pytest.approx(330, abs=2)
    assert audio_duration(path) == pytest.approx(1.0, abs=0.07)
    assert not recording.remarks


def test_a_cut_file_read_through_ffmpeg_says_so(tmp_path):
    path = convert(tmp_path, "a.mkv", "-c:a", "pcm_s16le")
    path.write_bytes(path.read_bytes()[:50_000])
    recording = read_audio(path)
    assert 0.4 < recording.duration_s < 0.6
    assert recording.remarks
    assert any("are there" in remark or "ffmpeg reports" in remark for remark in recording.remarks)


def test_a_damaged_file_that_ffmpeg_refuses_gets_one_sentence(tmp_path):
    path = convert(tmp_path, "a.m4a", "-c:a", "aac")
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(AudioError, match=r"found MPEG-4 .*\(ffmpeg: ") as caught:
        read_audio(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_without_ffmpeg_the_format_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    (tmp_path / "memo.wav").write_bytes(b"\0\0\0\x1cftypM4A " + bytes(100))
    with pytest.raises(AudioError, match=r"found MPEG-4 \(AAC or ALAC\), .* or ffmpeg on the PATH"):
        read_audio(tmp_path / "memo.wav")


def test_decoding_mp3_leaves_the_stderr_of_others_alone(tmp_path):
    mp3 = encoded("MP3", "MPEG_LAYER_III")
    (tmp_path / "a.mp3").write_bytes(mp3[: len(mp3) * 6 // 10])
    code = """
import sys, threading
from ddx7.audio import read_audio
def write():
    for k in range(2000): print(k, file=sys.stderr, flush=True)
writer = threading.Thread(target=write)
writer.start()
for _ in range(5): read_audio(sys.argv[1])
writer.join()
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.mp3")], capture_output=True, text=True, check=True
    )
    written = set(re.findall(r"^\d+$", done.stderr, re.MULTILINE))
    assert len({str(k) for k in range(2000)} - written) <= 20  # the decoder and another may write into one line
    assert "arning" not in done.stderr
