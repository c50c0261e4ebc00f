"""A voice as a page of text, as a DX7 programmer reads it."""

import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from rich.text import Text

from ddx7.plot.algorithm import algorithm_text, frequency_text
from ddx7.voice import Operator, Voice
from ddx7.voice.algorithms import ALGORITHMS
from ddx7.voice.spec import CURVES, LFO_WAVES

ENVELOPE_WIDTH = 20
"""Characters of a drawn envelope."""
SHEET_WIDTH = 80
"""Columns that a sheet needs."""
WIDE = 100
"""Columns that a sheet with the operators' envelopes needs."""

_NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_TRANSPOSE_ZERO = 60  # MIDI note of C3
_BREAK_POINT_ZERO = 21  # MIDI note of break point 0, A-1
_LEFT_WIDTH = 43
_BARS = "▁▂▃▄▅▆▇█"
_HOLD_SHARE, _LEAST_HOLD = 0.25, 2.0


def note_name(note: int) -> str:
    """The panel's name of a MIDI note; 60 is C3, the middle C.

    >>> note_name(21), note_name(60), note_name(120)
    ('A-1', 'C3', 'C8')
    """
    octave, semitone = divmod(note, 12)
    return f"{_NOTES[semitone]}{octave - 2}"


def envelope_bars(rates: Sequence[int], levels: Sequence[int], width: int = ENVELOPE_WIDTH) -> str:
    """An envelope in one line of bars: from L4 to L1, L2 and L3, held, and back to L4.

    Each stage takes the logarithm of its duration, so that a short attack and a fade of a minute both show.

    Args:
      rates: R1-R4, 0-99.
      levels: L1-L4, 0-99.
      width: characters.
    """
    start = np.array([levels[3], *levels[:3]])
    change = np.abs(np.array(levels) - start) / 99
    # The chip's rate is 41/64 of the panel's; four of its steps halve the duration of a stage.
    stages = np.log2(1 + change * 2.0 ** ((99 - np.array(rates)) * 41 / 64 / 4) / 8)
    hold = max(_HOLD_SHARE * stages.sum(), _LEAST_HOLD)
    times = np.concatenate([[0.0], np.cumsum([*stages[:3], hold, stages[3]])])
    moments = (np.arange(width) + 0.5) / width * times[-1]
    heights = np.interp(moments, times, [*start, levels[2], levels[3]])
    return "".join(_BARS[round(h / 99 * (len(_BARS) - 1))] for h in heights)


def voice_sheet(voice: Voice, place: str = "", width: int = SHEET_WIDTH) -> Iterator[Text]:
    """Lay out a voice: the header beside the algorithm, then a table of operators.

    Args:
      voice: to print.
      place: the source of the voice, printed after its name.
      width: columns of the terminal; at least `SHEET_WIDTH` are used.

    Returns:
      lines, without line ends.
    """
    drawing = [_operators_bold(line) for line in algorithm_text(ALGORITHMS[voice.algorithm - 1])]
    header = _header(voice)
    n_lines = max(len(header), len(drawing))
    header += [Text() for _ in range(n_lines - len(header))]
    drawing = [Text()] * (n_lines - len(drawing)) + drawing  # the last lines of both columns align
    yield Text.assemble((f"{voice.name or '(no name)'}", "bold"), (f"  {place}", "dim"))
    for left, right in zip(header, drawing, strict=True):
        left.pad_right(_LEFT_WIDTH - len(left))
        left.append_text(right)
        left.rstrip()
        yield left
    yield Text()
    yield from _operator_table(voice, with_envelopes=width >= WIDE)


def _header(voice: Voice) -> list[Text]:
    in_tune = voice.pitch_levels == (50, 50, 50, 50)
    rows = (
        ("", ""),
        ("Algorithm", f"{voice.algorithm}"),
        ("Feedback", f"{voice.feedback}"),
        ("Transpose", note_name(_TRANSPOSE_ZERO + voice.transpose)),
        ("Osc sync", "ON" if voice.osc_sync else "OFF"),
        ("", ""),
        ("LFO", f"{LFO_WAVES[voice.lfo_wave]}"),
        ("", f"speed {voice.lfo_speed}  delay {voice.lfo_delay}  sync {'ON' if voice.lfo_sync else 'OFF'}"),
        ("", f"PMD {voice.lfo_pitch_depth}  AMD {voice.lfo_amp_depth}  PMS {voice.pitch_mod_sensitivity}"),
        ("Pitch EG", f"R {_four(voice.pitch_rates)}"),
        ("", f"L {_four(voice.pitch_levels)}"),
        ("", "in tune throughout" if in_tune else f"  {envelope_bars(voice.pitch_rates, voice.pitch_levels)}"),
    )
    return [Text.assemble((f"{label:11}", "cyan"), value) for label, value in rows]


def _operator_table(voice: Voice, *, with_envelopes: bool) -> Iterator[Text]:
    columns = (*_COLUMNS, _ENVELOPE_COLUMN) if with_envelopes else _COLUMNS
    yield Text("OP " + " ".join(f"{heading:{form}}" for heading, form, _ in columns).rstrip(), style="cyan")
    carriers = ALGORITHMS[voice.algorithm - 1].carriers
    for number, op in enumerate(voice.operators, start=1):
        line = f"{number:2} " + " ".join(f"{cell(op):{form}}" for _, form, cell in columns)
        yield Text(line, style="dim" if op.output_level == 0 else "bold" if number in carriers else "")


def _four(values: Sequence[int]) -> str:
    return " ".join(f"{value:2}" for value in values)


def _operators_bold(line: str) -> Text:
    text = Text(line)
    for digit in re.finditer(r"\d", line):
        text.stylize("bold cyan", *digit.span())
    return text


_Column = tuple[str, str, Callable[[Operator], str | int]]
_COLUMNS: tuple[_Column, ...] = (
    ("freq", ">8", frequency_text),
    ("det", ">3", lambda op: f"{op.detune:+}" if op.detune else "0"),
    ("lvl", ">3", lambda op: op.output_level),
    ("R1 R2 R3 R4", ">12", lambda op: _four(op.rates)),
    ("L1 L2 L3 L4", ">12", lambda op: _four(op.levels)),
    ("  BP", "<6", lambda op: f"  {note_name(_BREAK_POINT_ZERO + op.break_point)}"),
    ("left", "<7", lambda op: f"{CURVES[op.left_curve]} {op.left_depth:2}"),
    ("right", "<7", lambda op: f"{CURVES[op.right_curve]} {op.right_depth:2}"),
    ("RS", ">2", lambda op: op.rate_scaling),
    ("AMS", ">3", lambda op: op.amp_mod_sensitivity),
    ("KVS", ">3", lambda op: op.velocity_sensitivity),
)
_ENVELOPE_COLUMN: _Column = ("envelope", f"<{ENVELOPE_WIDTH}", lambda op: envelope_bars(op.rates, op.levels))
