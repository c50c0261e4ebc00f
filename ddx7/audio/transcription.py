"""Transcription: detected notes as a Standard MIDI File."""

import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from math import inf

import numpy as np

from ddx7.audio.note import Note

TICKS_PER_BEAT, TEMPO_US = 960, 500_000  # 120 beats a minute: a tick is 0.52 ms


def velocities(notes: Sequence[Note], loudest: int = 100) -> tuple[int, ...]:
    """MIDI velocities from the relative loudness of notes.

    Source: MIDI Manufacturers Association, General MIDI Level 2 and DLS specifications: a velocity v plays
    40 log10(v / 127) dB under the loudest, so amplitude goes with its square.

    Args:
      notes: of one recording.
      loudest: velocity of the loudest note, 1-127.

    Returns:
      a velocity of 1-127 for each note.
    """
    if not notes:
        return ()
    level_db = np.array([note.loudness_db for note in notes])
    return tuple(int(v) for v in velocities_at(level_db - level_db.max(), loudest))


def velocities_at(level_db: np.ndarray, loudest: int = 100) -> np.ndarray:
    """MIDI velocities of notes with given levels, by the same law as `velocities`.

    Args:
      level_db: of each note relative to the loudest, at most 0, float [note].
      loudest: velocity at 0 dB, 1-127.

    Returns:
      int32 [note], 1-127.
    """
    return np.clip(np.round(loudest * 10 ** (np.asarray(level_db) / 40)), 1, 127).astype(np.int32)


def midi_bytes(notes: Sequence[Note], velocities: Sequence[int]) -> bytes:
    """A Standard MIDI File of format 0, 120 beats a minute, with the onsets and gates of notes.

    A note that begins again before its release is released at that moment. Of two equal notes at the same tick one
    stays.

    Args:
      notes: onsets and gates in seconds; MIDI notes outside 0-127 become the nearest of them.
      velocities: of the notes, 1-127.

    Returns:
      the bytes of the file.

    Raises:
      ValueError: there are not as many velocities as notes, or one is not 0-127.
    """
    import mido

    events: list[tuple[int, int, mido.Message]] = []
    for note, start, stop, velocity in _note_ticks(notes, velocities):
        events.append((start, 1, mido.Message("note_on", note=note, velocity=velocity)))
        events.append((stop, 0, mido.Message("note_off", note=note)))
    track, now = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=TEMPO_US)]), 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):  # at the same tick, releases come first
        track.append(message.copy(time=tick - now))
        now = tick
    buffer = io.BytesIO()
    mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_BEAT, tracks=[track]).save(file=buffer)
    return buffer.getvalue()


def _note_ticks(notes: Sequence[Note], velocities: Sequence[int]) -> Iterator[tuple[int, int, int, int]]:
    """MIDI note, first and last tick and velocity of every note; notes of the same number do not overlap."""
    by_note: defaultdict[int, dict[int, tuple[int, int]]] = defaultdict(dict)
    for note, velocity in sorted(zip(notes, velocities, strict=True), key=lambda pair: pair[0].onset_s):
        start, stop = _tick(note.onset_s), _tick(note.onset_s + note.gate_s)
        by_note[min(max(note.note, 0), 127)][start] = (max(stop, start + 1), velocity)
    for number, onsets in by_note.items():
        for (start, (stop, velocity)), again in zip(onsets.items(), [*onsets, inf][1:], strict=True):
            yield number, start, int(min(stop, again)), velocity


def _tick(seconds: float) -> int:
    return round(seconds * 1e6 * TICKS_PER_BEAT / TEMPO_US)
