"""The first step of `match`: decode a recording, find its notes, and form segmentation hypotheses."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ddx7.audio import DecodingReport, Note, analyse_note, find_notes, read_audio
from ddx7.audio.phrase import best_part
from ddx7.audio.silence import why_silent
from ddx7.engine import DEXED, Profile
from ddx7.errors import AudioError, Ddx7Error
from ddx7.matching.target import LONGEST_NOTE_S, Target, make_target

LONGEST_S = 60.0
_NAMELESS = "MATCH"


@dataclass(frozen=True, eq=False)
class Excerpt:
    """A decoded recording, or the loudest minute of a longer one.

    Attributes:
      samples: mono samples.
      sample_rate: in Hz.
      name: of the recording; names the voices.
      start_s: start in the recording, in seconds.
      end_s: end in the recording.
      cut: whether the recording is longer.
      decoding: what its file holds and what was done to it; None for samples that come from no file.
    """

    samples: Float[np.ndarray, " sample"]
    sample_rate: int
    name: str
    start_s: float
    end_s: float
    cut: bool
    decoding: DecodingReport | None = None


@dataclass(frozen=True, eq=False)
class PreparedRecording:
    """A recording with all its segmentation hypotheses.

    Attributes:
      excerpt: the recording.
      hypotheses: targets, at least one. Where there may be several notes, that hypothesis comes first.
    """

    excerpt: Excerpt
    hypotheses: tuple[Target, ...]


def read_excerpt(recording: str | Path | tuple[np.ndarray, int]) -> Excerpt:
    """Decode a recording and keep its loudest 60 s.

    Args:
      recording: an audio file, or (samples [time], sample rate).

    Raises:
      AudioError: the file cannot be read or is silent, or the samples have the wrong shape or are not finite.
    """
    if isinstance(recording, tuple):
        samples, sample_rate, name = np.asarray(recording[0], np.float32), recording[1], _NAMELESS
        decoding = None
        if samples.ndim != 1 or not np.isfinite(samples).all():
            raise AudioError(f"recording: found an array of shape {samples.shape}, wanted finite samples [time]")
        if len(samples) and (silence := why_silent(samples)):
            raise AudioError(f"recording: found {silence} in {len(samples) / sample_rate:.2f} s, a sound is wanted")
    else:
        decoded = read_audio(recording)
        samples, sample_rate, name = decoded.samples, decoded.sample_rate, decoded.path.stem
        decoding = decoded.report
    start_s, end_s = best_part(samples, sample_rate, LONGEST_S)
    part = samples[round(start_s * sample_rate) : round(end_s * sample_rate)]
    # A copy of a cut recording, so that the rest of it can be freed.
    cut = len(part) < len(samples)
    return Excerpt(part.copy() if cut else part, sample_rate, name, start_s, end_s, cut, decoding)


def prepare(excerpt: Excerpt, profile: Profile = DEXED, notes: Sequence[Note] = ()) -> PreparedRecording:
    """Find the notes of a recording and form segmentation hypotheses.

    Slow operators, glides and echoes make one note of a synthesiser look like several, so a recording as short as a
    note is also taken for one note. The level of a sound does not always show the note-off, so one note has a
    hypothesis for every gate that the level allows.

    Args:
      excerpt: the recording.
      profile: engine profile that renders the voices.
      notes: the notes of the recording, if they are known; then they are the one hypothesis.

    Raises:
      AudioError: the recording is silent or has no pitch.
      Ddx7Error: a given note lies outside of the recording.
    """
    samples, sample_rate = excerpt.samples, excerpt.sample_rate
    if notes:
        known = _within(notes, len(samples) / sample_rate)
        return PreparedRecording(excerpt, (make_target(samples, sample_rate, known, profile),))
    notes = find_notes(samples, sample_rate)
    hypotheses = [make_target(samples, sample_rate, notes, profile)]
    one: Note | None = notes[0]
    if len(notes) > 1:
        one = None
        if notes[-1].onset_s + notes[-1].duration_s - notes[0].onset_s <= LONGEST_NOTE_S:
            with suppress(AudioError):
                one = analyse_note(samples, sample_rate)
                hypotheses.append(make_target(samples, sample_rate, (one,), profile))
    if one:
        hypotheses += [hypotheses[-1].with_gate(gate_s) for gate_s in one.other_gates_s]
    return PreparedRecording(excerpt, tuple(hypotheses))


def _within(notes: Sequence[Note], length_s: float) -> tuple[Note, ...]:
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
