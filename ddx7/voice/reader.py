"""Reads voices from files of any kind, repairs faults and reports the repairs.

The reader tries in this order: zip archives, text (JSON voices, MiniDexed performances), bare voices without any
header, SysEx whose first bytes are damaged, and SysEx messages. Voices without an intact header must look like voices.
"""

import json
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ddx7.errors import Ddx7Error, SysexError
from ddx7.voice.archive import is_zip, unzip
from ddx7.voice.bank import Bank
from ddx7.voice.health import clamp, describe_changes, plausible
from ddx7.voice.messages import START, SysexContents, SysexDump, clear_high_bits, scan_sysex, stray_bits
from ddx7.voice.minidexed import is_performance, voice_bytes
from ddx7.voice.packing import VCED_COLUMNS, unpack
from ddx7.voice.spec import VCED_SIZE, VMEM_SIZE
from ddx7.voice.voice import Voice, decode_name

MAX_BYTES = 16 * 2**20
"""Largest file read: a hundred times the largest voice collection in one file."""

_WANTED = "wanted DX7 voices (SysEx, bare voice bytes, JSON, a MiniDexed performance, or a zip)"

_CONTROL_CHARACTER = re.compile("[\x00-\x08\x0e-\x1f\x7f]")

# A DX7 dump without its F0, after at most seven damaged bytes.
_HEADLESS_DUMP = re.compile(rb"[^\xf0]{0,7}?(\x43[\x00-\x0f](?:\x09[\x10\x20]\x00|\x00\x01\x1b))", re.DOTALL)

_MAGIC = {
    b"\x00\x05\x16\x07": "a macOS resource file (the voices are in its namesake without ._)",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"%PDF": "a PDF document",
    b"MThd": "a MIDI file",
    b"RIFF": "a RIFF file (such as WAV)",
    b"fLaC": "a FLAC recording",
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x1f\x8b": "a gzip archive",
}


class FilePart(NamedTuple):
    """The voices of one file, or of one member of a zip archive, as bytes.

    Attributes:
      member: its path in the archive; empty outside of one.
      vced: legal voices in the edit form, uint8 [voice, 155].
      doubtful: bool [voice], so many bytes were illegal that the voice may be damaged beyond repair.
      changed: bool [voice], a byte was illegal and the reader changed it.
      repairs: one sentence for each fault that the reader repaired.
    """

    member: str
    vced: np.ndarray
    doubtful: np.ndarray
    changed: np.ndarray
    repairs: tuple[str, ...]


Parts = tuple[list[FilePart], list[str]]


