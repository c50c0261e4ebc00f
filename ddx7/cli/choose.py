"""Choosing voices of a bank by number or by name."""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

from ddx7.cli.terminal import UsageError
from ddx7.errors import Ddx7Error
from ddx7.voice import Bank
from ddx7.voice.single import split_place

_RANGE = re.compile(r"(\d{1,6})(?:-(\d{1,6}))?")


def check_one_choice(*, index: str, name: str, every: bool) -> None:
    """Check that at most one of --index, --name and --all is given.

    Raises:
      UsageError: several are.
    """
    if (index != "") + (name != "") + every > 1:
        raise UsageError("--index, --name and --all exclude each other")


def voice_place(text: str) -> tuple[Path, str]:
    """A file and the number of a voice in it, if one follows after a colon.

    Raises:
      UsageError: something else follows the colon.
    """
    try:
        return split_place(text)
    except Ddx7Error as error:
        raise UsageError(str(error)) from None


def file_and_number(path: Path, index: str = "", other: str | bool = "") -> tuple[Path, str]:
    """A file and the numbers of its voices: those of --index, or the one that follows the path after a colon.

    Args:
      path: as given; it may be the name of a file that holds a colon.
      index: numbers that --index gives, or empty.
      other: another choice, which leaves the path as it is.

    Raises:
      UsageError: something else than a number follows the colon.
    """
    return (path, index) if index or other or path.exists() else voice_place(str(path))


def chosen(bank: Bank, path: Path, *, index: str, name: str, every: bool) -> list[int] | None:
    """Positions of the voices that --index, --name or --all choose; None for a choice that is still to be made.

    A bank of one voice needs no choice.

    Args:
      bank: the voices.
      path: of the bank, for messages.
      index: as `by_number` takes it, or empty.
      name: as `by_name` takes it, or empty.
      every: whether to take all voices.

    Raises:
      UsageError: the index is no list of numbers.
      Ddx7Error: the bank has no such voice.
    """
    if index:
        return by_number(bank, index, path)
    if name:
        return by_name(bank, name, path)
    return list(range(len(bank))) if every or len(bank) == 1 else None


def by_number(bank: Bank, numbers: str, path: Path) -> list[int]:
    """Positions of the voices in a list such as ``1,3,5-8``; the first voice is 1, as on the panel.

    Args:
      bank: the voices.
      numbers: numbers and ranges between commas; a range may run backwards, a voice may come twice.
      path: of the bank, for messages.

    Returns:
      indices into the bank, in the order of the list.

    Raises:
      UsageError: the text is no such list.
      Ddx7Error: the bank has no voice of that number.
    """
    positions: list[int] = []
    for part in numbers.split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            raise UsageError(f"voice numbers: found {part.strip()!r}, wanted numbers and ranges such as 1,3,5-8")
        first, last = int(match[1]), int(match[2] or match[1])
        for number in (first, last):
            if not 1 <= number <= len(bank):
                raise Ddx7Error(f"{path}: there is no voice {number}, wanted 1 to {len(bank)}")
        step = 1 if first <= last else -1
        positions += range(first - 1, last - 1 + step, step)
    return positions


def by_name(bank: Bank, text: str, path: Path) -> list[int]:
    """Positions of the voices of that name; without any, of all whose name contains the text. Case does not matter.

    Args:
      bank: the voices.
      text: the name or a part of it.
      path: of the bank, for messages.

    Returns:
      indices into the bank; at least one.

    Raises:
      Ddx7Error: no name matches; the message lists the nearest.
    """
    names = [_folded(voice.name) for voice in bank]
    folded = _folded(text)
    positions = [k for k, name in enumerate(names) if name == folded] or [
        k for k, name in enumerate(names) if folded in name
    ]
    if not positions:
        raise Ddx7Error(f"{path}: no voice has {text!r} in its name{_nearest(folded, names, bank)}")
    return positions


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())  # many DX7 names have extra spaces that fill the display


def _nearest(folded: str, names: Sequence[str], bank: Bank) -> str:
    near = difflib.get_close_matches(folded, names, n=3, cutoff=0.5)
    listed = ", ".join(repr(bank[names.index(name)].name) for name in dict.fromkeys(near))
    return f"; the nearest are {listed}" if listed else ""
