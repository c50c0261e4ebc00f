"""A voice on one page: algorithm, envelopes, pitch, spectrum and spectrogram of one note."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from ddx7.plot.algorithm import frequency_text, place_operators
from ddx7.plot.axes import (
    LINE_COLOUR,
    OPERATOR_COLOURS,
    Spectra,
    draw_operator_levels,
    draw_spectrogram,
    frequency_axis,
    mean_spectrum,
    new_figure,
    panel_title,
    sound_spectra,
    time_axis,
)
from ddx7.voice import Voice
from ddx7.voice.algorithms import ALGORITHMS, Algorithm

if TYPE_CHECKING:
    from ddx7.plot.traces import NoteTraces

_RANGE_DB = 90.0
_BOX = 0.7  # of a column
_MIN_COLUMNS = 4  # so that a narrow algorithm is not drawn huge


def voice_figure(voice: Voice, note: int = 60) -> Figure:
    """Play one note of a voice and draw the voice on one page.

    Args:
      voice: to draw.
      note: MIDI note, 0-127.

    Returns:
      A figure of 1320 x 880 pixels.

    Raises:
      Ddx7Error: the note is out of range.
    """
    from ddx7.plot.traces import trace_note  # here, because it starts JAX

    return traces_figure(voice, trace_note(voice, note))


def traces_figure(voice: Voice, traces: "NoteTraces") -> Figure:
    """Draw a voice and one note of it that was played before.

    Args:
      voice: to draw.
      traces: of the note.
    """
    title = (
        f"{voice.name}   algorithm {voice.algorithm}, feedback {voice.feedback}   "
        f"note {traces.note}, velocity {traces.velocity}"
    )
    figure = new_figure(12.0, 8.0, title, dpi=110, title_size=12.0)
    grid = figure.add_gridspec(3, 2, width_ratios=(1, 1.5), height_ratios=(3, 1, 3))
    spectra = sound_spectra(traces.audio, traces.sample_rate)
    draw_algorithm(figure.add_subplot(grid[:2, 0]), voice)
    _draw_levels(figure.add_subplot(grid[0, 1]), voice, traces)
    _draw_pitch(figure.add_subplot(grid[1, 1]), traces)
    _draw_mean_spectrum(figure.add_subplot(grid[2, 0]), spectra, traces.gate_s)
    axes = figure.add_subplot(grid[2, 1])
    mesh = draw_spectrogram(axes, spectra, range_db=_RANGE_DB)
    panel_title(axes, "spectrogram")
    figure.colorbar(mesh, ax=axes, label="level, dB", pad=0.01)
    return figure


def draw_algorithm(axes: Axes, voice: Voice) -> None:
    """Draw the algorithm as on the panel, with each operator's frequency and output level in its box."""
    algorithm = ALGORITHMS[voice.algorithm - 1]
    places = place_operators(algorithm)
    half = _BOX / 2
    for xs, ys in _wires(algorithm):
        axes.plot(xs, ys, color=LINE_COLOUR, linewidth=1.4, solid_joinstyle="round", zorder=1)
    for op, place in places.items():
        operator = voice.operators[op - 1]
        silent = operator.output_level == 0
        axes.add_patch(
            FancyBboxPatch(
                (place.column - half, place.row - half),
                _BOX,
                _BOX,
                boxstyle="round,pad=0,rounding_size=0.06",
                facecolor="white" if silent else OPERATOR_COLOURS[op - 1],
                edgecolor=LINE_COLOUR,
                zorder=2,
            )
        )
        ink = LINE_COLOUR if silent else "white"
        axes.text(
            place.column, place.row + 0.12, f"{op}", ha="center", va="center", color=ink, fontsize=13, weight="bold"
        )
        axes.text(
            place.column,
            place.row - 0.16,
            f"{frequency_text(operator)}\n{operator.output_level}",
            ha="center",
            va="center",
            color=ink,
            fontsize=6.5,
            linespacing=0.95,
        )
    columns = [place.column for place in places.values()]
    rows = [place.row for place in places.values()]
    middle, reach = (min(columns) + max(columns)) / 2, max(max(columns) - min(columns), _MIN_COLUMNS - 1) / 2 + 0.6
    axes.set_xlim(middle - reach, middle + reach)
    axes.set_ylim(-0.6, max(rows) + 0.6)
    axes.set_aspect("equal")
    axes.set_axis_off()


def _wires(algorithm: Algorithm) -> Iterator[tuple[list[float], list[float]]]:
    """Every line of the drawing as x and y of its corners; boxes cover the ends."""
    places = place_operators(algorithm)
    for op, place in places.items():
        for source in (places[m] for m in algorithm.modulators[op - 1]):
            middle = (place.row + source.row) / 2
            yield [source.column, source.column, place.column, place.column], [source.row, middle, middle, place.row]
    output = -0.5
    for carrier in algorithm.carriers:
        yield [places[carrier].column] * 2, [0, output]
    columns = [places[carrier].column for carrier in algorithm.carriers]
    yield [min(columns) - _BOX / 2, max(columns) + _BOX / 2], [output, output]

    enter, leave = (places[op] for op in (algorithm.feedback, algorithm.feedback_source))
    edge, reach = enter.column + _BOX / 2, 0.7 * _BOX / 2
    side, top, bottom = edge + 0.1, enter.row + reach, leave.row - reach
    yield [edge, side, side, edge], [top, top, bottom, bottom]


def _draw_levels(axes: Axes, voice: Voice, traces: "NoteTraces") -> None:
    carriers = ALGORITHMS[voice.algorithm - 1].carriers
    draw_operator_levels(axes, traces.times_s, traces.level_db, carriers, range_db=_RANGE_DB)
    _block_axis(axes, traces)


def _draw_pitch(axes: Axes, traces: "NoteTraces") -> None:
    axes.plot(traces.times_s, traces.pitch_cents, color=LINE_COLOUR)
    reach = max(100.0, 1.1 * float(np.abs(traces.pitch_cents).max(initial=0)))
    axes.set_ylim(-reach, reach)
    axes.set_ylabel("pitch, cents")
    panel_title(axes, "pitch envelope")
    axes.grid(alpha=0.25)
    _block_axis(axes, traces)


def _block_axis(axes: Axes, traces: "NoteTraces") -> None:
    time_axis(axes, float(traces.times_s[-1]), traces.gate_s)
    axes.set_xlabel("")  # the spectrogram below has the same axis and names it


def _draw_mean_spectrum(axes: Axes, spectra: Spectra, gate_s: float) -> None:
    f_hz, level_db = mean_spectrum(spectra, gate_s)
    peak_db = float(level_db.max())
    axes.fill_between(f_hz, level_db, peak_db - _RANGE_DB, color=OPERATOR_COLOURS[0], alpha=0.8, linewidth=0)
    frequency_axis(axes, "x", float(f_hz[-1]))
    axes.set_ylim(peak_db - _RANGE_DB, peak_db + 6)
    axes.set_ylabel("level, dB")
    panel_title(axes, "mean spectrum before key-off")
    axes.grid(alpha=0.25)
