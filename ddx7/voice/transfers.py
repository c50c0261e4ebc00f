"""Undoes what transfers as text or in seven bits do to SysEx: line ends changed, line ends lost, F0 and F7 lost.

Each repair is a guess; `undo_transfer` keeps one only if more voices are intact after it than before.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from itertools import islice
from typing import Any

import numpy as np

from ddx7.voice.health import penalty_points
from ddx7.voice.messages import BANK_DATA_SIZE, BANK_SIZE, END, SINGLE_SIZE, START, SysexContents, checksum, stray_bits
from ddx7.voice.packing import unpack
from ddx7.voice.spec import NAME_SIZE, VMEM_SIZE, VOICES_PER_BANK

_RETURN, _NEWLINE = 0x0D, 0x0A
_LOST_KINDS = {_RETURN: "carriage returns (0D)", _NEWLINE: "newlines (0A)"}
_MAX_LOST = 96
_MAX_POINTS = 4.0 * VOICES_PER_BANK
_AS_GOOD = 1.0  # point more than the best
_MAX_SHORT_BANKS = 64

# A header and an end as seven bits leave them, 70 for F0 and 77 for F7.
_SEVEN_BIT_HEADER = re.compile(rb"pC[\x00-\x0f](?:[\x00\x09]\x20\x00|\x00\x01\x1b)", re.DOTALL)
_SEVEN_BIT_END = 0x77
# F0 and F7 taken for characters and encoded as UTF-8, or replaced by the mark of an unknown character.
_DECODED_START = re.compile(rb"(?:\xc3\xb0|\xef\xbf\xbd)(?=C[\x00-\x0f])")
_DECODED_END = re.compile(rb"\xc3\xb7|\xef\xbf\xbd")
_SHORT_BANK = rb"(\xf0C[\x00-\x0f][\x00\x09]\x20\x00)([\x00-\x7f]{4000,4095})([\x00-\x7f])\xf7"


@cache
def _short_bank() -> re.Pattern[bytes]:
    """Compiled at the first use: that takes a tenth of the time of `ddx7 show`, and few files need it."""
    return re.compile(_SHORT_BANK, re.DOTALL)


Scan = Callable[[bytes], SysexContents]


def undo_transfer(data: bytes, found: SysexContents, scan: Scan) -> SysexContents:
    """The content of a file as it was before a transfer changed its bytes, or what was found if that is better.

    Args:
      data: the file.
      found: the content as it is.
      scan: reads bytes.
    """
    best, score = found, intact_score(found)
    if found.dumps and all(dump.is_intact and not dump.faults for dump in found.dumps):
        return found
    for changed, faults in _candidates(data):
        contents = scan(changed) if faults else found
        if (new := intact_score(contents)) > score:
            best, score = replace(contents, faults=contents.faults + faults), new
        if (banks := _returned(changed)) is not None:
            text, by_voices = banks
            contents = scan(text)
            dumps = tuple(replace(d, **by_voices.get(d.vced.tobytes(), {})) for d in contents.dumps)
            contents = replace(contents, dumps=dumps, faults=contents.faults + faults)
            if (new := intact_score(contents)) > score:
                best, score = contents, new
    return best


def intact_score(contents: SysexContents) -> tuple[int, int]:
    """Numbers of voices whose checksum is right, and of voices without doubt."""
    intact = sum(len(dump.vced) for dump in contents.dumps if dump.is_intact)
    return intact, sum(int(np.count_nonzero(~dump.doubtful())) for dump in contents.dumps)


def _candidates(data: bytes) -> Iterator[tuple[bytes, tuple[str, ...]]]:
    n_pairs = data.count(b"\r\n")
    if n_pairs:
        once = data.replace(b"\r\n", b"\n")
        yield once, (f"every 0A had become 0D 0A, undone in {n_pairs:,} places",)
        if b"\r\n" in once:
            yield once.replace(b"\r\n", b"\n"), (f"every 0A had become 0D 0D 0A, undone in {n_pairs:,} places",)
    encoded = _DECODED_START.sub(b"\xf0", data)
    if encoded != data:
        decoded = _DECODED_END.sub(b"\xf7", encoded)
        yield decoded, ("F0 and F7 had been encoded as characters of UTF-8, undone",)
    restored, n_restored = _restore_marks(data)
    if n_restored:
        yield restored, (f"F0 and F7 had lost their eighth bit, restored around {n_restored:,} messages",)
    yield data, ()


def _restore_marks(data: bytes) -> tuple[bytes, int]:
    restored, n, free_from = bytearray(data), 0, 0
    for header in _SEVEN_BIT_HEADER.finditer(data):
        start = header.start()
        end = start + (SINGLE_SIZE if header[0].endswith(b"\x1b") else BANK_SIZE) - 1
        if start >= free_from and data[end : end + 1] == bytes([_SEVEN_BIT_END]):
            restored[start], restored[end] = START, END
            n, free_from = n + 1, end + 1
    return bytes(restored), n


def _returned(data: bytes) -> tuple[bytes, dict[bytes, dict[str, Any]]] | None:
    """A file whose short banks have their carriage returns again, and what changes in the dumps with these voices."""
    changes: dict[bytes, dict[str, Any]] = {}
    pieces: list[bytes] = []
    at = 0
    for match in islice(_short_bank().finditer(data), _MAX_SHORT_BANKS):
        restored = _restore_bank(match[2], match[3][0])
        if restored is None:
            continue
        packed, placed, lost = restored
        n_lost = BANK_DATA_SIZE - len(match[2])
        fault = f"{_LOST_KINDS[lost]} had been lost, {n_lost} {'is' if n_lost == 1 else 'are'} put back"
        vced = unpack(np.frombuffer(packed, np.uint8).reshape(-1, VMEM_SIZE))
        changes[vced.tobytes()] = {"placed": placed, "faults": (fault,)}
        pieces += [data[at : match.start()], match[1], packed, match[3]]
        at = match.end(3)
    return (b"".join([*pieces, data[at:]]), changes) if changes else None


def _restore_bank(data: bytes, last: int) -> tuple[bytes, np.ndarray, int] | None:
    """A bank's 4096 bytes with the line ends that a transfer removed, which voices are sure, and which byte was lost.

    The checksum tells what is missing, but not from where. The places that leave the fewest illegal bytes are taken; a
    voice with other places as good is not sure.
    """
    n_lost = BANK_DATA_SIZE - len(data)
    if not 0 < n_lost <= _MAX_LOST:
        return None
    found: tuple[bytes, np.ndarray, int] | None = None
    least = _MAX_POINTS
    # Most programs remove a return only before a newline.
    for lost, before_newlines in ((_RETURN, True), (_RETURN, False), (_NEWLINE, False)):
        if checksum(data + bytes([lost]) * n_lost) == last:
            way = _align(np.frombuffer(data, np.uint8), n_lost, lost, before_newlines=before_newlines)
            packed, placed, points = way
            if points < least:
                found, least = (packed, placed, lost), points
    return found


def _align(data: np.ndarray, n_lost: int, byte_lost: int, *, before_newlines: bool) -> tuple[bytes, np.ndarray, float]:
    """Put a byte where it makes the fewest bytes illegal: a shortest path over places and bytes put so far.

    Args:
      data: the bytes that are there, uint8.
      n_lost: number of bytes to put in.
      byte_lost: that byte.
      before_newlines: whether it goes only before newlines.

    Returns:
      (the 4096 bytes, bool [voice] whether no other places in it are as good, number of penalty points).
    """
    size = BANK_DATA_SIZE
    points = np.tile(_points_by_place(), (VOICES_PER_BANK, 1))
    index = np.arange(size)[:, None] - np.arange(n_lost + 1)
    exists = (index >= 0) & (index < len(data))
    byte = data[np.clip(index, 0, len(data) - 1)]
    keep = np.where(exists, points[np.arange(size)[:, None], byte], np.inf)
    put = np.broadcast_to(points[:, byte_lost, None], keep.shape)
    if before_newlines:
        put = np.where(exists & (byte == _NEWLINE), put, np.inf)
    ahead = np.full((size + 1, n_lost + 2), np.inf)  # points from each place on, for each number of returns before it
    ahead[size, n_lost] = 0
    for k in range(size - 1, -1, -1):
        ahead[k, :-1] = np.minimum(keep[k] + ahead[k + 1, :-1], put[k] + ahead[k + 1, 1:])
    if not np.isfinite(ahead[0, 0]):
        return b"", np.zeros(0, bool), np.inf
    packed, placed, lost = bytearray(), np.ones(VOICES_PER_BANK, bool), 0
    behind = np.full(n_lost + 2, np.inf)
    behind[0] = 0
    for k in range(size):
        puts = behind[:-1] + put[k] + ahead[k + 1, 1:]
        is_put = put[k, lost] + ahead[k + 1, lost + 1] <= keep[k, lost] + ahead[k + 1, lost]
        others = np.count_nonzero(puts <= ahead[0, 0] + _AS_GOOD) - is_put
        placed[k // VMEM_SIZE] &= others == 0
        packed.append(byte_lost if is_put else byte[k, lost])
        lost += is_put
        behind = np.minimum(np.append(behind[:-1] + keep[k], np.inf), np.append(np.inf, behind[:-1] + put[k]))
    return bytes(packed), placed, float(ahead[0, 0])


@cache
def _points_by_place() -> np.ndarray:
    """Penalty points of each byte in each place of a packed voice, [place, byte]."""
    voices = np.zeros((VMEM_SIZE, 128, VMEM_SIZE), np.uint8)
    voices[..., -NAME_SIZE:] = ord(" ")
    place = np.arange(VMEM_SIZE)
    voices[place[:, None], np.arange(128), place[:, None]] = np.arange(128)
    points = (penalty_points(unpack(voices)) + stray_bits(voices)).astype(float)
    points[-NAME_SIZE:, 0] = 0  # names padded with 00 are common
    return points
