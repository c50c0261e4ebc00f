"""Several recordings of one instrument as one target: each is a note that one voice has to play."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ddx7.audio import Note, mel_target
from ddx7.audio.transcription import velocities
from ddx7.engine import DEXED, Profile
from ddx7.errors import ArgumentError, AudioError
from ddx7.matching.differences import differences
from ddx7.matching.prepare import Excerpt, JoinedRecording, PreparedRecording, prepare
from ddx7.matching.result import MatchedRecording
from ddx7.matching.segmentation import Reading
from ddx7.matching.target import RATE, VELOCITY, Target
from ddx7.voice import Voice

GAP_S = 0.5
"""Silence after each recording in the sound of the target: a voice has to end there, too."""
MOST, MOST_SCORED = 16, 8
"""Recordings, and notes that are scored."""


def prepare_together(
    excerpts: Sequence[Excerpt],
    profile: Profile = DEXED,
    reading: Reading = "auto",
    *,
    note: int | Sequence[int] | None = None,
    velocity: int | Sequence[int] | None = None,
) -> PreparedRecording:
    """Find the note of each recording and put them one after the other.

    A recording that may hold one note or several counts as one; steady, different pitches are a phrase. Levels and
    noise stay those of each recording.

    Args:
      excerpts: 2 to 16 recordings.
      profile: engine profile that renders the voices.
      reading: "one" or "many" for how many notes each has.
      note: MIDI note of each recording's strongest note, if they are known.
      velocity: MIDI velocity of each recording, or of the loudest; the others' follow from their levels.

    Raises:
      ArgumentError: there are too few or too many recordings, or not as many notes or velocities as recordings.
      AudioError: a recording has no pitch.
    """
    n = len(excerpts)
    if not 2 <= n <= MOST:
        raise ArgumentError(f"recordings: found {n}, wanted 2 to {MOST} for one voice")
    notes, told = _each("note", note, n), _each("velocity", None if isinstance(velocity, int) else velocity, n)
    loudest = velocity if isinstance(velocity, int) else VELOCITY
    prepared: list[PreparedRecording] = []
    for excerpt, its_note in zip(excerpts, notes, strict=True):
        try:
            prepared.append(prepare(excerpt, profile, reading, note=its_note, velocity=loudest))
        except AudioError as error:
            raise AudioError(str(error) if excerpt.name in str(error) else f"{excerpt.name}: {error}") from None
    targets = [one.plainest for one in prepared]
    target, parts = join(targets, [e.name for e in excerpts], told, loudest)
    joined = tuple(replace(part, decoding=e.decoding) for part, e in zip(parts, excerpts, strict=True))
    remarks = tuple(
        replace(remark, text=f"{excerpt.name}: {remark.text}")
        for excerpt, one in zip(excerpts, prepared, strict=True)
        for remark in one.remarks
    )
    length_s = len(target.sound) / RATE
    whole = Excerpt(target.sound, RATE, excerpts[0].name, 0.0, length_s, any(e.cut for e in excerpts))
    first = target.chosen[0]
    k = next(k for k, part in enumerate(joined) if part.first <= first < part.first + part.n_notes)
    its = slice(joined[k].first, joined[k].first + joined[k].n_notes)
    strongest = replace(targets[k], events=target.events[its])
    return PreparedRecording(whole, (target,), "told", remarks, joined, strongest)


def join(
    targets: Sequence[Target], names: Sequence[str], told: Sequence[int | None], loudest: int = VELOCITY
) -> tuple[Target, tuple[JoinedRecording, ...]]:
    """Make one target of the targets of several recordings.

    Args:
      targets: of each recording, of one engine profile.
      names: of the recordings.
      told: velocity of each recording's loudest note, where it is known.
      loudest: velocity of the loudest of all notes; those that are not told follow from their levels.
    """
    gap = np.zeros(round(GAP_S * RATE), np.float32)
    sounds: list[np.ndarray] = []
    notes: list[Note] = []
    parts: list[JoinedRecording] = []
    start = 0
    for target, name in zip(targets, names, strict=True):
        start_s, stop = start / RATE, start + len(target.sound)
        onset_s = target.start_s
        parts.append(JoinedRecording(name, len(notes), len(target.notes), start_s, stop / RATE, onset_s))
        notes += [replace(note, onset_s=note.onset_s + start_s) for note in target.notes]
        sounds += [target.sound, gap]
        start = stop + len(gap)
    played = list(velocities(notes, loudest))
    for part, velocity in zip(parts, told, strict=True):
        its = slice(part.first, part.first + part.n_notes)
        if velocity is not None:
            played[its] = velocities(notes[its], velocity)
    notes = [replace(note, velocity=note.velocity or v) for note, v in zip(notes, played, strict=True)]
    events = tuple(
        event._replace(velocity=note.velocity)
        for note, event in zip(notes, (event for target in targets for event in target.events), strict=True)
    )
    sound = np.concatenate(sounds)
    noises = tuple(target.noise for target in targets for _ in target.notes)
    whole = replace(
        targets[0],
        sound=sound,
        mel=mel_target(sound, RATE),
        notes=tuple(notes),
        events=events,
        chosen=_scored(targets, parts, notes),
        start_s=0.0,
        noise=None,
        noises=noises,
        separate=True,
    )
    return whole, tuple(parts)


def matched_recordings(
    target: Target, voice: Voice, audio: np.ndarray, joined: Sequence[JoinedRecording]
) -> tuple[MatchedRecording, ...]:
    """Measure how a voice plays each recording.

    Args:
      target: of the recordings together.
      voice: the voice.
      audio: the target's notes, rendered by it.
      joined: the recordings; none gives none.
    """
    if not joined:
        return ()
    vced = np.frombuffer(voice.to_vced(), np.uint8)[None]
    spans = [slice(round(part.start_s * RATE), round(part.stop_s * RATE)) for part in joined]
    levels_db = [10 * np.log10([np.mean(np.square(x[s])) + 1e-12 for s in spans]) for x in (target.sound, audio)]
    louder_db = levels_db[1] - levels_db[0]
    found = []
    for part, span, louder in zip(joined, spans, louder_db - louder_db.mean(), strict=True):
        its = range(part.first, part.first + part.n_notes)
        strongest = max(its, key=lambda k: target.notes[k].loudness_db)
        note_target = target.note_target(strongest)
        event = target.events[strongest]
        found.append(
            MatchedRecording(
                name=part.name,
                note=event.note,
                velocity=event.velocity,
                distance=float(note_target.distances(note_target.render(vced))[0]),
                louder_db=round(float(louder), 2),
                start_s=part.start_s,
                stop_s=part.stop_s,
                differences=differences(target.sound[span], audio[span], RATE),
                decoding=part.decoding,
            )
        )
    return tuple(found)


def _scored(targets: Sequence[Target], parts: Sequence[JoinedRecording], notes: Sequence[Note]) -> tuple[int, ...]:
    """The strongest note of each recording, the strongest of all first, then further notes of phrases."""
    by_rank = [
        [
            part.first + target.chosen[rank]
            for target, part in zip(targets, parts, strict=True)
            if rank < len(target.chosen)
        ]
        for rank in range(max(len(target.chosen) for target in targets))
    ]
    ordered = [sorted(rank, key=lambda k: -notes[k].loudness_db) for rank in by_rank]
    return tuple(k for rank in ordered for k in rank)[:MOST_SCORED]


def _each(what: str, values: int | Sequence[int] | None, n: int) -> Sequence[int | None]:
    """One value for each recording."""
    if values is None:
        return [None] * n
    if isinstance(values, int):
        raise ArgumentError(f"{what}: found one for {n} recordings, wanted one for each")
    if len(values) != n:
        raise ArgumentError(f"{what}: found {len(values)} for {n} recordings, wanted one for each")
    low = 1 if what == "velocity" else 0
    if wrong := [value for value in values if not low <= value <= 127]:
        raise ArgumentError(f"{what}: found {wrong[0]}, wanted {low} to 127")
    return values
