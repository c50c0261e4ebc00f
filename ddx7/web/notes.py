"""Notes of a recording as the page shows them, and as a player corrected them."""

import dataclasses
from typing import Any

import numpy as np

from ddx7.audio import Note, analyse_note, cents_between, find_notes, hz_to_midi, midi_to_hz
from ddx7.errors import AudioError
from ddx7.web.problems import RequestProblem, items, number, whole
from ddx7.web.sounds import Sound

MAX_NOTES = 500
_TUNING_CENTS = 70.0
"""A measured pitch this near to the note that a player gave is its tuning; beyond it the player is right."""
_QUIETEST = 1e-10


def notes_to_json(sound: Sound, start_s: float) -> list[dict[str, Any]]:
    """Measured notes of a sound, in seconds from `start_s` before it.

    Raises:
      AudioError: silence, or nothing with a pitch.
    """
    notes = find_notes(sound.samples, sound.sample_rate)
    return [{**dataclasses.asdict(note), "onset_s": note.onset_s + start_s} for note in notes]


def corrected_notes(data: dict[str, Any], sound: Sound, start_s: float) -> tuple[Note, ...]:
    """Notes that a player gave, measured where they stand.

    Args:
      data: a request with `notes`: objects with `onset_s`, `gate_s` and `note`; empty for those that a match finds.
      sound: the region that is matched.
      start_s: its start; onsets in the request count from the start of the recording.

    Raises:
      RequestProblem: a note has no such values.
    """
    found = []
    for item in items(data, "notes", MAX_NOTES):
        if not isinstance(item, dict):
            raise RequestProblem(422, "notes: found one that is no object, wanted onset_s, gate_s and note")
        onset_s = number(item, "onset_s", 0.0, 0, 1e6) - start_s
        gate_s = number(item, "gate_s", 0.0, 0.01, 600)
        found.append((onset_s, gate_s, whole(item, "note", 60, 0, 127)))
    inside = sorted(item for item in found if -0.001 <= item[0] < sound.seconds - 0.005)
    if not found:
        return ()
    if not inside:
        raise RequestProblem(422, "notes: found none within the region, wanted at least one")
    ends_s = [onset_s for onset_s, _, _ in inside[1:]] + [sound.seconds]
    return tuple(
        _measured(sound, onset_s, gate_s, note, end_s)
        for (onset_s, gate_s, note), end_s in zip(inside, ends_s, strict=True)
    )


def _measured(sound: Sound, onset_s: float, gate_s: float, note: int, end_s: float) -> Note:
    onset_s = max(onset_s, 0.0)
    rate = sound.sample_rate
    part = np.asarray(sound.samples[round(onset_s * rate) : round(end_s * rate)], np.float64)
    nominal_hz = float(midi_to_hz(note))
    f0_hz, confidence = nominal_hz, 1.0
    try:
        measured = analyse_note(part, rate, around_hz=nominal_hz)
    except AudioError:
        measured = None
    if measured is not None and abs(cents_between(measured.f0_hz, nominal_hz)) < _TUNING_CENTS:
        f0_hz, confidence = measured.f0_hz, max(measured.confidence, 0.9)
    held = part[: max(1, round(gate_s * rate))]
    return Note(
        onset_s=onset_s,
        gate_s=min(gate_s, sound.seconds - onset_s),
        duration_s=max(min(gate_s, end_s - onset_s), measured.duration_s if measured else end_s - onset_s),
        f0_hz=f0_hz,
        note=note,
        cents=100 * (float(hz_to_midi(f0_hz)) - note),
        confidence=confidence,
        loudness_db=10 * float(np.log10(np.mean(held**2) + _QUIETEST)),
        peak_db=20 * float(np.log10(np.abs(part).max(initial=0.0) + _QUIETEST)),
    )
