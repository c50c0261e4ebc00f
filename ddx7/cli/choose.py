"""Choosing voices of a bank by number or by name."""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

from ddx7.cli.terminal import UsageError
from ddx7.errors import Ddx7Error
from ddx7.voice import Bank

_RANGE = re.compile(r"(\d{1,6})(?:-(\d{1,6}))?")


def by_number(bank: Bank, numbers: str, path: Path) -> list[int]:
    """Positions of the voices that a list such as ``1,3,5-8`` names; the first voice is 1, as on the panel.

    Args:
      bank: the voices.
      numbers: numbers and ranges between commas; a range may run backwards, a voice may come twice.
      path: where the bank is from, for messages.

    Returns:
      indices into the bank, in the order asked for.

    Raises:
      UsageError: that is no such list.
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
    """Positions of the voices of that name, or failing that of all whose name contains the text; case is ignored.

    Args:
      bank: the voices.
      text: the name or a part of it.
      path: where the bank is from, for messages.

    Returns:
      indices into the bank; at least one.

    Raises:
      Ddx7Error: no name matches; the message lists the nearest.
    """
    names = [_folded(voice.name) for voice in bank]
    wanted = _folded(text)
    found = [k for k, name in enumerate(names) if name == wanted] or [
        k for k, name in enumerate(names) if wanted in name
    ]
    if not found:
        raise Ddx7Error(f"{path}: no voice has {text!r} in its name{_nearest(wanted, names, bank)}")
    return found


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())  # DX7 names are often spaced out to fill the display


def _nearest(wanted: str, names: Sequence[str], bank: Bank) -> str:
    near = difflib.get_close_matches(wanted, names, n=3, cutoff=0.5)
    listed = ", ".join(repr(bank[names.index(name)].name) for name in dict.fromkeys(near))
    return f"; the nearest are {listed}" if listed else ""
