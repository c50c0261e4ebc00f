"""Chunks and events of Standard MIDI Files, read as far as they can be, with one remark for each kind of repair.

The reader believes the events rather than the counts around them: a track ends at its end-of-track event, whatever
length its chunk declares, and every track counts, whatever number the header declares.

Source: MIDI Association, "Standard MIDI Files 1.0" (RP-001); MIDI port (FF 21) and device name (FF 09) as sequencers
write them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ddx7.voice.repair_log import RepairLog

SYSEX, META = 0xF0, 0xFF
DEVICE_NAME, PORT, END_OF_TRACK, TEMPO = 0x09, 0x21, 0x2F, 0x51
DEFAULT_DIVISION = 480
"""Ticks per beat where the header is lost."""

_HEADER_SIZE, _CHUNK_HEAD = 14, 8
_ID = re.compile(rb"[ -~]{4}")
_HEADER, _TRACK = b"MThd", b"MTrk"
_PADDING = b"\x00\x1a\xff"
_CONTINUED = 0xF7
_MACBINARY_SIZE = 128
_MAX_NUMBER_BYTES = 4
_KNOWN_LENGTH = {0x20: 1, PORT: 1, END_OF_TRACK: 0, TEMPO: 3, 0x54: 5, 0x58: 4, 0x59: 2}
_TEXTS = range(0x01, 0x10)
_TEXT = re.compile(rb"[ -~\r\n]*")
_SYSTEM_DATA = {0xF1: 1, 0xF2: 2, 0xF3: 1}
_USED = (DEVICE_NAME, PORT, TEMPO)

# Remarks: one for each kind, for one case and for several.
_HEADER_LOST = "the header is lost, 480 ticks per beat are assumed"
_LEADING = ("1 byte before the header is skipped", "{n:,} bytes before the header are skipped")
_TYPE = "the header's type is unknown and read as type 1"
_DIVISION = "the header's time division is none, 480 ticks per beat are assumed"
_HEADER_LENGTH = "the header's length is wrong"
_COUNT = (
    "the header counts another number of tracks than the 1 that is there",
    "the header counts another number of tracks than the {n:,} that are there",
)
_LENGTH = ("the length of 1 track is wrong", "the lengths of {n:,} tracks are wrong")
_FOREIGN = ("1 chunk that is no track is skipped", "{n:,} chunks that are no tracks are skipped")
_MISSPELT = ("the name of 1 track's chunk is damaged", "the names of {n:,} tracks' chunks are damaged")
_SECOND = ("a second MIDI file follows and is skipped", "further MIDI files follow and are skipped")
_OUTSIDE = ("1 byte outside of tracks is skipped", "{n:,} bytes outside of tracks are skipped")
_CUT = ("1 track is cut short", "{n:,} tracks are cut short")
_NO_END = ("1 track has no end-of-track event", "{n:,} tracks have no end-of-track event")
_EARLY_END = ("1 end-of-track event inside a track is ignored", "{n:,} end-of-track events inside tracks are ignored")
_BAD_META = ("1 meta event with a wrong content is ignored", "{n:,} meta events with wrong contents are ignored")
_RUNNING = (
    "1 event goes on with the status before a meta or SysEx event",
    "{n:,} events go on with the status before a meta or SysEx event",
)
_LONG_NUMBER = ("1 number of more than four bytes is cut", "{n:,} numbers of more than four bytes are cut")
_CLIPPED = ("1 data byte above 127 is lowered", "{n:,} data bytes above 127 are lowered")
_NO_EVENT = ("1 byte that belongs to no event is skipped", "{n:,} bytes that belong to no event are skipped")


class MidiEvent(NamedTuple):
    """An event of a track.

    Attributes:
      tick: since the beginning of the track.
      status: 80-EF a channel message, F0 a SysEx message, FF a meta event.
      data: data bytes, 0-127, of a channel message; a whole SysEx message with its F0; a meta event's type and content.
    """

    tick: int | float
    status: int
    data: bytes


@dataclass(frozen=True)
class MidiTrack:
    """A track.

    Attributes:
      events: channel messages, SysEx messages, and those meta events that change the sound: tempo, port, device name.
      end_tick: of the end-of-track event; None without one.
    """

    events: tuple[MidiEvent, ...]
    end_tick: int | float | None


@dataclass(frozen=True)
class MidiContents:
    """The content of a Standard MIDI File.

    Attributes:
      type: 0, 1, or 2, whose tracks are independent.
      division: ticks per beat, or if negative SMPTE frames and ticks per frame.
      tracks: in order.
      repairs: one sentence for each kind of fault that the reader repaired.
    """

    type: int
    division: int
    tracks: tuple[MidiTrack, ...]
    repairs: tuple[str, ...] = ()


def is_midi(data: bytes) -> bool:
    """Whether bytes begin like a Standard MIDI File, alone or in a RIFF or MacBinary wrapper."""
    if data.startswith(b"RIFF"):
        return data[8:12] == b"RMID"
    return data.startswith((_HEADER, _TRACK)) or data[_MACBINARY_SIZE:].startswith(_HEADER)


def read_events(data: bytes) -> MidiContents | None:
    """Read a Standard MIDI File, damaged or not; None if neither its header nor a track is there."""
    log = RepairLog()
    found = _read_header(data, log)
    if found is None:
        return None
    kind, n_declared, division, at = found
    tracks: list[MidiTrack] = []
    n_foreign = 0
    while at < len(data):
        name, end = _chunk(data, at)
        if name == _HEADER:
            log.add(_SECOND)
            break
        if _is_track(name):
            if name != _TRACK:
                log.add(_MISSPELT)
            track, at = _read_track(data, at + _CHUNK_HEAD, end, log)
            tracks.append(track)
        elif name:
            n_foreign += 1
            at = end
        else:
            following = data.find(_TRACK, at + 1)
            stop = following if following >= 0 else len(data)
            # A wrapper's rest and padding are no damage.
            if data[at:stop].strip(_PADDING) and not _is_wrapped(data):
                log.add(_OUTSIDE, stop - at)
            at = stop
    log.add(_FOREIGN, n_foreign)
    if n_declared not in (None, len(tracks), len(tracks) + n_foreign):
        log.add(_COUNT, max(len(tracks), 1))
    return MidiContents(kind, division, tuple(tracks), log.sentences())


def sysex_messages(contents: MidiContents) -> Iterator[bytes]:
    """The SysEx messages of a file, whole also where several packets carry one, track after track."""
    for track in contents.tracks:
        for event in track.events:
            if event.status == SYSEX:
                yield event.data


def _is_wrapped(data: bytes) -> bool:
    return not data.startswith((_HEADER, _TRACK)) and is_midi(data)


def _read_header(data: bytes, log: RepairLog) -> tuple[int, int | None, int, int] | None:
    """Type, declared number of tracks, division, and where the chunks begin."""
    start = data.find(_HEADER)
    first = data.find(_TRACK)
    if start < 0 or 0 <= first < start:
        if first < 0:
            return None
        # The header's last bytes may still be there.
        head = data[max(first - 10, 0) : first]
        if len(head) == 10 and head.startswith(b"\x00\x00\x00\x06"):
            log.add(_LEADING, first)
            return _header_fields(head[4:], log, first)
        log.add(_HEADER_LOST)
        return 1, None, DEFAULT_DIVISION, first
    if start and not _is_wrapped(data):
        log.add(_LEADING, start)
    length = int.from_bytes(data[start + 4 : start + 8])
    at = start + _CHUNK_HEAD + length
    if length < 6 or not (at == len(data) or _chunk(data, at)[0]):
        if length != 6:
            log.add(_HEADER_LENGTH)
        at = start + _HEADER_SIZE
    return _header_fields(data[start + _CHUNK_HEAD : start + _HEADER_SIZE], log, at)


def _header_fields(fields: bytes, log: RepairLog, at: int) -> tuple[int, int | None, int, int]:
    if len(fields) < 6:
        log.add(_HEADER_LOST)
        return 1, None, DEFAULT_DIVISION, at
    kind = int.from_bytes(fields[:2])
    if kind > 2:
        log.add(_TYPE)
        kind = 1
    division = int.from_bytes(fields[4:6], signed=True)
    if division == 0 or (division < 0 and (division & 0xFF == 0 or -(division >> 8) not in (24, 25, 29, 30))):
        log.add(_DIVISION)
        division = DEFAULT_DIVISION
    return kind, int.from_bytes(fields[2:4]), division, at


def _chunk(data: bytes, at: int) -> tuple[bytes, int]:
    """Name and declared end of the chunk that begins here; an empty name if none does."""
    name = data[at : at + 4]
    if at + _CHUNK_HEAD > len(data) or not _ID.fullmatch(name):
        return b"", at
    end = at + _CHUNK_HEAD + int.from_bytes(data[at + 4 : at + 8])
    return (name, end) if end <= len(data) or _is_track(name) or name == _HEADER else (b"", at)


def _is_track(name: bytes) -> bool:
    return sum(a == b for a, b in zip(name, _TRACK, strict=False)) >= 3


def _read_track(data: bytes, start: int, declared_end: int, log: RepairLog) -> tuple[MidiTrack, int]:
    """The track of a chunk, and where the next chunk begins."""
    trusted = declared_end == len(data) or _chunk(data, declared_end)[0] != b""
    stop = declared_end if trusted else len(data)
    following = data.find(_TRACK, start, stop)
    if not trusted and following >= 0 and not _is_content(data, start, following):
        stop = following
    events = _Events(data, stop, log)
    at = events.read(start, 0)
    if events.end_tick is not None and at < stop and _chunk(data, at)[0]:
        # No event begins like a chunk, so the declared end is another chunk's by chance.
        trusted = False
    while trusted and events.end_tick is not None and stop - at >= 4:
        # An end-of-track event amid the chunk is damage only if events with another end follow it.
        trial_log = RepairLog()
        trial = _Events(data, stop, trial_log)
        trial_at = trial.read(at, events.end_tick)
        if trial_log or trial.end_tick is None or not trial.found:
            break
        log.add(_EARLY_END)
        events.found += trial.found
        events.end_tick, at = trial.end_tick, trial_at
    if events.end_tick is None:
        log.add(_CUT if events.is_cut or declared_end > len(data) else _NO_END)
    elif trusted:
        if data[at:stop].strip(_PADDING):
            log.add(_OUTSIDE, stop - at)
    elif at != declared_end:
        log.add(_LENGTH)
    return MidiTrack(tuple(events.found), events.end_tick), stop if trusted else at


def _is_content(data: bytes, start: int, position: int) -> bool:
    """Whether a track's name at `position` lies amid an event's content, and no more faults arise than with a chunk."""
    whole, split = RepairLog(), RepairLog()
    events = _Events(data, len(data), whole)
    events.read(start, 0)
    _Events(data, len(data), split).read(position + _CHUNK_HEAD, 0)
    inside = any(a <= position < b for a, b in events.contents)
    return inside and events.end_tick is not None and whole.n_repairs <= split.n_repairs


def _is_wrong(kind: int, content: bytes) -> bool:
    """Whether a meta event's content is none of its type."""
    if kind in _KNOWN_LENGTH and len(content) != _KNOWN_LENGTH[kind]:
        return True
    match kind:
        case 0x51:  # tempo
            return not any(content)
        case 0x54:  # SMPTE offset
            hours, minutes, seconds, frames, hundredths = content
            return hours & 0x1F > 23 or minutes > 59 or seconds > 59 or frames > 29 or hundredths > 99
        case 0x58:  # time signature
            return content[0] == 0
        case 0x59:  # key signature
            sharps = content[0] - (content[0] > 127) * 256
            return abs(sharps) > 7 or content[1] > 1
        case _:
            return False


