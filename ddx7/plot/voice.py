"""Pictures of a voice: pure functions from a voice and arrays to a matplotlib figure. Nothing here makes sound."""

from collections.abc import Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from numpy.typing import NDArray

from ddx7.cli.sheet import frequency
from ddx7.plot.algorithm import place_operators
from ddx7.voice import Voice
from ddx7.voice.algorithms import ALGORITHMS, Algorithm

# Okabe and Ito's colours, which colour-blind readers can tell apart; OP1 first.
OPERATOR_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")

_RANGE_DB = 90.0
_WINDOW_S = 0.046  # short enough for an attack, long enough to part the harmonics of a C2
_HOP_S = 0.008
_LOWEST_HZ = 40.0
_BOX = 0.7  # of a column
_LEAST_COLUMNS = 4  # so that a narrow algorithm is not drawn huge
_LINE = "#555555"


def voice_figure(
    voice: Voice,
    *,
    audio: NDArray[np.floating],
    sample_rate: int,
    level_db: NDArray[np.floating],
    pitch_cents: NDArray[np.floating],
    block_s: float,
    gate_s: float,
    caption: str,
) -> Figure:
    """One page on a voice: algorithm, envelopes, pitch, spectrum and spectrogram of one note.

    Args:
      voice: whose picture it is.
      audio: the note, float [time], full scale 1.
      sample_rate: Hz.
      level_db: level of OP1 to OP6 over time, float [6, block], 0 dB is full level.
      pitch_cents: pitch envelope over time, float [block].
      block_s: seconds between two blocks.
      gate_s: when the key is let go, seconds.
      caption: what was played, for the title.

    Returns:
      A figure that belongs to no window; ``figure.savefig(path)`` writes it.
    """
    figure = Figure(figsize=(12, 8), dpi=110, layout="constrained")
    title = f"{voice.name}   algorithm {voice.algorithm}, feedback {voice.feedback}   {caption}"
    figure.suptitle(title, x=0.01, ha="left", parse_math=False)  # a name may hold $
    grid = figure.add_gridspec(3, 2, width_ratios=(1, 1.5), height_ratios=(3, 1, 3))
    times = np.arange(level_db.shape[-1]) * block_s
    draw_algorithm(figure.add_subplot(grid[:2, 0]), voice)
    draw_levels(figure.add_subplot(grid[0, 1]), times, level_db, ALGORITHMS[voice.algorithm - 1], gate_s)
    draw_pitch(figure.add_subplot(grid[1, 1]), times, pitch_cents, gate_s)
    frequencies, moments, spectra = spectrogram_db(audio, sample_rate)
    draw_spectrum(figure.add_subplot(grid[2, 0]), frequencies, moments, spectra, gate_s)
    draw_spectrogram(figure.add_subplot(grid[2, 1]), frequencies, moments, spectra)
    return figure


def draw_algorithm(axes: Axes, voice: Voice) -> None:
    """The algorithm as on the panel, with each operator's frequency and output level in its box."""
    algorithm = ALGORITHMS[voice.algorithm - 1]
    places = place_operators(algorithm)
    half = _BOX / 2
    for xs, ys in _wires(algorithm):
        axes.plot(xs, ys, color=_LINE, linewidth=1.4, solid_joinstyle="round", zorder=1)
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
                edgecolor=_LINE,
                zorder=2,
            )
        )
        ink = _LINE if silent else "white"
        axes.text(
            place.column, place.row + 0.12, f"{op}", ha="center", va="center", color=ink, fontsize=13, weight="bold"
        )
        axes.text(
            place.column,
            place.row - 0.16,
            f"{frequency(operator)}\n{operator.output_level}",
            ha="center",
            va="center",
            color=ink,
            fontsize=6.5,
            linespacing=0.95,
        )
    columns = [place.column for place in places.values()]
    rows = [place.row for place in places.values()]
    middle, reach = (min(columns) + max(columns)) / 2, max(max(columns) - min(columns), _LEAST_COLUMNS - 1) / 2 + 0.6
    axes.set_xlim(middle - reach, middle + reach)
    axes.set_ylim(-0.6, max(rows) + 0.6)
    axes.set_aspect("equal")
    axes.set_axis_off()


def _wires(algorithm: Algorithm) -> Iterator[tuple[list[float], list[float]]]:
    """Every line of the drawing as x and y of its corners; boxes hide what lies under them."""
    places = place_operators(algorithm)
    for op, place in places.items():
        for source in (places[m] for m in algorithm.modulators[op - 1]):
            middle = (place.row + source.row) / 2
            yield [source.column, source.column, place.column, place.column], [source.row, middle, middle, place.row]
    output = -0.5
    for carrier in algorithm.carriers:
        yield [places[carrier].column] * 2, [0, output]
    heard = [places[carrier].column for carrier in algorithm.carriers]
    yield [min(heard) - _BOX / 2, max(heard) + _BOX / 2], [output, output]

    enter, leave = (places[op] for op in (algorithm.feedback, algorithm.feedback_source))
    edge, reach = enter.column + _BOX / 2, 0.7 * _BOX / 2
    side, top, bottom = edge + 0.1, enter.row + reach, leave.row - reach
    yield [edge, side, side, edge], [top, top, bottom, bottom]


