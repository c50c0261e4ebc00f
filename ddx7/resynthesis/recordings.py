"""Recordings of an instrument: find them, and decide which are learned from and which are held out.

The published code of DDX7 cuts recordings into blocks of four seconds and shuffles the blocks, so that test data lie
next to training data. Here a whole recording belongs to one split.
"""

import csv
import hashlib
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ddx7.audio.features import SILENT_DB
from ddx7.audio.files import audio_duration, read_audio
from ddx7.audio.loudness import FLOOR_DB, loudness
from ddx7.audio.sound_folder import SOUND_SUFFIXES
from ddx7.errors import AudioError, Ddx7Error

SPLITS = ("train", "valid")
MAX_PART_S = 600.0
"""Longest part of a recording that is measured as a whole; longer files are cut into equal parts."""
HELD_OUT_GAP_S = 2.0
"""Seconds of a single recording between the part to learn from and the held-out part."""
SHORTEST_SINGLE_S = 8.0
"""Shortest single recording: one second of it is held out, and five remain before the gap."""
HELD_OUT_OF = 8
"""One of so many recordings is held out where no list decides, or this share of a single recording."""
_MARGIN_S = 1.0  # of silence that stays at the ends of a single recording


class RecordingSource(NamedTuple):
    """A recording, or a part of one.

    Attributes:
      path: of the file.
      split: "train" or "valid" ("test" in lists).
      start_s: where the part begins.
      stop_s: where it ends; infinity for the end of the file.
    """

    path: Path
    split: str
    start_s: float = 0.0
    stop_s: float = np.inf

    def __str__(self) -> str:
        """The path, with the part if it is not the whole file."""
        whole = not self.start_s and np.isinf(self.stop_s)
        return str(self.path) if whole else f"{self.path} from {self.start_s:.0f} s to {self.stop_s:.0f} s"


def find_recordings(
    path: Path,
    instrument: str | None = None,
    kinds: Iterable[str] | None = None,
    *,
    allow_leak: bool = False,
) -> list[RecordingSource]:
    """Find the recordings of an instrument.

    Four layouts are known. A folder with an `index.csv` has the columns `file` and `split`, and perhaps `instrument`,
    `kind`, `source_repo` and `source_path`. The URMP data set names its solo recordings
    `AuSep_NUMBER_INSTRUMENT_NUMBER_PIECE.wav`. Any other folder holds sound files. Or the path is one sound file.

    Without a list, a hash of the recording's name decides on the split. Of a single recording the last eighth is held
    out, after a gap of `HELD_OUT_GAP_S`; silence at its ends does not count. Recordings longer than `MAX_PART_S` come
    in parts.

    Args:
      path: of the folder or the file.
      instrument: as the list or URMP calls it (`violin` or `vn`); None takes all.
      kinds: values of `kind` to take from a list; None takes all.
      allow_leak: accept a list in which one source stands in several splits.

    Returns:
      recordings in order of their paths.

    Raises:
      Ddx7Error: a split is empty, or a source stands in several splits.
    """
    if path.is_file():
        paths = [path]
    elif not path.is_dir():
        raise Ddx7Error(f"{path}: no such folder or file, wanted recordings")
    elif (index := path / "index.csv").exists():
        sources = _listed(index, instrument, set(kinds) if kinds is not None else None, allow_leak=allow_leak)
        return _in_parts(_with_both_splits(sources, path, instrument))
    else:
        paths = sorted(p for p in path.rglob("*") if p.suffix.lower() in SOUND_SUFFIXES)
        solos = [p for p in paths if p.name.startswith("AuSep_")]
        if solos and instrument is not None:
            short = _URMP.get(instrument, instrument)
            solos = [p for p in solos if p.name.split("_")[2:3] == [short]]
        paths = solos or paths
    sources = _split_in_time(paths[0]) if len(paths) == 1 else _split_by_name(paths)
    return _in_parts(_with_both_splits(sources, path, instrument))


_URMP = {
    "violin": "vn",
    "viola": "va",
    "cello": "vc",
    "double-bass": "db",
    "flute": "fl",
    "oboe": "ob",
    "clarinet": "cl",
    "sax": "sax",
    "bassoon": "bn",
    "trumpet": "tpt",
    "horn": "hn",
    "trombone": "tbn",
    "tuba": "tba",
}


