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

from ddx7.audio.files import resample
from ddx7.audio.yin import WINDOW_S, cut_frames, find_periods, pitch_band
from ddx7.errors import ArgumentError

LOWEST_HZ, HIGHEST_HZ = 50.0, 2100.0  # a cello's lowest string has 65 Hz, a flute's highest note 2,093
RATE = 24_000
HOP_S = 0.008  # 15 points in a cycle of a vibrato of 8 Hz; f0 is interpolated between them
CANDIDATES = 8
OCTAVE_COST = 0.02  # per octave down: the shortest of equally good lags wins
MOVE_COST = 0.5  # per octave from one point to the next
VOICING_COST = 0.15  # of a change between voiced and unvoiced
UNVOICED = 0.35  # cost of a point without pitch: a larger difference is noise
FAINT_DB = -90.0  # relative to the loudest point: silence
CHUNK = 512

Extractor = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray, np.ndarray]]
"""From samples and their rate to times in seconds, f0 in Hz (0 where unvoiced) and confidence 0..1; each [point]."""


def yin(samples: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The path of least cost through YIN's lags; runs about 60 times faster than real time.

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
    return rows * HOP_S, f0_hz, np.where(voiced, clarity, 0.0)


def pyin(samples: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`librosa.pyin`, by M. Mauch and S. Dixon (2014); runs two to three times faster than real time.

    The first call on a machine compiles for half a minute.

    Args:
      samples: float [time].
      sample_rate: in Hz.

    Returns:
      (seconds, Hz with 0 for unvoiced, probability of being voiced), each float64 [point], 16 ms apart.
    """
    import librosa

    hop, length = round(0.016 * sample_rate), round(0.064 * sample_rate)
    f0_hz, _, voiced = librosa.pyin(
        np.asarray(samples, np.float64),
        fmin=LOWEST_HZ,
        fmax=HIGHEST_HZ,
        sr=sample_rate,
        frame_length=length,
        hop_length=hop,
    )
    return np.arange(len(f0_hz)) * hop / sample_rate, np.nan_to_num(f0_hz), voiced


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
    after = np.minimum(np.maximum(np.searchsorted(voiced_s, times_s), 1), len(voiced_s) - 1)
    before = np.maximum(after - 1, 0)
    gap = voiced_s[after] - voiced_s[before] > 1.5 * np.min(np.diff(at), initial=np.inf)
    nearest = np.where(times_s - voiced_s[before] < voiced_s[after] - times_s, octaves[before], octaves[after])
    f0_hz = np.exp2(np.where(gap, nearest, smooth))
    return f0_hz.astype(np.float32), np.interp(times_s, at, confidence).astype(np.float32)


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
