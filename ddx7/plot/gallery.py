"""Many voices on one page: the spectrogram of a note of each."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ddx7.plot.axes import draw_spectrogram, sound_spectra
from ddx7.voice import Voice

_COLUMNS = 8
_RANGE_DB = 70.0
_HOP_S = 0.016  # a column of pixels
_SILENT_DB = -120.0

# In inches.
_PITCH_X, _PITCH_Y, _PANEL_X, _PANEL_Y = 1.9, 1.85, 1.75, 1.3
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.6, 0.75, 0.75, 0.45
_SCALE_X = 0.12


def gallery_figure(
    voices: Sequence[Voice], audio: Float[np.ndarray, "voice time"], sample_rate: int, gate_s: float, caption: str
) -> Figure:
    """Spectrograms of voices, eight in a row, all on the same axes of time and frequency.

    Colours count in dB from the peak of each voice. A voice's title has its number, name, algorithm and peak level;
    the level counts from full scale.

    Args:
      voices: for the titles.
      audio: a note of each, full scale 1.
      sample_rate: in Hz.
      gate_s: seconds from key-on to key-off.
      caption: the title.
    """
    n_rows = max(-(-len(voices) // _COLUMNS), 1)
    columns = min(len(voices), _COLUMNS) if n_rows == 1 else _COLUMNS
    width = _LEFT + _PITCH_X * (columns - 1) + _PANEL_X + _RIGHT
    height = _TOP + _PITCH_Y * (n_rows - 1) + _PANEL_Y + _BOTTOM
    figure = Figure(figsize=(width, height), dpi=100)
    figure.suptitle(caption, x=0.1 / width, y=1 - 0.05 / height, ha="left", va="top", fontsize=9, parse_math=False)
    mesh = None
    for k, (voice, sound) in enumerate(zip(voices, audio, strict=True)):
        row, column = divmod(k, _COLUMNS)
        left, top = _LEFT + _PITCH_X * column, height - _TOP - _PITCH_Y * row
        axes = figure.add_axes((left / width, (top - _PANEL_Y) / height, _PANEL_X / width, _PANEL_Y / height))
        mesh = draw_spectrogram(axes, sound_spectra(sound, sample_rate, _HOP_S), range_db=_RANGE_DB, relative=True)
        axes.axvline(gate_s, color="white", linewidth=0.5, linestyle=":", alpha=0.6)
        title = f"{k + 1} {voice.name}\nalgorithm {voice.algorithm}, {_peak(sound)}"
        # Its height is given: matplotlib would look for what is in the way of each title, for a third of the drawing.
        axes.set_title(title, fontsize=7, pad=2, loc="left", y=1.0, linespacing=1.1, parse_math=False)
        axes.tick_params(labelsize=6)
        last = k + _COLUMNS >= len(voices)
        axes.tick_params(labelbottom=last, labelleft=not column)
        axes.xaxis.set_major_locator(
            MaxNLocator(4, prune="upper")
        )  # the next panel begins where the last tick would be
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_xlabel("time, s" if last and not column else "", fontsize=6, loc="left")
        axes.set_ylabel("" if column else "frequency, Hz", fontsize=6)
    if mesh is not None:
        place = (width - _RIGHT + 0.08) / width, (height - _TOP - _PANEL_Y) / height
        scale = figure.add_axes((*place, _SCALE_X / width, _PANEL_Y / height))
        figure.colorbar(mesh, cax=scale)
        scale.tick_params(labelsize=6)
        scale.set_ylabel("dB from the voice's peak", fontsize=6)
    return figure


def _peak(sound: Float[np.ndarray, " time"]) -> str:
    """The peak level in words.

    >>> _peak(np.array([0.1, -0.5])), _peak(np.zeros(4))
    ('peak -6 dB', 'silent')
    """
    peak_db = 20 * np.log10(max(float(np.abs(sound).max(initial=0.0)), 1e-9))
    return f"peak {peak_db:.0f} dB" if peak_db > _SILENT_DB else "silent"
