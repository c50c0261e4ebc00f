"""A recording beside its resynthesis: spectrograms, loudness and operator levels."""

from collections.abc import Collection, Mapping

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ddx7.audio.features import HOP
from ddx7.audio.loudness import loudness
from ddx7.plot.axes import (
    RECORDING_COLOUR,
    SYNTHESIS_COLOUR,
    draw_operator_levels,
    draw_spectrogram,
    new_figure,
    panel_title,
    sound_spectra,
    time_axis,
)

_RANGE_DB = 80.0
_MAX_S = 12.0  # in a longer figure notes are too narrow to read


def resynthesis_figure(
    recording: Float[np.ndarray, " recording_time"] | None,
    resynthesis: Float[np.ndarray, " time"],
    sample_rate: int,
    title: str,
    *,
    operator_db: Float[np.ndarray, "frame 6"] | None = None,
    carriers: Collection[int] = (),
) -> Figure:
    """Compare a recording with its resynthesis in a figure of 1200 x 800 pixels; it shows the first 12 s.

    Args:
      recording: full scale 1; None where notes were played.
      resynthesis: full scale 1.
      sample_rate: of both, in Hz.
      title: of the page.
      operator_db: levels of OP1 to OP6, 0 dB is full level, one frame every 64 samples; None without operators.
      carriers: numbers of the carriers, 1-6.
    """
    n_samples = int(min(len(resynthesis), _MAX_S * sample_rate))
    sounds = {"played" if recording is None else "resynthesis": resynthesis[:n_samples]}
    if recording is not None:
        sounds = {"recording": recording[:n_samples], **sounds}
    figure = new_figure(12.0, 8.0, title)
    grid = figure.add_gridspec(2, 2, height_ratios=(1.3, 1))
    # Each sound counts from its own peak: the panel below compares loudness.
    places = [grid[0, 0], grid[0, 1]] if len(sounds) > 1 else [grid[0, :]]
    above = [figure.add_subplot(place) for place in places]
    meshes = [
        draw_spectrogram(axes, sound_spectra(sound, sample_rate), range_db=_RANGE_DB, relative=True)
        for axes, sound in zip(above, sounds.values(), strict=True)
    ]
    for axes, name in zip(above, sounds, strict=True):
        panel_title(axes, name)
    _draw_loudness(figure.add_subplot(grid[1, 0]), sounds, sample_rate)
    if operator_db is not None:
        axes = figure.add_subplot(grid[1, 1])
        shown = operator_db[: n_samples // HOP].T
        times_s = np.arange(shown.shape[1]) * HOP / sample_rate
        draw_operator_levels(axes, times_s, shown, carriers, range_db=_RANGE_DB)
        time_axis(axes, n_samples / sample_rate)
    figure.colorbar(meshes[0], ax=above, label="dB from the sound's peak", pad=0.01, fraction=0.03)
    return figure


def _draw_loudness(axes: Axes, sounds: Mapping[str, np.ndarray], sample_rate: int) -> None:
    for name, sound in sounds.items():
        colour = RECORDING_COLOUR if name == "recording" else SYNTHESIS_COLOUR
        level_db = loudness(sound, sample_rate, HOP)
        axes.plot(np.arange(len(level_db)) * HOP / sample_rate, level_db, label=name, color=colour, linewidth=1.2)
    time_axis(axes, max(map(len, sounds.values())) / sample_rate)
    axes.set_ylabel("level, dB")
    panel_title(axes, "loudness, A-weighted")
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8, frameon=False)