def load(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> Bank:
    """Read the voices of a file: .syx of any kind, bare voice bytes, JSON, a MiniDexed performance, or a zip.

    Args:
      path: the file.
      max_bytes: a longer file is an error.

    Returns:
      all its voices in order; `Bank.repairs` lists the faults that the reader repaired.

    Raises:
      SysexError: the file cannot be read, or holds no DX7 voice.
    """
    return _as_bank(*load_parts(path, max_bytes=max_bytes))


def load_parts(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> Parts:
    """Read a file as `load` does, but into arrays, which is tens of times faster.

    Args:
      path: the file.
      max_bytes: a longer file is an error.

    Returns:
      (the parts of the file that hold voices, in order; one sentence for each member of an archive that was left out).

    Raises:
      SysexError: the file cannot be read, or holds no DX7 voice.
    """
    name = os.fspath(path)
    data = _read_regular_file(Path(path), max_bytes + 1)
    if len(data) > max_bytes:
        raise SysexError(f"{name}: found more than {max_bytes:,} bytes, wanted at most that many")
    return _read_parts(data, name)


def read_bytes(data: bytes, name: str = "data") -> Bank:
    """Read voices from the bytes of a file; see `load`.

    Args:
      data: the bytes.
      name: of the data in messages.

    Returns:
      all voices in order; `Bank.repairs` lists the faults that the reader repaired.

    Raises:
      SysexError: there is no DX7 voice in them.
    """
    return _as_bank(*_read_parts(bytes(data), name))


def _read_parts(data: bytes, name: str) -> Parts:
    return _read_zip(data, name) if is_zip(data) else ([_read_file(data, name)], [])


def _as_bank(parts: list[FilePart], notes: list[str]) -> Bank:
    voices = [Voice.from_vced(row) for part in parts for row in part.vced]
    repairs = [f"{part.member}: {r}" if part.member else r for part in parts for r in part.repairs]
    return Bank(voices, repairs + notes)


def _read_regular_file(path: Path, n_bytes: int) -> bytes:
    try:
        mode = path.stat().st_mode
        # Opening a pipe or a device could block for ever.
        if stat.S_ISREG(mode):
            with path.open("rb") as file:
                return file.read(n_bytes)
    except FileNotFoundError:
        raise SysexError(f"{path}: there is no such file") from None
    except (OSError, ValueError) as error:
        raise SysexError(f"{path}: cannot be read ({error})") from None
    raise SysexError(f"{path}: found a {'folder' if stat.S_ISDIR(mode) else 'special file'}, wanted a file")


def _read_zip(data: bytes, name: str) -> Parts:
    files, notes = unzip(data, name)
    parts: list[FilePart] = []
    for member, content in files:
        try:
            parts.append(_read_file(content, member)._replace(member=member))
        except SysexError as error:
            notes.append(str(error))
    if not parts:
        reasons = f" ({_shorten(notes, '; ')})" if notes else ""
        raise SysexError(f"{name}: found a zip archive without DX7 voices{reasons}, wanted one of voice files")
    return parts, notes


def _read_file(data: bytes, name: str) -> FilePart:
    if not data:
        raise SysexError(f"{name}: found an empty file, {_WANTED}")
    text = _as_text(data)
    if text is not None and is_performance(text):
        return _repaired(SysexContents((SysexDump(voice_bytes(text, name), damage=0),)))
    if text is not None:
        vced = _read_text(text, name).to_vced()
        return FilePart("", vced, np.zeros(len(vced), bool), np.zeros(len(vced), bool), ())
    contents = _find(data)
    if not contents.dumps:
        raise SysexError(f"{name}: found {_describe(data, contents)}, {_WANTED}")
    return _repaired(contents)


def _find(data: bytes) -> SysexContents:
    if data[0] != START:
        # Damaged voices may contain bytes like those of a message, so bare voices come before the search for messages.
        if bare := _bare_voices(data):
            return SysexContents((bare,))
        if found := _damaged_start(data):
            return found
    return scan_sysex(data)


def _as_text(data: bytes) -> str | None:
    # A voice is never text: its switches and curves are control characters.
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if _CONTROL_CHARACTER.search(text) else text


def _read_text(text: str, name: str) -> Bank:
    if not text.lstrip().startswith(("{", "[")):
        raise SysexError(f"{name}: found text, {_WANTED}")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SysexError(f"{name}: found text that is not JSON ({error}), {_WANTED}") from None
    if isinstance(content, dict) and "voices" in content:
        content = content["voices"]
    entries: list[Any] = content if isinstance(content, list) else [content]
    if not entries:
        raise SysexError(f"{name}: found a JSON list without voices, {_WANTED}")
    return Bank(_voice_from_json(entry, f"{name}: voice {n}") for n, entry in enumerate(entries, start=1))


def _voice_from_json(entry: Any, place: str) -> Voice:
    try:
        return Voice.from_dict(entry)
    except Ddx7Error as error:
        raise SysexError(f"{place}: {error}") from None


def _damaged_start(data: bytes) -> SysexContents | None:
    match = _HEADLESS_DUMP.match(data)
    if match is None:
        return None
    found = scan_sysex(b"\xf0" + data[match.start(1) :])
    if not found.dumps or not _mostly_plausible(found.dumps[0]):
        return None
    lost = data[: match.start(1)].hex(" ").upper() or "nothing"
    first = found.dumps[0]
    first = replace(first, faults=(f"the message begins with {lost} instead of F0", *first.faults))
    return replace(found, dumps=(first, *found.dumps[1:]))


def _bare_voices(data: bytes) -> SysexDump | None:
    high = np.frombuffer(data, np.uint8) > 0x7F
    faults = (f"{np.count_nonzero(high)} data bytes had eight bits, the eighth is cleared",) if high.any() else ()
    for size, form in ((VMEM_SIZE, "packed"), (VCED_SIZE, "edit")):
        if len(data) % size:
            continue
        voices = np.frombuffer(clear_high_bits(data), np.uint8).reshape(-1, size)
        damage = np.where(high.reshape(-1, size).any(-1), 2, 0)
        if size == VMEM_SIZE:
            damage, voices = damage + stray_bits(voices), unpack(voices)
        headerless = f"there is no SysEx header, the bytes are read as voices in the {form} form"
        dump = SysexDump(voices, (headerless, *faults), damage)
        if _mostly_plausible(dump):
            return dump
    return None


def _mostly_plausible(dump: SysexDump) -> bool:
    flags = plausible(dump.vced, dump.damage)
    return bool(2 * np.count_nonzero(flags) > flags.size)


def _repaired(contents: SysexContents) -> FilePart:
    found = np.concatenate([dump.vced for dump in contents.dumps])
    legal = clamp(found)
    changed = np.any(found != legal, axis=-1)
    doubtful = np.concatenate([~plausible(dump.vced, dump.damage) for dump in contents.dumps])
    repairs: list[str] = []
    start = 0
    for dump in contents.dumps:
        end = start + len(dump.vced)
        label = f"voices {start + 1}-{end}" if end - start > 1 else f"voice {end}"
        repairs += [f"{label}: {fault}" for fault in dump.faults]
        for k in start + np.flatnonzero(changed[start:end]):
            name = decode_name(legal[k, VCED_COLUMNS["name"]].tobytes())
            repairs += [f"voice {k + 1} {name!r}: {s}" for s in describe_changes(found[k], legal[k])]
        numbers = start + 1 + np.flatnonzero(doubtful[start:end])
        if len(numbers):
            repairs.append(f"{_numbered(numbers)}: so much is illegal there that it may be damaged beyond repair")
        start = end
    repairs += [f"{_messages(count, kind)} skipped" for kind, count in contents.others.items()]
    if contents.n_outside:
        repairs.append(f"{contents.n_outside:,} bytes outside of messages skipped")
    return FilePart("", legal, doubtful, changed, tuple(repairs))


def _numbered(numbers: np.ndarray) -> str:
    return f"{'voice' if len(numbers) == 1 else 'voices'} {', '.join(map(str, numbers))}"


def _messages(count: int, kind: str) -> str:
    return f"{count:,} {'message' if count == 1 else 'messages'} of {kind}"


def _describe(data: bytes, contents: SysexContents) -> str:
    for magic, words in _MAGIC.items():
        if data.startswith(magic):
            return words
    if contents.others:
        return _shorten(_messages(count, kind) for kind, count in contents.others.most_common())
    return f"{len(data):,} bytes that are neither SysEx nor plausible as bare voices"


def _shorten(parts: Iterable[str], separator: str = ", ") -> str:
    parts = list(parts)
    return separator.join(parts[:3] + ([f"and {len(parts) - 3} more"] if len(parts) > 3 else []))
