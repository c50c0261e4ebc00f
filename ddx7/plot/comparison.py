"""One picture of two sounds: what was wanted beside what was found. Nothing here makes sound."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

# Okabe and Ito's vermilion and a near black, told apart by anyone, and in print.
RECORDING, VOICE = "recording", "DX7 voice"
COLOURS = {RECORDING: "#222222", VOICE: "#D55E00"}

WINDOW_S, HOP_S = 0.046, 0.006  # short enough for an attack, long enough to part the harmonics of a C2
LOWEST_HZ, HIGHEST_HZ = 40.0, 16_000.0
TICKS_HZ = (50, 100, 200, 500, 1000, 2000, 5000, 10_000)
BANDS_PER_OCTAVE = 24
SPECTROGRAM_DB = 80.0
SPECTRUM_DB = 90.0
ENVELOPE_DB = 60.0
ENVELOPE_S = 0.02
MOST_COLUMNS = 1500  # of a spectrogram: as many as the picture has pixels


def compare_figure(target: np.ndarray, audio: np.ndarray, sample_rate: int, caption: str) -> Figure:
    """Spectrograms side by side on one scale of level, below them envelopes and mean spectra laid over each other.

    Args:
      target: the wanted sound, float [time], not silent.
      audio: the found sound, float [time], at the level at which it is to be compared.
      sample_rate: of both, in Hz.
      caption: the title.

    Returns:
      A figure of 1200 x 800 pixels that belongs to no window; ``figure.savefig(path)`` writes it. 0 dB is the highest
      level of the target.
    """
    audio = np.pad(audio[: len(target)], (0, max(0, len(target) - len(audio))))
    f_hz = _bands(sample_rate)
    sounds = {RECORDING: np.asarray(target, np.float64), VOICE: np.asarray(audio, np.float64)}
    spectra = {name: _spectra(sound, sample_rate) for name, sound in sounds.items()}

    figure = Figure(figsize=(12, 8), dpi=100, layout="constrained")
    figure.suptitle(caption, x=0.01, ha="left", fontsize=13, parse_math=False)  # a name may hold $
    grid = figure.add_gridspec(2, 2, height_ratios=(1.25, 1))
    above = [figure.add_subplot(grid[0, column]) for column in (0, 1)]
    levels = {name: _db(_into_bands(power, f_hz, sample_rate)) for name, power in spectra.items()}
    loudest = max(float(levels[RECORDING].max()), -200.0)
    meshes = [
        _draw_spectrogram(axes, f_hz, level - loudest, len(target) / sample_rate)
        for axes, level in zip(above, levels.values(), strict=True)
    ]
    for axes, name in zip(above, levels, strict=True):
        axes.set_title(name, loc="left", fontsize=11, color=COLOURS[name], weight="bold")
    above[1].set_ylabel("")
    figure.colorbar(meshes[0], ax=above, label="level, dB", pad=0.01, fraction=0.03)

    envelopes = {name: _db(_envelope(sound, sample_rate)) for name, sound in sounds.items()}
    means = {name: _db(np.mean(power, axis=0)) for name, power in spectra.items()}
    _draw_envelopes(figure.add_subplot(grid[1, 0]), envelopes, len(target) / sample_rate)
    _draw_means(figure.add_subplot(grid[1, 1]), means, sample_rate)
    return figure


def _draw_spectrogram(axes: Axes, f_hz: np.ndarray, level_db: np.ndarray, seconds: float) -> QuadMesh:
    moments = np.linspace(0, seconds, len(level_db))
    mesh = axes.pcolormesh(moments, f_hz, level_db.T, cmap="magma", vmin=-SPECTROGRAM_DB, vmax=0, rasterized=True)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(FixedLocator(TICKS_HZ))
    _frequency_axis(axes, "y", f_hz[-1])
    axes.set_xlim(0, seconds)
    axes.set_xlabel("time, s")
    axes.set_ylabel("frequency, Hz")
    return mesh


def _draw_envelopes(axes: Axes, envelopes: dict[str, np.ndarray], seconds: float) -> None:
    loudest = max(float(level.max()) for level in envelopes.values())
    for name, level in envelopes.items():
        moments = np.linspace(0, seconds, len(level))
        axes.plot(moments, level - loudest, color=COLOURS[name], linewidth=1.8, alpha=0.85, label=name)
    axes.set_xlim(0, seconds)
    axes.set_ylim(-ENVELOPE_DB, 3)
    axes.set_xlabel("time, s")
    axes.set_ylabel("level, dB")
    axes.set_title("envelope", loc="left", fontsize=11)
    axes.grid(alpha=0.25)
    axes.legend(loc="lower right", bbox_to_anchor=(1, 0.98), ncols=2, frameon=False, fontsize=10)


def _draw_means(axes: Axes, means: dict[str, np.ndarray], sample_rate: int) -> None:
    f_hz = _bins(sample_rate)
    shown = (f_hz >= LOWEST_HZ) & (f_hz <= HIGHEST_HZ)
    loudest = max(float(level[shown].max()) for level in means.values())
    axes.fill_between(
        f_hz[shown], means[RECORDING][shown] - loudest, -SPECTRUM_DB, color=COLOURS[RECORDING], alpha=0.25, linewidth=0
    )
    axes.plot(f_hz[shown], means[RECORDING][shown] - loudest, color=COLOURS[RECORDING], linewidth=1.0)
    axes.plot(f_hz[shown], means[VOICE][shown] - loudest, color=COLOURS[VOICE], linewidth=1.2, alpha=0.9)
    axes.set_xscale("log")
    _frequency_axis(axes, "x", f_hz[shown][-1])
    axes.set_ylim(-SPECTRUM_DB, 3)
    axes.set_xlabel("frequency, Hz")
    axes.set_ylabel("level, dB")
    axes.set_title("mean spectrum", loc="left", fontsize=11)
    axes.grid(alpha=0.25)


def _frequency_axis(axes: Axes, which: str, highest_hz: float) -> None:
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(FixedLocator(TICKS_HZ))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda hz, _: f"{hz / 1000:g}k" if hz >= 1000 else f"{hz:g}"))
    (axes.set_xlim if which == "x" else axes.set_ylim)(LOWEST_HZ, highest_hz)


def _bands(sample_rate: int) -> np.ndarray:
    """Centres of the rows of a spectrogram in Hz, evenly spaced in pitch."""
    highest_hz = min(HIGHEST_HZ, sample_rate / 2)
    return np.geomspace(LOWEST_HZ, highest_hz, round(BANDS_PER_OCTAVE * np.log2(highest_hz / LOWEST_HZ)))


def _bins(sample_rate: int) -> np.ndarray:
    return np.fft.rfftfreq(2 * round(WINDOW_S * sample_rate), 1 / sample_rate)


def _spectra(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Power of a sine of amplitude 1 is 1, float [frame, bin]; transforms of twice the window for smooth lines."""
    size = round(WINDOW_S * sample_rate)
    hop = max(round(HOP_S * sample_rate), len(samples) // MOST_COLUMNS)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, size // 2 + 1), size)[: len(samples) : hop]
    window = np.hanning(size)
    return np.square(np.abs(np.fft.rfft(frames * window, 2 * size)) * 2 / window.sum())


def _into_bands(power: np.ndarray, f_hz: np.ndarray, sample_rate: int) -> np.ndarray:
    """Highest power in each band, float [frame, band]: a partial keeps its level however wide its band is."""
    step = _bins(sample_rate)[1]
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
    return bands


def _envelope(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Mean square in Hann windows, float [frame]."""
    size = round(ENVELOPE_S * sample_rate)
    window = np.hanning(size)
    hop = max(1, len(samples) // MOST_COLUMNS)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples**2, size // 2 + 1), size)[: len(samples) : hop]
    return np.einsum("fw,w->f", frames, window / window.sum())  # does not copy the windows, as @ would


def _db(power: np.ndarray) -> np.ndarray:
    return 10 * np.log10(np.maximum(power, 1e-20))
