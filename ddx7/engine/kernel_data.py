"""Data of numba's kernels, and how they are compiled."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numba

from ddx7.engine.tables import BLOCK

LANES = 32
"""Voices whose feedback loops run side by side. A sample costs the latency of one sine whether 8 run or 32."""
PIECE = 64
"""Blocks whose controls are computed together; they stay in cache."""
LOOP = 3
"""Largest number of operators in a feedback loop."""
FED = 13
"""Row of the feedback loops' scratch memory from which on the outputs that feed back stand, two of the block before
first; the rows before are gains, rises, amounts, couplings and sources."""
OUT = FED + 2 + BLOCK
"""Row from which on the outputs of a loop of several operators stand."""
LOOP_ROWS = OUT + LOOP * BLOCK
"""Rows of the feedback loops' scratch memory, each `LANES` wide."""
VOICE_ROWS = 8
"""Rows of `BLOCK` samples of the scratch memory of one voice: six operators, silence, the sum of the carriers."""
SILENCE = 6
"""Row of silence among them."""


class Scalars(NamedTuple):
    """Constants of a profile at a sample rate; see `ControlTables`."""

    envelope_whole: int
    envelope_part: int
    pitch_whole: int
    pitch_part: int
    lfo_whole: int
    lfo_part: int
    lfo_hold_turn: int
    lfo_top: int
    lfo_keep: int
    adds: int
    swing_keep: int
    depth_keep: int
    pitch_keep: int
    floors: int
    bends_fixed: int
    gain_offset: int
    increment_cut: int
    frequency_lift: int
    frequency_keep: int
    frequency_low: int
    frequency_high: int


class KernelTables(NamedTuple):
    """Tables of a profile at a sample rate, and the sine's polynomial."""

    lfo_sine: Any  # int32 [1025]
    lfo_hold: Any  # int32 [256]
    curve: Any  # float32 [257]
    increments: Any  # int32 [6 * 1025]
    sine: Any  # six float32


class Notes(NamedTuple):
    """Planned notes, with everything looked up that does not change over time.

    Attributes:
      amp_start: int32 [voice, 6, segment].
      amp_line: int32 [voice, 6, segment, 4].
      pitch_start: int32 [voice, segment].
      pitch_line: int32 [voice, segment, 4].
      log_hz: int32 [voice, 6].
      ratio: int32 [voice, 6], 1 unless the frequency is fixed.
      lfo: int64 [voice, 10]: phase step, phase at the start, wave, the delay's wait and ramp steps, pitch sensitivity,
        pitch depth, amplitude depth, age, age of the delay.
      loss: float32 [voice, 4, 6]: amplitude sensitivity, msfa's share, octaves of the curve, carrier loss.
      input: int32 [4, voice or 1, time or 1]: bend, pitch and amplitude modulation, EG bias.
      slots: int32 [voice, 6], operators in the order in which they are computed.
      sources: int32 [voice, 6, 3], slots that modulate each; `SILENCE` for none.
      carriers: int32 [voice, 6], 1 for a slot that sounds.
      feedback: float32 [voice], turns per unit of the sum of the last two outputs.
      loop: float32 [voice, 6]: coupling of slots 1 and 2 to those before, and the source that feeds back.
      crossing: int32 [voice], 1 if feedback runs between operators.
      length: int64 [voice], samples.
    """

    amp_start: Any
    amp_line: Any
    pitch_start: Any
    pitch_line: Any
    log_hz: Any
    ratio: Any
    lfo: Any
    loss: Any
    input: Any
    slots: Any
    sources: Any
    carriers: Any
    feedback: Any
    loop: Any
    crossing: Any
    length: Any


class NoteState(NamedTuple):
    """State of all voices between two calls: phases int32, gains and the last two outputs that feed back float32."""

    phase: Any
    gain: Any
    fed: Any


class Scratch(NamedTuple):
    """Memory of one call of `play`.

    Attributes:
      bits: int32 [`PIECE`].
      powers: the same memory as floats.
      gains: float32 [`LANES`, 6, `PIECE`].
      increments: int32 of the same shape.
      loop_phase: int32 [6 * `LANES`].
      loop: float32 [`LOOP_ROWS` * `LANES`].
      y: float32 [`VOICE_ROWS` * `BLOCK`].
      angle: float32 [`BLOCK`].
      segments: int64 [6].
      loss: float32 [6].
      lane_of: int64 [`LANES`].
    """

    bits: Any
    powers: Any
    gains: Any
    increments: Any
    loop_phase: Any
    loop: Any
    y: Any
    angle: Any
    segments: Any
    loss: Any
    lane_of: Any


def compiled(function: Callable[..., Any]) -> Any:
    """Machine code of a function, kept for the next process where some folder can be written."""
    options = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba finds no folder for its cache
        return numba.njit(**options)(function)
