"""SysEx written as text: the lists of bytes that MIDI monitors, dump tools, programs and forum posts hold."""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

_WORD = re.compile(r"[^\s,;|\\{}()\[\]<>\"'=\-]+")
_PREFIX = re.compile(r"\\x|0x|\$|#", re.IGNORECASE)
_HEX = re.compile(r"([0-9A-Fa-f]{1,2}|(?:[0-9A-Fa-f]{2}){2,})[hH]?")
_DECIMAL = re.compile(r"[01]?\d{1,2}|2[0-4]\d|25[0-5]")
_FIRST_COLUMN = re.compile(r"\s*(?:0x|\$)?([0-9A-Fa-f]+)h?(?:\s*[:>|)\],;]|\s)\s*", re.IGNORECASE)
# F0 43, which every dump of Yamaha's begins with, in one of these forms; or a text of little but hexadecimal digits.
# Other texts need no closer look.
_HEADER = re.compile(r"f0h?\W*(?:[0-9a-f]+\W+)?(?:0x|x|\$)?43|\b240\D+67\b", re.IGNORECASE)
_DIGITS = re.compile(r"[0-9A-Fa-f\s,;:xX$hH\-]+")
_MIN_DIGITS = 256
_MIN_BYTES = 8
_MAX_LINES = 200_000


def bytes_of_text(text: str) -> Iterator[bytes]:
    """The bytes that a text may mean; nothing for a text that lists no bytes.

    Bytes are pairs of hexadecimal digits, apart or together, with or without 0x, $ or h, or decimal numbers; between
    them stand spaces, commas, semicolons or hyphens. Prose before and after the bytes of a line, a first column of
    offsets or line numbers, and a last one of characters are left out.

    Args:
      text: of a file.
    """
    if _HEADER.search(text) is None and (len(text) < _MIN_DIGITS or _DIGITS.fullmatch(text) is None):
        return
    lines = [line for line in text.splitlines()[:_MAX_LINES] if line.strip()]
    seen: set[bytes] = set()
    for chosen in (lines, _without_columns(lines)):
        for to_bytes in (_from_hex, _from_decimal):
            data = b"".join(_longest_run(line, to_bytes) for line in chosen)
            if len(data) >= _MIN_BYTES and data not in seen:
                seen.add(data)
                yield data


def _longest_run(line: str, to_bytes: Callable[[str], bytes]) -> bytes:
    """The longest run of words in a line that are bytes."""
    longest, run = b"", bytearray()
    for word in [*_WORD.findall(_PREFIX.sub(" ", line)), ""]:
        data = to_bytes(word)
        run += data
        if not data:
            longest = max(longest, bytes(run), key=len)
            run.clear()
    return longest


def _from_hex(word: str) -> bytes:
    match = _HEX.fullmatch(word)
    return bytes.fromhex(match[1].zfill(2)) if match else b""


def _from_decimal(word: str) -> bytes:
    return bytes([int(word)]) if _DECIMAL.fullmatch(word) else b""


def _without_columns(lines: list[str]) -> list[str]:
    """Lines without a first column of numbers; where these are offsets, also without what follows the bytes."""
    matches = [_FIRST_COLUMN.match(line) for line in lines]
    if not all(matches):
        matches = [match for match in matches if match]
    rests = [match.string[match.end() :] for match in matches if match]
    firsts = [match[1] for match in matches if match]
    width = _bytes_per_line(firsts)
    return [_first_bytes(rest, width) for rest in rests] if width > 1 else rests


def _bytes_per_line(offsets: list[str]) -> int:
    """By how much offsets grow from line to line, in any base; 0 if they do not."""
    for base in (16, 8, 10):
        try:
            numbers = [int(offset, base) for offset in offsets]
        except ValueError:
            continue
        steps = {after - before for before, after in pairwise(numbers)}
        if len(steps) == 1 and 1 < min(steps) <= 64:
            return steps.pop()
    return 0


def _first_bytes(line: str, width: int) -> str:
    """The part of a line that holds its first bytes, at most `width` of them."""
    n, end = 0, 0
    for word in _WORD.finditer(line):
        data = _from_hex(word[0])
        if not data or n + len(data) > width:
            break
        n, end = n + len(data), word.end()
    return line[:end]
