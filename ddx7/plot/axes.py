"""What the figures share: colours, spectra on a logarithmic frequency axis, decibels, operator levels, image bytes."""

import io
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ddx7.audio.fft_sizes import next_fast_len
from ddx7.audio.spectra_numpy import frames, power, to_db, unit_sine

BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
"""The palette of Okabe and Ito, which colour-blind readers can tell apart, also in print."""
OPERATOR_COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
"""Of OP1 to OP6."""
RECORDING_COLOUR, SYNTHESIS_COLOUR = "#222222", VERMILION
"""Of a recorded sound and of the sound that imitates it."""
LINE_COLOUR, GATE_COLOUR = "#555555", "#999999"

LOWEST_HZ, HIGHEST_HZ = 40.0, 16_000.0
TICKS_HZ = (50, 100, 200, 500, 1000, 2000, 5000, 10_000)
BANDS_PER_OCTAVE = 24
MAX_COLUMNS = 1500  # of a spectrogram: as many as a figure has pixels

_WINDOW_S, _HOP_S = 0.046, 0.006  # short enough for an attack, long enough to separate the harmonics of a C2
_DASHES = (0, (4, 1.5))


def new_figure(width: float, height: float, title: str, *, dpi: int = 100, title_size: float = 13.0) -> Figure:
    """An empty figure with a title at its top left; width and height in inches."""
    figure = Figure(figsize=(width, height), dpi=dpi, layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=title_size, parse_math=False)  # a name may hold $
    return figure


def figure_bytes(figure: Figure, form: str = "png") -> bytes:
    """The bytes of an image file; `form` is png, svg or pdf."""
    data = io.BytesIO()
    figure.savefig(data, format=form)
    return data.getvalue()


@dataclass(frozen=True, eq=False)
class Spectra:
    """Power spectra of a sound over time; a sine of amplitude 1 has power 1 in its bin.

    Attributes:
      f_hz: centre of each bin, float64 [bin].
      times_s: centre of each frame, float64 [frame].
      power: float64 [frame, bin].
      duration_s: of the sound.
    """

    f_hz: Float[np.ndarray, " bin"]
    times_s: Float[np.ndarray, " frame"]
    power: Float[np.ndarray, "frame bin"]
    duration_s: float


