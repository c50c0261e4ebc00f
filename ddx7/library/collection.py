"""`scan`: all voices of folders as one array, each sound once."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Int64, UInt8

from ddx7.errors import Ddx7Error, NotVoicesError, SysexError
from ddx7.library.canonical import AUDIBLE, sound_key
from ddx7.library.files import Problem, find_files
from ddx7.voice import Voice
from ddx7.voice.archive import promises_voices
from ddx7.voice.health import is_silent
from ddx7.voice.packing import INIT_VCED
from ddx7.voice.reader import FilePart, load_parts
from ddx7.voice.spec import VCED_SIZE

MAX_PLACES = 8
"""Places of a voice that a collection names."""
_WANTED = "wanted DX7 voices, such as .syx files"


@dataclass(frozen=True, slots=True)
class VoiceSource:
    """Where a voice was first found.

    Attributes:
      path: of the file, relative to the scanned folder, with slashes; in an archive followed by the member's path.
      index: of the voice in that file, 1 for the first.
    """

    path: str
    index: int


@dataclass(frozen=True, eq=False)
class Collection:
    """Audible voices, each sound once, in the order of the scan.

    The counts account for every voice of the files:
    ``n_found == len(collection) + n_duplicates + n_init + n_broken`` and
    ``times_seen.sum() == len(collection) + n_duplicates``.

    Attributes:
      vced: legal bytes; duplicates have the name of the first one.
      sources: where each voice was first found.
      times_seen: number of places in which the sound of each voice was found.
      repaired: whether every copy of the voice contained illegal bytes, which were clamped.
      problems: files, members of archives and folders that could not be read, and why.
      n_files: files that contain voices.
      n_found: voices in them.
      n_duplicates: voices that sound the same as an earlier one (`ddx7.library.sound_key`).
      n_init: voices that sound like Yamaha's INIT VOICE, which fills unused places.
      n_broken: voices that are silent or damaged beyond repair.
      skipped: files of other kinds, such as pictures, and which; neither their names nor their contents promise voices.
      places: where the sound of each voice was found, the first `MAX_PLACES` places.
      repairs: faults of the files that the reader repaired.
    """

    vced: UInt8[np.ndarray, "voice 155"]
    sources: tuple[VoiceSource, ...]
    times_seen: Int64[np.ndarray, " voice"]
    repaired: Bool[np.ndarray, " voice"]
    problems: tuple[Problem, ...]
    n_files: int
    n_found: int
    n_duplicates: int
    n_init: int
    n_broken: int
    skipped: tuple[Problem, ...] = ()
    places: tuple[tuple[VoiceSource, ...], ...] = ()
    repairs: tuple[Problem, ...] = ()

    def __len__(self) -> int:
        """Number of voices."""
        return len(self.vced)

    def voice(self, index: int) -> Voice:
        """Voice `index`, counted from 0."""
        return Voice.from_vced(self.vced[index])

    def unread(self) -> str:
        """What the scan could not read or skipped, in one sentence; empty if nothing."""
        parts: list[str] = []
        if self.problems:
            path, sentence = self.problems[0]
            more = f", and {len(self.problems) - 1:,} more" if len(self.problems) > 1 else ""
            parts.append(f"{_files(len(self.problems))} not read ({path}: {sentence.partition(', wanted')[0]}{more})")
        if self.skipped:
            parts.append(f"{_files(len(self.skipped))} of other kinds skipped")
        return f"{' and '.join(parts)}; ddx7 check --notes lists them" if parts else ""

    def label(self, index: int) -> str:
        """Name and origin of a voice, such as ``E.PIANO 1 (rom1a.syx, voice 11)``."""
        source = self.sources[index]
        # File names may contain line ends, and bytes that are no characters.
        printable = "".join(c if c.isprintable() else "?" for c in source.path)
        return f"{self.voice(index).name or 'unnamed'} ({printable}, voice {source.index})"


def scan(
    folders: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    progress: Callable[[int, int], object] | None = None,
) -> Collection:
    """Read all voices in folders and their subfolders.

    The scan reads files as `ddx7.load` does. It skips those that it cannot read and notes them in
    `Collection.problems`. It ignores hidden files and folders, follows links, and reads each file once.

    Args:
      folders: folders, and files of any name; or one of them.
      progress: called after each file with the number of files read and of all.

    Returns:
      the voices, in an order that depends only on names and contents.

    Raises:
      Ddx7Error: a folder does not exist, or none of them contains an audible voice.
    """
    places = [folders] if isinstance(folders, (str, os.PathLike)) else list(folders)
    if not places:
        raise Ddx7Error("scan: found no folders to search, wanted at least one folder or file")
    files, problems = find_files(places)
    found = _Found()
    skipped: list[Problem] = []
    repairs: list[Problem] = []
    n_files = 0
    for done, file in enumerate(files, start=1):
        try:
            parts, notes = load_parts(file.path)
        except SysexError as error:
            is_other = isinstance(error, NotVoicesError) and not promises_voices(file.label)
            problem = Problem(file.label, str(error).removeprefix(f"{file.path}: "))
            (skipped if is_other else problems).append(problem)
        else:
            n_files += 1
            problems += [Problem(file.label, note) for note in notes]
            for part in parts:
                label = f"{file.label}/{part.member}" if part.member else file.label
                found.add(part, label)
                repairs += [Problem(label, sentence) for sentence in part.repairs]
        if progress is not None:
            progress(done, len(files))
    return _collect(found, (tuple(problems), tuple(skipped), tuple(repairs)), n_files, places)


def join(first: Collection, second: Collection) -> Collection:
    """Both collections as one; voices of the second that sound like one of the first count as its duplicates.

    Args:
      first: keeps its order and its indices.
      second: the rest of its voices follow.
    """
    n = len(first)
    vced = np.concatenate([first.vced, second.vced])
    group = _groups(sound_key(vced))
    added = group[n:] >= n
    times_seen = np.zeros(int(group.max()) + 1, np.int64)
    np.add.at(times_seen, group, np.concatenate([first.times_seen, second.times_seen]))
    repaired = np.ones(len(times_seen), bool)
    np.logical_and.at(repaired, group, np.concatenate([first.repaired, second.repaired]))
    return Collection(
        vced=_read_only(np.concatenate([first.vced, second.vced[added]])),
        sources=(*first.sources, *(s for s, new in zip(second.sources, added, strict=True) if new)),
        times_seen=_read_only(times_seen),
        repaired=_read_only(repaired),
        problems=first.problems + second.problems,
        n_files=first.n_files + second.n_files,
        n_found=first.n_found + second.n_found,
        n_duplicates=int(times_seen.sum()) - len(times_seen),
        n_init=first.n_init + second.n_init,
        n_broken=first.n_broken + second.n_broken,
        skipped=first.skipped + second.skipped,
        places=_joined_places([*first.places, *second.places], group),
        repairs=first.repairs + second.repairs,
    )


def _files(n: int) -> str:
    return f"{n:,} file{'s' * (n != 1)}"


def _groups(keys: UInt8[np.ndarray, "voice byte"]) -> Int64[np.ndarray, " voice"]:
    """Equal rows get equal numbers, from 0 in the order of first appearance."""
    groups: dict[bytes, int] = {}
    return np.array([groups.setdefault(key.tobytes(), len(groups)) for key in keys], np.int64)


def _joined_places(
    places: Sequence[Sequence[VoiceSource]], group: Int64[np.ndarray, " voice"]
) -> tuple[tuple[VoiceSource, ...], ...]:
    joined: list[list[VoiceSource]] = [[] for _ in range(int(group.max(initial=-1)) + 1)]
    for own, number in zip(places, group.tolist(), strict=True):
        joined[number] += own
    return tuple(tuple(own[:MAX_PLACES]) for own in joined)


@dataclass
class _Found:
    """Voices that differ in more than the name, in order, collected while files are read."""

    rows: list[bytes] = field(default_factory=list)
    places: list[list[VoiceSource]] = field(default_factory=list)
    times_seen: list[int] = field(default_factory=list)
    repaired: list[bool] = field(default_factory=list)
    n_damaged: int = 0
    _known: dict[bytes, int] = field(default_factory=dict)

    def add(self, part: FilePart, path: str) -> None:
        audible = part.vced[:, AUDIBLE]
        self.n_damaged += int(np.count_nonzero(part.doubtful))
        for k in np.flatnonzero(~part.doubtful):
            place = self._known.setdefault(audible[k].tobytes(), len(self.rows))
            if place == len(self.rows):
                self.rows.append(part.vced[k].tobytes())
                self.places.append([])
                self.times_seen.append(0)
                self.repaired.append(True)
            if len(self.places[place]) < MAX_PLACES:
                self.places[place].append(VoiceSource(path, int(k) + 1))
            self.times_seen[place] += 1
            self.repaired[place] &= bool(part.changed[k])


def _collect(
    found: _Found, remarks: tuple[tuple[Problem, ...], ...], n_files: int, places: Sequence[object]
) -> Collection:
    problems, skipped, repairs = remarks
    vced = np.frombuffer(b"".join(found.rows), np.uint8).reshape(-1, VCED_SIZE)
    keys = sound_key(vced)
    group = _groups(keys)
    first = np.unique(group, return_index=True)[1]
    times_seen = np.zeros(len(first), np.int64)
    np.add.at(times_seen, group, found.times_seen)
    repaired = np.ones(len(first), bool)
    np.logical_and.at(repaired, group, found.repaired)

    is_init = np.all(keys[first] == sound_key(INIT_VCED), axis=-1)
    silent = is_silent(vced[first])
    kept = ~is_init & ~silent
    n_found = int(times_seen.sum()) + found.n_damaged
    if not kept.any():
        raise Ddx7Error(f"{', '.join(map(str, places))}: {_found_instead(n_found, problems + skipped)}, {_WANTED}")
    joined = _joined_places(found.places, group)
    kept_places = tuple(joined[k] for k in np.flatnonzero(kept))
    return Collection(
        vced=_read_only(vced[first[kept]]),
        sources=tuple(own[0] for own in kept_places),
        times_seen=_read_only(times_seen[kept]),
        repaired=_read_only(repaired[kept]),
        problems=problems,
        n_files=n_files,
        n_found=n_found,
        n_duplicates=int(times_seen[kept].sum() - np.count_nonzero(kept)),
        n_init=int(times_seen[is_init].sum()),
        n_broken=int(times_seen[silent].sum()) + found.n_damaged,
        skipped=skipped,
        places=kept_places,
        repairs=repairs,
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
