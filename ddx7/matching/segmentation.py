"""How a recording is read as notes: what the user said, what the sound says, and remarks on it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, takewhile
from os import PathLike
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from ddx7.audio import Note, analyse_note, cents_between
from ddx7.audio.chords import find_chord
from ddx7.audio.descriptors import strongest_share
from ddx7.audio.note import HOP_S, envelope, measure_note
from ddx7.audio.pitch import estimate_pitch, midi_to_hz
from ddx7.errors import AudioError, Ddx7Error

Reading = Literal["auto", "one", "many"]
READINGS: tuple[Reading, ...] = get_args(Reading)

# Notes are a phrase and not one gliding or trilling note where most of their time has steady, clear, different pitches.
CLEAR, STEADY_CENTS = 0.7, 20.0
SHORTEST_S = 0.1
STEADY_SHARE = 0.7
DIFFERENT = 0.7  # semitones
HARMONIC = (12, 19, 24, 28, 31, 34, 36)  # intervals at which a partial that enters late looks like another note
DIP_DB = 4.0  # the level falls by this between two keys
LFO_S, REGULAR = 0.4, 0.15  # without a dip, pitches that change faster, or alternate at equal times, may be an LFO's
CHORD_BELOW, NO_PITCH_BELOW = 0.6, 0.4  # confidence of the pitch
MOST_MIDI_NOTES = 2000
# The strongest peaks of 28 chords, bells, struck bars and basses without a clear pitch hold 0.5 or more of the power,
# those of noise, drums, a cymbal and a drum loop 0.37 or less (8 sounds). Notes of a chord of two are nearer than the
# partials 1 and 3 of a bar, 29 semitones.
TONAL_SHARE = 0.45
SAME_SEMITONES, WIDEST_INTERVAL = 0.35, 24.0
_STRUCK = (
    "no clear pitch, but clear partials, as of bells, struck bars and tuned drums; the note is a guess, and --note C3 "
    "names the note that you hear"
)
_UNPITCHED = "no steady pitch, as of drums, noise or several instruments; try one hit or one instrument"
# An echo is the first note again, twice or more, at times this even (a slow attack moves its first onset) and softer.
MOST_HITS_WITHOUT_ECHO = 2
ECHO_UNEVEN, ECHO_UNEVEN_S, ECHO_FALLS_DB = 0.15, 0.05, 2.0


@dataclass(frozen=True)
class RecordingRemark:
    """Something about the notes of a recording that its match depends on.

    Attributes:
      kind: "notes" (how they were read), "chord", "no pitch", "pitch" (several are possible) or "echo".
      text: one sentence.
    """

    kind: Literal["notes", "chord", "no pitch", "pitch", "echo"]
    text: str


def is_phrase(notes: Sequence[Note], samples: np.ndarray, sample_rate: int) -> bool:
    """Whether notes are a phrase for certain: steady, clear pitches that differ, and no LFO makes them.

    Args:
      notes: as `find_notes` returns them.
      samples: the recording, float [time].
      sample_rate: in Hz.
    """
    if len(notes) < 2:
        return False
    steady = [
        note
        for note in notes
        if note.confidence >= CLEAR and note.gate_s >= SHORTEST_S and _is_steady(note, samples, sample_rate)
    ]
    held_s = sum(note.gate_s for note in notes)
    if sum(note.gate_s for note in steady) < STEADY_SHARE * held_s:
        return False
    intervals = [abs(float(cents_between(b.f0_hz, a.f0_hz))) / 100 for a, b in pairwise(steady)]
    melodic = [i for i in intervals if i >= DIFFERENT and all(abs(i - h) > 0.5 for h in HARMONIC)]
    return bool(melodic) and (_separated(notes, samples, sample_rate) or not _may_be_lfo(notes))


def _is_steady(note: Note, samples: np.ndarray, sample_rate: int) -> bool:
    """Whether a note's pitch is the same in its early and its late half."""
    start, length = note.onset_s + 0.15 * note.gate_s, 0.375 * note.gate_s
    halves = []
    for begin in (start, start + length):
        part = samples[round(begin * sample_rate) : round((begin + length) * sample_rate)]
        if not part.any():
            return False
        try:
            halves.append(estimate_pitch(part, sample_rate, around_hz=note.f0_hz).f0_hz)
        except AudioError:
            return False
    return abs(float(cents_between(*halves))) < STEADY_CENTS


