"""Damaged sound files: RIFF chunk by chunk with true and false sizes, then cuts and overwritten bytes in any format."""

import io
import struct
from pathlib import Path
from typing import NamedTuple

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
    """

    most_frames: int | None


def tone(n: int, rate: int = 8000) -> np.ndarray:
    """A decaying tone of 300 Hz, float32 [time]."""
    t = np.arange(n) / rate
    return (0.5 * np.sin(2 * np.pi * 300 * t) * np.exp(-2 * t)).astype(np.float32)


_SIZES = st.one_of(st.none(), st.sampled_from([0, 1, 0x7FFFFFFF, 0xFFFFFFFF]), st.integers(0, 1 << 32 - 1))


@st.composite
def wav_files(draw: st.DrawFn) -> DamagedFile:
    """RIFF files whose sizes, format fields and chunks may lie."""
    bits = draw(st.sampled_from([8, 16, 24, 32]))
    channels = draw(st.integers(1, 3))
    sound = np.round(tone(draw(st.integers(0, 3000))) * (2 ** (bits - 1) - 1)).astype("<i4") + 128 * (bits == 8)
    data = np.repeat(sound, channels).view(np.uint8).reshape(-1, 4)[:, : bits // 8].tobytes()
    rate = draw(st.sampled_from([8000, 8000, 44056, 0, 1, 0xFFFFFFFF]))
    tag = draw(st.sampled_from([1, 1, 1, 2, 3, 6, 7, 0x11, 0x55, 0xFFFE, 0]))
    align = draw(st.sampled_from([channels * bits // 8] * 3 + [0, 1, 0xFFFF]))
    fmt = struct.pack("<HHIIHH", tag, channels, rate, rate * align & 0xFFFFFFFF, align, bits)
    chunks = [(b"fmt ", fmt), (b"data", data)]
    extra = st.tuples(st.sampled_from([b"LIST", b"fact", b"cue ", b"\0\0\0\0", b"data"]), st.binary(max_size=40))
    for chunk in draw(st.lists(extra, max_size=3)):
        chunks.insert(draw(st.integers(0, len(chunks))), chunk)
    body = b"WAVE"
    for name, content in chunks:
        size = draw(_SIZES)
        body += name + struct.pack("<I", len(content) if size is None else size & 0xFFFFFFFF) + content
        body += b"\0" * (len(content) % 2)
    size = draw(_SIZES)
    whole = b"RIFF" + struct.pack("<I", len(body) if size is None else size & 0xFFFFFFFF) + body
    return DamagedFile(whole[: draw(st.integers(0, len(whole))) if draw(st.booleans()) else None], SoundTruth(None))


def _encoded(container: str, subtype: str) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.stack([tone(12_000)] * 2, axis=1), 8000, format=container, subtype=subtype)
    return buffer.getvalue()


def damaged(container: str, subtype: str) -> st.SearchStrategy[DamagedFile]:
    """A whole file of a format with bytes overwritten, removed or repeated, and perhaps its end cut off."""
    whole = _encoded(container, subtype)

    @st.composite
    def files(draw: st.DrawFn) -> DamagedFile:
        data = bytearray(whole)
        for _ in range(draw(st.integers(0, 4))):
            near_start = draw(st.booleans())
            at = draw(st.integers(0, 200 if near_start else len(data)))
            match draw(st.sampled_from(["set", "delete", "repeat"])):
                case "set":
                    new = draw(st.binary(min_size=1, max_size=8))
                    data[at : at + len(new)] = new
                case "delete":
                    del data[at : at + draw(st.integers(1, 500))]
                case _:
                    data[at:at] = data[at : at + draw(st.integers(1, 500))]
        if draw(st.booleans()):
            del data[draw(st.integers(0, len(data))) :]
        return DamagedFile(bytes(data), SoundTruth(None))

    return files()


def read(path: Path, file: DamagedFile) -> Outcome:
    """Read a sound file as every command does."""
    try:
        recording = read_audio(path)
    except AudioError as error:
        one_sentence(error, path)
        return "refused"
    assert np.isfinite(recording.samples).all()
    most = file.truth.most_frames
    assert most is None or len(recording.samples) <= most, f"{len(recording.samples)} samples, at most {most} exist"
    return "whole"


READERS = (
    Reader("wav", ".wav", wav_files(), read),
    Reader("aiff", ".aiff", damaged("AIFF", "PCM_16"), read),
    Reader("flac", ".flac", damaged("FLAC", "PCM_16"), read),
    Reader("mp3", ".mp3", damaged("MP3", "MPEG_LAYER_III"), read),
    Reader("ogg", ".ogg", damaged("OGG", "VORBIS"), read),
)
