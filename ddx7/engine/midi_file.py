"""Reads Standard MIDI Files: notes, and the positions of controllers over time."""

import io
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Num

from ddx7.engine.controllers import CENTRE
from ddx7.errors import Ddx7Error

if TYPE_CHECKING:
    from mido import MidiFile

MAX_BYTES = 1 << 20
"""Largest file read. The longest symphony takes half of it."""
MAX_NOTES = 100_000
MAX_DURATION_S = 3600.0
GM_BEND_RANGE = 2.0
"""Semitones of pitch bend until a file sets them: the default of General MIDI (a DX7's own is set on its panel)."""

_MAX_BEND_RANGE = 24.0
_LONGEST_WAIT = (
    1 << 28
) - 1  # largest number of ticks between two messages in the format; mido reads larger numbers, too
_WANTED = "a Standard MIDI File of type 0 or 1 is wanted"


@dataclass(frozen=True)
class MidiNote:
    """A note from note-on until both its key and the sustain pedal are up.

    Attributes:
      note: MIDI note, 0-127.
      velocity: 1-127.
      onset_s: note-on in seconds.
      release_s: note-off in seconds.
      channel: 1-16.
      program: 0-127, of the channel at note-on.
      legato_s: seconds before note-on for which other notes of the channel were held without a gap; the LFO started at
        their beginning.
    """

    note: int
    velocity: int
    onset_s: float | int
    release_s: float | int
    channel: int = 1
    program: int = 0
    legato_s: float | int = 0.0


