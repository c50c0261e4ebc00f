"""What a learned instrument's operators do on some notes, and what those of the exported voice do."""

import io
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ddx7.audio.features import HOP
from ddx7.engine.tables import DB_PER_OCTAVE
from ddx7.plot.voice import OPERATOR_COLOURS
from ddx7.resynthesis.level_curves import audible_floor
from ddx7.voice.algorithms import CARRIERS

if TYPE_CHECKING:
    from ddx7.resynthesis.export import ExportedVoice
    from ddx7.resynthesis.level_curves import NoteGrid

_FULL_OCTAVES = 1.0
_LOWEST_DB = -70.0


def export_picture(made: "ExportedVoice", title: str) -> bytes:
    """The picture as a PNG: carriers above, modulators below; a low, a middle and a high note, and the softest.

    Args:
      made: from `ddx7.resynthesis.export.export`.
      title: of the page.
    """
    notes, model = made.fitted.notes, made.fitted.model.octaves
    floor = audible_floor(model, made.voice.algorithm)
    # What is not heard is not drawn: there the two need not agree.
    learned = np.where(model > floor, model, np.nan) + made.raised
    fitted = np.where(made.octaves > floor + made.raised, made.octaves, np.nan)
    carriers = CARRIERS[made.voice.algorithm - 1] > 0
    used = np.array([operator.output_level > 0 for operator in made.voice.operators])
    chosen = telling_notes(notes)
    figure = Figure(figsize=(14, 7.5), dpi=100, layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=13, parse_math=False)  # a name may hold $
    grid = figure.subplots(2, len(chosen), sharex="col", sharey="row", squeeze=False)
    for column, (what, i) in enumerate(chosen):
        for row, operators in enumerate((carriers & used, ~carriers & used)):
            axes = grid[row, column]
            end = int(notes.lengths[i])
            for op in np.flatnonzero(operators):
                _draw(axes, learned[i, :end, op], fitted[i, :end, op], int(op), notes.sample_rate)
            axes.axvline(notes.gates[i] * HOP / notes.sample_rate, color="#999999", linewidth=0.8, linestyle=":")
            axes.set_ylim(_LOWEST_DB, 6)
            axes.grid(alpha=0.25)
        grid[0, column].set_title(
            f"{what}: note {notes.keys[i]}, velocity {notes.velocities[i]}", loc="left", fontsize=10
        )
        grid[1, column].set_xlabel("seconds")
    for row, what in enumerate(("carriers", "modulators")):
        grid[row, 0].set_ylabel(f"{what}, dB under full level")
        if grid[row, 0].get_legend_handles_labels()[0]:
            grid[row, 0].legend(ncols=3, fontsize=8, frameon=False, loc="lower left")
    data = io.BytesIO()
    figure.savefig(data, format="png")
    return data.getvalue()


def telling_notes(notes: "NoteGrid") -> list[tuple[str, int]]:
    """Indices of a low, a middle and a high note, each the loudest on its key, and of the softest."""
    middle = notes.keys[np.abs(notes.keys - np.median(notes.keys)).argmin()]

    def loudest(key: int) -> int:
        return int(np.argmax(np.where(notes.keys == key, notes.velocities, -1)))

    softest = np.lexsort((np.abs(notes.keys - middle), notes.velocities))[0]
    keys = {"low": notes.keys.min(), "middle": middle, "high": notes.keys.max()}
    return [*((what, loudest(key)) for what, key in keys.items()), ("soft", int(softest))]


def _draw(axes: Axes, learned: np.ndarray, fitted: np.ndarray, op: int, sample_rate: int) -> None:
    seconds = np.arange(len(learned)) * HOP / sample_rate
    colour = OPERATOR_COLOURS[op]
    learned_db, fitted_db = ((x - _FULL_OCTAVES) * DB_PER_OCTAVE for x in (learned, fitted))
    axes.plot(seconds, learned_db, color=colour, linewidth=4, alpha=0.35)
    axes.plot(seconds, fitted_db, color=colour, linewidth=1.3, label=f"OP{op + 1}")
