"""The notes of a monophonic recording, segmented at steps of pitch, at attacks and at dips of level."""

import functools
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ddx7.audio.attack import attack_strength
from ddx7.audio.background import Foreground, foreground
from ddx7.audio.contour import HOP_S as CONTOUR_HOP_S
from ddx7.audio.contour import pitch_contour
from ddx7.audio.note import HOP_S, Note, analyse_note, envelope, measure_note, noise_peak, without_rumble
from ddx7.audio.pitch import hz_to_midi, midi_to_hz
from ddx7.errors import AudioError

ATTACK_DB = 6.0  # an attack this strong separates notes of one pitch
REACH_S = 0.06  # least time between two attacks
DIP_DB = 24.0  # a dip this far below both of its sides separates notes of one pitch; tremolo is shallower
VALLEY_DB, VALLEY_S = 12.0, 0.1  # a note begins at the bottom of a dip this deep, up to this time before the step,
OVERLAP_S = 0.025  # or up to this time after it
FAINT_DB = -26.0  # relative to the loudest moment: quieter sounds are noises, echoes and breath, not notes
SHORTEST_S = 0.06  # a note is above that level for at least this time
STEP_SEMITONES = 0.7  # a smaller step is vibrato or a slide
BUILD_UP_S = 0.15  # an attack may come this late in a note: the sound before it belongs to the note
UNSTRUCK_DB = 10.0  # at a step without attack, a side this much softer is an onset or a tail of the other
SHORT_S, SURE = 0.3, 0.9  # shorter notes of less confidence may have a pitch mixed with that of their neighbours
UNCLEAR = 0.25  # confidence below which a step of pitch without attack does not separate notes
PITCHED = 0.7  # a clear pitch
COUNT_S, COUNTED_S = 0.08, 0.15  # a count-in is shorter than this, and the note after it longer
CLICK_REACH_S = 0.04  # a click makes no attack within this time of it
NOISE, NOISE_DB = 0.12, -6.0  # below this confidence, a sound this much softer is a noise between the notes


class _Segment(NamedTuple):
    """A segment of a recording with one pitch.

    Attributes:
      start: first frame of the envelope.
      stop: frame after the last.
      struck: whether it begins with an attack or a dip, not only with a step of pitch.
    """

    start: int
    stop: int
    struck: bool


class _Tracks(NamedTuple):
    """A recording over time, float64 [frame] each, `HOP_S` apart.

    Attributes:
      level_db: envelope relative to the loudest moment.
      note: stepwise pitch as a MIDI note.
      attack: strength in dB.
    """

    level_db: np.ndarray
    note: np.ndarray
    attack: np.ndarray

    def without_melody(self) -> "_Tracks":
        return self._replace(note=np.zeros_like(self.note), attack=np.zeros_like(self.attack))

    def loudest(self, part: _Segment) -> float:
        return float(self.level_db[part.start : part.stop].max())

    def sounding_s(self, part: _Segment) -> float:
        return HOP_S * int(np.count_nonzero(self.level_db[part.start : part.stop] >= FAINT_DB))

    def since_onset_s(self, part: _Segment) -> float:
        """Time from the first sound of a segment to its end."""
        return HOP_S * (part.stop - part.start - int(np.argmax(self.level_db[part.start : part.stop] >= FAINT_DB)))

    def pitch(self, part: _Segment) -> float:
        sounding = self.level_db[part.start : part.stop] >= FAINT_DB
        return float(np.median(self.note[part.start : part.stop][sounding])) if sounding.any() else 0.0