@dataclass(frozen=True, eq=False)
class ControllerCurve:
    """A controller's position over time, in steps.

    Attributes:
      times_s: of its moves, increasing; the first is minus infinity.
      values: its position from each of these times on.
    """

    times_s: Float[np.ndarray, " step"]
    values: Float[np.ndarray, " step"]

    @classmethod
    def constant(cls, value: float | int) -> "ControllerCurve":
        """A controller that never moves."""
        return cls(np.array([-np.inf]), np.array([value], float))

    @property
    def moves(self) -> bool:
        """Whether it ever moves."""
        return len(self.values) > 1

    def at(self, times_s: Num[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
        """Positions at some times; the last of several simultaneous moves counts."""
        return self.values[np.searchsorted(self.times_s, times_s, side="right") - 1]


_REST, _FULL = ControllerCurve.constant(0.0), ControllerCurve.constant(127.0)
_CENTRED, _GM_RANGE = ControllerCurve.constant(float(CENTRE)), ControllerCurve.constant(GM_BEND_RANGE)


@dataclass(frozen=True, eq=False)
class ChannelControllers:
    """All controllers of one channel; 0-127 unless stated.

    Attributes:
      pitch_bend: 0-16383, 8192 at rest.
      bend_range: semitones, 0-24 (RPN 0).
      wheel: modulation wheel (CC 1).
      breath: breath controller (CC 2).
      foot: foot controller (CC 4).
      aftertouch: channel pressure.
      volume: CC 7.
      expression: CC 11.
    """

    pitch_bend: ControllerCurve = _CENTRED
    bend_range: ControllerCurve = _GM_RANGE
    wheel: ControllerCurve = _REST
    breath: ControllerCurve = _REST
    foot: ControllerCurve = _REST
    aftertouch: ControllerCurve = _REST
    volume: ControllerCurve = _FULL
    expression: ControllerCurve = _FULL

    def gain(self, times_s: Num[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
        """Volume times expression, each 40 log10(value / 127) dB as General MIDI recommends."""
        return (self.volume.at(times_s) * self.expression.at(times_s) / 127**2) ** 2


AT_REST = ChannelControllers()
"""Controllers at rest."""


@dataclass(frozen=True, eq=False)
class MidiPerformance:
    """The content of a MIDI file.

    Attributes:
      notes: in order of onset.
      controllers: by channel, 1-16; those of a missing channel are at rest.
      duration_s: end of the last track.
    """

    notes: tuple[MidiNote, ...]
    controllers: Mapping[int, ChannelControllers] = field(default_factory=dict)
    duration_s: float | int = 0.0


def read_midi(source: "str | os.PathLike[str] | MidiFile") -> MidiPerformance:
    """Read a Standard MIDI File of type 0 or 1.

    It reads on each of the 16 channels: notes, programme changes, sustain pedal (CC 64), pitch bend and its range (RPN
    0), CC 1, 2, 4, 7 and 11, channel aftertouch, all sound off (120), reset controllers (121) and all notes off (123).
    Channel 10 is a channel like the others. A note without a note-off ends with the file. Of two overlapping notes with
    the same number the first note-off ends the first.

    Args:
      source: path, or a file of mido.

    Raises:
      Ddx7Error: it is no such file, holds no notes, or exceeds `MAX_BYTES`, `MAX_NOTES` or `MAX_DURATION_S`.
    """
    name, file = _open(source)
    if file.type not in (0, 1):
        raise Ddx7Error(f"{name}: found a MIDI file of type {file.type}, {_WANTED}")
    parts = {channel: _Part(channel) for channel in range(1, 17)}
    now_s = 0.0
    n_notes = 0
    for now_s, message in _timed(file, name):
        if now_s > MAX_DURATION_S:
            raise Ddx7Error(f"{name}: lasts more than {MAX_DURATION_S:g} s, at most that is wanted")
        if not message.is_meta and hasattr(message, "channel"):
            parts[message.channel + 1].apply(message, now_s)
            n_notes += message.type == "note_on" and message.velocity > 0
        if n_notes > MAX_NOTES:
            raise Ddx7Error(f"{name}: found more than {MAX_NOTES:,} notes, at most that is wanted")
    if n_notes == 0:
        raise Ddx7Error(f"{name}: found no notes, {_WANTED}")
    for part in parts.values():
        part.finish(now_s)
    notes = sorted((note for part in parts.values() for note in part.notes), key=lambda note: note.onset_s)
    return MidiPerformance(
        tuple(notes), {channel: part.controllers() for channel, part in parts.items() if part.notes}, now_s
    )


def _open(source: "str | os.PathLike[str] | MidiFile") -> tuple[str, "MidiFile"]:
    import mido

    if isinstance(source, mido.MidiFile):
        return source.filename or "MIDI file", source
    path = Path(source)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Ddx7Error(f"{path}: cannot be read ({error.strerror or error}), {_WANTED}") from None
    if len(data) > MAX_BYTES:
        raise Ddx7Error(f"{path}: found more than {MAX_BYTES:,} bytes, {_WANTED}")
    start = data.find(b"MThd")  # a RIFF or MacBinary header may come first
    if start < 0:
        raise Ddx7Error(f"{path}: found {len(data):,} bytes without the mark of a MIDI file (MThd), {_WANTED}")
    try:
        return str(path), mido.MidiFile(file=io.BytesIO(data[start:]), clip=True)
    except Exception as error:  # mido raises exceptions of many types on broken files
        reason = str(error) or "it ends too early"
        raise Ddx7Error(f"{path}: a broken MIDI file ({reason}), {_WANTED}") from error


def _timed(file: "MidiFile", name: str) -> Iterator[tuple[float, Any]]:
    """Messages of all tracks with their times in seconds."""
    division = file.ticks_per_beat
    if division == 0:
        raise Ddx7Error(f"{name}: found 0 ticks in a beat, {_WANTED}")
    tempo, now_s = 500_000, 0.0
    for message in file.merged_track:
        now_s += min(message.time, _LONGEST_WAIT) * _tick_s(division, tempo)
        yield now_s, message
        if message.type == "set_tempo":
            tempo = message.tempo


def _tick_s(division: int, tempo: int) -> float:
    """Seconds in a tick; `division` is in ticks per beat or, if negative, SMPTE frames and ticks per frame."""
    if division > 0:
        return tempo * 1e-6 / division
    frames, ticks = -(division >> 8), division & 0xFF
    return 1 / ((30 / 1.001 if frames == 29 else frames) * max(ticks, 1))


_CONTROLLERS = {1: "wheel", 2: "breath", 4: "foot", 7: "volume", 11: "expression"}
_RESET = ("pitch_bend", "wheel", "breath", "foot", "aftertouch", "expression")
"""Controllers that CC 121 resets; volume and bend range stay (MIDI Association, RP-015)."""
_NO_PARAMETER, _BEND_RANGE = (127, 127), (0, 0)


def _rest(name: str) -> float:
    return float(getattr(AT_REST, name).values[0])


class _Part:
    """State of one channel while its messages are read."""

    def __init__(self, channel: int) -> None:
        self.notes: list[MidiNote] = []
        self._channel = channel
        self._program = 0
        self._down: defaultdict[int, list[MidiNote]] = defaultdict(list)  # notes held, oldest first
        self._n_down = 0
        self._group_s = 0.0
        self._pedal = False
        self._sustained: list[MidiNote] = []  # key up, pedal down
        self._moves: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
        self._parameter = _NO_PARAMETER
        self._range = (GM_BEND_RANGE, 0.0)  # semitones and cents

    def apply(self, message: Any, now_s: float | int) -> None:
        kind = message.type
        if kind == "note_on" and message.velocity > 0:
            self._press(message.note, message.velocity, now_s)
        elif kind in ("note_on", "note_off"):
            self._lift(message.note, now_s)
        elif kind == "program_change":
            self._program = message.program
        elif kind == "pitchwheel":
            self._moves["pitch_bend"].append((now_s, message.pitch + CENTRE))
        elif kind == "aftertouch":
            self._moves["aftertouch"].append((now_s, message.value))
        elif kind == "control_change":
            self._control(message.control, message.value, now_s)

    def finish(self, now_s: float | int) -> None:
        self._lift_all(now_s)
        self._release(now_s)

    def controllers(self) -> ChannelControllers:
        def curve(name: str, moves: list[tuple[float, float]]) -> ControllerCurve:
            return ControllerCurve(*np.array([(-np.inf, _rest(name)), *moves]).T)

        return ChannelControllers(**{name: curve(name, moves) for name, moves in self._moves.items()})

    def _press(self, note: int, velocity: int, now_s: float | int) -> None:
        if self._n_down == 0:
            self._group_s = now_s
        self._n_down += 1
        legato_s = now_s - self._group_s
        self._down[note].append(MidiNote(note, velocity, now_s, now_s, self._channel, self._program, legato_s))

    def _lift(self, note: int, now_s: float | int) -> None:
        if self._down[note]:
            self._n_down -= 1
            self._sustained.append(self._down[note].pop(0))
            if not self._pedal:
                self._release(now_s)

    def _lift_all(self, now_s: float | int) -> None:
        for note, held in self._down.items():
            while held:
                self._lift(note, now_s)

    def _release(self, now_s: float | int) -> None:
        self.notes += [replace(note, release_s=now_s) for note in self._sustained]
        self._sustained.clear()

    def _set_pedal(self, down: bool, now_s: float | int) -> None:
        self._pedal = down
        if not down:
            self._release(now_s)

    def _control(self, number: int, value: int, now_s: float | int) -> None:
        if number in _CONTROLLERS:
            self._moves[_CONTROLLERS[number]].append((now_s, value))
        elif number == 64:
            self._set_pedal(value >= 64, now_s)
        elif number in (100, 101):
            coarse, fine = self._parameter
            self._parameter = (value, fine) if number == 101 else (coarse, value)
        elif number in (98, 99):
            self._parameter = _NO_PARAMETER  # data entry now sets a parameter that no DX7 has
        elif number in (6, 38) and self._parameter == _BEND_RANGE:
            semitones, cents = self._range
            self._range = (value, cents) if number == 6 else (semitones, value)
            width = min(self._range[0] + self._range[1] / 100, _MAX_BEND_RANGE)
            self._moves["bend_range"].append((now_s, width))
        elif number in (120, 123):
            self._lift_all(now_s)
            if number == 120:  # even if the pedal is down
                self._release(now_s)
        elif number == 121:
            self._set_pedal(False, now_s)
            self._parameter = _NO_PARAMETER
            for name in _RESET:
                self._moves[name].append((now_s, _rest(name)))
