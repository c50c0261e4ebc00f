"""`MidiPerformance`: the notes of a MIDI file, and the positions of controllers over time."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Num

from ddx7.engine.controllers import CENTRE

GM_BEND_RANGE = 2.0
"""Semitones of pitch bend until a file sets them: the default of General MIDI (a DX7's own is set on its panel)."""


@dataclass(frozen=True)
class MidiNote:
    """A note from note-on until both its key and the sustain pedal are up.

    Attributes:
      note: MIDI note, 0-127.
      velocity: 1-127.
      onset_s: note-on in seconds.
      release_s: note-off in seconds.
      channel: 1-16 on the file's first port, 17-32 on its second, and so on.
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
      controllers: by channel; those of a missing channel are at rest.
      duration_s: end of the file; that of the last note where it comes more than 5 s before.
      repairs: one sentence for each kind of fault that the reader repaired.
    """

    notes: tuple[MidiNote, ...]
    controllers: Mapping[int, ChannelControllers] = field(default_factory=dict)
    duration_s: float | int = 0.0
    repairs: tuple[str, ...] = ()
