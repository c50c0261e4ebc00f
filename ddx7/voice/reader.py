"""Reads voices from files of any kind, repairs faults and reports the repairs.

The reader tries in this order: compressed files and archives, text (JSON voices, MiniDexed performances, lists of
bytes), MIDI files, bare voices without any header, SysEx whose first bytes are damaged, and SysEx messages. Voices
without an intact header must look like voices. What a transfer as text or in seven bits changed is undone where the
checksums then agree. The content decides, not the name.
"""

import json
import os
import re
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ddx7.errors import Ddx7Error, NotVoicesError, SysexError
from ddx7.voice.archive import decompress, is_archive, is_zip, promises_voices
from ddx7.voice.archive import unpack as unpack_archive
from ddx7.voice.bank import Bank
from ddx7.voice.file_kinds import archive_kind, foreign_kind
from ddx7.voice.health import clamp, describe_changes
from ddx7.voice.hex_text import bytes_of_text
from ddx7.voice.json_voices import voice_entries
from ddx7.voice.messages import START, SysexContents, SysexDump, clear_high_bits, scan_sysex, stray_bits
from ddx7.voice.midi_events import is_midi, read_events, sysex_messages
from ddx7.voice.minidexed import is_performance, voice_bytes
from ddx7.voice.packing import VCED_COLUMNS, unpack
from ddx7.voice.spec import VCED_SIZE, VMEM_SIZE
from ddx7.voice.transfers import intact_score, undo_transfer
from ddx7.voice.voice import Voice, decode_name
from ddx7.voice.wording import counted_messages, grouped_by_reason, numbered_voices, shortened

MAX_BYTES = 16 * 2**20
"""Largest file read: a hundred times the largest voice collection in one file."""

_WANTED = "wanted DX7 voices (SysEx, bare voice bytes, JSON, a MiniDexed performance, or an archive)"

_CONTROL_CHARACTER = re.compile("[\x00-\x08\x0e-\x1f\x7f]")

_WHOLE_MESSAGE = re.compile(rb"\xf0[\x00-\x7f]*\xf7")

# A DX7 dump without its F0, after at most seven damaged bytes.
_HEADLESS_DUMP = re.compile(rb"[^\xf0]{0,7}?(\x43[\x00-\x0f](?:\x09[\x10\x20]\x00|\x00\x01\x1b))", re.DOTALL)

