"""A recording beside a DX7 voice in one figure."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from ddx7.audio.spectra_numpy import mean_square, to_db
from ddx7.plot.axes import (
    GATE_COLOUR,
    MAX_COLUMNS,
    RECORDING_COLOUR,
    SYNTHESIS_COLOUR,
    Spectra,
    band_levels,
    draw_spectrogram,
    frequency_axis,
    mean_spectrum,
    new_figure,
    panel_title,
    sound_spectra,
    time_axis,
)

_NAMES = ("recording", "DX7 voice")
_COLOURS = (RECORDING_COLOUR, SYNTHESIS_COLOUR)
_SPECTROGRAM_DB, _SPECTRUM_DB, _ENVELOPE_DB = 80.0, 90.0, 60.0
_ENVELOPE_S = 0.02
_AUDIBLE_DB, _DIFFERENCE_DB = 60.0, 30.0
_LONGEST_WORDS, _LONGEST_NAME = 130, 24


def comparison_figure(
    target: Float[np.ndarray, " time"],
    audio: Float[np.ndarray, " audio_time"],
    sample_rate: int,
    caption: str,
    *,
    words: str = "",
    parts: Sequence[tuple[float, float, str]] = (),
) -> Figure:
    """Compare two sounds: spectrograms and their difference, envelopes and mean spectra below, one over the other.

    Args:
      target: the recording, full scale 1, not silent.
      audio: the sound of the voice, at the level at which it is to be compared.
      sample_rate: of both, in Hz.
      caption: the title.
      words: what differs, below the title.
      parts: beginning and end in seconds, and name, of each of several recordings.

    Returns:
      A figure of 1200 x 800 pixels. 0 dB is the highest level of the target.
    """
    audio = np.pad(audio[: len(target)], (0, max(0, len(target) - len(audio))))
    sounds = [np.asarray(sound, np.float64) for sound in (target, audio)]
    spectra = [sound_spectra(sound, sample_rate) for sound in sounds]
    duration_s = len(target) / sample_rate

    figure = new_figure(12.0, 8.0, f"{caption}\n{_short(words)}" if words else caption)
    grid = figure.add_gridspec(2, 6, height_ratios=(1.25, 1))
    above = [figure.add_subplot(grid[0, 2 * column : 2 * column + 2]) for column in (0, 1)]
    peak_db = float(band_levels(spectra[0])[1].max())
    meshes = [
        draw_spectrogram(axes, spectrum, range_db=_SPECTROGRAM_DB, peak_db=peak_db, relative=True)
        for axes, spectrum in zip(above, spectra, strict=True)
    ]
    for axes, name, colour in zip(above, _NAMES, _COLOURS, strict=True):
        axes.set_title(name, loc="left", fontsize=11, color=colour, weight="bold")
    above[1].set_ylabel("")
    figure.colorbar(meshes[0], ax=above, label="level, dB", pad=0.01, fraction=0.04)
    difference = figure.add_subplot(grid[0, 4:])
    figure.colorbar(_draw_difference(difference, spectra, peak_db), ax=difference, label="dB", pad=0.02, fraction=0.06)
    envelopes = figure.add_subplot(grid[1, :3])
    _draw_envelopes(envelopes, sounds, sample_rate, duration_s)
    _draw_means(figure.add_subplot(grid[1, 3:]), spectra)
    for start_s, stop_s, name in parts:
        for axes in (*above, difference, envelopes):
            axes.axvspan(start_s, stop_s, ymax=0.015, color=GATE_COLOUR)
        label = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
        envelopes.text((start_s + stop_s) / 2, -_ENVELOPE_DB + 2, label, ha="center", va="bottom", fontsize=8)
    return figure


def _short(words: str) -> str:
    """The words on one line of the figure."""
    return words if len(words) <= _LONGEST_WORDS else f"{words[: _LONGEST_WORDS - 1]}…"


def _draw_difference(axes: Axes, spectra: list[Spectra], peak_db: float) -> QuadMesh:
    """Draw how much louder the second sound is than the first, where one of them is audible."""
    (f_hz, target_db), (_, voice_db) = (band_levels(spectrum) for spectrum in spectra)
    floor_db = peak_db - _AUDIBLE_DB
    louder_db = np.maximum(voice_db, floor_db) - np.maximum(target_db, floor_db)
    times_s = spectra[0].times_s
    mesh = axes.pcolormesh(
        times_s, f_hz, louder_db.T, cmap="RdBu_r", vmin=-_DIFFERENCE_DB, vmax=_DIFFERENCE_DB, rasterized=True
    )
    frequency_axis(axes, "y", float(f_hz[-1]))
    axes.set_ylabel("")
    time_axis(axes, spectra[0].duration_s)
    axes.set_title("voice: too loud red, too soft blue", loc="left", fontsize=11)
    return mesh


def _draw_envelopes(axes: Axes, sounds: list[np.ndarray], sample_rate: int, duration_s: float) -> None:
    envelopes = [to_db(_mean_square(sound, sample_rate)) for sound in sounds]
    peak_db = max(float(level.max()) for level in envelopes)
    for level, name, colour in zip(envelopes, _NAMES, _COLOURS, strict=True):
        times_s = np.linspace(0, duration_s, len(level))
        axes.plot(times_s, level - peak_db, color=colour, linewidth=1.8, alpha=0.85, label=name)
    time_axis(axes, duration_s)
    axes.set_ylim(-_ENVELOPE_DB, 3)
    axes.set_ylabel("level, dB")
    panel_title(axes, "envelope")
    axes.grid(alpha=0.25)
    axes.legend(loc="lower right", bbox_to_anchor=(1, 0.98), ncols=2, frameon=False, fontsize=10)


def _draw_means(axes: Axes, spectra: list[Spectra]) -> None:
    (f_hz, target_db), (_, voice_db) = (mean_spectrum(spectrum) for spectrum in spectra)
    peak_db = max(float(target_db.max()), float(voice_db.max()))
    axes.fill_between(f_hz, target_db - peak_db, -_SPECTRUM_DB, color=RECORDING_COLOUR, alpha=0.25, linewidth=0)
    axes.plot(f_hz, target_db - peak_db, color=RECORDING_COLOUR, linewidth=1.0)
    axes.plot(f_hz, voice_db - peak_db, color=SYNTHESIS_COLOUR, linewidth=1.2, alpha=0.9)
    frequency_axis(axes, "x", float(f_hz[-1]))
    axes.set_ylim(-_SPECTRUM_DB, 3)
    axes.set_ylabel("level, dB")
    panel_title(axes, "mean spectrum")
    axes.grid(alpha=0.25)


def _mean_square(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Mean square in Hann windows, float [frame]."""
    return mean_square(samples, round(_ENVELOPE_S * sample_rate), max(1, len(samples) // MAX_COLUMNS))
