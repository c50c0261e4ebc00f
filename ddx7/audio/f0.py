"""The fundamental of a melody, frame by frame, with vibrato and glides in it; extractors are plug-ins by name.

What `contour.py` sees as steps between notes, this follows as a curve: the path through the best lags of all frames
that costs least, where moving costs in proportion to the interval. Source of the idea: P. Boersma, Accurate short-term
analysis of the fundamental frequency, IFA Proceedings 17 (1993), with YIN's difference in place of an autocorrelation.
"""

from collections.abc import Callable

import numpy as np

from ddx7.audio.files import resample
from ddx7.audio.yin import WINDOW_S, cut_frames, find_periods, pitch_band
from ddx7.errors import Ddx7Error

LOWEST_HZ, HIGHEST_HZ = 50.0, 2100.0  # a cello's lowest string is at 65 Hz, a flute's highest note at 2,093
RATE = 24_000
HOP_S = 0.008  # vibrato of 8 Hz has 15 points a cycle; between them, straight lines
CANDIDATES = 8
OCTAVE_COST = 0.02  # for every octave down: of equally good lags the shortest
MOVE_COST = 0.5  # for every octave moved from one point to the next
VOICING_COST = 0.15  # for beginning or ending to sound
UNVOICED = 0.35  # what a point without pitch costs: a difference above is noise
FAINT_DB = -90.0  # under the loudest point: silence
CHUNK = 512

Extractor = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray, np.ndarray]]
"""From samples and their rate to times in seconds, fundamental in Hz (0 where there is none) and confidence, 0 to 1."""


def yin(samples: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The least costly path through YIN's lags; some 60 times as fast as the sound itself.

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
    # Below that there are only roundings of the filter, which ring.
    cost[power <= power.max() * 10 ** (FAINT_DB / 10)] = np.inf
    path = _cheapest(np.log2(np.maximum(hz, 1e-9)), cost)
    rows = np.arange(len(path))
    voiced = path < CANDIDATES
    found = np.where(voiced, hz[rows, np.minimum(path, CANDIDATES - 1)], 0.0)
    return rows * HOP_S, found, np.where(voiced, clarity, 0.0)


def pyin(samples: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`librosa.pyin`, by M. Mauch and S. Dixon (2014): a third to a half of the sound's length in time.

    Its first call on a machine compiles for half a minute.

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
"""By name; add one's own before features are taken."""


def follow(samples: np.ndarray, sample_rate: int, times_s: np.ndarray, extractor: str) -> tuple[np.ndarray, np.ndarray]:
    """Fundamental and confidence at given times.

    Where nothing sounds the last fundamental goes on until halfway to the next note, and from there that note's own, so
    that there is always one and it never slides where nobody slid; the confidence says what to believe.

    Args:
      samples: float [time].
      sample_rate: in Hz.
      times_s: where to read, [frame].
      extractor: a name in `EXTRACTORS`.

    Returns:
      (Hz, confidence 0 to 1), float32 [frame]; all zeros where no pitch was found anywhere.

    Raises:
      Ddx7Error: no extractor has that name.
    """
    if extractor not in EXTRACTORS:
        raise Ddx7Error(f"{extractor!r} follows no pitch, wanted one of {', '.join(EXTRACTORS)}")
    at, f0_hz, confidence = EXTRACTORS[extractor](samples, sample_rate)
    sounds = f0_hz > 0
    if not sounds.any():
        return np.zeros(len(times_s), np.float32), np.zeros(len(times_s), np.float32)
    voiced_s, octaves = at[sounds], np.log2(f0_hz[sounds])
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
    """Pitches that frames may have in Hz [frame, candidate], what each costs, and how clear frames are [frame]."""
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
