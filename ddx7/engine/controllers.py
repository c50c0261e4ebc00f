"""Wheels, pedals and breath: the DX7's function mode, as Dexed applies it."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Int, Num

from ddx7.engine.tables import ONE

CENTRE = 8192
"""Pitch bend at rest."""


class ControllerInput(NamedTuple):
    """Controllers, per block or constant, and the age of the LFO at note-on.

    `Controllers.to_input` makes one from wheels and pedals. By default all controllers are at rest. For a batch of
    voices any field may have a leading voice axis: [voice, time] per block (time 1 for a constant), [voice] for an age.

    Attributes:
      bend: pitch bend and master tune, in 2^-24 octave.
      pitch_mod: LFO depth on pitch from controllers, 0-127.
      amp_mod: LFO depth on amplitude from controllers, 0-127.
      eg_bias: amplitude bias from controllers, 0-127; 127 without an assigned controller.
      lfo_age: blocks since the LFO last started; 0 at a synced note-on.
      delay_age: blocks since the LFO delay last started.
    """

    bend: Int[ArrayLike, "*voice_time"] = 0
    pitch_mod: Int[ArrayLike, "*voice_time"] = 0
    amp_mod: Int[ArrayLike, "*voice_time"] = 0
    eg_bias: Int[ArrayLike, "*voice_time"] = 127
    lfo_age: Int[ArrayLike, "*voice"] = 0
    delay_age: Int[ArrayLike, "*voice"] = 0

    def voice_axes(self) -> list[int | None]:
        """For each field the axis of voices, or None where all voices share the field."""
        return [0 if np.ndim(x) > n_axes else None for x, n_axes in zip(self, _TIME_AXES, strict=True)]

    def of(self, rows: Int[np.ndarray, " voice"]) -> "ControllerInput":
        """The input of some voices."""
        fields = zip(self, self.voice_axes(), strict=True)
        return ControllerInput(*(x if axis is None else np.asarray(x)[rows] for x, axis in fields))

    def over(self, first: int, n_blocks: int) -> "ControllerInput":
        """The input during some blocks; a constant stays one, and the last value of a shorter field holds."""

        def cut(x: ArrayLike, moves: int) -> np.ndarray:
            x = np.asarray(x, np.int32)
            return x[..., np.minimum(first + np.arange(n_blocks), x.shape[-1] - 1)] if moves and x.ndim else x

        return ControllerInput(*map(cut, self, _TIME_AXES))


_TIME_AXES = (1, 1, 1, 1, 0, 0)  # for each field 1 if it may change over time


@dataclass(frozen=True)
class ControllerAssignment:
    """The destinations of one controller, as set in the DX7's function mode.

    Attributes:
      range: 0-99.
      pitch: deepens the LFO on pitch.
      amp: deepens the LFO on amplitude.
      eg_bias: opens the amplitude of operators with amplitude modulation sensitivity.
    """

    range: int = 0
    pitch: bool = False
    amp: bool = False
    eg_bias: bool = False


@dataclass(frozen=True)
class Controllers:
    """Positions of the controllers, constant or one value per block of 64 samples, and their assignments.

    Attributes:
      pitch_bend: 0-16383, 8192 at rest.
      bend_range: semitones, 0-12 on the panel.
      bend_step: semitones of a quantised bend, 0 for a smooth one, to 12.
      tune: master tune in cents.
      wheel: modulation wheel, 0-127.
      foot: foot controller, 0-127.
      breath: breath controller, 0-127.
      aftertouch: channel pressure, 0-127.
      wheel_to: assignment of the wheel; by default LFO pitch depth at range 99.
      foot_to: assignment of the foot controller.
      breath_to: assignment of the breath controller.
      aftertouch_to: assignment of aftertouch.
    """

    pitch_bend: Num[ArrayLike, "*time"] = CENTRE
    bend_range: Num[ArrayLike, "*time"] = 3
    bend_step: int = 0
    tune: float | int = 0.0
    wheel: Num[ArrayLike, "*time"] = 0
    foot: Num[ArrayLike, "*time"] = 0
    breath: Num[ArrayLike, "*time"] = 0
    aftertouch: Num[ArrayLike, "*time"] = 0
    wheel_to: ControllerAssignment = field(default=ControllerAssignment(range=99, pitch=True))
    foot_to: ControllerAssignment = ControllerAssignment()
    breath_to: ControllerAssignment = ControllerAssignment()
    aftertouch_to: ControllerAssignment = ControllerAssignment()

    def to_input(
        self, lfo_age: Int[ArrayLike, "*voice"] = 0, delay_age: Int[ArrayLike, "*voice"] = 0
    ) -> ControllerInput:
        """The input of the engine, per block where a controller moves.

        The strongest of several controllers on one destination counts.
        """
        sources = (
            (self.wheel, self.wheel_to),
            (self.foot, self.foot_to),
            (self.breath, self.breath_to),
            (self.aftertouch, self.aftertouch_to),
        )

        def strongest(destination: str) -> np.ndarray:
            values = [_scaled(v, to.range) for v, to in sources if getattr(to, destination)]
            return np.asarray(np.maximum.reduce(np.broadcast_arrays(np.int32(0), *values)))

        biased = any(to.eg_bias for _, to in sources)
        return ControllerInput(
            bend=self._bend(),
            pitch_mod=strongest("pitch"),
            amp_mod=strongest("amp"),
            eg_bias=strongest("eg_bias") if biased else np.int32(127),
            lfo_age=np.asarray(lfo_age, np.int32),
            delay_age=np.asarray(delay_age, np.int32),
        )

    def _bend(self) -> np.ndarray:
        position = (np.asarray(self.pitch_bend, np.float64) - CENTRE) / CENTRE
        if self.bend_step:
            # Dexed: an octave either way, in equal steps.
            stops = 12 // self.bend_step
            octaves = np.trunc(position * stops) / stops
        else:
            octaves = position * np.asarray(self.bend_range, np.float64) / 12
        return np.asarray(np.trunc((octaves + self.tune / 1200) * ONE)).astype(np.int32)


def _scaled(value: Num[ArrayLike, "*time"], range_: int) -> np.ndarray:
    return np.asarray(np.asarray(value, np.float32) * np.float32(0.01 * range_)).astype(np.int32)
