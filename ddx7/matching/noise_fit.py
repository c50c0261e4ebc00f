"""The noise of a note between its partials, and pairs of operators that imitate it.

A modulator that feeds back at full level is white noise. Below that, or at a low fixed frequency, its pair makes dense
lines, whose levels fall towards high frequencies as the noise of strings, hammers and breath does.
"""

from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8

from ddx7.audio.erb import erb_filterbank
from ddx7.audio.loudness import a_weighting
from ddx7.engine import Patch, plan, play
from ddx7.engine.tables import BLOCK
from ddx7.matching.vced import columns
from ddx7.voice.packing import INIT_VCED

N_BANDS = 24
LOWEST_HZ, HIGHEST_HZ = 60.0, 16_000.0
SILENT_DB = -80.0
"""A-weighted level of a band that counts as silent; a sine as loud as the loudest partial has -3 dB."""
_WINDOW_S, _LONG_WINDOW_S = 0.046, 0.093
_LOW_HZ = 250.0  # below this fundamental the long window separates the partials
_MAIN_LOBE, _MOST_OF_SPACING = 4.0, 0.35  # bins around a partial that are no noise; share of the gap to the next one
_FEWEST_BINS = 3
_GAINS_DB = np.arange(-80.0, 1.0, 2.0)
_SPREAD = 0.15
_MODULATOR, _CARRIER = 5, 4
_RATE, _RENDERED_S, _FROM_S = 44_100, 0.3, 0.1
_WINDOW = np.array([0.35875, -0.48829, 0.14128, -0.01168])  # Blackman-Harris: no sidelobe above -92 dB


class NoiseShape(NamedTuple):
    """A pair of operators of fixed frequency whose sound is noise or dense lines.

    Attributes:
      feedback: of the modulator.
      level: output level of the modulator.
      modulator: coarse and fine.
      carrier: coarse and fine.
    """

    feedback: int
    level: int
    modulator: tuple[int, int]
    carrier: tuple[int, int]


class NoiseComponent(NamedTuple):
    """A noise over time.

    Attributes:
      shape: the operators that make it.
      level_db: amplitude of the carrier at each moment, as that of a component; negative infinity where it is silent.
    """

    shape: NoiseShape
    level_db: Float[np.ndarray, " moment"]


