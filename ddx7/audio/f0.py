"""The fundamental frequency of a melody, frame by frame, with its vibrato and glides; extractors are plug-ins by name.

The contour in `contour.py` has steps between notes; the f0 here is a curve. It is the path of least cost through the
best lags of all frames, where a movement costs in proportion to its interval. Source of the idea: P. Boersma, Accurate
short-term analysis of the fundamental frequency, IFA Proceedings 17 (1993), with YIN's difference in place of an
autocorrelation.

A new extractor is a function from samples and sample rate to times, f0 and confidence, registered in `EXTRACTORS`:

>>> def concert_pitch(samples, sample_rate):
...     times_s = np.arange(0, len(samples) / sample_rate, 0.01)
...     return times_s, np.full(len(times_s), 440.0), np.ones(len(times_s))
>>> EXTRACTORS["concert-pitch"] = concert_pitch
>>> f0_hz, confidence = follow(np.zeros(16_000), 16_000, np.array([0.25, 0.5]), "concert-pitch")
>>> f0_hz.tolist()
[440.0, 440.0]
>>> del EXTRACTORS["concert-pitch"]
"""

from collections.abc import Callable

import numpy as np

from ddx7.audio.f0_refined import refine
from ddx7.audio.files import resample
from ddx7.audio.pyin import track
from ddx7.audio.yin import HIGHEST_HZ, LOWEST_HZ, WINDOW_S, cut_frames, find_periods, pitch_band
from ddx7.errors import ArgumentError

PYIN_LOWEST_HZ, PYIN_HIGHEST_HZ = 50.0, 2100.0  # a cello's lowest string has 65 Hz, a flute's highest note 2,093
_AT_EDGE = 2.0 ** (1 / 12)  # pYIN gives a pitch outside its range the nearest one inside
_SURE = 0.8  # clarity from which YIN's pitch outside pYIN's range is taken
_TONE_WINDOW_S = 0.128
_TONE_SHARE, _INSIDE_SHARE = 0.5, 0.02  # of the power: in the strongest peak, and within the range
RATE = 24_000
HOP_S = 0.008  # 15 points in a cycle of a vibrato of 8 Hz; f0 is interpolated between them
FINE_HOP_S = 0.004  # of pYIN's pitch once it is exact: vibrato and steps between notes
CANDIDATES = 8
OCTAVE_COST = 0.02  # per octave down: the shortest of equally good lags wins
MOVE_COST = 0.5  # per octave from one point to the next
VOICING_COST = 0.15  # of a change between voiced and unvoiced
UNVOICED = 0.35  # cost of a point without pitch: a larger difference is noise
FAINT_DB = -90.0  # relative to the loudest point: silence
CHUNK = 512
_HIGH_HZ = 700.0  # from here on the spectrum checks the octave
_COARSE_HZ, _REFINED_BY = 1500.0, 0.03
_ABSENT = 3.5  # nepers: a partial 30 dB below its neighbour is not there

Extractor = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray, np.ndarray]]
"""From samples and their rate to times in seconds, f0 in Hz (0 where unvoiced) and confidence 0..1; each [point]."""


