"""What a sound file is by its content: its format, the length that it announces, and what is wrong with its structure.

Decoders trust headers: libsndfile reads nothing from a WAV file whose data size is 0, and stops at the total that a
FLAC file announces. The functions here read headers themselves, without decoding, and correct a wrong length in memory.
"""

import struct
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ddx7.audio import mpeg_frames

_MAX_CHUNKS = 4096
_LONG_CHUNKS = (b"fmt ", b"data", b"ds64", b"COMM", b"SSND")  # whose size may be wrong
_UNKNOWN_32 = 0xFFFFFFFF  # of a WAV or AU file that was written to a pipe
_PCM_TAGS = {1, 3, 6, 7, 0xFFFE}  # integers, floats, A-law, mu-law, and the extensible form of all of them
_STREAMINFO_TOTAL = 21  # offset of the five bytes whose lower 36 bits are the number of samples


class HeaderPatch(NamedTuple):
    """Bytes that replace those of a file, in memory.

    Attributes:
      offset: in the file.
      data: the bytes.
    """

    offset: int
    data: bytes


@dataclass(frozen=True)
class SoundContainer:
    """A file's format and structure.

    Attributes:
      name: of the format, or of what else the file is.
      is_sound: whether a file of this format can hold sound.
      demuxer: ffmpeg's name of the format.
      announced: samples per channel that the header announces; None where it gives no length, or only the decoder
        reads it.
      gives_length: whether the file announces a length at all.
      is_mpeg: whether it holds MPEG audio, as MP3.
      sample_rate: in Hz as the header gives it; None where only the decoder reads it.
      patches: corrections of the header.
      remarks: what is wrong with the structure, a sentence each.
    """

    name: str
    is_sound: bool = True
    demuxer: str = ""
    announced: int | None = None
    gives_length: bool = True
    is_mpeg: bool = False
    sample_rate: int | None = None
    patches: tuple[HeaderPatch, ...] = ()
    remarks: tuple[str, ...] = ()


