"""Files that may hold voices, found in folders: each once, in the same order on every machine."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

from ddx7.errors import Ddx7Error
from ddx7.voice.archive import VOICE_SUFFIXES

FILE_SUFFIXES = VOICE_SUFFIXES | {".zip"}
"""What the name of a file in a folder ends with if it may hold voices; a file named by itself may have any."""


class VoiceFile(NamedTuple):
    """A file that may hold voices.

    Attributes:
      path: where it is.
      label: its path inside the folder that was searched, with slashes; its name, if it was named itself.
    """

    path: Path
    label: str


class Problem(NamedTuple):
    """A file or folder that could not be read.

    Attributes:
      path: its path inside the folder that was searched; in an archive, the archive's.
      sentence: why not.
    """

    path: str
    sentence: str


def find_files(places: Sequence[str | os.PathLike[str]]) -> tuple[list[VoiceFile], list[Problem]]:
    """Search folders, and folders in them, for files that may hold voices.

    Left out are hidden files and folders, and macOS's `__MACOSX`. Links are followed, and what has been found already,
    by another way, is not found again; so links in a circle end.

    Args:
      places: folders, and files of any name.

    Returns:
      (files in the order of the places and, inside them, of names by code point; folders that cannot be opened).

    Raises:
      Ddx7Error: there is nothing at one of the places.
    """
    files: list[VoiceFile] = []
    problems: list[Problem] = []
    seen: set[str] = set()
    for place in map(Path, places):
        if not os.path.lexists(place):
            raise Ddx7Error(f"{place}: there is no such file or folder")
        for found in _walk(_Entry(str(place), place.name or str(place), place.is_dir(), os.path.realpath(place)), seen):
            if isinstance(found, VoiceFile):
                files.append(found)
            else:
                problems.append(found)
    return files, problems


class _Entry(NamedTuple):
    path: str
    label: str
    is_folder: bool
    identity: str  # the path without links


def _walk(root: _Entry, seen: set[str]) -> Iterator[VoiceFile | Problem]:
    pending = [root]
    while pending:
        entry = pending.pop()
        if entry.identity in seen:
            continue
        seen.add(entry.identity)
        if not entry.is_folder:
            yield VoiceFile(Path(entry.path), entry.label)
            continue
        prefix = "" if entry is root else f"{entry.label}/"
        try:
            with os.scandir(entry.path) as entries:
                inside = [_entry(found, prefix, entry.identity) for found in entries if not found.name.startswith(".")]
        except OSError as error:
            yield Problem(entry.label, f"the folder cannot be opened ({error.strerror or error})")
            continue
        pending += sorted(filter(_may_hold_voices, inside), reverse=True)


def _entry(found: os.DirEntry[str], prefix: str, folder: str) -> _Entry:
    try:
        is_folder = found.is_dir()
    except OSError:  # a link in a circle, say: reading it will tell
        is_folder = False
    identity = os.path.realpath(found.path) if found.is_symlink() else f"{folder.rstrip(os.sep)}{os.sep}{found.name}"
    return _Entry(found.path, prefix + found.name, is_folder, identity)


def _may_hold_voices(entry: _Entry) -> bool:
    if entry.is_folder:
        return PurePath(entry.path).name != "__MACOSX"
    return PurePath(entry.path).suffix.lower() in FILE_SUFFIXES
