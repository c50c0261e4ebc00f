"""The operators of a learned instrument beside those of the DX7 voice exported from it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ddx7.plot.axes import OPERATOR_COLOURS, new_figure, time_axis
from ddx7.voice import Voice
from ddx7.voice.algorithms import ALGORITHMS

_RANGE_DB = 70.0


@dataclass(frozen=True, eq=False)
class NoteLevels:
    """Operator levels of a learned instrument and of a voice on the same notes.

    Attributes:
      notes: MIDI notes.
      velocities: MIDI velocities.
      gate_s: seconds from key-on to key-off.
      n_frames: frames of each note that count.
      frame_s: seconds from one frame to the next.
      instrument_db: levels of OP1 to OP6, 0 dB is full level, NaN where an operator is inaudible.
      voice_db: the same for the voice.
    """

    notes: Int[np.ndarray, " note"]
    velocities: Int[np.ndarray, " note"]
    gate_s: Float[np.ndarray, " note"]
    n_frames: Int[np.ndarray, " note"]
    frame_s: float
    instrument_db: Float[np.ndarray, "note frame 6"]
    voice_db: Float[np.ndarray, "note frame 6"]


def export_figure(voice: Voice, levels: NoteLevels, title: str) -> Figure:
    """Operator levels on four notes: carriers above, modulators below; the instrument's lines are pale and wide.

    Args:
      voice: the exported voice; operators with output level 0 are left out.
      levels: of the notes that the voice was fitted to.
      title: of the page.
    """
    carriers = ALGORITHMS[voice.algorithm - 1].carriers
    used = [op for op, operator in enumerate(voice.operators, start=1) if operator.output_level > 0]
    rows = {
        "carriers": [op for op in used if op in carriers],
        "modulators": [op for op in used if op not in carriers],
    }
    chosen = representative_notes(levels.notes, levels.velocities)
    figure = new_figure(14.0, 7.5, title)
    grid = figure.subplots(2, len(chosen), sharex="col", sharey="row", squeeze=False)
    for column, (what, i) in enumerate(chosen.items()):
        for axes, operators in zip(grid[:, column], rows.values(), strict=True):
            _draw_note(axes, levels, i, operators)
        grid[0, column].set_title(
            f"{what}: note {levels.notes[i]}, velocity {levels.velocities[i]}", loc="left", fontsize=10
        )
        grid[0, column].set_xlabel("")
    for axes, (what, operators) in zip(grid[:, 0], rows.items(), strict=True):
        axes.set_ylabel(f"{what}, dB (full level: 0)")
        if operators:
            axes.legend(ncols=3, fontsize=8, frameon=False, loc="lower left")
    return figure


def representative_notes(notes: Int[np.ndarray, " note"], velocities: Int[np.ndarray, " note"]) -> dict[str, int]:
    """Indices of the loudest low, middle and high note, and of the softest note near the middle.

    >>> representative_notes(np.array([48, 60, 60, 72]), np.array([100, 40, 100, 100]))
    {'low': 0, 'middle': 2, 'high': 3, 'soft': 1}
    """
    middle = int(notes[np.abs(notes - np.median(notes)).argmin()])

    def loudest(note: int) -> int:
        return int(np.argmax(np.where(notes == note, velocities, -1)))

    softest = int(np.lexsort((np.abs(notes - middle), velocities))[0])
    low, high = int(notes.min()), int(notes.max())
    return {"low": loudest(low), "middle": loudest(middle), "high": loudest(high), "soft": softest}


def _draw_note(axes: Axes, levels: NoteLevels, i: int, operators: list[int]) -> None:
    n_frames = int(levels.n_frames[i])
    times_s = np.arange(n_frames) * levels.frame_s
    for op in operators:
        colour = OPERATOR_COLOURS[op - 1]
        axes.plot(times_s, levels.instrument_db[i, :n_frames, op - 1], color=colour, linewidth=4, alpha=0.35)
        axes.plot(times_s, levels.voice_db[i, :n_frames, op - 1], color=colour, linewidth=1.3, label=f"OP{op}")
    time_axis(axes, None, float(levels.gate_s[i]))
    axes.set_ylim(-_RANGE_DB, 6)
    axes.grid(alpha=0.25)