def _separated(notes: Sequence[Note], samples: np.ndarray, sample_rate: int) -> bool:
    """Whether the level falls before most notes, as between two keys; an LFO moves the pitch alone."""
    level_db = envelope(samples, sample_rate)
    around, before = (round(seconds / HOP_S) for seconds in (0.05, 0.15))
    dips = 0
    for note in notes[1:]:
        at = min(max(round(note.onset_s / HOP_S), before), len(level_db) - around)
        bottom = level_db[at - around : at + around // 2].min()
        sides = level_db[at - before : at].max(), level_db[at : at + before].max()
        dips += min(sides) >= bottom + DIP_DB
    return bool(dips >= (len(notes) - 1) / 2)


def _may_be_lfo(notes: Sequence[Note]) -> bool:
    """Whether an LFO of one note may make these: short, or alternating between two pitches at equal times."""
    lengths_s = np.diff([note.onset_s for note in notes])
    numbers = [note.note for note in notes]
    alternating = len(notes) >= 4 and len(set(numbers)) == 2 and all(a != b for a, b in pairwise(numbers))
    regular = np.abs(lengths_s / np.median(lengths_s) - 1).max() < REGULAR
    return bool(np.median(lengths_s) < LFO_S or (alternating and regular))


def as_one_note(samples: np.ndarray, sample_rate: int, notes: Sequence[Note]) -> Note:
    """The recording as one note that begins with the first of its notes.

    Raises:
      AudioError: it has no pitch.
    """
    one = analyse_note(samples, sample_rate)
    first = notes[0]
    if abs(one.onset_s - first.onset_s) < 0.05:
        return one
    start = round(first.onset_s * sample_rate)
    one = measure_note(np.asarray(samples[start:], np.float64), sample_rate)
    return replace(one, onset_s=one.onset_s + first.onset_s)


def note_source(
    notes: "Sequence[Note] | Reading | str | PathLike[str]", samples: np.ndarray, sample_rate: int
) -> "Sequence[Note] | Reading":
    """Notes as `prepare` takes them: a path of a MIDI file becomes its notes.

    Raises:
      Ddx7Error: the text is no reading and no MIDI file, or the file cannot be used.
    """
    if not isinstance(notes, str | PathLike):
        return notes
    for reading in READINGS:
        if notes == reading:
            return reading
    if Path(notes).suffix.lower() not in (".mid", ".midi", ".smf"):
        raise Ddx7Error(f"notes: found {str(notes)!r}, wanted one of {', '.join(READINGS)}, notes, or a .mid file")
    return notes_from_midi(notes, samples, sample_rate)


def how_read(read_as: str, merged: int, n_notes: int) -> tuple[RecordingRemark, ...]:
    """What was decided about the notes of a recording, where something had to be."""
    if read_as == "phrase":
        text = f"a phrase of {n_notes} notes, as their pitches are steady and differ"
    elif read_as == "compared" and merged > 1:
        text = f"one note, whose pitch or level changes {merged - 1} times; --notes many takes {merged} notes"
    elif read_as == "compared":
        text = f"{n_notes} notes, which voices match better than one; --notes one takes one note"
    else:
        return ()
    return (RecordingRemark("notes", text),)


def notes_within(notes: Sequence[Note], length_s: float | int) -> tuple[Note, ...]:
    """Given notes in order, cut where the recording ends.

    Raises:
      Ddx7Error: a note lies outside of the recording, or has no length.
    """
    ordered = sorted(notes, key=lambda note: note.onset_s)
    for note in ordered:
        if not 0 <= note.onset_s < length_s or note.gate_s <= 0:
            raise Ddx7Error(
                f"notes: found one from {note.onset_s:.2f} s for {note.gate_s:.2f} s, wanted notes within "
                f"the {length_s:.2f} s of the recording"
            )
    return tuple(
        replace(
            note,
            gate_s=min(note.gate_s, length_s - note.onset_s),
            duration_s=min(max(note.duration_s, note.gate_s), length_s - note.onset_s),
            other_gates_s=(),
        )
        for note in ordered
    )


def played_as(notes: Sequence[Note], note: int | None, velocity: int | None) -> tuple[Note, ...]:
    """Notes at the MIDI note that the user gave for the strongest; the others keep their intervals from it.

    Raises:
      Ddx7Error: the note is not 0-127, or the velocity not 1-127.
    """
    for name, value, low in (("note", note, 0), ("velocity", velocity, 1)):
        if value is not None and not low <= value <= 127:
            raise Ddx7Error(f"{name}: found {value}, wanted {low} to 127")
    moved = tuple(notes)
    if note is not None:
        strongest = max(moved, key=lambda n: n.loudness_db)
        moved = tuple(
            replace(n, note=(number := n.note + note - strongest.note), cents=_cents(n, number), confidence=1.0)
            for n in moved
        )
    return moved


def _cents(note: Note, number: int) -> float:
    """Interval of a note's pitch from a MIDI note without whole octaves: the octave is what the user knows better."""
    cents = float(cents_between(note.f0_hz, midi_to_hz(number)))
    return (cents + 600) % 1200 - 600 if abs(cents) > 600 else cents


def notes_from_midi(path: "str | PathLike[str]", samples: np.ndarray, sample_rate: int) -> tuple[Note, ...]:
    """The notes of a MIDI file, measured in the recording that they belong to.

    Args:
      path: a Standard MIDI File; its time 0 is that of the recording.
      samples: the recording, float [time].
      sample_rate: in Hz.

    Raises:
      Ddx7Error: the file cannot be read, or no note lies in the recording.
    """
    from ddx7.engine.midi_file import read_midi

    length_s = len(samples) / sample_rate
    score = sorted(read_midi(path).notes, key=lambda event: event.onset_s)
    inside = [event for event in score if event.onset_s < length_s - 0.02][:MOST_MIDI_NOTES]
    if not inside:
        raise Ddx7Error(f"{path}: found no note in the {length_s:.2f} s of the recording, wanted at least one")
    notes = []
    for event, after in zip(inside, [*inside[1:], None], strict=True):
        end_s = min(after.onset_s if after else length_s, length_s)
        gate_s = max(min(event.release_s, length_s) - event.onset_s, 0.01)
        part = samples[round(event.onset_s * sample_rate) : round(max(end_s, event.onset_s + 0.02) * sample_rate)]
        notes.append(_measured(part, sample_rate, event.onset_s, gate_s, event.note, event.velocity))
    return tuple(notes)


def _measured(part: np.ndarray, sample_rate: int, onset_s: float, gate_s: float, number: int, velocity: int) -> Note:
    """A note of known time, pitch and velocity with the tuning and the level that it has in the recording."""
    expected_hz = float(midi_to_hz(number))
    power = float(np.mean(np.square(part, dtype=np.float64))) + 1e-20
    try:
        f0_hz = estimate_pitch(part, sample_rate, around_hz=expected_hz).f0_hz
    except AudioError:
        f0_hz = expected_hz
    if abs(float(cents_between(f0_hz, expected_hz))) > 50:
        f0_hz = expected_hz
    return Note(
        onset_s=onset_s,
        gate_s=gate_s,
        duration_s=max(gate_s, len(part) / sample_rate),
        f0_hz=f0_hz,
        note=number,
        cents=float(cents_between(f0_hz, expected_hz)),
        confidence=1.0,
        loudness_db=10 * float(np.log10(power)),
        peak_db=20 * float(np.log10(np.abs(part).max(initial=1e-10))),
        velocity=velocity,
    )


def remarks_on(
    notes: Sequence[Note], samples: np.ndarray, sample_rate: int, start_s: float | int = 0.0
) -> tuple[RecordingRemark, ...]:
    """What notes say of a recording: an echo, a chord, no pitch, or several possible pitches.

    Args:
      notes: as `find_notes` returns them.
      samples: the part of the recording that they lie in, float [time].
      sample_rate: in Hz.
      start_s: where that part begins in the recording.
    """
    return (*_echo(notes, start_s), *_pitch_remark(notes, samples, sample_rate))


def _echo(notes: Sequence[Note], start_s: float | int) -> tuple[RecordingRemark, ...]:
    """Whether the first note comes again at equal times, softer each time by about as much."""
    repeats = [notes[0], *takewhile(lambda n: abs(n.note - notes[0].note) in (0, 12), notes[1:])]
    if len(repeats) <= MOST_HITS_WITHOUT_ECHO:
        return ()
    steps_s = np.diff([note.onset_s for note in repeats])
    falls_db = -np.diff([note.loudness_db for note in repeats])
    step_s, fall_db = float(np.median(steps_s)), float(np.median(falls_db))
    even = np.abs(steps_s - step_s).max() < max(ECHO_UNEVEN * step_s, ECHO_UNEVEN_S)
    if not even or falls_db.min() < ECHO_FALLS_DB:
        return ()
    text = (
        f"the note comes again every {step_s:.2f} s, {fall_db:.0f} dB softer each time, as an echo does; a voice has "
        f"none, so match the first alone (--end {start_s + repeats[1].onset_s:.2f})"
    )
    return (RecordingRemark("echo", text),)


def _are_a_chord(pitches: Sequence[float]) -> bool:
    """Whether pitches at once, the lowest first, are notes of a chord and not partials of one note."""
    intervals = [pitch - pitches[0] for pitch in pitches[1:]]
    others = [x for x in intervals if np.abs(x - 12 * np.log2(np.arange(2, 9))).min() > SAME_SEMITONES]
    return len(others) > 1 or (len(others) == 1 and others[0] <= WIDEST_INTERVAL)


def _pitch_remark(notes: Sequence[Note], samples: np.ndarray, sample_rate: int) -> tuple[RecordingRemark, ...]:
    """What the strongest note's pitch says: a chord, no pitch, or several possible pitches."""
    note = max(notes, key=lambda n: n.loudness_db)
    if note.confidence >= CHORD_BELOW:
        return ()
    part = samples[round(note.onset_s * sample_rate) :][: round(max(note.duration_s, 0.1) * sample_rate)]
    tonal = strongest_share(part, sample_rate) >= TONAL_SHARE
    pitches = find_chord(part, sample_rate) if tonal else ()
    if _are_a_chord(pitches):
        names = ", ".join(f"{round(p)}" for p in pitches)
        what = "this is a chord" if len(pitches) > 2 else "two notes sound at once, as in a chord or a bell"
        text = f"{what} (MIDI notes {names}); one voice plays a chord as several keys, so match one note"
        return (RecordingRemark("chord", text),)
    likeliest = note.pitch_hypotheses[0] if note.pitch_hypotheses else None
    if likeliest is not None and likeliest.f0_hz is None:
        return (RecordingRemark("no pitch", _STRUCK if tonal else _UNPITCHED),)
    if note.confidence < NO_PITCH_BELOW:
        possible = [h for h in note.pitch_hypotheses if h.f0_hz is not None][:3]
        names = ", ".join(f"{h.f0_hz:.0f} Hz ({100 * h.weight:.0f} %)" for h in possible)
        text = f"the pitch is uncertain, as of bells: {names}; --note tells it" if names else "the pitch is uncertain"
        return (RecordingRemark("pitch", text),)
    return ()