def sound_spectra(samples: Float[np.ndarray, " time"], sample_rate: int, hop_s: float = _HOP_S) -> Spectra:
    """Short-time power spectra in Hann windows of 46 ms, zero-padded to at least twice that for smooth lines.

    Args:
      samples: of any length, also none.
      sample_rate: in Hz.
      hop_s: seconds between two frames; longer for a sound that would have more than `MAX_COLUMNS`.
    """
    size = round(_WINDOW_S * sample_rate)
    n_fft = next_fast_len(2 * size, real=True)  # twice the window of 44.1 kHz has a prime factor of 2029
    hop = max(round(hop_s * sample_rate), len(samples) // MAX_COLUMNS, 1)
    padded = np.pad(np.asarray(samples, np.float64), size // 2 + 1)
    framed = frames(padded[: max(len(samples), 1) + size - 1], size, hop)
    return Spectra(
        f_hz=np.fft.rfftfreq(n_fft, 1 / sample_rate),
        times_s=np.arange(len(framed)) * hop / sample_rate,
        power=power(framed, unit_sine(np.hanning(size)), n_fft),
        duration_s=len(samples) / sample_rate,
    )


def band_levels(spectra: Spectra) -> tuple[Float[np.ndarray, " band"], Float[np.ndarray, "frame band"]]:
    """Spectra in bands evenly spaced in pitch, `BANDS_PER_OCTAVE` from `LOWEST_HZ` to `HIGHEST_HZ`.

    Each band takes the highest power in it, so that a partial keeps its level however wide its band is.

    Returns:
      the centre of each band in Hz, and levels in dB.
    """
    power, step = spectra.power, spectra.f_hz[1]
    highest_hz = min(HIGHEST_HZ, spectra.f_hz[-1])
    f_hz = np.geomspace(LOWEST_HZ, highest_hz, round(BANDS_PER_OCTAVE * np.log2(highest_hz / LOWEST_HZ)))
    half = 2 ** (0.5 / BANDS_PER_OCTAVE)
    low = np.floor(f_hz / half / step).astype(int)
    high = np.minimum(np.ceil(f_hz * half / step).astype(int), power.shape[1] - 1)
    narrow = high - low < 3
    bands = np.empty((len(power), len(f_hz)))
    for row in np.flatnonzero(~narrow):
        bands[:, row] = power[:, low[row] : high[row] + 1].max(axis=1)
    below = np.floor(f_hz[narrow] / step).astype(int)
    share = f_hz[narrow] / step - below
    bands[:, narrow] = (1 - share) * power[:, below] + share * power[:, below + 1]
    return f_hz, to_db(bands)


def mean_spectrum(
    spectra: Spectra, until_s: float = np.inf
) -> tuple[Float[np.ndarray, " bin"], Float[np.ndarray, " bin"]]:
    """Mean spectrum up to a time: frequencies within the range of the axis in Hz, and levels in dB."""
    shown = (spectra.f_hz >= LOWEST_HZ) & (spectra.f_hz <= HIGHEST_HZ)
    return spectra.f_hz[shown], to_db(spectra.power[spectra.times_s <= until_s].mean(axis=0))[shown]


def draw_spectrogram(
    axes: Axes, spectra: Spectra, *, range_db: float, peak_db: float | None = None, relative: bool = False
) -> QuadMesh:
    """Draw level over time and logarithmic frequency.

    Args:
      axes: to draw on.
      spectra: of the sound.
      range_db: how far the darkest colour lies below the brightest.
      peak_db: level of the brightest colour; the highest level of the sound if left out.
      relative: whether the colours count from the peak (0 dB) or from full scale.
    """
    f_hz, level_db = band_levels(spectra)
    peak_db = max(float(level_db.max()) if peak_db is None else peak_db, -200.0)
    zero_db = peak_db if relative else 0.0
    top = peak_db - zero_db
    mesh = axes.pcolormesh(
        spectra.times_s, f_hz, level_db.T - zero_db, cmap="magma", vmin=top - range_db, vmax=top, rasterized=True
    )
    frequency_axis(axes, "y", float(f_hz[-1]))
    time_axis(axes, spectra.duration_s)
    axes.set_facecolor("black")  # up to a hop at the end lies beyond the last frame
    return mesh


def frequency_axis(axes: Axes, which: Literal["x", "y"], highest_hz: float) -> None:
    """Make an axis logarithmic in frequency, from `LOWEST_HZ`, with round numbers as its ticks."""
    horizontal = which == "x"
    (axes.set_xscale if horizontal else axes.set_yscale)("log")
    axis = axes.xaxis if horizontal else axes.yaxis
    axis.set_major_locator(FixedLocator(TICKS_HZ))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda hz, _: f"{hz / 1000:g}k" if hz >= 1000 else f"{hz:g}"))
    (axes.set_xlim if horizontal else axes.set_ylim)(LOWEST_HZ, highest_hz)
    (axes.set_xlabel if horizontal else axes.set_ylabel)("frequency, Hz")


def time_axis(axes: Axes, duration_s: float | None, gate_s: float | None = None) -> None:
    """Make the horizontal axis time in seconds, as long as given or as its lines; a dotted line marks key-off."""
    if gate_s is not None:
        axes.axvline(gate_s, color=GATE_COLOUR, linewidth=0.8, linestyle=":")
    if duration_s:
        axes.set_xlim(0, duration_s)
    axes.set_xlabel("time, s")


def draw_operator_levels(
    axes: Axes,
    times_s: Float[np.ndarray, " frame"],
    level_db: Float[np.ndarray, "6 frame"],
    carriers: Collection[int],
    *,
    range_db: float,
) -> None:
    """Draw the levels of OP1 to OP6; carriers are solid, modulators dashed, 0 dB is full level.

    Args:
      axes: to draw on.
      times_s: of the frames.
      level_db: of each operator.
      carriers: numbers of the carriers, 1-6.
      range_db: of the vertical axis; levels stop at twice that.
    """
    for op, levels in enumerate(level_db, start=1):
        axes.plot(
            times_s,
            np.maximum(levels, -2 * range_db),
            color=OPERATOR_COLOURS[op - 1],
            linestyle="-" if op in carriers else _DASHES,
            linewidth=1.8 if op in carriers else 1.2,
            label=f"OP{op}",
        )
    axes.set_ylim(-range_db, 14)
    axes.set_ylabel("level, dB")
    panel_title(axes, "operator levels, modulators dashed", size=9.0)
    axes.legend(
        ncols=6,
        fontsize=7,
        loc="upper right",
        borderaxespad=0.1,
        frameon=False,
        handlelength=1.3,
        columnspacing=0.8,
    )
    axes.grid(alpha=0.25)


def panel_title(axes: Axes, title: str, size: float = 10.0) -> None:
    """Title one panel of a figure at its left."""
    axes.set_title(title, loc="left", fontsize=size)
