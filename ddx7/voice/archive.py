"""Files inside zip and tar archives and compressed files, read in memory and within bounds."""

import bz2
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from ddx7.errors import SysexError
from ddx7.voice.file_kinds import foreign_kind

MAX_MEMBERS = 10_000
MAX_MEMBER_BYTES = 4 * 2**20
MAX_TOTAL_BYTES = 32 * 2**20
MAX_RATIO = 200
# Small members may have any ratio: a bank of 32 INIT VOICES compresses a hundred times.
_RATIO_APPLIES_FROM = 2**20
_HEAD_SIZE = 512

VOICE_SUFFIXES = frozenset({".syx", ".sysex", ".bin", ".dx7", ".dmp", ".json"})
"""Suffixes that promise voices: such a file without any is a fault, another one is not."""
ARCHIVE_SUFFIXES = frozenset({".zip", ".gz", ".tgz", ".tar", ".bz2", ".xz", ".lzh", ".lha", ".rar", ".7z", ".sit"})

_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_END_OF_ZIP, _MAX_COMMENT = b"PK\x05\x06", 2**16 + 22
_CENTRAL_ENTRY = b"PK\x01\x02"
_TAR_MAGIC, _TAR_MAGIC_AT = b"ustar", 257
_ENCRYPTED = 0x1
# Other methods do not unpack piece by piece in bounded memory, and zip files of voices do not use them.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# `zipfile`, `tarfile` and the decompressors raise these on damaged archives.
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    lzma.LZMAError,
    zlib.error,
    struct.error,
    EOFError,
    IndexError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)


_COMPRESSIONS: dict[bytes, tuple[str, Callable[[], Any]]] = {
    b"\x1f\x8b": ("gzip", lambda: zlib.decompressobj(zlib.MAX_WBITS | 16)),
    b"BZh": ("bzip2", bz2.BZ2Decompressor),
    b"\xfd7zXZ": ("xz", lambda: lzma.LZMADecompressor(memlimit=2**27)),
}


class Unpacked(NamedTuple):
    """The members of an archive.

    Attributes:
      files: label and bytes of each member that may hold voices, in order.
      notes: one sentence for each member that was left out although it may hold voices.
      skipped: label and kind of each member that holds none.
    """

    files: list[tuple[str, bytes]]
    notes: list[str]
    skipped: list[tuple[str, str]]


def promises_voices(name: str) -> bool:
    """Whether the suffix of a file's name promises voices, or an archive of them."""
    return PurePosixPath(name.replace("\\", "/")).suffix.lower() in VOICE_SUFFIXES | ARCHIVE_SUFFIXES


def is_zip(data: bytes) -> bool:
    """Whether the bytes are a zip archive, alone or behind a program that unpacks it."""
    if data.startswith(_MAGIC):
        return True
    return _END_OF_ZIP in data[-_MAX_COMMENT:] and zipfile.is_zipfile(io.BytesIO(data))


def is_archive(data: bytes) -> bool:
    """Whether the bytes are an archive that `unpack` opens."""
    return is_zip(data) or data[_TAR_MAGIC_AT:].startswith(_TAR_MAGIC)


def decompress(data: bytes, name: str) -> tuple[bytes, list[str]]:
    """The content of a gzip, bzip2 or xz file, and a sentence where its end is lost; other bytes as they are.

    Args:
      data: the file.
      name: of the file in messages.

    Raises:
      SysexError: the file is damaged, or unpacks to more than `MAX_TOTAL_BYTES`.
    """
    magic = next(filter(data.startswith, _COMPRESSIONS), None)
    if magic is None:
        return data, []
    kind, make = _COMPRESSIONS[magic]
    content, is_whole = b"", False
    try:
        while data.startswith(magic) and len(content) <= MAX_TOTAL_BYTES:  # a file may be several, one after another
            unpacker = make()
            content += unpacker.decompress(data, MAX_TOTAL_BYTES + 1 - len(content))
            data, is_whole = unpacker.unused_data, unpacker.eof
    except _DAMAGE as error:
        raise SysexError(f"{name}: found a damaged {kind} file ({error}), wanted one of voices") from None
    if len(content) > MAX_TOTAL_BYTES:
        raise SysexError(
            f"{name}: found a {kind} file that unpacks to more than {MAX_TOTAL_BYTES:,} bytes, wanted less"
        )
    return content, [] if is_whole else [f"the {kind} file is cut short"]


