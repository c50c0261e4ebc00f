"""Many voices on one page: the spectrogram of a note of each."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from ddx7.plot.axes import draw_spectrogram, sound_spectra
from ddx7.voice import Voice

_COLUMNS = 8
_RANGE_DB = 70.0
_HOP_S = 0.016  # a column of pixels


def gallery_figure(
    voices: Sequence[Voice], audio: Float[np.ndarray, "voice time"], sample_rate: int, gate_s: float, caption: str
) -> Figure:
    """Spectrograms of voices, eight in a row, each in the same range of decibels below its own peak.

    Args:
      voices: for the titles.
      audio: a note of each, full scale 1.
      sample_rate: in Hz.
      gate_s: seconds from key-on to key-off.
      caption: the title.
    """
    n_rows = max(-(-len(voices) // _COLUMNS), 1)
    columns = min(len(voices), _COLUMNS) if n_rows == 1 else _COLUMNS
    width, height = 1.9 * columns + 0.8, 1.65 * n_rows + 0.7
    figure = Figure(figsize=(width, height), dpi=100)
    figure.suptitle(caption, x=0.1 / width, y=1 - 0.05 / height, ha="left", va="top", fontsize=9, parse_math=False)
    for k, (voice, sound) in enumerate(zip(voices, audio, strict=True)):
        row, column = divmod(k, _COLUMNS)
        left, top = 0.6 + 1.9 * column, height - 0.55 - 1.65 * row
        axes = figure.add_axes((left / width, (top - 1.3) / height, 1.75 / width, 1.3 / height))
        _ = draw_spectrogram(axes, sound_spectra(sound, sample_rate, _HOP_S), range_db=_RANGE_DB)
        axes.axvline(gate_s, color="white", linewidth=0.5, linestyle=":", alpha=0.6)
        axes.set_title(f"{k + 1} {voice.name}  A{voice.algorithm}", fontsize=7, pad=2, parse_math=False)
        axes.set_xticks([])
        axes.set_xlabel("")
        axes.set_ylabel("")
        if column:
            axes.set_yticks([])
        else:
            axes.tick_params(axis="y", labelsize=6)
    return figure
