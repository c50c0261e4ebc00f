"""The state of one MIDI channel while its messages are read: notes held, pedal, controllers."""

from collections import defaultdict
from dataclasses import replace

import numpy as np

from ddx7.engine.midi_performance import AT_REST, GM_BEND_RANGE, ChannelControllers, ControllerCurve, MidiNote
from ddx7.voice.repair_log import RepairLog

_CONTROLLERS = {1: "wheel", 2: "breath", 4: "foot", 7: "volume", 11: "expression"}
_RESET = ("pitch_bend", "wheel", "breath", "foot", "aftertouch", "expression")
"""Controllers that CC 121 resets; volume and bend range stay (MIDI Association, RP-015)."""
_MAX_BEND_RANGE = 24.0
_NO_PARAMETER, _BEND_RANGE = (127, 127), (0, 0)


_DOUBLED = (
    "1 note is struck again while it is held: the second note-on ends the first",
    "{n:,} notes are struck again while they are held: the second note-on ends the first",
)
_STUCK = (
    "1 note has no note-off and ends with the file",
    "{n:,} notes have no note-off and end with the file",
)
_STRAY_OFF = ("1 note-off without a note is ignored", "{n:,} note-offs without notes are ignored")


def _rest(name: str) -> float:
    return float(getattr(AT_REST, name).values[0])


class ChannelState:
    """State of one channel. A note-on of a note that is held ends it first; the next note-off ends the new one.

    Args:
      number: of the channel, 1 for the first.
      log: counts the repairs.
    """

    def __init__(self, number: int, log: RepairLog) -> None:
        self.notes: list[MidiNote] = []
        self._number = number
        self._log = log
        self._program = 0
        self._down: dict[int, MidiNote] = {}
        self._struck_again: set[int] = set()  # held notes that ended another of the same number as they began
        self._group_s = 0.0
        self._pedal = False
        self._sustained: list[MidiNote] = []  # key up, pedal down
        self._moves: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
        self._parameter = _NO_PARAMETER
        self._range = (GM_BEND_RANGE, 0.0)  # semitones and cents

    @property
    def is_sounding(self) -> bool:
        """Whether a key or the pedal holds a note."""
        return bool(self._down or self._sustained)

    def apply(self, status: int, data: bytes, now_s: float | int) -> None:
        """Apply a channel message.

        Args:
          status: 80-EF; its low four bits are ignored.
          data: one or two bytes, 0-127.
          now_s: time in seconds, not before that of the last message.
        """
        kind = status & 0xF0
        if kind == 0x90 and data[1] > 0:
            self._press(data[0], data[1], now_s)
        elif kind in (0x80, 0x90):
            self._note_off(data[0], now_s)
        elif kind == 0xB0:
            self._control(data[0], data[1], now_s)
        elif kind == 0xC0:
            self._program = data[0]
        elif kind == 0xD0:
            self._moves["aftertouch"].append((now_s, data[0]))
        elif kind == 0xE0:
            self._moves["pitch_bend"].append((now_s, data[0] | data[1] << 7))

    @property
    def last_held_s(self) -> float | int:
        """Onset of the last note that is still held; minus infinity without one."""
        return max((note.onset_s for note in self._down.values()), default=-np.inf)

    def finish(self, now_s: float | int) -> None:
        """End the notes that are still held."""
        self._log.add(_STUCK, len(self._down))
        self._lift_all(now_s)
        self._release(now_s)

    def controllers(self) -> ChannelControllers:
        """Positions of the controllers over time."""

        def curve(name: str, moves: list[tuple[float, float]]) -> ControllerCurve:
            return ControllerCurve(*np.array([(-np.inf, _rest(name)), *moves]).T)

        return ChannelControllers(**{name: curve(name, moves) for name, moves in self._moves.items()})

    def _press(self, note: int, velocity: int, now_s: float | int) -> None:
        if note in self._down:
            self._log.add(_DOUBLED)
            self._lift(note, now_s)
            self._struck_again.add(note)
        if not self._down:
            self._group_s = now_s
        legato_s = now_s - self._group_s
        self._down[note] = MidiNote(note, velocity, now_s, now_s, self._number, self._program, legato_s)

    def _note_off(self, note: int, now_s: float | int) -> None:
        if note not in self._down:
            self._log.add(_STRAY_OFF)
        elif note in self._struck_again and self._down[note].onset_s == now_s:
            # At the same time as the note-on: it belongs to the note before, whose end other software writes later.
            self._struck_again.discard(note)
        else:
            self._lift(note, now_s)

    def _lift(self, note: int, now_s: float | int) -> None:
        self._struck_again.discard(note)
        self._sustained.append(self._down.pop(note))
        if not self._pedal:
            self._release(now_s)

    def _lift_all(self, now_s: float | int) -> None:
        for note in tuple(self._down):
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
