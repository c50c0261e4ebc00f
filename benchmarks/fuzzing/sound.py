"""Damaged sound files: RIFF chunk by chunk with true and false sizes, then cuts and overwritten bytes in any format."""

import io
import os
import struct
import subprocess
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
import soundfile
from hypothesis import strategies as st

from ddx7.audio import read_audio
from ddx7.errors import AudioError
from fuzzing.reader import DamagedFile, Outcome, Reader, one_sentence


class SoundTruth(NamedTuple):
    """What a file holds.

    Attributes:
      most_frames: frames that its bytes can hold; None where only a decoder could tell.
      lies: whether the length that it announces is wrong by more than padding.
      whole: samples of the undamaged file, where checksums in it let a reader notice every damage; otherwise None.
    """

    most_frames: int | None = None
    lies: bool = False
    whole: np.ndarray | None = None


def tone(n: int, rate: int = 8000) -> np.ndarray:
    """A decaying tone of 300 Hz, float32 [time]."""
    t = np.arange(n) / rate
    return (0.5 * np.sin(2 * np.pi * 300 * t) * np.exp(-2 * t)).astype(np.float32)


_BITS = st.sampled_from([8, 16, 24, 32])
_SIZES = st.one_of(st.none(), st.sampled_from([0, 1, 0x7FFFFFFF, 0xFFFFFFFF]), st.integers(0, 1 << 32 - 1))


class RiffFields(NamedTuple):
    """Fields of a RIFF file, some of them false."""

    bits: int
    channels: int
    rate: int
    tag: int
    align: int


