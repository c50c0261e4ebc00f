"""A recording beside its resynthesis: spectrograms, loudness, and what the operators did."""

import io
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ddx7.audio.features import HOP
from ddx7.audio.loudness import loudness
from ddx7.engine.tables import DB_PER_OCTAVE
from ddx7.plot.voice import OPERATOR_COLOURS, spectrogram_db
from ddx7.resynthesis.fm import FmSynth

if TYPE_CHECKING:
    from ddx7.resynthesis.instrument import Instrument
    from ddx7.resynthesis.transfer import Transfer

_RANGE_DB = 80.0
_LONGEST_S = 12.0  # more than this in one picture, and notes are too narrow to see


def resynth_picture(target: np.ndarray, made: "Transfer", instrument: "Instrument", title: str) -> bytes:
    """The picture as a PNG.

    Args:
      target: the recording at the rate of what was made, float [time].
      made: from `transfer`.
      instrument: that played it.
      title: of the page.
    """
    rate = made.sample_rate
    samples = int(min(len(made.audio), _LONGEST_S * rate))
    sounds = {"recording": target[:samples], "resynthesis": made.audio[:samples]}
    figure = Figure(figsize=(12, 8), dpi=100, layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=13, parse_math=False)  # a name may hold $
    grid = figure.add_gridspec(2, 2, height_ratios=(1.3, 1))
    spectra = {name: spectrogram_db(sound, rate) for name, sound in sounds.items()}
    # Each in its own range: a melody's level is not the point here, and loudness stands below.
    for column, (name, (f_hz, moments, levels)) in enumerate(spectra.items()):
        axes, peak = figure.add_subplot(grid[0, column]), float(levels.max())
        axes.pcolormesh(moments, f_hz / 1000, levels, cmap="magma", vmin=peak - _RANGE_DB, vmax=peak, rasterized=True)
        axes.set_title(name, loc="left", fontsize=10)
        axes.set_ylabel("kHz")
        axes.set_xlabel("seconds")
    _draw_loudness(figure.add_subplot(grid[1, 0]), sounds, rate)
    if isinstance(instrument.model.synth, FmSynth):
        carriers = instrument.model.synth.structure.carriers
        _draw_levels(figure.add_subplot(grid[1, 1]), made.controls[: samples // HOP], carriers, rate)
    data = io.BytesIO()
    figure.savefig(data, format="png")
    return data.getvalue()


def _draw_loudness(axes: Axes, sounds: dict[str, np.ndarray], rate: int) -> None:
    for (name, sound), colour in zip(sounds.items(), OPERATOR_COLOURS, strict=False):
        level_db = loudness(sound, rate, HOP)
        axes.plot(np.arange(len(level_db)) * HOP / rate, level_db, label=name, color=colour, linewidth=1.2)
    axes.set_title("loudness, A-weighted", loc="left", fontsize=9)
    axes.set_ylabel("dB")
    axes.set_xlabel("seconds")
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8, frameon=False)


def _draw_levels(axes: Axes, octaves: np.ndarray, carriers: np.ndarray, rate: int) -> None:
    for op, heard in enumerate(carriers):
        level_db = octaves[:, op] * DB_PER_OCTAVE
        if level_db.max() > -_RANGE_DB:
            axes.plot(
                np.arange(len(level_db)) * HOP / rate,
                level_db,
                color=OPERATOR_COLOURS[op],
                linestyle="-" if heard else (0, (4, 1.5)),
                linewidth=1.2,
                label=f"OP{op + 1}",
            )
    axes.set_ylim(-_RANGE_DB, 14)
    axes.set_title("operator levels, modulators dashed", loc="left", fontsize=9)
    axes.set_ylabel("dB")
    axes.set_xlabel("seconds")
    axes.grid(alpha=0.25)
    axes.legend(ncols=6, fontsize=7, frameon=False, loc="lower right")