def yin(samples: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The path of least cost through YIN's lags, 27 to 4,435 Hz; runs about 60 times faster than real time.

    Args:
      samples: float [time].
      sample_rate: in Hz.

    Returns:
      (seconds, Hz with 0 for unvoiced, confidence 0 to 1), each float64 [point], 8 ms apart.
    """
    window = int(WINDOW_S * RATE)
    sound = pitch_band(resample(samples, sample_rate, RATE), RATE)
    frames = cut_frames(np.pad(sound, (window // 2, 2 * window)), RATE, HOP_S)
    n = len(sound) // int(HOP_S * RATE) + 1
    hz, cost, clarity = (np.concatenate(x) for x in zip(*map(_candidates, _chunks(frames[:n])), strict=True))
    power = np.concatenate([np.mean(np.square(part[:, :window]), axis=1) for part in _chunks(frames[:n])])
    # Below this level only rounding errors of the filter are left, and they ring.
    cost[power <= power.max() * 10 ** (FAINT_DB / 10)] = np.inf
    path = _cheapest(np.log2(np.maximum(hz, 1e-9)), cost)
    rows = np.arange(len(path))
    voiced = path < CANDIDATES
    f0_hz = np.where(voiced, hz[rows, np.minimum(path, CANDIDATES - 1)], 0.0)
    high = f0_hz > _HIGH_HZ
    f0_hz[high] = _refined(frames[:n][high][:, :window], f0_hz[high])
    return rows * HOP_S, f0_hz, np.where(voiced, clarity, 0.0)


def pyin(samples: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """PYIN by M. Mauch and S. Dixon (2014), from 50 to 2,100 Hz, and `yin` below and above.

    It runs about 40 times faster than real time.

    Args:
      samples: float [time].
      sample_rate: in Hz.

    Returns:
      (seconds, Hz with 0 for unvoiced, probability of being voiced), each float64 [point], 4 ms apart: pYIN's own
      points are 16 ms and 10 cents apart, and `ddx7.audio.f0_refined` makes them exact.
    """
    hop, length = round(0.016 * sample_rate), round(0.064 * sample_rate)
    f0_hz, voiced = track(samples, sample_rate, length, hop, PYIN_LOWEST_HZ, PYIN_HIGHEST_HZ)
    at = np.arange(len(f0_hz)) * hop / sample_rate
    low, high = PYIN_LOWEST_HZ * _AT_EDGE, PYIN_HIGHEST_HZ / _AT_EDGE
    at_edge = (f0_hz > 0) & ((f0_hz <= low) | (f0_hz >= high))
    f0_hz = np.where(at_edge, 0.0, f0_hz)
    wide_at, wide_hz, clarity = yin(samples, sample_rate)
    nearest = np.minimum(np.searchsorted(wide_at, at - HOP_S / 2), len(wide_at) - 1)
    wide_hz, clarity = wide_hz[nearest], clarity[nearest]
    beyond = (clarity >= _SURE) & (wide_hz > 0) & (at_edge | (wide_hz <= low) | (wide_hz >= high))
    f0_hz, voiced = np.where(beyond, wide_hz, f0_hz), np.where(beyond, clarity, np.where(f0_hz > 0, voiced, 0.0))
    return _finer(samples, sample_rate, at, f0_hz, voiced)


def _finer(
    samples: np.ndarray, sample_rate: int, at: np.ndarray, f0_hz: np.ndarray, confidence: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points every 4 ms, each with its exact pitch; a point is voiced if the nearest one given is."""
    pitched = f0_hz > 0
    if not pitched.any():
        return at, f0_hz, confidence
    times_s = np.arange(0, at[-1] + FINE_HOP_S / 2, FINE_HOP_S)
    octaves = np.interp(times_s, at[pitched], np.log2(f0_hz[pitched]))
    nearest = np.clip(np.round(times_s / (at[1] - at[0])).astype(int), 0, len(at) - 1) if len(at) > 1 else [0]
    voiced = pitched[nearest]
    exact = refine(samples, sample_rate, times_s, np.exp2(octaves))
    return times_s, np.where(voiced, exact, 0.0), np.where(voiced, np.interp(times_s, at, confidence), 0.0)


EXTRACTORS: dict[str, Extractor] = {"yin": yin, "pyin": pyin}
"""Extractors by name; a function that is added here has its name accepted wherever an extractor is chosen."""


def follow(samples: np.ndarray, sample_rate: int, times_s: np.ndarray, extractor: str) -> tuple[np.ndarray, np.ndarray]:
    """Fundamental frequency and confidence at given times.

    In a silence the last f0 holds until halfway to the next note, and the next note's f0 from there. So every time has
    an f0, and a silence never makes a glide. The confidence tells voiced from unvoiced.

    Args:
      samples: float [time].
      sample_rate: in Hz.
      times_s: float [frame].
      extractor: a name in `EXTRACTORS`.

    Returns:
      (f0 in Hz, confidence 0..1), each float32 [frame]; all zeros for a sound without pitch.

    Raises:
      ArgumentError: no extractor has that name.
    """
    if extractor not in EXTRACTORS:
        raise ArgumentError(f"extractor: found {extractor!r}, wanted one of {', '.join(EXTRACTORS)}")
    at, f0_hz, confidence = EXTRACTORS[extractor](samples, sample_rate)
    voiced = f0_hz > 0
    if not voiced.any():
        return np.zeros(len(times_s), np.float32), np.zeros(len(times_s), np.float32)
    voiced_s, octaves = at[voiced], np.log2(f0_hz[voiced])
    smooth = np.interp(times_s, voiced_s, octaves)
    before, after, nearest = neighbours(voiced_s, times_s)
    gap = voiced_s[after] - voiced_s[before] > 1.5 * np.min(np.diff(at), initial=np.inf)
    f0_hz = np.exp2(np.where(gap, octaves[nearest], smooth))
    return f0_hz.astype(np.float32), np.interp(times_s, at, confidence).astype(np.float32)


def neighbours(known: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Indices of the known points before and after each point, and of the nearer of the two.

    Args:
      known: rising positions [known], at least one.
      at: positions [point]. Beyond the ends, the two outermost known points count as before and after.
    """
    after = np.minimum(np.maximum(np.searchsorted(known, at), 1), len(known) - 1)
    before = np.maximum(after - 1, 0)
    return before, after, np.where(at - known[before] < known[after] - at, before, after)


def tones_outside(samples: np.ndarray, sample_rate: int, times_s: np.ndarray) -> np.ndarray:
    """Where a sound is a tone whose fundamental lies outside the range of the extractors.

    An extractor finds such a tone an octave off or not at all.

    Args:
      samples: float [time].
      sample_rate: in Hz.
      times_s: float [frame].

    Returns:
      bool [frame].
    """
    size = 1 << round(np.log2(_TONE_WINDOW_S * sample_rate))
    padded = np.pad(np.asarray(samples, np.float64), size // 2)
    starts = np.clip(np.round(times_s * sample_rate).astype(int), 0, max(len(padded) - size, 0))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)
    f_hz, window = np.fft.rfftfreq(size, 1 / sample_rate), np.hanning(size)
    inside = (f_hz > LOWEST_HZ) & (f_hz < HIGHEST_HZ)
    result = np.zeros(len(times_s), bool)
    for part in range(0, len(starts), CHUNK):
        power = np.square(np.abs(np.fft.rfft(frames[starts[part : part + CHUNK]] * window)))
        peak = power.argmax(axis=1)
        around = np.abs(np.arange(len(f_hz)) - peak[:, None]) <= 2
        total = power.sum(axis=1)
        tone = np.where(around, power, 0.0).sum(axis=1) > _TONE_SHARE * total
        result[part : part + CHUNK] = tone & ~inside[peak] & (power[:, inside].sum(axis=1) < _INSIDE_SHARE * total)
    return result


def _chunks(frames: np.ndarray) -> list[np.ndarray]:
    return [frames[first : first + CHUNK] for first in range(0, len(frames), CHUNK)]


def _candidates(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Candidate pitches in Hz [frame, candidate], the cost of each, and the clarity of each frame [frame], 0..1."""
    frames = frames - frames.mean(axis=1, keepdims=True)
    lag, difference = find_periods(frames, RATE)
    hz = RATE / np.maximum(lag, 1.0)
    difference = np.where((hz >= LOWEST_HZ) & (hz <= HIGHEST_HZ), difference, np.inf)
    cost = difference - OCTAVE_COST * np.log2(hz)
    best = np.argpartition(cost, CANDIDATES, axis=1)[:, :CANDIDATES]
    clarity = 1.0 - np.minimum(difference.min(axis=1), 1.0)
    return np.take_along_axis(hz, best, 1), np.take_along_axis(cost + OCTAVE_COST * 10, best, 1), clarity


def _refined(frames: np.ndarray, f0_hz: np.ndarray) -> np.ndarray:
    """High pitches [frame] moved to the peak of the spectrum next to them, an octave up where only that one is there.

    Lags of a few samples are up to 20 cents off, and then the double of a lag may fit better.
    """
    size = 4 * frames.shape[1]
    hz_per_bin = RATE / size
    refined = f0_hz.copy()
    window = np.hanning(frames.shape[1])
    for k, frame in enumerate(frames):
        level = np.log(np.abs(np.fft.rfft(frame * window, size)) + 1e-12)

        def peak(hz: float, level: np.ndarray = level) -> int:
            low, high = (round(hz * factor / hz_per_bin) for factor in (1 - _REFINED_BY, 1 + _REFINED_BY))
            return low + int(np.argmax(level[low : high + 1]))

        if 2 * f0_hz[k] < HIGHEST_HZ:
            first, second, third = (level[peak(n * f0_hz[k])] for n in (1, 2, 3))
            refined[k] *= 2 if max(first, third) < second - _ABSENT else 1
        if refined[k] > _COARSE_HZ:
            at = peak(refined[k])
            left, middle, right = level[at - 1 : at + 2]
            if left < middle > right:
                refined[k] = (at + (left - right) / (2 * (left - 2 * middle + right))) * hz_per_bin
    return refined


def _cheapest(octaves: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Index of a candidate for each point [point]; `CANDIDATES` means none."""
    n = len(cost)
    cost = np.concatenate([cost, np.full((n, 1), UNVOICED)], axis=1)
    origin = np.zeros(cost.shape, int)
    total = cost[0]
    move = np.full((CANDIDATES + 1, CANDIDATES + 1), VOICING_COST)
    move[-1, -1] = 0.0
    for point in range(1, n):
        move[:-1, :-1] = MOVE_COST * np.abs(octaves[point - 1][:, None] - octaves[point])
        through = total[:, None] + move
        origin[point] = through.argmin(axis=0)
        total = through[origin[point], np.arange(CANDIDATES + 1)] + cost[point]
    path = np.empty(n, int)
    path[-1] = total.argmin()
    for point in range(n - 1, 0, -1):
        path[point - 1] = origin[point, path[point]]
    return path
