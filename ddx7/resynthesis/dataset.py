"""Recordings to learn an instrument from: found, measured, cut at silences, and split by recording.

Published code of DDX7 cuts recordings into blocks of four seconds and then shuffles blocks, so that what is tested on
stands next to what was learned. Here a whole recording is learned from or not; the other way is there by name.
"""

import csv
import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ddx7.audio.features import HOP, FrameFeatures, extract_cached
from ddx7.audio.files import read_audio
from ddx7.errors import AudioError, Ddx7Error

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff")
SILENT_DB = 40.0
"""Under a recording's loudest frame: silence, where recordings are cut. Source: the published code of DDX7."""
GAP_S = 0.25  # shorter silences belong to the music
SHORTEST_S = 0.5
LEAST_CONFIDENCE = 0.5
"""Mean confidence of the fundamental in what is kept."""
HELD_OUT = 8  # of so many recordings one is measured on, where no list says which


class RecordingSource(NamedTuple):
    """A recording that may be learned from.

    Attributes:
      path: of the file.
      split: "train" or "valid".
    """

    path: Path
    split: str


@dataclass(frozen=True, eq=False)
class Segment:
    """A stretch of a recording between silences.

    Attributes:
      name: of the recording.
      samples: float32 [time], a whole number of frames, the recording's peak at full scale.
      features: of these samples [frame].
    """

    name: str
    samples: np.ndarray
    features: FrameFeatures

    @property
    def n_frames(self) -> int:
        """Length in frames of 64 samples."""
        return len(self.features.f0_hz)


@dataclass(frozen=True)
class DatasetReport:
    """What became of the recordings of one split.

    Attributes:
      split: "train" or "valid".
      recordings: how many were read.
      kept_s: seconds in pieces.
      silent_s: seconds dropped as silence.
      short_s: seconds dropped in pieces too short.
      unclear_s: seconds dropped in pieces without a clear fundamental.
      unread: files that could not be read, and why.
    """

    split: str
    recordings: int
    kept_s: float
    silent_s: float
    short_s: float
    unclear_s: float
    unread: tuple[str, ...]

    def __str__(self) -> str:
        """One line."""
        silent, short, unclear = (f"{s:.0f} s" for s in (self.silent_s, self.short_s, self.unclear_s))
        unread = f"; {len(self.unread)} files could not be read" if self.unread else ""
        kept = f"{self.split}: {self.recordings} recordings, {self.kept_s / 60:.1f} min kept"
        return f"{kept} (dropped: silence {silent}, too short {short}, no clear pitch {unclear}){unread}"


def find_recordings(
    folder: Path, instrument: str | None = None, kinds: Iterable[str] | None = None
) -> list[RecordingSource]:
    """What there is to learn an instrument from.

    Three layouts are known: an `index.csv` with columns `file`, `instrument`, `kind` and `split`; the URMP data set,
    whose solo recordings are called `AuSep_NUMBER_INSTRUMENT_NUMBER_PIECE.wav`; and any folder of sound files. Without
    a list the recording's name decides, by a hash, on which side of the split it stands.

    Args:
      folder: where to look, with all folders in it.
      instrument: as the list or URMP calls it (`violin` or `vn`); None takes all.
      kinds: values of `kind` to take from a list; None takes all.

    Returns:
      recordings in order of their paths.

    Raises:
      Ddx7Error: there is nothing to learn from or nothing to measure on.
    """
    if not folder.is_dir():
        raise Ddx7Error(f"{folder}: no such folder, wanted one with recordings")
    index = folder / "index.csv"
    if index.exists():
        found = _listed(index, instrument, set(kinds) if kinds is not None else None)
    else:
        paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
        stems = [p for p in paths if p.name.startswith("AuSep_")]
        if stems and instrument is not None:
            short = _URMP.get(instrument, instrument)
            stems = [p for p in stems if p.name.split("_")[2:3] == [short]]
        found = [RecordingSource(p, _side(p.stem, len(stems or paths))) for p in stems or paths]
        found = _both_sides(found)
    for split in ("train", "valid"):
        if not any(source.split == split for source in found):
            what = f"recordings of {instrument}" if instrument else "recordings"
            raise Ddx7Error(f"{folder}: found {len(found)} {what}, none of them in the split {split!r}")
    return found


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


