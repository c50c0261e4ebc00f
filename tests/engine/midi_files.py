"""Short MIDI files, from events in seconds."""

import mido

from ddx7.engine.midi_file import MidiPerformance

TICKS = 480  # a second is 960 ticks at mido's default tempo


def message(kind: str, *values: int, channel: int = 1) -> mido.Message:
    names = {
        "on": ("note_on", "note", "velocity"),
        "off": ("note_off", "note"),
        "cc": ("control_change", "control", "value"),
        "bend": ("pitchwheel", "pitch"),
        "program": ("program_change", "program"),
        "touch": ("aftertouch", "value"),
    }
    name, *fields = names[kind]
    return mido.Message(name, channel=channel - 1, **dict(zip(fields, values, strict=True)))


def midi(*events: tuple, end_s: float = 0.0, **options: int) -> mido.MidiFile:
    """One track of (seconds, kind, values ..., {channel}) events in order."""
    track, before = mido.MidiTrack(), 0
    for seconds, *event in events:
        extra = event.pop() if isinstance(event[-1], dict) else {}
        tick = round(seconds * 2 * TICKS)
        track.append(message(*event, **extra).copy(time=tick - before))
        before = tick
    track.append(mido.MetaMessage("end_of_track", time=max(round(end_s * 2 * TICKS) - before, 0)))
    return mido.MidiFile(tracks=[track], ticks_per_beat=TICKS, type=options.get("type", 0))


def bend_range(seconds: float, semitones: int, cents: int = 0, channel: int = 1) -> list[tuple]:
    steps = ((101, 0), (100, 0), (6, semitones), (38, cents), (101, 127), (100, 127))
    return [(seconds, "cc", *step, {"channel": channel}) for step in steps]


def gates(score: MidiPerformance) -> list[tuple[int, float, float]]:
    return [(note.note, round(note.onset_s, 9), round(note.release_s, 9)) for note in score.notes]