def measure_noise(
    samples: Float[np.ndarray, " sample"],
    sample_rate: int,
    f_hz: Float[np.ndarray, " partial"],
    moments_s: Float[np.ndarray, " moment"],
) -> Float[np.ndarray, "band moment"]:
    """Power of a note between its partials.

    Args:
      samples: the note from its onset.
      sample_rate: in Hz.
      f_hz: its partials, rising.
      moments_s: seconds from the onset.

    Returns:
      A-weighted power of each band; bands without a bin between partials take that of their neighbours.
    """
    long = f_hz[0] < _LOW_HZ
    size = 1 << round(np.log2((_LONG_WINDOW_S if long else _WINDOW_S) * sample_rate))
    window = _blackman_harris(size)
    padded = np.pad(np.asarray(samples, np.float64), size)
    inside = np.pad(np.ones(len(samples)), size)
    starts = np.clip(np.round(moments_s * sample_rate).astype(int) + size // 2, 0, len(padded) - size)
    frames, covered = (np.lib.stride_tricks.sliding_window_view(x, size)[starts] for x in (padded, inside))
    energy = (covered * np.square(window)).sum(axis=1, keepdims=True)
    density = np.square(np.abs(np.fft.rfft(frames * window))) / np.maximum(energy, 0.05 * np.square(window).sum())
    filters, between = _filters(sample_rate, size), _between(f_hz, sample_rate, size)
    bands = np.full((filters.shape[1], len(moments_s)), np.nan)
    for band, weights in enumerate(filters.T):
        bins = between & (weights > 0.3 * weights.max())
        if bins.sum() >= _FEWEST_BINS:
            # Skirts of partials reach above the noise, and the median ignores them. Power has an exponential spread.
            bands[band] = np.median(density[:, bins], axis=1) / np.log(2) * weights.sum()
    known = np.isfinite(bands[:, 0])
    if not known.any():
        return np.zeros_like(bands)
    place = np.arange(len(bands))
    level_db = 10 * np.log10(bands[known] + 1e-20)
    filled = [np.interp(place, place[known], column) for column in level_db.T]
    return 10 ** (np.stack(filled, axis=1) / 10)


def fit_noise(
    power: Float[np.ndarray, "band moment"], held: int, rng: np.random.Generator | None = None
) -> NoiseComponent | None:
    """Choose a pair of operators for a noise, and its levels over time.

    Args:
      power: of the noise, as `measure_noise` returns it, where the loudest partial has amplitude 1.
      held: moments that decide the pair.
      rng: draws one of the good pairs and a gain; None takes the best.

    Returns:
      the noise; None where there is none.
    """
    target = _above_silence(10 * np.log10(power + 1e-20))
    shapes, level_db = noise_shapes()
    level_db = level_db[:, : len(power)]
    model = _above_silence(level_db[:, None] + _GAINS_DB[:, None])  # [shape, gain, band]
    mean = _above_silence(10 * np.log10(power[:, :held].mean(axis=1) + 1e-20))
    losses = np.abs(model - mean).mean(axis=-1).min(axis=1)
    pick = int(losses.argmin())
    if rng is not None:
        chance = np.exp(-(losses - losses[pick]) / (_SPREAD * losses[pick] + 1e-9))
        pick = int(rng.choice(len(losses), p=chance / chance.sum()))
    loss = np.abs(model[pick][:, :, None] - target).mean(axis=1)  # [gain, moment]
    gain = loss.argmin(axis=0)
    offset_db = 0.0 if rng is None else rng.uniform(-6.0, 3.0)
    levels_db = np.where(gain > 0, _GAINS_DB[gain] + offset_db, -np.inf)
    return NoiseComponent(shapes[pick], levels_db) if np.isfinite(levels_db[:held]).any() else None


@cache
def noise_shapes() -> tuple[tuple[NoiseShape, ...], Float[np.ndarray, "shape band"]]:
    """All shapes, and the A-weighted levels in dB of their bands with a carrier of amplitude 1."""
    shapes = tuple(_all_shapes())
    voices = np.stack([_alone(INIT_VCED), *(_alone(INIT_VCED, shape) for shape in shapes)])
    n_samples = int(_RENDERED_S * _RATE) // BLOCK * BLOCK
    note, velocity, gate = (np.full(len(voices), x) for x in (60, 100, n_samples))
    audio = play(plan(Patch.from_vced(voices), note, velocity, gate, _RATE), n_samples)
    audio = audio / (np.sqrt(2) * audio[0].std())
    size = 1 << round(np.log2(_LONG_WINDOW_S * _RATE))
    window = _blackman_harris(size)
    frames = np.lib.stride_tricks.sliding_window_view(audio[1:, int(_FROM_S * _RATE) :], size, axis=1)[:, :: size // 2]
    density = np.square(np.abs(np.fft.rfft(frames * window))).mean(axis=1) / np.square(window).sum()
    return shapes, 10 * np.log10(density @ _filters(_RATE, size) + 1e-20)


def write_noise(vced: UInt8[np.ndarray, " 155"], shape: NoiseShape) -> None:
    """Write the frequencies and the feedback of a noise, and its steady modulator, to OP5 and OP6 of a voice."""
    for operator, (coarse, fine) in ((_CARRIER, shape.carrier), (_MODULATOR, shape.modulator)):
        for name, value in (("fixed", 1), ("coarse", coarse), ("fine", fine)):
            vced[columns(name)[operator]] = value
    vced[columns("feedback")] = shape.feedback
    # The modulator outlasts the release: a quieter one would leave the carrier's tone.
    for name, value in (("rates", (99, 50, 50, 20)), ("levels", (99, 99, 99, 0)), ("output_level", shape.level)):
        vced[columns(name)[_MODULATOR]] = value


def _all_shapes() -> Iterator[NoiseShape]:
    carriers = ((2, 0), (2, 60), (3, 10))
    yield from (NoiseShape(7, level, (3, 70), carrier) for level, carrier in product((99, 95), carriers))
    lines = product((6, 7), range(71, 100, 4), ((1, 50), (1, 75), (2, 0)), ((1, 70), *carriers))
    yield from (NoiseShape(*values) for values in lines)


def _alone(init: UInt8[np.ndarray, " 155"], shape: NoiseShape | None = None) -> UInt8[np.ndarray, " 155"]:
    """A voice of one noise, or of one carrier at full level."""
    vced = init.copy()
    vced[columns("algorithm")] = 4
    vced[columns("output_level")] = 0
    vced[columns("output_level")[0 if shape is None else _CARRIER]] = 99
    if shape is not None:
        write_noise(vced, shape)
    return vced


def _above_silence(level_db: np.ndarray) -> np.ndarray:
    return 10 * np.log10(1 + 10 ** ((level_db - SILENT_DB) / 10))


def _blackman_harris(size: int) -> np.ndarray:
    return np.cos(2 * np.pi * np.outer(np.arange(size) / size, np.arange(4))) @ _WINDOW


def _filters(sample_rate: int, size: int) -> Float[np.ndarray, "bin band"]:
    """A-weighted bands, by which a power density becomes the power of a signal."""
    filters = erb_filterbank(sample_rate, size, N_BANDS, lowest_hz=LOWEST_HZ, highest_hz=HIGHEST_HZ)
    return filters * a_weighting(np.fft.rfftfreq(size, 1 / sample_rate))[:, None] * 2 / size


def _between(f_hz: np.ndarray, sample_rate: int, size: int) -> np.ndarray:
    """Bins that belong to no partial."""
    bins = np.arange(size // 2 + 1)
    free = np.ones(len(bins), bool)
    places = f_hz * size / sample_rate
    gaps = np.diff(places, prepend=-np.inf, append=np.inf)
    for place, below, above in zip(places, gaps[:-1], gaps[1:], strict=True):
        reach = min(_MAIN_LOBE, _MOST_OF_SPACING * min(below, above))
        free &= np.abs(bins - place) > reach
    return free
