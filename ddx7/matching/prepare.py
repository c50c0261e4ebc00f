"""The first step of `match`: decode a recording, find its notes, and form segmentation hypotheses."""

from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float

from ddx7.audio import DecodingReport, Note, find_notes, read_audio
from ddx7.audio.phrase import best_part
from ddx7.audio.silence import why_silent
from ddx7.engine import DEXED, Profile
from ddx7.errors import AudioError, Ddx7Error
from ddx7.matching.segmentation import (
    READINGS,
    Reading,
    RecordingRemark,
    as_one_note,
    is_phrase,
    notes_within,
    played_as,
    remarks_on,
)
from ddx7.matching.target import LONGEST_NOTE_S, VELOCITY, Target, make_target

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
      cut: whether the recording, or the wanted part of it, is longer.
      decoding: what its file holds and what was done to it; None for samples that come from no file.
    """

    samples: Float[np.ndarray, " sample"]
    sample_rate: int
    name: str
    start_s: float
    end_s: float
    cut: bool
    decoding: DecodingReport | None = None


@dataclass(frozen=True)
class JoinedRecording:
    """One of several recordings that one voice is made for.

    Attributes:
      name: of its file, without suffix.
      first: index of its first note among all notes.
      n_notes: number of its notes.
      start_s: its beginning in the sound of the target, in seconds.
      stop_s: its end there.
      onset_s: its first onset in the recording itself, in seconds.
      decoding: what its file holds; None for samples that come from no file.
    """

    name: str
    first: int
    n_notes: int
    start_s: float
    stop_s: float
    onset_s: float
    decoding: DecodingReport | None = None


@dataclass(frozen=True, eq=False)
class PreparedRecording:
    """A recording with all its segmentation hypotheses.

    Attributes:
      excerpt: the recording.
      hypotheses: targets, at least one. Where there may be several notes, that hypothesis comes first.
      read_as: what decided how many notes there are: "told" by the user, "phrase" (steady, different pitches), "single"
        (one note was found) or "compared" (the hypothesis that voices match best).
      remarks: what the pitch of the notes says of the recording.
      joined: the recordings, where several make one target.
      strongest: the target of the strongest of these alone.
    """

    excerpt: Excerpt
    hypotheses: tuple[Target, ...]
    read_as: Literal["told", "phrase", "single", "compared"] = "compared"
    remarks: tuple[RecordingRemark, ...] = ()
    joined: tuple[JoinedRecording, ...] = ()
    strongest: Target | None = None

    @property
    def plainest(self) -> Target:
        """The hypothesis without a comparison: one note, if the recording may be one."""
        return next((target for target in self.hypotheses if len(target.notes) == 1), self.hypotheses[0])


def read_excerpt(
    recording: str | Path | tuple[np.ndarray, int], *, start_s: float | int = 0.0, end_s: float | int = np.inf
) -> Excerpt:
    """Decode a recording, or a part of it, and keep its loudest 60 s.

    Args:
      recording: an audio file, or (samples [time], sample rate).
      start_s: beginning of the part, in seconds.
      end_s: end of the part; beyond the recording means its end.

    Raises:
      AudioError: the file cannot be read or is silent, or the samples have the wrong shape or are not finite.
      Ddx7Error: the part lies outside of the recording.
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
    length_s = len(samples) / sample_rate
    if not 0 <= start_s < end_s or 0 < length_s <= start_s:
        raise Ddx7Error(f"part: found {start_s:g} s to {end_s:g} s, wanted a part of the {length_s:.2f} s there are")
    first = round(start_s * sample_rate)
    wanted = samples[first : round(min(end_s, length_s) * sample_rate)]
    offset_s = first / sample_rate
    start_s, end_s = (offset_s + edge_s for edge_s in best_part(wanted, sample_rate, LONGEST_S))
    part = samples[round(start_s * sample_rate) : round(end_s * sample_rate)]
    if len(part) < len(samples):
        part = part.copy()  # so that the rest of the recording can be freed
    return Excerpt(part, sample_rate, name, start_s, end_s, len(part) < len(wanted), decoding)


def prepare(
    excerpt: Excerpt,
    profile: Profile = DEXED,
    notes: Sequence[Note] | Reading = "auto",
    *,
    note: int | None = None,
    velocity: int | None = None,
) -> PreparedRecording:
    """Find the notes of a recording and form segmentation hypotheses.

    Steady pitches that differ are a phrase. Slow operators, glides, echoes and LFOs make one note of a synthesiser look
    like several, so other recordings as short as a note are also taken for one note. The level of a sound does not
    always show the note-off, so one note has a hypothesis for every gate that the level allows.

    Args:
      excerpt: the recording.
      profile: engine profile that renders the voices.
      notes: the notes, if they are known; or "one" or "many" for how many there are.
      note: MIDI note of the strongest note, if it is known.
      velocity: MIDI velocity of the loudest note; 100 by default.

    Raises:
      AudioError: the recording is silent or has no pitch.
      Ddx7Error: a given note lies outside of the recording, or a value is out of range.
    """
    samples, sample_rate = excerpt.samples, excerpt.sample_rate

    def target_of(*found: Note) -> Target:
        return make_target(samples, sample_rate, played_as(found, note, velocity), profile, velocity or VELOCITY)

    if not isinstance(notes, str) and notes:
        known = notes_within(notes, len(samples) / sample_rate)
        return PreparedRecording(excerpt, (target_of(*known),), "told")
    reading = notes if isinstance(notes, str) else "auto"
    if reading not in READINGS:
        raise Ddx7Error(f"notes: found {reading!r}, wanted one of {', '.join(READINGS)}, or notes")
    found = find_notes(samples, sample_rate)
    remarks = remarks_on(found, samples, sample_rate, excerpt.start_s)
    if reading == "many" or (reading == "auto" and is_phrase(found, samples, sample_rate)):
        read_as = "told" if reading == "many" else "phrase"
        return PreparedRecording(excerpt, (target_of(*found),), read_as, remarks)
    one: Note | None = found[0] if len(found) == 1 else None
    hypotheses = [] if reading == "one" and len(found) > 1 else [target_of(*found)]
    if len(found) > 1 and (
        reading == "one" or found[-1].onset_s + found[-1].duration_s - found[0].onset_s <= LONGEST_NOTE_S
    ):
        with suppress(AudioError) if reading == "auto" else nullcontext():
            one = as_one_note(samples, sample_rate, found)
            hypotheses.append(target_of(one))
    if one:
        hypotheses += [hypotheses[-1].with_gate(gate_s) for gate_s in one.other_gates_s]
    read_as = "told" if reading == "one" else "single" if len(found) == 1 else "compared"
    return PreparedRecording(excerpt, tuple(hypotheses), read_as, remarks)
