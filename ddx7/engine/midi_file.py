"""Reads Standard MIDI Files into performances.

    bytes --read_events--> tracks --merge--> messages in seconds --ChannelState--> MidiPerformance

The bytes are read by `ddx7.voice.midi_events`, whole files and damaged ones alike. Files of mido are taken, too.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import merge
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ddx7.engine.midi_channel import ChannelState
from ddx7.engine.midi_performance import AT_REST as AT_REST
from ddx7.engine.midi_performance import ChannelControllers as ChannelControllers
from ddx7.engine.midi_performance import ControllerCurve as ControllerCurve
from ddx7.engine.midi_performance import MidiNote as MidiNote
from ddx7.engine.midi_performance import MidiPerformance as MidiPerformance
from ddx7.errors import Ddx7Error
from ddx7.voice.midi_events import (
    DEFAULT_DIVISION,
    DEVICE_NAME,
    META,
    PORT,
    SYSEX,
    TEMPO,
    MidiContents,
    MidiEvent,
    MidiTrack,
    read_events,
)
from ddx7.voice.repair_log import RepairLog

if TYPE_CHECKING:
    from mido import MidiFile

MAX_BYTES = 1 << 20
"""Largest file read. The longest symphony takes half of it."""
MAX_NOTES = 100_000
MAX_DURATION_S = 3600.0

_CHANNELS_PER_PORT = 16
_LATEST_END_S = 5.0
_CUT_HOLD_S = 1.0
_REASONS = 3
_DEFAULT_TEMPO = 500_000  # microseconds per beat
_LONGEST_WAIT = (1 << 28) - 1  # largest number of ticks between two messages in the format; mido allows more
_WANTED = "a Standard MIDI File is wanted"

_LATE_END = "the file ends more than 5 s after its last note, that silence is left out"
_TOO_LATE = (
    f"1 message after {MAX_DURATION_S:,.0f} s is left out",
    f"{{n:,}} messages after {MAX_DURATION_S:,.0f} s are left out",
)
_PATTERNS = "the file has type 2, its tracks are played one after another"


class _Message(NamedTuple):
    """A channel message at a time."""

    time_s: float
    port: tuple[int, bytes]
    status: int
    data: bytes


def read_midi(source: "str | os.PathLike[str] | MidiFile") -> MidiPerformance:
    """Read a Standard MIDI File, as far as it can be read.

    It reads on each of the 16 channels: notes, programme changes, sustain pedal (CC 64), pitch bend and its range (RPN
    0), CC 1, 2, 4, 7 and 11, channel aftertouch, all sound off (120), reset controllers (121) and all notes off (123).
    Channel 10 is a channel like the others; each port (FF 21, FF 09) has 16 of its own. A note that is struck again
    while it is held ends there. A note without a note-off ends with the file, at most 5 s after the last message, or 1
    s after it where the end of the file is lost or a note begins there. The tracks of type 2 follow one another.

    Args:
      source: path, or a file of mido.

    Returns:
      what the file holds; `MidiPerformance.repairs` lists what was repaired.

    Raises:
      Ddx7Error: it is no such file, holds no notes that last, or exceeds `MAX_BYTES` or `MAX_NOTES`; no note begins
        before `MAX_DURATION_S`.
    """
    name, contents = _open(source)
    log = RepairLog()
    timeline = _Timeline(contents, log)
    channels: dict[int, ChannelState] = {}
    ports: dict[tuple[int, bytes], int] = {}
    last_s, n_notes, n_late = 0.0, 0, 0
    for message in timeline.messages():
        is_note = message.status & 0xF0 == 0x90 and message.data[1] > 0
        if message.time_s > MAX_DURATION_S:
            n_late += 1
            continue
        number = _CHANNELS_PER_PORT * ports.setdefault(message.port, len(ports)) + (message.status & 0xF) + 1
        if number not in channels:
            channels[number] = ChannelState(number, log)
        channels[number].apply(message.status, message.data, message.time_s)
        last_s = message.time_s
        n_notes += is_note
        if n_notes > MAX_NOTES:
            raise Ddx7Error(f"{name}: found more than {MAX_NOTES:,} notes, at most that is wanted")
    if n_notes == 0 and n_late:
        raise Ddx7Error(f"{name}: lasts more than {MAX_DURATION_S:g} s before its first note, at most that is wanted")
    if n_notes == 0:
        reasons = f" ({'; '.join(contents.repairs[:_REASONS])})" if contents.repairs else ""
        raise Ddx7Error(f"{name}: found no notes{reasons}, wanted at least one")
    log.add(_TOO_LATE, n_late)
    ends_s = last_s + _CUT_HOLD_S if timeline.end_s is None else min(timeline.end_s, last_s + _LATEST_END_S)
    if any(channel.last_held_s >= ends_s for channel in channels.values()):  # a last chord keeps its sound
        ends_s = last_s + _CUT_HOLD_S
    ends_s = min(max(ends_s, last_s), MAX_DURATION_S)
    for channel in channels.values():
        channel.finish(ends_s)
    notes = sorted((note for channel in channels.values() for note in channel.notes), key=attrgetter("onset_s"))
    last_release_s = max(note.release_s for note in notes)
    if all(note.release_s <= note.onset_s for note in notes):
        raise Ddx7Error(f"{name}: found only notes of no length, wanted at least one that lasts")
    if timeline.end_s is not None and timeline.end_s > last_release_s + _LATEST_END_S:
        log.add(_LATE_END)
        ends_s = last_release_s
    return MidiPerformance(
        tuple(notes),
        {number: channel.controllers() for number, channel in channels.items() if channel.notes},
        ends_s,
        contents.repairs + log.sentences(),
    )


def _open(source: "str | os.PathLike[str] | MidiFile") -> tuple[str, MidiContents]:
    if not isinstance(source, (str, os.PathLike)):
        return source.filename or "MIDI file", _from_mido(source)
    path = Path(source)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Ddx7Error(f"{path}: cannot be read ({error.strerror or error}), {_WANTED}") from None
    if len(data) > MAX_BYTES:
        raise Ddx7Error(f"{path}: found more than {MAX_BYTES:,} bytes, {_WANTED}")
    contents = read_events(data)
    if contents is None:
        raise Ddx7Error(f"{path}: found {len(data):,} bytes without the mark of a MIDI file (MThd), {_WANTED}")
    return str(path), contents


def _from_mido(file: "MidiFile") -> MidiContents:
    return MidiContents(
        file.type, file.ticks_per_beat or DEFAULT_DIVISION, tuple(_track_from_mido(track) for track in file.tracks)
    )


def _track_from_mido(track: list[Any]) -> MidiTrack:
    events: list[MidiEvent] = []
    tick, end = 0, None
    for message in track:
        tick += min(max(message.time, 0), _LONGEST_WAIT)
        if message.type == "end_of_track":
            end = tick
        elif message.type == "set_tempo":
            events.append(MidiEvent(tick, META, bytes([TEMPO]) + message.tempo.to_bytes(3)))
        elif message.type == "midi_port":
            events.append(MidiEvent(tick, META, bytes([PORT, message.port & 0xFF])))
        elif message.type == "device_name":
            events.append(MidiEvent(tick, META, bytes([DEVICE_NAME]) + message.name.encode("utf-8", "replace")))
        elif not message.is_meta and hasattr(message, "channel"):
            status, *data = message.bytes()
            events.append(MidiEvent(tick, status, bytes(data)))
    return MidiTrack(tuple(events), tick if end is None else end)


@dataclass
class _Timeline:
    """Messages of all tracks with their times; `end_s` is that of the last track, None where its end is lost."""

    contents: MidiContents
    log: RepairLog
    end_s: float | None = None

    def messages(self) -> Iterator[_Message]:
        """Channel messages in the order of their times, those of one time in the order of the tracks."""
        tracks = self.contents.tracks
        if self.contents.type == 2 and len(tracks) > 1:
            self.log.add(_PATTERNS)
            start_s = 0.0
            for track in tracks:
                last_s = start_s
                for message in self._together((track,), start_s):
                    yield message
                    last_s = message.time_s
                start_s = last_s if self.end_s is None else max(min(self.end_s, last_s + _LATEST_END_S), last_s)
        else:
            yield from self._together(tracks, 0.0)

    def _together(self, tracks: tuple[MidiTrack, ...], start_s: float) -> Iterator[_Message]:
        ends = [track.end_tick for track in tracks]
        end_tick = None if None in ends else max((end for end in ends if end is not None), default=None)
        tempo, tick, now_s = _DEFAULT_TEMPO, 0, start_s
        for event_tick, port, event in merge(*map(_with_ports, tracks), key=lambda item: item[0]):
            now_s += (event_tick - tick) * _tick_s(self.contents.division, tempo)
            tick = event_tick
            if event.status == META:
                tempo = int.from_bytes(event.data[1:])
            else:
                yield _Message(now_s, port, event.status, event.data)
        if end_tick is None:
            self.end_s = None
        else:
            self.end_s = now_s + max(end_tick - tick, 0) * _tick_s(self.contents.division, tempo)


def _with_ports(track: MidiTrack) -> Iterator[tuple[int | float, tuple[int, bytes], MidiEvent]]:
    """Channel messages and tempo changes of a track, each with its tick and its port."""
    port = (0, b"")
    for event in track.events:
        if event.status == META and event.data[0] == PORT:
            port = event.data[1], port[1]
        elif event.status == META and event.data[0] == DEVICE_NAME:
            port = port[0], event.data[1:]
        elif event.status != SYSEX:
            yield event.tick, port, event


def _tick_s(division: int, tempo: int) -> float:
    """Seconds in a tick; `division` is in ticks per beat or, if negative, SMPTE frames and ticks per frame."""
    if division > 0:
        return tempo * 1e-6 / division
    frames, ticks = -(division >> 8), division & 0xFF
    return 1 / ((30 / 1.001 if frames == 29 else frames) * max(ticks, 1))
