"""Search for files that may contain voices: each file once, in the same order on every machine."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

from ddx7.errors import Ddx7Error


class VoiceFile(NamedTuple):
    """A file that may contain voices.

    Attributes:
      path: of the file.
      label: path inside the searched folder, with slashes; only the name of a file given by itself.
    """

    path: Path
    label: str


class Problem(NamedTuple):
    """A file or folder that could not be read.

    Attributes:
      path: inside the searched folder; for a member of an archive that of the archive.
      sentence: the reason.
    """

    path: str
    sentence: str


def find_files(places: Sequence[str | os.PathLike[str]]) -> tuple[list[VoiceFile], list[Problem]]:
    """Search folders and their subfolders for files. Their content decides whether they hold voices, not their names.

    The search ignores hidden files and folders and macOS's `__MACOSX`. It follows links and visits each file and folder
    once, so circular links end.

    Args:
      places: folders, and files of any name.

    Returns:
      the files, in the order of the places and inside them of names by code point; and folders that cannot be opened.

    Raises:
      Ddx7Error: one of the places does not exist.
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
        pending += sorted((entry for entry in inside if PurePath(entry.path).name != "__MACOSX"), reverse=True)


def _entry(found: os.DirEntry[str], prefix: str, folder: str) -> _Entry:
    try:
        is_folder = found.is_dir()
    except OSError:  # such as a circular link; reading it reports the problem
        is_folder = False
    identity = os.path.realpath(found.path) if found.is_symlink() else f"{folder.rstrip(os.sep)}{os.sep}{found.name}"
    return _Entry(found.path, prefix + found.name, is_folder, identity)