class _Events:
    """Reads the events of one chunk."""

    def __init__(self, data: bytes, stop: int, log: RepairLog) -> None:
        self.found: list[MidiEvent] = []
        self.end_tick: int | None = None
        self.is_cut = False
        self.contents: list[tuple[int, int]] = []  # beginnings and ends, of meta and SysEx events
        self._data = data
        self._stop = stop
        self._log = log
        self._open: tuple[int, bytearray] | None = None  # a SysEx message whose F7 is still to come

    def read(self, at: int, tick: int | float) -> int:
        """Read up to the end-of-track event or the end of the bytes; return the position after it."""
        running, interrupted = 0, False
        now = int(tick)
        while at < self._stop:
            wait, at = self._number(at)
            now += wait
            skipped_from = at
            while at < self._stop and self._data[at] < 0x80 and not running:
                at += 1
            self._log.add(_NO_EVENT, at - skipped_from)
            if at >= self._stop:
                self.is_cut = True
                break
            status = self._data[at]
            if status < 0x80:
                status = running
                self._log.add(_RUNNING, int(interrupted))
            else:
                at += 1
            interrupted = status >= SYSEX and running > 0
            if status == META:
                at = self._meta(at, now)
                if self.end_tick is not None:
                    break
            elif status in (SYSEX, _CONTINUED):
                at = self._sysex(status, at, now)
            elif status > SYSEX:
                self._log.add(_NO_EVENT)
                at += _SYSTEM_DATA.get(status, 0)
            else:
                running = status
                at = self._channel(status, at, now)
        self._close()
        return min(at, self._stop)

    def _number(self, at: int) -> tuple[int, int]:
        """A number of variable length, and the position after it."""
        value = 0
        for n in range(_MAX_NUMBER_BYTES):
            if at >= self._stop:
                self.is_cut = True
                return 0, at
            byte = self._data[at]
            at += 1
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                break
            if n == _MAX_NUMBER_BYTES - 1:
                self._log.add(_LONG_NUMBER)
        return value, at

    def _channel(self, status: int, at: int, now: int) -> int:
        end = at + (1 if 0xC0 <= status < 0xE0 else 2)
        if end > self._stop:
            self.is_cut = True
            return self._stop
        data = self._data[at:end]
        if max(data) > 0x7F:
            self._log.add(_CLIPPED, sum(byte > 0x7F for byte in data))
            data = bytes(min(byte, 0x7F) for byte in data)
        self.found.append(MidiEvent(now, status, data))
        return end

    def _meta(self, at: int, now: int) -> int:
        if at >= self._stop:
            self.is_cut = True
            return at
        kind = self._data[at]
        length, start = self._number(at + 1)
        if kind == END_OF_TRACK:
            self.end_tick = now
        end = start + length
        if end > self._stop:
            # The length is wrong, or the rest is lost.
            end = start + _KNOWN_LENGTH.get(kind, length)
            if kind in _TEXTS and (text := _TEXT.match(self._data, start, self._stop)) and text.end() < self._stop:
                end = text.end()
            if end > self._stop:
                self.is_cut = True
                return self._stop
            self._log.add(_BAD_META)
        self.contents.append((start, end))
        content = self._data[start:end]
        if _is_wrong(kind, content):
            self._log.add(_BAD_META)
        elif kind in _USED:
            self.found.append(MidiEvent(now, META, bytes([kind]) + content))
        return end

    def _sysex(self, status: int, at: int, now: int) -> int:
        length, start = self._number(at)
        end = start + length
        self.is_cut |= end > self._stop
        self.contents.append((start, end))
        content = self._data[start : min(end, self._stop)]
        if status == SYSEX:
            self._close()
            self._open = now, bytearray([SYSEX])
        elif self._open is None and content[:1] == bytes([SYSEX]):
            self._open = now, bytearray()
        if self._open is not None:  # else an escape for other bytes
            self._open[1].extend(content)
            if content[-1:] == bytes([_CONTINUED]):
                self._close()
        return min(end, self._stop)

    def _close(self) -> None:
        if self._open is not None:
            now, message = self._open
            self.found.append(MidiEvent(now, SYSEX, bytes(message)))
            self._open = None
