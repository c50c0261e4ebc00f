"""`scan`: the voices of whole folders as one array, each sound once."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ddx7.errors import Ddx7Error, SysexError
from ddx7.library.canonical import AUDIBLE, sound_key
from ddx7.library.files import FILE_SUFFIXES, Problem, find_files
from ddx7.voice import Voice
from ddx7.voice.health import is_silent
from ddx7.voice.packing import INIT_VCED
from ddx7.voice.reader import FilePart, load_parts
from ddx7.voice.spec import VCED_SIZE

_WANTED = f"wanted DX7 voices in files ending in {', '.join(sorted(FILE_SUFFIXES))}"


@dataclass(frozen=True, slots=True)
class VoiceSource:
    """Where a voice was first found.

    Attributes:
      path: the file, relative to the folder that was scanned, with slashes; in an archive, then the member's path.
      index: its place in that file, 1 for the first.
    """

    path: str
    index: int


@dataclass(frozen=True, eq=False)
class Collection:
    """Voices that sound, each sound once, in the order in which they were found.

    Every voice that was found is accounted for:
    ``n_found == len(collection) + n_duplicates + n_init + n_broken`` and
    ``times_seen.sum() == len(collection) + n_duplicates``.

    Attributes:
      vced: uint8 [voice, 155], legal; of duplicates the name first seen.
      sources: where each was first found.
      times_seen: int64 [voice], in how many places its sound was found.
      mended: bool [voice], wherever it was found something in it was illegal and was clamped.
      problems: files, members of archives and folders that could not be read, and why.
      n_files: files that held voices.
      n_found: voices in them.
      n_duplicates: those that sound the same as an earlier one (`ddx7.library.sound_key`).
      n_init: those that sound like Yamaha's INIT VOICE, which fills unused places.
      n_broken: those that make no sound, or are damaged beyond mending.
    """

    vced: np.ndarray
    sources: tuple[VoiceSource, ...]
    times_seen: np.ndarray
    mended: np.ndarray
    problems: tuple[Problem, ...]
    n_files: int
    n_found: int
    n_duplicates: int
    n_init: int
    n_broken: int

    def __len__(self) -> int:
        """How many voices there are."""
        return len(self.vced)

    def voice(self, index: int) -> Voice:
        """One of the voices, counted from 0."""
        return Voice.from_vced(self.vced[index])

    def label(self, index: int) -> str:
        """Name and origin of a voice for people, such as ``E.PIANO 1 (rom1a.syx, voice 11)``."""
        source = self.sources[index]
        # File names may hold line ends, and bytes that are no characters.
        printable = "".join(c if c.isprintable() else "?" for c in source.path)
        return f"{self.voice(index).name or 'unnamed'} ({printable}, voice {source.index})"


def scan(
    folders: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    progress: Callable[[int, int], object] | None = None,
) -> Collection:
    """Read all voices in some folders and in folders inside them.

    Files are read as `ddx7.load` reads them. One that cannot be read is noted in `Collection.problems` and passed
    over. Hidden files and folders are left out; links are followed, and each file is read once.

    Args:
      folders: folders, and files of any name; or one of them.
      progress: called after each file with the number of files read and of all.

    Returns:
      the voices, in an order that depends on names and contents alone.

    Raises:
      Ddx7Error: one of the folders is not there, or there is no voice that sounds in any of them.
    """
    places = [folders] if isinstance(folders, (str, os.PathLike)) else list(folders)
    if not places:
        raise Ddx7Error("scan: found no folders to search, wanted at least one folder or file")
    files, problems = find_files(places)
    found = _Found()
    n_files = 0
    for done, file in enumerate(files, start=1):
        try:
            parts, notes = load_parts(file.path)
        except SysexError as error:
            problems.append(Problem(file.label, str(error).removeprefix(f"{file.path}: ")))
        else:
            n_files += 1
            problems += [Problem(file.label, note) for note in notes]
            for part in parts:
                found.add(part, f"{file.label}/{part.member}" if part.member else file.label)
        if progress is not None:
            progress(done, len(files))
    return _collect(found, tuple(problems), n_files, places)


@dataclass
class _Found:
    """Voices that differ in more than the name, in order, while files are being read."""

    rows: list[bytes] = field(default_factory=list)
    sources: list[VoiceSource] = field(default_factory=list)
    times_seen: list[int] = field(default_factory=list)
    mended: list[bool] = field(default_factory=list)
    n_damaged: int = 0
    _known: dict[bytes, int] = field(default_factory=dict)

    def add(self, part: FilePart, path: str) -> None:
        audible = part.vced[:, AUDIBLE]
        self.n_damaged += int(np.count_nonzero(part.doubtful))
        for k in np.flatnonzero(~part.doubtful):
            place = self._known.setdefault(audible[k].tobytes(), len(self.rows))
            if place == len(self.rows):
                self.rows.append(part.vced[k].tobytes())
                self.sources.append(VoiceSource(path, int(k) + 1))
                self.times_seen.append(0)
                self.mended.append(True)
            self.times_seen[place] += 1
            self.mended[place] &= bool(part.changed[k])


def _collect(found: _Found, problems: tuple[Problem, ...], n_files: int, places: Sequence[object]) -> Collection:
    vced = np.frombuffer(b"".join(found.rows), np.uint8).reshape(-1, VCED_SIZE)
    keys = sound_key(vced)
    groups: dict[bytes, int] = {}
    group = np.array([groups.setdefault(key.tobytes(), len(groups)) for key in keys], np.int64)
    first = np.unique(group, return_index=True)[1]
    times_seen = np.zeros(len(first), np.int64)
    np.add.at(times_seen, group, found.times_seen)
    mended = np.ones(len(first), bool)
    np.logical_and.at(mended, group, found.mended)

    is_init = np.all(keys[first] == sound_key(INIT_VCED), axis=-1)
    silent = is_silent(vced[first])
    kept = ~is_init & ~silent
    n_found = int(times_seen.sum()) + found.n_damaged
    if not kept.any():
        raise Ddx7Error(f"{', '.join(map(str, places))}: {_found_instead(n_found, problems)}, {_WANTED}")
    return Collection(
        vced=_read_only(vced[first[kept]]),
        sources=tuple(found.sources[k] for k in first[kept]),
        times_seen=_read_only(times_seen[kept]),
        mended=_read_only(mended[kept]),
        problems=problems,
        n_files=n_files,
        n_found=n_found,
        n_duplicates=int(times_seen[kept].sum() - np.count_nonzero(kept)),
        n_init=int(times_seen[is_init].sum()),
        n_broken=int(times_seen[silent].sum()) + found.n_damaged,
    )


def _found_instead(n_found: int, problems: Sequence[Problem]) -> str:
    if n_found:
        return f"found {n_found:,} voices that are all INIT VOICE, silent or damaged"
    if not problems:
        return "found no files of voices"
    path, sentence = problems[0]
    more = f"; and {len(problems) - 1:,} more" if len(problems) > 1 else ""
    return f"found no voices ({path}: {sentence.partition(', wanted')[0]}{more})"


def _read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array