def _with_both_splits(sources: list[RecordingSource], path: Path, instrument: str | None) -> list[RecordingSource]:
    for split in SPLITS:
        if not any(source.split == split for source in sources):
            what = f"recordings of {instrument}" if instrument else "recordings"
            raise Ddx7Error(f"{path}: found {len(sources)} {what}, none of them in the split {split!r}")
    return sources


def _listed(index: Path, instrument: str | None, kinds: set[str] | None, *, allow_leak: bool) -> list[RecordingSource]:
    with index.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if rows and not {"file", "split"} <= rows[0].keys():
        raise Ddx7Error(f"{index}: has columns {', '.join(rows[0])}, wanted at least file and split")
    rows = [
        row
        for row in sorted(rows, key=lambda row: row["file"])
        if (instrument is None or row.get("instrument") == instrument) and (kinds is None or row.get("kind") in kinds)
    ]
    if not allow_leak:
        splits: dict[tuple[str, ...], str] = {}
        for row in rows:
            source = (row.get("source_repo") or "", row["source_path"]) if row.get("source_path") else (row["file"],)
            if splits.setdefault(source, row["split"]) != row["split"]:
                name = " ".join(part for part in source if part)
                both = f"{splits[source]!r} and {row['split']!r}"
                raise Ddx7Error(f"{index}: the source {name} stands in the splits {both}, wanted one (or --leak)")
    return [RecordingSource(index.parent / row["file"], row["split"]) for row in rows]


def _split_by_name(paths: list[Path]) -> list[RecordingSource]:
    def split(path: Path) -> str:
        digest = hashlib.sha256(path.stem.encode()).hexdigest()
        return "valid" if int(digest, 16) % HELD_OUT_OF == 0 else "train"

    sources = [RecordingSource(path, split(path)) for path in paths]
    if len({source.split for source in sources}) == 1:
        # The hash leaves one of the splits of a few recordings empty; the last recording changes over.
        last = sources[-1]
        sources[-1] = last._replace(split="train" if last.split == "valid" else "valid")
    return sources


def _split_in_time(path: Path) -> list[RecordingSource]:
    """The end of a single recording is held out, without silence before the first note and after the last one."""
    start_s, stop_s = _sounding_span(path)
    if stop_s - start_s < SHORTEST_SINGLE_S:
        wanted = f"wanted at least {SHORTEST_SINGLE_S:g} s to learn from one recording and hold out its end"
        raise Ddx7Error(f"{path}: found {stop_s - start_s:.1f} s of sound, {wanted}")
    held_out_s = stop_s - (stop_s - start_s) / HELD_OUT_OF
    return [
        RecordingSource(path, "train", start_s, max(held_out_s - HELD_OUT_GAP_S, start_s)),
        RecordingSource(path, "valid", held_out_s, stop_s),
    ]


def _sounding_span(path: Path) -> tuple[float, float]:
    """Where the sound of a recording begins and ends in seconds, with a margin.

    A recording of more than `MAX_PART_S` is taken whole: silence at its ends is a small share of what is held out.
    """
    duration_s = audio_duration(path)
    if duration_s > MAX_PART_S:
        return 0.0, duration_s
    recording = read_audio(path)
    level_db = loudness(recording.samples, recording.sample_rate, hop := recording.sample_rate // 100)
    frames = np.flatnonzero(level_db > level_db.max(initial=FLOOR_DB) - SILENT_DB) * hop / recording.sample_rate
    if not len(frames):
        return 0.0, duration_s
    return max(float(frames[0]) - _MARGIN_S, 0.0), min(float(frames[-1]) + _MARGIN_S, duration_s)


def _in_parts(sources: list[RecordingSource]) -> list[RecordingSource]:
    """Sources with those that are too long cut into equal parts."""
    parts = []
    for source in sources:
        try:
            duration_s = min(source.stop_s, audio_duration(source.path)) - source.start_s
        except AudioError:  # reported when it is read
            duration_s = 0.0
        n = int(np.ceil(duration_s / MAX_PART_S))
        if n > 1:
            ends_s = source.start_s + np.linspace(0, duration_s, n + 1)
            parts += [source._replace(start_s=float(a), stop_s=float(b)) for a, b in pairwise(ends_s)]
        else:
            parts.append(source)
    return parts