def _listed(index: Path, instrument: str | None, kinds: set[str] | None) -> list[RecordingSource]:
    with index.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if rows and not {"file", "split"} <= rows[0].keys():
        raise Ddx7Error(f"{index}: has columns {', '.join(rows[0])}, wanted at least file and split")
    return [
        RecordingSource(index.parent / row["file"], row["split"])
        for row in sorted(rows, key=lambda row: row["file"])
        if (instrument is None or row.get("instrument") == instrument) and (kinds is None or row.get("kind") in kinds)
    ]


def _side(name: str, n: int) -> str:
    return "valid" if n > 1 and int(hashlib.sha256(name.encode()).hexdigest(), 16) % HELD_OUT == 0 else "train"


def _both_sides(sources: list[RecordingSource]) -> list[RecordingSource]:
    """Of few recordings a hash may leave one side empty; then the last one changes over."""
    if len(sources) > 1 and len({source.split for source in sources}) == 1:
        last = sources[-1]
        return [*sources[:-1], last._replace(split="train" if last.split == "valid" else "valid")]
    return sources


def load_segments(
    sources: list[RecordingSource],
    split: str,
    *,
    sample_rate: int = 16_000,
    cache: Path,
    extractor: str = "pyin",
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[Segment], DatasetReport]:
    """Read, measure and cut the recordings of one split.

    Args:
      sources: from `find_recordings`.
      split: "train" or "valid".
      sample_rate: in Hz, to which recordings are brought.
      cache: folder for what was measured.
      extractor: of the fundamental.
      progress: told how many recordings of how many are done.

    Returns:
      (pieces in the order of the recordings, what was kept and dropped).

    Raises:
      Ddx7Error: nothing is left.
    """
    chosen = [source for source in sources if source.split == split]
    pieces: list[Segment] = []
    seconds: dict[str, float] = dict.fromkeys(("kept", "silent", "short", "unclear"), 0.0)
    unread = []

    def measured(source: RecordingSource) -> tuple[np.ndarray, FrameFeatures] | str:
        try:
            samples = read_audio(source.path, sample_rate=sample_rate).samples
            samples = samples[: len(samples) // HOP * HOP]
            samples = samples / np.abs(samples).max(initial=1e-9)
            return samples, extract_cached(samples, sample_rate, cache, extractor)
        except AudioError as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        for done, (source, found) in enumerate(zip(chosen, pool.map(measured, chosen), strict=True), 1):
            if isinstance(found, str):
                unread.append(found)
            else:
                for fate, piece in cut_segments(source.path.name, *found, sample_rate):
                    seconds[fate] += piece.n_frames * HOP / sample_rate
                    if fate == "kept":
                        pieces.append(piece)
            if progress:
                progress(done, len(chosen))
    report = DatasetReport(
        split,
        len(chosen) - len(unread),
        seconds["kept"],
        seconds["silent"],
        seconds["short"],
        seconds["unclear"],
        tuple(unread),
    )
    if not pieces:
        raise Ddx7Error(f"nothing is left to work with ({report}){''.join('; ' + u for u in unread[:1])}")
    return pieces, report


def cut_segments(
    name: str, samples: np.ndarray, features: FrameFeatures, sample_rate: int
) -> list[tuple[str, Segment]]:
    """Cut a recording at its silences.

    Returns:
      every stretch with its fate: "kept", "silent", "short" or "unclear".
    """
    gap = round(GAP_S * sample_rate / HOP)
    loud = features.loudness_db > features.loudness_db.max() - SILENT_DB
    # A silence counts from `gap` frames on: close the shorter ones.
    edges = np.flatnonzero(np.diff(np.pad(loud.astype(int), 1)))
    starts, stops = list(edges[::2]), list(edges[1::2])
    spans: list[list[int]] = []
    for start, stop in zip(starts, stops, strict=True):
        if spans and start - spans[-1][1] < gap:
            spans[-1][1] = int(stop)
        else:
            spans.append([int(start), int(stop)])
    result, before = [], 0
    for start, stop in [*spans, [len(loud), len(loud)]]:
        if start > before:
            result.append(("silent", _slice(name, samples, features, before, start)))
        if stop > start:
            piece = _slice(name, samples, features, start, stop)
            result.append((_fate(piece, sample_rate), piece))
        before = stop
    return result


def _slice(name: str, samples: np.ndarray, features: FrameFeatures, start: int, stop: int) -> Segment:
    part = FrameFeatures(*(x[start:stop] for x in (features.f0_hz, features.confidence, features.loudness_db)))
    return Segment(name, samples[start * HOP : stop * HOP], part)


def _fate(piece: Segment, sample_rate: int) -> str:
    if piece.n_frames * HOP < SHORTEST_S * sample_rate:
        return "short"
    sure = piece.features.confidence.mean() >= LEAST_CONFIDENCE and piece.features.f0_hz.min() > 0
    return "kept" if sure else "unclear"


def leaking_split(pieces: list[Segment], seed: int, block: int = 1000) -> tuple[list[Segment], list[Segment]]:
    """The split of the published code: blocks of four seconds, shuffled, so that recordings stand on both sides.

    For reproducing published figures only: what is measured on such a split was partly learned.

    Args:
      pieces: of all recordings.
      seed: of the shuffling.
      block: frames.

    Returns:
      (7/8 of the blocks to learn from, 1/8 to measure on).
    """
    blocks = [
        _slice(piece.name, piece.samples, piece.features, start, min(start + block, piece.n_frames))
        for piece in pieces
        for start in range(0, piece.n_frames, block)
    ]
    order = np.random.default_rng(seed).permutation(len(blocks))
    held_out = max(len(blocks) // HELD_OUT, 1)
    return [blocks[i] for i in order[held_out:]], [blocks[i] for i in order[:held_out]]


class SegmentBatch(NamedTuple):
    """Crops of pieces.

    Attributes:
      f0_hz: [crop, lead + frame].
      loudness_db: [crop, lead + frame].
      audio: of the frames after the lead, [crop, 64 * frame].
    """

    f0_hz: np.ndarray
    loudness_db: np.ndarray
    audio: np.ndarray


def draw_batch(pieces: list[Segment], n: int, frames: int, lead: int, rng: np.random.Generator) -> SegmentBatch:
    """Crops from anywhere, every second of sound as likely as any other.

    Before a piece's beginning, and after its end, there is silence at its first or last pitch.

    Args:
      pieces: to cut from.
      n: how many.
      frames: that are to be played.
      lead: frames before them, which a network with a memory hears first.
      rng: of chance.
    """
    lengths = np.array([max(piece.n_frames, 1) for piece in pieces], float)
    chosen = rng.choice(len(pieces), n, p=lengths / lengths.sum())
    crops = []
    for k in chosen:
        last = pieces[k].n_frames - frames
        # Some crops begin before the piece does, so that first notes are not rare.
        first = int(rng.integers(min(-frames // 8, last), max(last + frames // 8, 1)))
        crops.append(crop(pieces[k], first, frames, lead))
    return SegmentBatch(*(np.stack(x) for x in zip(*crops, strict=True)))


def crop(piece: Segment, first: int, frames: int, lead: int) -> SegmentBatch:
    """One stretch of a piece, filled up with silence where it reaches beyond; arrays without the crop axis."""
    at = np.arange(first - lead, first + frames)
    inside = (at >= 0) & (at < piece.n_frames)
    held = np.clip(at, 0, piece.n_frames - 1)
    audio = np.zeros(frames * HOP, np.float32)
    begin, end = max(first, 0), min(first + frames, piece.n_frames)
    if end > begin:
        audio[(begin - first) * HOP : (end - first) * HOP] = piece.samples[begin * HOP : end * HOP]
    silent = np.where(inside, piece.features.loudness_db[held], -80.0)
    return SegmentBatch(piece.features.f0_hz[held], silent.astype(np.float32), audio)
