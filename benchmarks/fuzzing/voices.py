"""Damaged voice files: SysEx message by message, alone, in zip and tar archives, MIDI files and texts."""

import gzip
import io
import tarfile
import zipfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from ddx7.errors import SysexError
from ddx7.voice import load
from ddx7.voice.packing import in_range, pack, random_vced
from fuzzing.midi import number
from fuzzing.reader import DamagedFile, Outcome, Reader, one_sentence

_VCED = random_vced(np.random.default_rng(83), 256)


class VoiceTruth(NamedTuple):
    """What a file holds.

    Attributes:
      voices: those in dumps without damage, as bytes of the edit form; all of them must be found.
      is_damaged: whether a remark is due.
    """

    voices: Counter[bytes]
    is_damaged: bool


class Message(NamedTuple):
    """A message, the voices that it certainly holds, and whether a remark is due."""

    data: bytes
    voices: tuple[bytes, ...] = ()
    is_damaged: bool = False


def _sum(data: bytes) -> int:
    return -sum(data) & 0x7F


def _bank(first: int) -> Message:
    vced = _VCED[np.arange(first, first + 32) % len(_VCED)]
    data = pack(vced).tobytes()
    return Message(b"\xf0\x43\0\x09\x20\0" + data + bytes([_sum(data), 0xF7]), tuple(row.tobytes() for row in vced))


def _single(k: int) -> Message:
    data = _VCED[k].tobytes()
    return Message(b"\xf0\x43\0\0\x01\x1b" + data + bytes([_sum(data), 0xF7]), (data,))


_OTHERS = st.sampled_from(
    [
        b"\xf0\x43\x10\x19\x4d\0\xf7",
        b"\xf0\x43\0\x06\x08\x60" + bytes(1121) + b"\xf7",
        b"\xf0\x43\0\x04\x20\0" + bytes(4097) + b"\xf7",
        b"\xf0\x41\x30\0\0\x13\xf7",
        b"\xf0\x7e\x7f\x06\x01\xf7",
    ]
)
_DUMPS = st.one_of(st.builds(_bank, st.integers(0, 255)), st.builds(_single, st.integers(0, 255)))


@st.composite
def damaged_messages(draw: st.DrawFn) -> Message:
    """A dump with one fault."""
    message = draw(_DUMPS)
    data = bytearray(message.data)
    rng = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    at = int(rng.integers(6, len(data) - 2))
    match draw(st.sampled_from(["flip", "flips", "checksum", "end", "count", "format", "clock", "cut", "long"])):
        case "flip":
            data[at] ^= 1 << int(rng.integers(8))
        case "flips":
            for k in rng.integers(6, len(data) - 2, 40):
                data[k] = int(rng.integers(128))
            data[-2] = (_sum(data[6:-2]) + 1) & 0x7F
        case "checksum":
            data[-2] ^= 1
            return Message(bytes(data), message.voices, True)
        case "end":
            del data[-1]
            return Message(bytes(data), message.voices, True)
        case "count":
            data[4:6] = b"\x10\0"
            return Message(bytes(data), message.voices, True)
        case "format":
            data[3] ^= 9
            return Message(bytes(data), message.voices, True)
        case "clock":
            data[at:at] = b"\xf8"
            return Message(bytes(data), message.voices, True)
        case "cut":
            del data[at:]
        case _:
            data[-1:-1] = bytes(int(rng.integers(2, 50)))
    return Message(bytes(data), (), True)


_MESSAGES = st.one_of(
    _DUMPS,
    damaged_messages(),
    st.builds(lambda data: Message(data, (), True), _OTHERS),
)


@st.composite
def sysex_files(draw: st.DrawFn) -> DamagedFile:
    """Several messages one after another, some damaged, some of other instruments."""
    messages = draw(st.lists(_MESSAGES, min_size=1, max_size=5))
    return _file(b"".join(message.data for message in messages), messages)


