"""Recordings as training data: measure them, cut them at silences, draw batches of crops.

`ddx7.resynthesis.recordings` decides on the split; `leaking_split` reproduces that of the published code.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ddx7.audio.features import HOP, SILENT_DB, FrameFeatures, extract, extract_cached
from ddx7.audio.files import read_audio
from ddx7.audio.loudness import FLOOR_DB, shift_loudness
from ddx7.errors import AudioError, Ddx7Error
from ddx7.resynthesis.recordings import HELD_OUT_OF, RecordingSource
from ddx7.runtime import cache_folder

_LONGEST_REST_S = 3.0  # shorter silences do not cut: an instrument must learn rests and the noise in them, too
_MARGIN_S = 0.5  # of silence that stays before and after a segment
_SHORTEST_S = 0.5
_LEAST_CONFIDENCE = 0.5  # mean confidence of the fundamental in a segment


@dataclass(frozen=True, eq=False)
class Segment:
    """A part of a recording between silences.

    Attributes:
      name: of the recording.
      samples: float32 [time], a whole number of frames, times the gain of the corpus.
      features: of these samples [frame].
    """

    name: str
    samples: Float[np.ndarray, " time"]
    features: FrameFeatures

    @property
    def n_frames(self) -> int:
        """Length in frames of 64 samples."""
        return len(self.features.f0_hz)


@dataclass(frozen=True)
class DatasetReport:
    """Use of the recordings of one split.

    Attributes:
      split: "train" or "valid".
      recordings: number of recordings, or parts of long ones, that were read.
      kept_s: seconds in segments.
      silent_s: seconds of silence.
      short_s: seconds in segments that are too short.
      unclear_s: seconds in segments without a clear fundamental.
      unread: files that cannot be read, each with the reason.
      gain: factor of all samples, which brings the loudest recording to full scale.
      remarks: what else should be known about the files, a sentence each.
    """

    split: str
    recordings: int
    kept_s: float
    silent_s: float
    short_s: float
    unclear_s: float
    unread: tuple[str, ...]
    gain: float = 1.0
    remarks: tuple[str, ...] = ()

    def __str__(self) -> str:
        """One line."""
        silent, short, unclear = (f"{s:.0f} s" for s in (self.silent_s, self.short_s, self.unclear_s))
        unread = f"; {len(self.unread)} files could not be read" if self.unread else ""
        kept = f"{self.split}: {self.recordings} recordings, {self.kept_s / 60:.1f} min kept"
        return f"{kept} (dropped: silence {silent}, too short {short}, no clear pitch {unclear}){unread}"


def load_segments(
    sources: list[RecordingSource],
    split: str,
    *,
    sample_rate: int = 16_000,
    cache: Path | None = None,
    extractor: str = "pyin",
    gain: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[Segment], DatasetReport]:
    """Read, measure and cut the recordings of one split.

    One gain for all keeps their dynamics: a soft recording stays soft.

    Args:
      sources: from `find_recordings`.
      split: "train" or "valid".
      sample_rate: in Hz, to which recordings are resampled.
      cache: folder of measured features; by default one for all runs of this user.
      extractor: of the fundamental.
      gain: factor of all samples, as in the report on another split; by default the loudest recording gets full scale.
      progress: called with the numbers of recordings done and in all.

    Returns:
      (segments in the order of the recordings, use of the recordings).

    Raises:
      Ddx7Error: no segment is left.
    """
    chosen = [source for source in sources if source.split == split]
    user_cache = cache_folder()
    folder = cache or (user_cache / "features" if user_cache else None)
    measurements: list[tuple[str, np.ndarray, FrameFeatures]] = []
    unread: list[str] = []
    remarks: dict[str, None] = {}

    def measure(source: RecordingSource) -> tuple[np.ndarray, FrameFeatures] | str:
        try:
            recording = read_audio(source.path, sample_rate=sample_rate, start_s=source.start_s, stop_s=source.stop_s)
            remarks.update(dict.fromkeys(f"{source.path}: {remark}" for remark in recording.remarks))
            samples = recording.samples
            samples = samples[: len(samples) // HOP * HOP]
            if folder is None:
                return samples, extract(samples, sample_rate, extractor)
            return samples, extract_cached(samples, sample_rate, folder, extractor)
        except AudioError as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        for done, (source, measured) in enumerate(zip(chosen, pool.map(measure, chosen), strict=True), 1):
            if isinstance(measured, str):
                unread.append(measured)
            else:
                measurements.append((source.path.name, *measured))
            if progress:
                progress(done, len(chosen))
    if gain is None:
        peaks = [float(np.abs(samples).max(initial=0)) for _, samples, _ in measurements]
        gain = 1 / (max(peaks, default=0.0) or 1.0)
    segments: list[Segment] = []
    seconds: dict[str, float] = dict.fromkeys(("kept", "silent", "short", "unclear"), 0.0)
    for name, samples, features in measurements:
        for fate, segment in cut_segments(name, *amplified(samples, features, gain), sample_rate):
            seconds[fate] += segment.n_frames * HOP / sample_rate
            if fate == "kept":
                segments.append(segment)
    report = DatasetReport(
        split,
        len(measurements),
        seconds["kept"],
        seconds["silent"],
        seconds["short"],
        seconds["unclear"],
        tuple(unread),
        gain,
        tuple(sorted(remarks)),
    )
    if not segments:
        raise Ddx7Error(f"nothing is left to work with ({report}){''.join('; ' + u for u in unread[:1])}")
    return segments, report


def amplified(
    samples: Float[np.ndarray, " time"], features: FrameFeatures, gain: float
) -> tuple[Float[np.ndarray, " time"], FrameFeatures]:
    """A sound and its features with a gain."""
    loudness_db = shift_loudness(features.loudness_db, 20 * np.log10(gain))
    return (samples * np.float32(gain)).astype(np.float32), replace(features, loudness_db=loudness_db)


def cut_segments(
    name: str, samples: Float[np.ndarray, " time"], features: FrameFeatures, sample_rate: int
) -> list[tuple[str, Segment]]:
    """Cut a recording at its silences.

    Returns:
      every part with its fate: "kept", "silent", "short" or "unclear".
    """
    rest, margin = (round(seconds * sample_rate / HOP) for seconds in (_LONGEST_REST_S, _MARGIN_S))
    sounding = features.loudness_db > features.loudness_db.max() - SILENT_DB
    edges = np.flatnonzero(np.diff(np.pad(sounding.astype(int), 1)))
    starts, stops = list(edges[::2]), list(edges[1::2])
    spans: list[list[int]] = []
    for start, stop in zip(starts, stops, strict=True):
        if spans and start - spans[-1][1] < rest:
            spans[-1][1] = int(stop)
        else:
            spans.append([int(start), int(stop)])
    spans = [[max(start - margin, 0), min(stop + margin, len(sounding))] for start, stop in spans]
    result, before = [], 0
    for start, stop in [*spans, [len(sounding), len(sounding)]]:
        if start > before:
            result.append(("silent", _slice(name, samples, features, before, start)))
        if stop > start:
            segment = _slice(name, samples, features, start, stop)
            result.append((_fate(segment, sample_rate), segment))
        before = stop
    return result


def _slice(name: str, samples: np.ndarray, features: FrameFeatures, start: int, stop: int) -> Segment:
    part = FrameFeatures(*(x[start:stop] for x in (features.f0_hz, features.confidence, features.loudness_db)))
    return Segment(name, samples[start * HOP : stop * HOP], part)


def _fate(segment: Segment, sample_rate: int) -> str:
    if segment.n_frames * HOP < _SHORTEST_S * sample_rate:
        return "short"
    features = segment.features
    sounding = features.loudness_db > features.loudness_db.max() - SILENT_DB
    clear = features.confidence[sounding].mean() >= _LEAST_CONFIDENCE and features.f0_hz.min() > 0
    return "kept" if clear else "unclear"


def leaking_split(segments: list[Segment], seed: int, block: int = 1000) -> tuple[list[Segment], list[Segment]]:
    """The split of the published code: blocks of four seconds, shuffled, so that recordings stand in both splits.

    It serves to reproduce published figures only: the model learned from the neighbours of what it is tested on.

    Args:
      segments: of all recordings.
      seed: of the shuffling.
      block: frames.

    Returns:
      (7/8 of the blocks to learn from, 1/8 held out).
    """
    blocks = [
        _slice(segment.name, segment.samples, segment.features, start, min(start + block, segment.n_frames))
        for segment in segments
        for start in range(0, segment.n_frames, block)
    ]
    order = np.random.default_rng(seed).permutation(len(blocks))
    held_out = max(len(blocks) // HELD_OUT_OF, 1)
    return [blocks[i] for i in order[held_out:]], [blocks[i] for i in order[:held_out]]


class SegmentBatch(NamedTuple):
    """Crops of segments.

    Attributes:
      f0_hz: [crop, context + frame].
      loudness_db: [crop, context + frame].
      audio: of the frames after the context [crop, 64 * frame].
    """

    f0_hz: np.ndarray
    loudness_db: np.ndarray
    audio: np.ndarray


def draw_batch(
    segments: list[Segment], n: int, frames: int, context_frames: int, rng: np.random.Generator
) -> SegmentBatch:
    """Random crops; every second of sound is as likely as any other.

    Silence at the first or last pitch fills up a crop before the beginning of a segment and after its end.

    Args:
      segments: to cut from.
      n: number of crops.
      frames: to play.
      context_frames: earlier frames, for a decoder with a memory.
      rng: random generator.
    """
    lengths = np.array([max(segment.n_frames, 1) for segment in segments], float)
    chosen = rng.choice(len(segments), n, p=lengths / lengths.sum())
    crops = []
    for k in chosen:
        last = segments[k].n_frames - frames
        # Some crops begin before the segment, so that first notes are not rare.
        start = int(rng.integers(min(-frames // 8, last), max(last + frames // 8, 1)))
        crops.append(crop(segments[k], start, frames, context_frames))
    return SegmentBatch(*(np.stack(x) for x in zip(*crops, strict=True)))


def crop(segment: Segment, start: int, frames: int, context_frames: int) -> SegmentBatch:
    """One crop of a segment, with silence beyond its ends; arrays without the crop axis."""
    position = np.arange(start - context_frames, start + frames)
    inside = (position >= 0) & (position < segment.n_frames)
    clipped = np.clip(position, 0, segment.n_frames - 1)
    audio = np.zeros(frames * HOP, np.float32)
    begin, end = max(start, 0), min(start + frames, segment.n_frames)
    if end > begin:
        audio[(begin - start) * HOP : (end - start) * HOP] = segment.samples[begin * HOP : end * HOP]
    loudness_db = np.where(inside, segment.features.loudness_db[clipped], FLOOR_DB)
    return SegmentBatch(segment.features.f0_hz[clipped], loudness_db.astype(np.float32), audio)
