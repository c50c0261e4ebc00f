"""One voice of a file that may hold several: "rom1a.syx:11"."""

import os
from pathlib import Path

from ddx7.errors import Ddx7Error
from ddx7.voice.reader import load
from ddx7.voice.voice import Voice

_NAMED = 6  # voices that a message names


def split_place(place: str | os.PathLike[str]) -> tuple[Path, str]:
    """A file and the number of a voice in it, if one follows after a colon.

    Raises:
      Ddx7Error: something else follows the colon.

    >>> split_place("a.syx:3"), split_place("c:/a.syx")
    ((PosixPath('a.syx'), '3'), (PosixPath('c:/a.syx'), ''))
    """
    text = os.fspath(place)
    path, colon, number = text.rpartition(":")
    if colon and not number.isdecimal() and not Path(text).exists() and Path(path).is_file():
        raise Ddx7Error(f"{text}: found {number!r} after the colon, wanted the number of a voice in {path}")
    return (Path(path), number) if colon and number.isdecimal() else (Path(text), "")


def load_one(place: str | os.PathLike[str]) -> Voice:
    """Read one voice.

    Args:
      place: a file, with a colon and the number of the voice if the file holds several; the first is 1.

    Raises:
      SysexError: the file cannot be read, or holds no voice.
      Ddx7Error: it has no voice of that number, or several and no number is given.
    """
    path, number = split_place(place)
    bank = load(path)
    if number and not 1 <= int(number) <= len(bank):
        raise Ddx7Error(f"{path}: there is no voice {number}, wanted 1 to {len(bank)}")
    if not number and len(bank) != 1:
        named = ", ".join(f"{k} {voice.name}" for k, voice in enumerate(bank[:_NAMED], start=1))
        more = ", ..." if len(bank) > _NAMED else ""
        raise Ddx7Error(f"{path}: found {len(bank)} voices ({named}{more}), wanted one, such as {path}:1")
    return bank[int(number or 1) - 1]
