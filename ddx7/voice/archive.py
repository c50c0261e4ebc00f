"""Files of voices inside zip archives, read in memory and within bounds."""

import io
import struct
import zipfile
import zlib
from pathlib import PurePosixPath

from ddx7.errors import SysexError

MAX_MEMBERS = 10_000
MAX_MEMBER_BYTES = 4 * 2**20
MAX_TOTAL_BYTES = 32 * 2**20
MAX_RATIO = 200
# Small members may have any ratio: a bank of 32 INIT VOICES compresses a hundred times.
_RATIO_APPLIES_FROM = 2**20

VOICE_SUFFIXES = frozenset({".syx", ".sysex", ".bin", ".dx7", ".dmp", ".json"})
_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_CENTRAL_ENTRY = b"PK\x01\x02"
_ENCRYPTED = 0x1
# Other methods do not unpack piece by piece in bounded memory, and zip files of voices do not use them.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# `zipfile` raises these on damaged archives.
_DAMAGE = (
    zipfile.BadZipFile,
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


def is_zip(data: bytes) -> bool:
    """Whether the bytes begin like a zip archive."""
    return data.startswith(_MAGIC)


def unzip(data: bytes, name: str) -> tuple[list[tuple[str, bytes]], list[str]]:
    """Unpack the members that may hold voices.

    The members stay in memory, so a member's path is only a label.

    Args:
      data: the archive.
      name: of the archive in messages.

    Returns:
      label and bytes of each member, in order, and one sentence for each that was left out.

    Raises:
      SysexError: the archive is damaged or has too many members.
    """
    if data.count(_CENTRAL_ENTRY) > MAX_MEMBERS:
        raise SysexError(f"{name}: found a zip of more than {MAX_MEMBERS:,} members, wanted fewer")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except _DAMAGE as error:
        raise SysexError(f"{name}: found a damaged zip archive ({error}), wanted one of voice files") from None
    files: list[tuple[str, bytes]] = []
    notes: list[str] = []
    left = MAX_TOTAL_BYTES
    with archive:
        for member in archive.infolist():
            label = "".join(c if c.isprintable() else "?" for c in member.filename)
            if not _is_candidate(label, notes):
                continue
            try:
                content = _read_member(archive, member, left)
            except SysexError as error:
                notes.append(f"{label}: left out, {error}")
                continue
            left -= len(content)
            files.append((label, content))
    return files, notes


def _is_candidate(label: str, notes: list[str]) -> bool:
    path = PurePosixPath(label.replace("\\", "/"))
    # macOS adds a "._" twin with the Finder's data to every file.
    if label.endswith("/") or path.name.startswith("._") or "__MACOSX" in path.parts:
        return False
    if path.suffix.lower() == ".zip":
        notes.append(f"{label}: left out, a zip within a zip is not opened")
    return path.suffix.lower() in VOICE_SUFFIXES


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, left: int) -> bytes:
    limit = min(MAX_MEMBER_BYTES, left)
    if member.flag_bits & _ENCRYPTED:
        raise SysexError("it is encrypted")
    if member.compress_type not in _METHODS:
        raise SysexError("its compression method is neither stored nor deflated")
    if member.file_size >= _RATIO_APPLIES_FROM and member.file_size > MAX_RATIO * max(1, member.compress_size):
        raise SysexError(f"it would grow more than {MAX_RATIO} times")
    try:
        with archive.open(member) as file:
            # The declared size may be wrong, so the bound applies to the bytes read.
            content = file.read(limit + 1)
    except _DAMAGE as error:
        raise SysexError(f"it is damaged ({error})") from None
    if len(content) > limit:
        raise SysexError(f"it unpacks to more than {limit:,} bytes")
    return content