_SOUNDS = (
    # offset, signature, name, demuxer
    (4, b"ftyp", "MPEG-4 (AAC or ALAC)", "mov"),
    (4, b"moov", "QuickTime", "mov"),
    (4, b"mdat", "QuickTime", "mov"),
    (0, b"\x1a\x45\xdf\xa3", "Matroska or WebM", "matroska"),
    (0, bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), "Windows Media (WMA)", "asf"),
    (0, b"ADIF", "AAC", "aac"),
    (0, b"#!AMR", "AMR", "amr"),
    (0, b"MAC ", "Monkey's Audio", "ape"),
    (0, b"wvpk", "WavPack", "wv"),
    (0, b"TTA1", "True Audio", "tta"),
    (0, b"MP+", "Musepack", "mpc"),
    (0, b"MPCK", "Musepack", "mpc8"),
    (0, b"DSD ", "DSD", "dsf"),
    (0, b"FRM8", "DSDIFF", "iff"),
    (0, b"\x0b\x77", "AC-3", "ac3"),
    (0, b"\x7f\xfe\x80\x01", "DTS", "dts"),
    (0, b"FLV\x01", "Flash Video", "flv"),
    (0, b".RMF", "RealMedia", "rm"),
    (0, b"\x00\x00\x01\xba", "MPEG video", "mpeg"),
    (0, b"\x00\x00\x01\xb3", "MPEG video", "mpeg"),
    (0, b".snd", "AU", "au"),
    (0, b"caff", "CAF", "caf"),
    (0, b"Creative Voice File", "VOC", "voc"),
    (0, b"NIST_1A", "NIST", "nistsphere"),
)
_OTHERS = (
    (b"MThd", "a Standard MIDI File"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PK\x05\x06", "a ZIP archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"\xf0", "SysEx"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
)


def read_container(path: Path) -> SoundContainer:
    """Recognise a file by its first bytes and check its structure.

    Args:
      path: of the file, not empty.

    Raises:
      OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        head = _at(file, 0, 64)
        start = _id3_length(head)
        if start:
            head = _at(file, start, 64)
        if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and head[8:12] == b"WAVE":
            return _wav(file, size, head)
        if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
            return SoundContainer("AVI video", demuxer="avi")
        if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
            return _aiff(file, size)
        if head[:4] == b"riff" and head[24:28] == b"wave":
            return _w64(file, size)
        if head[:4] == b"fLaC":
            return _flac(file, start)
        if head[:4] == b"OggS":
            return _ogg(file, size)
        for offset, signature, name, demuxer in _SOUNDS:
            if head[offset:].startswith(signature):
                return SoundContainer(name, demuxer=demuxer)
        if head[:1] == b"\x47" and _at(file, 188, 1) == _at(file, 376, 1) == b"\x47":
            return SoundContainer("MPEG transport stream", demuxer="mpegts")
        if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:  # layer 0
            return SoundContainer("AAC", demuxer="aac")
        if start or mpeg_frames.header_at(head, 0):
            return _mp3(file, start)
        for signature, name in _OTHERS:
            if head.startswith(signature):
                return SoundContainer(name, is_sound=False)
        return SoundContainer(_unknown(file), is_sound=False)


def _unknown(file: BinaryIO) -> str:
    head = _at(file, 0, 4096)
    if head.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")):
        return "a web page"
    if not head.strip(b"\0"):
        return "zeros"
    try:
        text = head[:-4].decode() if len(head) == 4096 else head.decode()
    except UnicodeDecodeError:
        return "bytes of no known format"
    printable = sum(c.isprintable() or c.isspace() for c in text)
    return "text" if printable >= 0.95 * len(text) else "bytes of no known format"


def _at(file: BinaryIO, offset: int, n: int) -> bytes:
    file.seek(offset)
    return file.read(n)


def _id3_length(head: bytes) -> int:
    """Bytes of an ID3v2 tag in front of the sound."""
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    length = sum((byte & 0x7F) << (7 * k) for k, byte in enumerate(reversed(head[6:10])))
    return 10 + length + 10 * bool(head[5] & 0x10)


class _Chunk(NamedTuple):
    name: bytes
    at: int  # of the chunk's size field
    content: int  # where its content begins
    size: int  # of its content, as announced


def _chunks(file: BinaryIO, start: int, end: int, order: str) -> tuple[list[_Chunk], int]:
    """Chunks of a RIFF or IFF file, and the offset at which no more chunk follows."""
    found: list[_Chunk] = []
    while start + 8 <= end and len(found) < _MAX_CHUNKS:
        name, size = struct.unpack(f"{order}4sI", _at(file, start, 8))
        # Samples may look like the name of a chunk, but then what follows is hardly a size that fits.
        if not _is_chunk_name(name) or (start + 8 + size > end and name not in _LONG_CHUNKS):
            break
        found.append(_Chunk(name, start + 4, start + 8, size))
        start += 8 + size
        # A chunk of odd size has a byte of padding, which some programs forget.
        padded = not _is_chunk_name(_at(file, start, 4)) or _is_chunk_name(_at(file, start + 1, 4))
        start += size % 2 and padded
    return found, start


def _is_chunk_name(name: bytes) -> bool:
    return len(name) == 4 and all(0x20 <= byte < 0x7F for byte in name)


def _wav(file: BinaryIO, size: int, head: bytes) -> SoundContainer:
    order = ">" if head[:4] == b"RIFX" else "<"
    is_64 = head[:4] in (b"RF64", b"BW64")
    container = SoundContainer("RF64" if is_64 else "WAV", demuxer="wav")
    chunks, stopped = _chunks(file, 12, size, order)
    by_name = {chunk.name: chunk for chunk in reversed(chunks)}
    fmt, data = by_name.get(b"fmt "), by_name.get(b"data")
    if fmt is None or len(fields := _at(file, fmt.content, 16)) < 16:
        return replace(container, remarks=("the format chunk is missing",))
    tag, channels, rate, _, _, bits = struct.unpack(f"{order}HHIIHH", fields)
    container = replace(container, sample_rate=rate, is_mpeg=tag in (0x50, 0x55))
    frame = channels * ((bits + 7) // 8)
    if data is None:
        return replace(container, remarks=("the data chunk is missing",))
    announced, there = data.size, size - data.content
    ds64 = by_name.get(b"ds64")
    if is_64 and announced == _UNKNOWN_32 and ds64 and len(lengths := _at(file, ds64.content, 16)) == 16:
        [announced] = struct.unpack_from(f"{order}Q", lengths, 8)
        return replace(container, announced=_whole_frames(announced, frame, tag))
    if announced == _UNKNOWN_32:
        remark = "the header gives no length, the sound is read to the end of the file"
        return replace(container, gives_length=False, remarks=(remark,))
    if announced >= there:
        return replace(container, announced=_whole_frames(announced, frame, tag))
    [riff] = struct.unpack(f"{order}I", head[4:8])
    end = min(size, riff + 8)
    if announced == 0 or (stopped == data.content + announced + announced % 2 and stopped + 8 <= end):
        # No chunk begins where the sound should end, although the file goes on: the size of the data is wrong.
        if announced == 0 and data is not chunks[-1]:
            return replace(container, announced=0)
        new = (there if announced == 0 or end <= data.content else end - data.content) // max(frame, 1) * max(frame, 1)
        patch = HeaderPatch(data.at, struct.pack(f"{order}I", min(new, _UNKNOWN_32 - 1)))
        return replace(container, announced=_whole_frames(announced, frame, tag), patches=(patch,))
    remarks = _left_over(size - stopped)
    return replace(container, announced=_whole_frames(announced, frame, tag), remarks=remarks)


def _whole_frames(n_bytes: int, frame: int, tag: int) -> int | None:
    return n_bytes // frame if tag in _PCM_TAGS and frame else None


def _left_over(n_bytes: int) -> tuple[str, ...]:
    return (f"{n_bytes:,} bytes after the sound are not read",) if n_bytes >= 8 else ()


def _aiff(file: BinaryIO, size: int) -> SoundContainer:
    container = SoundContainer("AIFF", demuxer="aiff")
    chunks, stopped = _chunks(file, 12, size, ">")
    by_name = {chunk.name: chunk for chunk in reversed(chunks)}
    common, sound = by_name.get(b"COMM"), by_name.get(b"SSND")
    if common is None or len(fields := _at(file, common.content, 18)) < 18:
        return replace(container, remarks=("the common chunk is missing",))
    channels, announced, bits, exponent, mantissa = struct.unpack(">HIHHQ", fields)
    rate = mantissa / 2.0 ** min(max(16383 + 63 - (exponent & 0x7FFF), -16), 1000)
    container = replace(container, announced=announced, sample_rate=round(min(rate, 2.0**31)))
    if sound is None:
        return replace(container, remarks=("the sound chunk is missing",))
    needed = announced * channels * ((bits + 7) // 8) + 8
    there = size - sound.content
    if sound.size < min(needed, there) and stopped >= sound.content + sound.size and sound is chunks[-1]:
        return replace(container, patches=(HeaderPatch(sound.at, struct.pack(">I", min(needed, there))),))
    return container


def _w64(file: BinaryIO, size: int) -> SoundContainer:
    container = SoundContainer("W64", demuxer="w64")
    start, frame, tag = 40, 0, 0
    for _ in range(_MAX_CHUNKS):
        chunk = _at(file, start, 40)
        if len(chunk) < 24:
            break
        name, length = chunk[:4], struct.unpack_from("<Q", chunk, 16)[0]
        if name == b"fmt " and len(chunk) == 40:
            tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk, 24)
            frame = channels * ((bits + 7) // 8)
            container = replace(container, sample_rate=rate)
        if name == b"data":
            return replace(container, announced=_whole_frames(max(length - 24, 0), frame, tag))
        if length < 24 or start + length > size:
            break
        start += (length + 7) // 8 * 8
    return container


def _flac(file: BinaryIO, start: int) -> SoundContainer:
    block = _at(file, start, 42)
    container = SoundContainer("FLAC", demuxer="flac")
    if len(block) < 42 or block[4] & 0x7F:
        return replace(container, remarks=("the stream information is missing",))
    total = int.from_bytes(block[_STREAMINFO_TOTAL : _STREAMINFO_TOTAL + 5], "big") & ((1 << 36) - 1)
    rate = int.from_bytes(block[18:21], "big") >> 4
    # Without a total the decoder reads every frame that is there.
    patch = HeaderPatch(start + _STREAMINFO_TOTAL, bytes([block[_STREAMINFO_TOTAL] & 0xF0, 0, 0, 0, 0]))
    return replace(container, announced=total or None, gives_length=bool(total), sample_rate=rate, patches=(patch,))


def _ogg(file: BinaryIO, size: int) -> SoundContainer:
    """Ogg pages in order: is the last one there, does a number miss, does another stream follow?"""
    container, start, remarks = SoundContainer("Ogg", demuxer="ogg"), 0, []
    numbers: dict[int, int] = {}
    last_flags, missing, streams_after_data = 0, 0, 0
    while start + 27 <= size:
        page = _at(file, start, 27 + 255)
        if page[:4] != b"OggS":
            missing += 1
            found = _find(file, start, size, b"OggS")
            if found is None:
                break
            start = found
            continue
        flags, serial, number = page[5], *struct.unpack_from("<II", page, 14)
        if flags & 2 and any(n > 2 for n in numbers.values()):
            streams_after_data += 1
        missing += serial in numbers and number != numbers[serial] + 1
        numbers[serial] = number
        segments = page[26]
        length = 27 + segments + sum(page[27 : 27 + segments])
        whole = _at(file, start, length)
        missing += len(whole) == length and not _has_right_checksum(whole)
        last_flags = flags if len(whole) == length else 0
        start += length
    if streams_after_data:
        remarks.append("another stream follows in the same file and is not read")
    if missing:
        remarks.append("pages are missing or damaged")
    if not last_flags & 4:
        remarks.append("the last page is missing, so the end of the sound is cut off")
    return replace(container, remarks=tuple(remarks))


_REVERSED_BITS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _has_right_checksum(page: bytes) -> bool:
    """Whether an Ogg page is as it was written.

    Ogg's checksum is that of zlib with all bits in the opposite order, and begins with 0. Source: RFC 3533.
    """
    zeroed = page[:22] + bytes(4) + page[26:]
    crc = zlib.crc32(zeroed.translate(_REVERSED_BITS), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{crc:032b}"[::-1], 2) == int.from_bytes(page[22:26], "little")


def _find(file: BinaryIO, start: int, size: int, pattern: bytes) -> int | None:
    while start < size:
        block = _at(file, start, 1 << 16)
        if (k := block.find(pattern)) >= 0:
            return start + k
        start += max(len(block) - len(pattern) + 1, 1)
    return None


def _mp3(file: BinaryIO, start: int) -> SoundContainer:
    file.seek(start)
    stream = mpeg_frames.walk(file.read())
    container = SoundContainer("MP3" if stream.layer == 3 else "MPEG audio", demuxer="mp3", is_mpeg=True)
    remarks = (f"{stream.foreign_bytes:,} bytes between its frames are damaged",) if stream.foreign_bytes else ()
    if stream.announced_frames is None or stream.announced_frames + 1 >= stream.n_frames:
        return replace(container, remarks=remarks)  # the decoder knows the length without padding
    patch = HeaderPatch(start + stream.count_at, struct.pack(">I", stream.n_frames))
    announced = stream.announced_frames * stream.frame_samples
    return replace(container, announced=announced, remarks=remarks, patches=(patch,))