def draw_levels(
    axes: Axes, times: NDArray[np.floating], level_db: NDArray[np.floating], algorithm: Algorithm, gate_s: float
) -> None:
    """The six amplitude envelopes; carriers are solid, modulators dashed."""
    for op, levels in enumerate(level_db, start=1):
        heard = op in algorithm.carriers
        axes.plot(
            times,
            np.maximum(levels, -2 * _RANGE_DB),
            color=OPERATOR_COLOURS[op - 1],
            linestyle="-" if heard else (0, (4, 1.5)),
            linewidth=1.8 if heard else 1.2,
            label=f"OP{op}",
        )
    axes.set_ylim(-_RANGE_DB, 12)
    axes.set_ylabel("level, dB")
    axes.set_title("operator levels, modulators dashed", fontsize=9, loc="left")
    axes.legend(
        ncols=6,
        fontsize=7,
        loc="lower right",
        bbox_to_anchor=(1, 0.98),
        frameon=False,
        handlelength=1.4,
        columnspacing=1,
    )
    _time_axis(axes, times, gate_s)


def draw_pitch(axes: Axes, times: NDArray[np.floating], pitch_cents: NDArray[np.floating], gate_s: float) -> None:
    """The pitch envelope in cents."""
    axes.plot(times, pitch_cents, color=_LINE)
    reach = max(100.0, 1.1 * float(np.abs(pitch_cents).max(initial=0)))
    axes.set_ylim(-reach, reach)
    axes.set_ylabel("cents")
    axes.set_title("pitch envelope", fontsize=9, loc="left")
    _time_axis(axes, times, gate_s)


def _time_axis(axes: Axes, times: NDArray[np.floating], gate_s: float) -> None:
    axes.axvline(gate_s, color="#999999", linewidth=0.8, linestyle=":")
    axes.set_xlim(0, times[-1])
    axes.grid(alpha=0.25)


def spectrogram_db(
    audio: NDArray[np.floating], sample_rate: int
) -> tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating]]:
    """Short-time spectra of a sound, scaled so that a sine of amplitude 1 reads 0 dB.

    Args:
      audio: float [time], of any length.
      sample_rate: Hz.

    Returns:
      frequencies in Hz [bin], moments in seconds [frame], and levels in dB [bin, frame], at least -200.
    """
    size, hop = int(_WINDOW_S * sample_rate), int(_HOP_S * sample_rate)
    padded = np.pad(audio, (size // 2, size))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[: max(len(audio), 1) : hop]
    window = np.hanning(size)
    spectra = np.abs(np.fft.rfft(frames * window, 2 * size)) * 2 / window.sum()
    decibels = 20 * np.log10(np.maximum(spectra, 1e-10))
    return np.fft.rfftfreq(2 * size, 1 / sample_rate), np.arange(len(frames)) * hop / sample_rate, decibels.T


def draw_spectrogram(
    axes: Axes, frequencies: NDArray[np.floating], moments: NDArray[np.floating], spectra: NDArray[np.floating]
) -> None:
    """Level over time and frequency, the loudest white."""
    audible = frequencies >= _LOWEST_HZ
    peak = max(float(spectra[audible].max()), -_RANGE_DB)
    mesh = axes.pcolormesh(
        moments, frequencies[audible], spectra[audible], cmap="magma", vmin=peak - _RANGE_DB, vmax=peak, rasterized=True
    )
    axes.set_yscale("log")
    axes.set_ylabel("Hz")
    axes.set_xlabel("seconds")
    axes.set_title("spectrogram", fontsize=9, loc="left")
    axes.figure.colorbar(mesh, ax=axes, label="dB", pad=0.01)


def draw_spectrum(
    axes: Axes,
    frequencies: NDArray[np.floating],
    moments: NDArray[np.floating],
    spectra: NDArray[np.floating],
    gate_s: float,
) -> None:
    """Mean spectrum while the key is down."""
    audible = frequencies >= _LOWEST_HZ
    held = moments <= gate_s
    power = np.mean(10 ** (spectra[:, held] / 10), axis=1)[audible]
    levels = 10 * np.log10(power)
    peak = max(float(levels.max()), -_RANGE_DB)
    axes.fill_between(frequencies[audible], levels, peak - _RANGE_DB, color=OPERATOR_COLOURS[0], alpha=0.8, linewidth=0)
    axes.set_xscale("log")
    axes.set_xlim(_LOWEST_HZ, frequencies[-1])
    axes.set_ylim(peak - _RANGE_DB, peak + 6)
    axes.set_xlabel("Hz")
    axes.set_ylabel("dB")
    axes.set_title("mean spectrum while the key is down", fontsize=9, loc="left")
    axes.grid(alpha=0.25)