def find_notes(samples: np.ndarray, sample_rate: int) -> tuple[Note, ...]:
    """Every note of a monophonic recording.

    A new note begins where the pitch steps by 0.7 semitones or more and stays there for some 60 ms, at an attack, and
    where the level falls by 24 dB and returns. Vibrato, tremolo and slow swells do not separate notes. Sounds more than
    26 dB below the loudest moment (noises, echoes, breath) are no notes, and neither are clicks, a count-in, and hum,
    rumble or noise that is there before the notes and stays after them. Slurred notes of one pitch stay one note.

    Args:
      samples: float [time], mono.
      sample_rate: in Hz.

    Returns:
      the notes in order, at least one, with times from the start of the recording. A single note equals the result of
      `analyse_note`. A chord gives one note of low confidence.

    Raises:
      AudioError: silence, or nothing with a pitch.
    """
    samples = np.asarray(samples, np.float64)
    if not samples.any():
        raise AudioError(f"found only silence in {len(samples) / sample_rate:.2f} s, a note is wanted")
    front = foreground(samples, sample_rate)
    track, noise = _follow(front, sample_rate), noise_peak(front, sample_rate)

    @functools.cache
    def measure(part: _Segment) -> Note | None:
        return _measure(front.samples, sample_rate, part, track.pitch(part), noise)

    parts = _segments(track)
    if len(parts) > 1:
        parts = _join_unclear(parts, [measure(part) for part in parts])
    if len(parts) == 1:
        return (analyse_note(samples, sample_rate),)
    notes = [note for part in parts if (note := measure(part))]
    if _confidence(notes) < UNCLEAR:  # a chord, strong modulation, noise: no melody, so only silence separates notes
        notes = [note for part in _segments(track.without_melody()) if (note := measure(part))]
    kept = _without_count_in(_without_noises(notes))
    if len(kept) > 1 or (kept and kept[0] is not notes[0]):
        return kept
    # The analysis of a single note needs the whole recording, with the silence before it.
    return (analyse_note(samples, sample_rate),)


def _measure(samples: np.ndarray, sample_rate: int, part: _Segment, pitch: float, noise: float) -> Note | None:
    """One segment as a note, its times from the start of the recording; None if it has no pitch."""
    start, stop = (round(frame * HOP_S * sample_rate) for frame in (part.start, part.stop))
    sound = samples[start:stop]
    try:
        note = measure_note(sound, sample_rate, noise=noise)
        # A short segment that contains some of its neighbours' sound repeats best at a period common to all of them.
        if note.gate_s < SHORT_S and note.confidence < SURE and hz_to_midi(note.f0_hz) < pitch - STEP_SEMITONES:
            note = measure_note(sound, sample_rate, noise=noise, around_hz=float(midi_to_hz(pitch)))
    except AudioError:
        return None
    return replace(note, onset_s=note.onset_s + start / sample_rate)


def _join_unclear(parts: list[_Segment], notes: list[Note | None]) -> list[_Segment]:
    """The segments, with neighbours joined whose step of pitch disappears when both are measured."""
    joined, last = parts[:1], notes[0]
    for part, note in zip(parts[1:], notes[1:], strict=True):
        if not part.struck and not _is_step(last, note):
            joined[-1] = joined[-1]._replace(stop=part.stop)
        else:
            joined.append(part)
        last = note
    return joined


def _is_step(before: Note | None, after: Note | None) -> bool:
    if before is None or after is None or min(before.confidence, after.confidence) < UNCLEAR:
        return False
    return bool(abs(12 * np.log2(after.f0_hz / before.f0_hz)) >= STEP_SEMITONES)


def _confidence(notes: list[Note]) -> float:
    """Mean confidence, weighted by the gates of the notes; 0 without notes."""
    held = sum(note.gate_s for note in notes)
    return sum(note.gate_s * note.confidence for note in notes) / held if held else 0.0


def _without_noises(notes: list[Note]) -> tuple[Note, ...]:
    loudest = max((note.loudness_db for note in notes), default=0.0)
    return tuple(note for note in notes if note.confidence >= NOISE or note.loudness_db > loudest + NOISE_DB)


def _without_count_in(notes: tuple[Note, ...]) -> tuple[Note, ...]:
    """The notes from the first on that is no click, beep or clap before clear, longer notes."""
    for first, note in enumerate(notes):
        clear_s = [after.gate_s for after in notes[first + 1 :] if after.confidence >= PITCHED]
        counted = note.confidence < NOISE or note.gate_s < COUNT_S
        if not counted:
            return notes[first:] if note.gate_s >= COUNTED_S or not first else notes
        if not clear_s or max(clear_s) < COUNTED_S:
            break
    return notes