@st.composite
def contained_files(draw: st.DrawFn) -> DamagedFile:
    """Messages in a MIDI file, an archive of some kind, or as text."""
    messages = draw(st.lists(_MESSAGES, min_size=1, max_size=4))
    contents = [message.data for message in messages]
    match draw(st.sampled_from(["midi", "zip", "tar", "gzip", "hex", "offsets"])):
        case "midi":
            data = _midi(contents, draw(st.integers(0, 3)), draw(st.integers(1, 3000)))
        case "zip":
            data = _zip(contents)
        case "tar":
            data = _tar(contents)
        case "gzip":
            data = gzip.compress(b"".join(contents))
        case "hex":
            data = b"".join(contents).hex(" ").encode()
        case _:
            joined = b"".join(contents)
            rows = (f"{at:06x}: {joined[at : at + 16].hex(' ')}" for at in range(0, len(joined), 16))
            data = "\r\n".join(rows).encode()
    return _file(data, messages)


@st.composite
def broken_files(draw: st.DrawFn) -> DamagedFile:
    """Files of any kind with bytes overwritten, removed, repeated or cut off."""
    data = bytearray(draw(st.one_of(sysex_files(), contained_files())).data)
    rng = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    for _ in range(draw(st.integers(1, 5))):
        at = int(rng.integers(len(data) + 1))
        match draw(st.sampled_from(["set", "delete", "repeat", "cut", "newlines", "returns", "seven bits"])):
            case "set":
                new = draw(st.binary(min_size=1, max_size=20))
                data[at : at + len(new)] = new
            case "delete":
                del data[at : at + draw(st.integers(1, 200))]
            case "repeat":
                data[at:at] = data[at : at + draw(st.integers(1, 6000))]
            case "cut":
                del data[at:]
            case "newlines":
                data = data.replace(b"\n", b"\r\n")
            case "returns":
                data = data.replace(b"\r", b"")
            case _:
                data = bytearray(byte & 0x7F for byte in data)
    return DamagedFile(bytes(data), VoiceTruth(Counter(), is_damaged=False))


@st.composite
def transferred_files(draw: st.DrawFn) -> DamagedFile:
    """Banks and voices after a transfer as text or in seven bits, which their checksums can undo."""
    messages = draw(st.lists(_DUMPS, min_size=1, max_size=4))
    data = b"".join(message.data for message in messages)
    match draw(st.sampled_from(["newlines", "seven bits"])):
        case "newlines":
            changed = data.replace(b"\n", b"\r\n")
        case _:
            changed = bytes(byte & 0x7F for byte in data)
    voices = Counter(voice for message in messages for voice in message.voices)
    return DamagedFile(changed, VoiceTruth(voices, is_damaged=changed != data))


def _file(data: bytes, messages: list[Message]) -> DamagedFile:
    voices = Counter(voice for message in messages for voice in message.voices)
    return DamagedFile(data, VoiceTruth(voices, any(message.is_damaged for message in messages)))


def _midi(contents: list[bytes], wait: int, packet: int) -> bytes:
    track = b""
    for content in contents:
        for k in range(0, len(content), packet):
            part = content[k : k + packet]
            first = k == 0
            track += bytes([wait, 0xF0 if first else 0xF7]) + number(len(part) - first) + part[first:]
    track += b"\0\xff\x2f\0"
    return b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk" + len(track).to_bytes(4) + track


def _zip(contents: list[bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for k, content in enumerate(contents):
            file.writestr(f"{k}{('.syx', '', '.txt')[k % 3]}", content)
    return buffer.getvalue()


def _tar(contents: list[bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as file:
        for k, content in enumerate(contents):
            info = tarfile.TarInfo(str(k))
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def read(path: Path, file: DamagedFile) -> Outcome:
    """Read a voice file as every command does."""
    truth: VoiceTruth = file.truth
    try:
        found = load(path)
    except SysexError as error:
        one_sentence(error, path)
        if truth.voices:
            raise AssertionError(f"refused although {truth.voices.total()} voices are there") from error
        return "refused"
    vced = found.to_vced()
    assert len(vced)
    assert in_range(vced).all()
    assert all(remark and "\n" not in remark for remark in found.repairs)
    lost = truth.voices - Counter(row.tobytes() for row in vced)
    assert not lost, f"{lost.total()} of {truth.voices.total()} voices that are there were not found"
    assert found.repairs or not truth.is_damaged, "nothing is said of the damage"
    return "remarked" if found.repairs else "whole"


READERS = (
    Reader("sysex", ".syx", sysex_files(), read),
    Reader("voices-contained", ".bin", contained_files(), read),
    Reader("voices-transferred", ".syx", transferred_files(), read),
    Reader("voices-broken", ".syx", broken_files(), read),
)