def unpack(data: bytes, name: str) -> Unpacked:
    """Unpack the members of a zip or tar archive that may hold voices; their content decides, not their names.

    The members stay in memory, so a member's path is only a label.

    Args:
      data: the archive.
      name: of the archive in messages.

    Raises:
      SysexError: the archive is damaged or has too many members.
    """
    return _unzip(data, name) if is_zip(data) else _untar(data, name)


def _unzip(data: bytes, name: str) -> Unpacked:
    if data.count(_CENTRAL_ENTRY) > MAX_MEMBERS:
        raise SysexError(f"{name}: found a zip of more than {MAX_MEMBERS:,} members, wanted fewer")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except _DAMAGE as error:
        raise SysexError(f"{name}: found a damaged zip archive ({error}), wanted one of voice files") from None
    with archive:
        return _read_members(
            (member.filename, lambda limit, member=member: _read_zipped(archive, member, limit))
            for member in archive.infolist()
        )


def _untar(data: bytes, name: str) -> Unpacked:
    members: list[tuple[str, Callable[[int], bytes]]] = []
    damage: list[str] = []
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            while (member := _next_member(archive, damage)) is not None:
                if len(members) == MAX_MEMBERS:
                    damage.append(f"the tar has more than {MAX_MEMBERS:,} members, the rest is left out")
                    break
                if member.isfile():
                    members.append((member.name, lambda limit, m=member: _read_tarred(archive, m, limit)))
            unpacked = _read_members(members)
    except _DAMAGE as error:
        raise SysexError(f"{name}: found a damaged tar archive ({error}), wanted one of voice files") from None
    return unpacked._replace(notes=unpacked.notes + damage)


def _next_member(archive: tarfile.TarFile, damage: list[str]) -> tarfile.TarInfo | None:
    try:
        return archive.next()
    except _DAMAGE as error:
        damage.append(f"the tar is damaged ({error}), what comes before that is read")
        return None


def _read_members(members: Iterable[tuple[str, Callable[[int], bytes]]]) -> Unpacked:
    """Read members within the bound of all together; those whose names promise voices come first."""
    listed = [("".join(c if c.isprintable() else "?" for c in path), read) for path, read in members]
    places = [k for k, (label, _) in enumerate(listed) if not _is_beside(label)]
    found: dict[int, bytes] = {}
    notes: dict[int, str] = {}
    skipped: dict[int, str] = {}
    left = MAX_TOTAL_BYTES
    for k in sorted(places, key=lambda k: not promises_voices(listed[k][0])):
        label, read = listed[k]
        if label.lower().endswith(".zip"):
            notes[k] = f"{label}: left out, a zip within a zip is not opened"
            continue
        try:
            if kind := foreign_kind(read(_HEAD_SIZE)):
                skipped[k] = kind
                continue
            limit = min(MAX_MEMBER_BYTES, left)
            content = read(limit + 1)
            if len(content) > limit:
                raise SysexError(f"it unpacks to more than {limit:,} bytes")
        except SysexError as error:
            notes[k] = f"{label}: left out, {error}"
            continue
        left -= len(content)
        found[k] = content
    return Unpacked(
        [(listed[k][0], found[k]) for k in sorted(found)],
        [notes[k] for k in sorted(notes)],
        [(listed[k][0], skipped[k]) for k in sorted(skipped)],
    )


def _is_beside(label: str) -> bool:
    path = PurePosixPath(label.replace("\\", "/"))
    # macOS adds a "._" twin with the Finder's data to every file.
    return label.endswith("/") or path.name.startswith("._") or "__MACOSX" in path.parts


def _read_zipped(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int) -> bytes:
    """At most `limit` bytes of a member."""
    if member.flag_bits & _ENCRYPTED:
        raise SysexError("it is encrypted")
    if member.compress_type not in _METHODS:
        raise SysexError("its compression method is neither stored nor deflated")
    if member.file_size >= _RATIO_APPLIES_FROM and member.file_size > MAX_RATIO * max(1, member.compress_size):
        raise SysexError(f"it would grow more than {MAX_RATIO} times")
    try:
        with archive.open(member) as file:
            # The declared size may be wrong, so the bound applies to the bytes read.
            return file.read(limit)
    except _DAMAGE as error:
        raise SysexError(f"it is damaged ({error})") from None


def _read_tarred(archive: tarfile.TarFile, member: tarfile.TarInfo, limit: int) -> bytes:
    try:
        file = archive.extractfile(member)
        return b"" if file is None else file.read(limit)
    except _DAMAGE as error:
        raise SysexError(f"it is damaged ({error})") from None
