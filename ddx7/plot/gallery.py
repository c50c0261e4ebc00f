"""Many voices on one page: the spectrogram of a note on each, side by side."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ddx7.plot.voice import spectrogram_db
from ddx7.voice import Voice

_COLUMNS = 8
_LOWEST_HZ, _HIGHEST_HZ, _BANDS = 50.0, 16_000.0, 120
_MARKS_HZ = (100, 1000, 10_000)
_RANGE_DB = 70.0
_HOPS = 2  # of `spectrogram_db`, in a column of pixels


def gallery(
    voices: Sequence[Voice], audio: NDArray[np.floating], sample_rate: int, gate_s: float, caption: str
) -> Figure:
    """Spectrograms of voices, eight in a row, each in the same range of decibels under its own peak.

    Args:
      voices: what is heard, for the titles.
      audio: a note on each, float [voice, time].
      sample_rate: Hz.
      gate_s: when the key is let go, seconds.
      caption: what was played, for the title.

    Returns:
      A figure that belongs to no window; ``figure.savefig(path)`` writes it.
    """
    n_rows = max(-(-len(voices) // _COLUMNS), 1)
    columns = min(len(voices), _COLUMNS) if n_rows == 1 else _COLUMNS
    width, height = 1.9 * columns + 0.8, 1.65 * n_rows + 0.7
    figure = Figure(figsize=(width, height), dpi=100)
    figure.suptitle(caption, x=0.1 / width, y=1 - 0.05 / height, ha="left", va="top", fontsize=9, parse_math=False)
    bands = np.geomspace(_LOWEST_HZ, min(_HIGHEST_HZ, sample_rate / 2), _BANDS)
    for k, (voice, sound) in enumerate(zip(voices, audio, strict=True)):
        row, column = divmod(k, _COLUMNS)
        left, top = 0.6 + 1.9 * column, height - 0.55 - 1.65 * row
        axes = figure.add_axes((left / width, (top - 1.3) / height, 1.75 / width, 1.3 / height))
        axes.imshow(
            _image(sound, sample_rate, bands),
            aspect="auto",
            origin="lower",
            cmap="magma",
            extent=(0, len(sound) / sample_rate, 0, _BANDS),
            vmin=-_RANGE_DB,
            vmax=0,
        )
        axes.axvline(gate_s, color="white", linewidth=0.5, linestyle=":", alpha=0.6)
        axes.set_title(f"{k + 1} {voice.name}  A{voice.algorithm}", fontsize=7, pad=2, parse_math=False)
        axes.set_xticks([])
        axes.set_yticks(np.interp(np.log(_MARKS_HZ), np.log(bands), np.arange(_BANDS)) if column == 0 else [])
        if column == 0:
            axes.set_yticklabels(["100 Hz", "1 kHz", "10 kHz"], fontsize=6)
    return figure


def _image(sound: NDArray[np.floating], sample_rate: int, bands: NDArray[np.floating]) -> NDArray[np.floating]:
    """Levels in dB under the loudest, [band, moment]."""
    frequencies, _, spectra = spectrogram_db(sound, sample_rate)
    # The loudest bin of each band, so that no partial falls between bands.
    edges = np.searchsorted(frequencies, np.append(bands, bands[-1] * bands[-1] / bands[-2]))
    starts = np.minimum(edges[:-1], len(frequencies) - 1)
    found = np.maximum.reduceat(spectra[:, ::_HOPS], starts, axis=0)
    return found - max(float(found.max()), -_RANGE_DB)