def _follow(front: Foreground, sample_rate: int) -> _Tracks:
    samples = without_rumble(front.samples, sample_rate)
    level_db = envelope(samples, sample_rate)
    n_frames = len(level_db)
    note = np.repeat(pitch_contour(samples, sample_rate), round(CONTOUR_HOP_S / HOP_S))
    attack = attack_strength(samples, sample_rate, HOP_S)
    for click_s in front.clicks_s:
        attack[max(0, round((click_s - CLICK_REACH_S) / HOP_S)) : round((click_s + CLICK_REACH_S) / HOP_S)] = 0.0
    return _Tracks(level_db, *(np.pad(x, (0, n_frames), mode="edge")[:n_frames] for x in (note, attack)))


def _segments(track: _Tracks) -> list[_Segment]:
    """Segments of the recording, one for each note."""
    struck = {*_attacks(track), *_dips(track.level_db)}
    steps = set(np.flatnonzero(np.diff(track.note)) + 1)
    cuts = {0: True}
    for cut in sorted(steps | struck):
        bottom = _valley(track.level_db, int(cut))
        cuts[bottom] = cuts.get(bottom, False) or cut in struck or bottom != cut
    edges = [*sorted(cuts), len(track.level_db)]
    parts: list[_Segment] = []
    for start, stop in pairwise(edges):
        part = _Segment(start, stop, cuts[start])
        while parts and (joined := _join(track, parts[-1], part)):
            parts.pop()
            part = joined
        parts.append(part)
    return parts


def _join(track: _Tracks, before: _Segment, after: _Segment) -> _Segment | None:
    """Two neighbours as one segment, if they belong to one note; else None."""
    whole = _Segment(before.start, after.stop, before.struck)
    rise_db = track.loudest(after) - track.loudest(before)
    same = abs(track.pitch(after) - track.pitch(before)) < STEP_SEMITONES
    before_s, after_s = track.sounding_s(before), track.sounding_s(after)
    if before_s < SHORTEST_S or after_s < SHORTEST_S:
        return whole
    if not after.struck:
        return whole if same or abs(rise_db) > UNSTRUCK_DB else None
    if same and before_s < BUILD_UP_S and rise_db > 0 and track.since_onset_s(before) < 2 * BUILD_UP_S:
        return whole
    return None


def _attacks(track: _Tracks) -> list[int]:
    """Frames of strong attacks that begin a sound loud enough for a note."""
    reach = round(REACH_S / HOP_S)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(track.attack, reach), 2 * reach + 1).max(axis=1)
    ahead = np.lib.stride_tricks.sliding_window_view(np.pad(track.level_db, (0, 2 * reach), mode="edge"), 2 * reach + 1)
    strongest = (track.attack == around) & (track.attack >= ATTACK_DB)
    return [int(i) for i in np.flatnonzero(strongest & (ahead.max(axis=1) >= FAINT_DB))]


def _dips(level_db: np.ndarray) -> list[int]:
    """The last of the lowest frames of every dip between two notes."""
    # No note lies below this floor, so only sides above FAINT_DB are DIP_DB higher than a dip.
    level_db = np.maximum(level_db, FAINT_DB - DIP_DB)
    dips, peak, dip = [], level_db[0], 0
    for frame, level in enumerate(level_db):
        if level <= level_db[dip]:
            dip = frame
        if min(level, peak) >= level_db[dip] + DIP_DB:
            dips.append(dip)
            peak, dip = level, frame
        elif level > peak:
            peak, dip = level, frame
    return dips


def _valley(level_db: np.ndarray, cut: int) -> int:
    """The lowest frame around a cut if the level rises much after it, else the cut."""
    reach = round(VALLEY_S / HOP_S)
    start = max(0, cut - reach)
    bottom = start + int(np.argmin(level_db[start : cut + round(OVERLAP_S / HOP_S)]))
    return bottom if level_db[cut : cut + reach].max() >= level_db[bottom] + VALLEY_DB else cut