_FIELDS = st.one_of(
    st.builds(
        lambda bits, channels: RiffFields(bits, channels, 8000, 1, channels * bits // 8), _BITS, st.integers(1, 3)
    ),
    st.builds(
        RiffFields,
        _BITS,
        st.integers(1, 8),
        st.sampled_from([8000, 44056, 0, 1, 0xFFFFFFFF]),
        st.sampled_from([1, 2, 3, 6, 7, 0x11, 0x50, 0x55, 0xFFFE, 0]),
        st.sampled_from([0, 1, 2, 4, 0xFFFF]),
    ),
)


@st.composite
def wav_files(draw: st.DrawFn) -> DamagedFile:
    """RIFF files whose sizes, format fields and chunks may lie."""
    fields = draw(_FIELDS)
    bits, channels, rate, tag, align = fields
    sound = np.round(tone(draw(st.integers(0, 3000))) * (2 ** (bits - 1) - 1)).astype("<i4") + 128 * (bits == 8)
    data = np.repeat(sound, channels).astype("<i4").view(np.uint8).reshape(-1, 4)[:, : bits // 8].tobytes()
    fmt = struct.pack("<HHIIHH", tag, channels, rate, rate * align & 0xFFFFFFFF, align, bits)
    chunks = [(b"fmt ", fmt), (b"data", data)]
    extra = st.tuples(st.sampled_from([b"LIST", b"fact", b"cue ", b"\0\0\0\0", b"data"]), st.binary(max_size=40))
    extras = draw(st.lists(extra, max_size=3))
    for chunk in extras:
        chunks.insert(draw(st.integers(0, len(chunks))), chunk)
    body, begins, data_size = b"WAVE", 0, None
    for name, content in chunks:
        size = draw(_SIZES)
        body += name + struct.pack("<I", len(content) if size is None else size & 0xFFFFFFFF)
        if content is data and name == b"data":
            begins, data_size = len(body) + 8, size
        body += content + b"\0" * (len(content) % 2)
    size = draw(_SIZES)
    file = b"RIFF" + struct.pack("<I", len(body) if size is None else size & 0xFFFFFFFF) + body
    if draw(st.booleans()):
        file = file[: np.random.default_rng(draw(st.integers(0, 1 << 32))).integers(len(file) + 1)]
    honest = fields == RiffFields(bits, channels, 8000, 1, channels * bits // 8) and not extras
    if not honest:
        return DamagedFile(file)
    frame = channels * bits // 8
    there = max(len(file) - begins, 0) // frame
    announced = len(sound) if data_size is None else (data_size & 0xFFFFFFFF) // frame
    return DamagedFile(file, SoundTruth(there, lies=abs(announced - there) * frame >= 16 + frame))


def _encoded(container: str, subtype: str) -> bytes:
    buffer = io.BytesIO()
    sound = tone(60_000 if subtype == "VORBIS" else 12_000)  # several pages of Ogg
    sound = sound + np.random.default_rng(0).normal(0, 0.01, len(sound)).astype(np.float32)
    soundfile.write(buffer, np.stack([sound] * 2, axis=1), 8000, format=container, subtype=subtype)
    return buffer.getvalue()


def _aac() -> bytes:
    """An MPEG-4 file with AAC by ffmpeg; nothing where it is not installed."""
    command = "ffmpeg -v error -i - -c:a aac -movflags +frag_keyframe+empty_moov -f mp4 -".split()
    try:
        return subprocess.run(command, input=_encoded("WAV", "PCM_16"), capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return b""


def damaged(container: str, subtype: str, *, checked: bool = False) -> st.SearchStrategy[DamagedFile]:
    """A whole file of a format with bytes overwritten, removed or repeated, and perhaps its end cut off.

    Args:
      container: of soundfile.
      subtype: likewise.
      checked: whether the format has checksums, so that a result without a remark must be the undamaged sound.
    """
    whole = _encoded(container, subtype)
    with soundfile.SoundFile(io.BytesIO(whole)) as file:
        truth = SoundTruth(whole=file.read(dtype="float32").mean(axis=1) if checked else None)

    return damaged_bytes(whole, truth)


def damaged_bytes(whole: bytes, truth: SoundTruth) -> st.SearchStrategy[DamagedFile]:
    """Damage as `damaged` does it to a file that is there."""

    @st.composite
    def files(draw: st.DrawFn) -> DamagedFile:
        data = bytearray(whole)
        # Hypothesis prefers small numbers, which would damage little but headers.
        rng = np.random.default_rng(draw(st.integers(0, 1 << 32)))
        for _ in range(draw(st.integers(0, 3))):
            at = rng.integers(200 if rng.random() < 0.2 else len(data) + 1)
            match draw(st.sampled_from(["set", "delete", "repeat"])):
                case "set":
                    new = draw(st.binary(min_size=1, max_size=8))
                    data[at : at + len(new)] = new
                case "delete":
                    del data[at : at + draw(st.integers(1, 500))]
                case _:
                    data[at:at] = data[at : at + draw(st.integers(1, 500))]
        if draw(st.booleans()):
            del data[rng.integers(len(data) + 1) :]
        return DamagedFile(bytes(data), truth)

    return files()


def read(path: Path, file: DamagedFile) -> Outcome:
    """Read a sound file as every command does, by libsndfile alone: ffmpeg takes longer than all other work."""
    with patch.dict(os.environ, PATH=""):
        return read_through_ffmpeg(path, file)


def read_through_ffmpeg(path: Path, file: DamagedFile) -> Outcome:
    """Read a sound file as every command does."""
    try:
        recording = read_audio(path)
    except AudioError as error:
        one_sentence(error, path)
        return "refused"
    assert np.isfinite(recording.samples).all()
    assert recording.report is not None
    assert recording.report.decoded_samples == len(recording.samples)
    truth = file.truth or SoundTruth()
    if truth.most_frames is not None:
        assert len(recording.samples) <= truth.most_frames, f"{len(recording.samples)} of {truth.most_frames} samples"
    if recording.remarks:
        return "remarked"
    assert not truth.lies, "no remark on a length that lies"
    if truth.whole is not None:
        same = len(recording.samples) == len(truth.whole) and np.allclose(recording.samples, truth.whole, atol=1e-6)
        assert same, f"other samples than those of the whole file, and no remark ({recording.report})"
    return "whole"


READERS = (
    Reader("wav", ".wav", wav_files(), read),
    Reader("m4a", ".m4a", st.deferred(lambda: damaged_bytes(_aac(), SoundTruth())), read_through_ffmpeg),
    Reader("aiff", ".aiff", damaged("AIFF", "PCM_16"), read),
    Reader("w64", ".w64", damaged("W64", "PCM_24"), read),
    Reader("flac", ".flac", damaged("FLAC", "PCM_16", checked=True), read),
    Reader("mp3", ".mp3", damaged("MP3", "MPEG_LAYER_III"), read),
    Reader("ogg", ".ogg", damaged("OGG", "VORBIS", checked=True), read),
)