# Text in an old encoding is mostly ASCII.
_PLAIN_BYTES = (*range(0x20, 0x7F), 0x09, 0x0A, 0x0D)
_MOSTLY = 0.9
_LISTED = 8
_HEAD_SIZE = 512


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
    """Read the voices of a file, whatever its name.

    It may hold SysEx of any kind, alone, in a MIDI file or as a text of hexadecimal bytes; bare voice bytes; JSON; or a
    MiniDexed performance. It may also be a zip or tar archive of such files, or compressed by gzip, bzip2 or xz.

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
        raise NotVoicesError(f"{name}: found more than {max_bytes:,} bytes, wanted at most that many")
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
    content, notes = decompress(data, name)
    if is_archive(content):
        parts, more = _read_archive(content, name)
        return parts, notes + more
    return [_read_file(content, name)], notes


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
                head = file.read(min(n_bytes, _HEAD_SIZE))
                # Recordings and pictures may be long, and nothing in them is read.
                return head if foreign_kind(head) else head + file.read(n_bytes - len(head))
    except FileNotFoundError:
        raise SysexError(f"{path}: there is no such file") from None
    except (OSError, ValueError) as error:
        raise SysexError(f"{path}: cannot be read ({error})") from None
    raise SysexError(f"{path}: found a {'folder' if stat.S_ISDIR(mode) else 'special file'}, wanted a file")


def _read_archive(data: bytes, name: str) -> Parts:
    kind = "zip" if is_zip(data) else "tar"
    files, notes, skipped = unpack_archive(data, name)
    parts: list[FilePart] = []
    for member, content in files:
        try:
            parts.append(_read_file(content, member)._replace(member=member))
        except NotVoicesError as error:
            if promises_voices(member):
                notes.append(f"{member}: found {_reason(error, member)}")
            else:
                skipped.append((member, _reason(error, member)))
        except SysexError as error:
            notes.append(f"{member}: found {_reason(error, member)}")
    if skipped:
        n_files = len(parts) + len(notes) + len(skipped)
        listed = shortened((f"{member} ({reason})" for member, reason in skipped), n=_LISTED)
        notes.append(f"{len(skipped):,} of {n_files:,} files in the {kind} hold no voices and are skipped: {listed}")
    if not parts:
        reasons = f" ({shortened(grouped_by_reason(notes), '; ', n=2)})" if notes else ""
        raise SysexError(f"{name}: found a {kind} archive without DX7 voices{reasons}, wanted one of voice files")
    return parts, notes


def _reason(error: SysexError, name: str) -> str:
    return str(error).removeprefix(f"{name}: ").removeprefix("found ").partition(", wanted")[0]


def _read_file(data: bytes, name: str) -> FilePart:
    if not data:
        raise NotVoicesError(f"{name}: found an empty file, {_WANTED}")
    if kind := archive_kind(data) or (is_archive(data) and "an archive within an archive"):
        raise SysexError(f"{name}: found {kind}, which is not opened; unpack it first, {_WANTED}")
    if is_midi(data):
        contents = _in_midi(data)
        if not contents.dumps:
            raise NotVoicesError(f"{name}: found a MIDI file without DX7 voices, {_WANTED}")
        return _repaired(contents)
    if kind := foreign_kind(data):
        raise NotVoicesError(f"{name}: found {kind}, {_WANTED}")
    text = _as_text(data)
    if text is not None and is_performance(text):
        return _repaired(SysexContents((SysexDump(voice_bytes(text, name), damage=0),)))
    if text is not None:
        return _read_text(text, name)
    contents = undo_transfer(data, _find(data), _find)
    if not contents.dumps:
        contents = _in_midi(data) if b"MTrk" in data else contents
    if not contents.dumps:
        error = SysexError if _is_sysex(data) else NotVoicesError
        raise error(f"{name}: found {_describe(data, contents)}, {_WANTED}")
    return _repaired(contents)


def _in_midi(data: bytes) -> SysexContents:
    """The voices in the SysEx messages of a MIDI file, or in its bytes where its events lead to none."""
    contents = undo_transfer(data, _scan_midi(data), _scan_midi)
    return contents if contents.dumps else scan_sysex(data)


def _scan_midi(data: bytes) -> SysexContents:
    midi = read_events(data)
    if midi is None:
        return SysexContents(())
    messages = b"".join(sysex_messages(midi))
    # The transfer may have changed the messages before they came into the file, which is whole then.
    contents = undo_transfer(messages, scan_sysex(messages), scan_sysex)
    return replace(contents, faults=(*midi.repairs, *contents.faults))


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
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    if len(data) > 1 and data[1::2].count(0) == len(data) // 2:  # without the mark of its order
        encoding = "utf-16-le"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        plain = sum(map(data.count, _PLAIN_BYTES))
        if plain < _MOSTLY * len(data):
            return None
        text = data.decode("latin-1")
    text = text.rstrip("\x00\x1a")  # old systems end texts so
    return None if _CONTROL_CHARACTER.search(text) or not text else text


def _read_text(text: str, name: str) -> FilePart:
    is_json = text.lstrip().startswith(("{", "["))
    try:
        if not is_json:
            raise NotVoicesError(f"{name}: found text, {_WANTED}")
        vced = _read_json(text, name).to_vced()
    except SysexError as error:
        if (listed := _in_text(text)) is None:
            raise error from None
        return _repaired(listed)
    return FilePart("", vced, np.zeros(len(vced), bool), np.zeros(len(vced), bool), ())


def _in_text(text: str) -> SysexContents | None:
    """The voices in a list of bytes as text; None without any."""
    found = [undo_transfer(data, _find(data), _find) for data in bytes_of_text(text)]
    found = [contents for contents in found if contents.dumps]
    return max(found, key=intact_score) if found else None


def _read_json(text: str, name: str) -> Bank:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SysexError(f"{name}: found text that is not JSON ({error}), {_WANTED}") from None
    entries = voice_entries(content)
    if not entries:
        raise NotVoicesError(f"{name}: found JSON without voices, {_WANTED}")
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
    doubtful = dump.doubtful()
    return bool(2 * np.count_nonzero(doubtful) < doubtful.size)


def _repaired(contents: SysexContents) -> FilePart:
    found, padded = _unpadded(np.concatenate([dump.vced for dump in contents.dumps]))
    legal = clamp(found)
    changed = np.any(found != legal, axis=-1)
    doubtful = np.concatenate([dump.doubtful() for dump in contents.dumps])
    repairs = list(contents.faults)
    if padded.any():
        repairs.append(f"{numbered_voices(1 + np.flatnonzero(padded))}: names are padded with 00 instead of spaces")
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
            repairs.append(f"{numbered_voices(numbers)}: so much is illegal there that it may be damaged beyond repair")
        start = end
    repairs += [f"{counted_messages(count, kind)} skipped" for kind, count in contents.others.items()]
    if contents.n_outside:
        repairs.append(f"{contents.n_outside:,} bytes outside of messages skipped")
    return FilePart("", legal, doubtful, changed, tuple(repairs))


def _unpadded(vced: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Voices with spaces for the 00 at the end of their names, and which of them had some."""
    vced = vced.copy()
    names = vced[:, VCED_COLUMNS["name"]]
    at_end = np.logical_and.accumulate(names[:, ::-1] == 0, axis=-1)[:, ::-1]
    vced[:, VCED_COLUMNS["name"]] = np.where(at_end, ord(" "), names)
    return vced, np.asarray(at_end.any(axis=-1))


def _is_sysex(data: bytes) -> bool:
    """Whether most of a file is SysEx, and not only F0 that any data contain."""
    return data[0] == START or 2 * sum(map(len, _WHOLE_MESSAGE.findall(data))) > len(data)


def _describe(data: bytes, contents: SysexContents) -> str:
    if contents.others:
        return shortened(counted_messages(count, kind) for kind, count in contents.others.most_common())
    return f"{len(data):,} bytes that are neither SysEx nor plausible as bare voices"
