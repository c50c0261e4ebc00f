"""The melody of a recording as steps: one pitch at every moment, which changes rarely.

YIN gives each frame a cost for every pitch. The melody is the path of least cost, where a change of pitch costs a fixed
amount. So its neighbours decide a frame that fits an octave below as well, vibrato makes no steps, and a glissando few.
"""

import numpy as np

from ddx7.audio.files import resample
from ddx7.audio.pitch import hz_to_midi
from ddx7.audio.yin import WINDOW_S, cut_frames, find_periods, pitch_band

RATE = 24_000  # half the rate for single notes: a quarter of a semitone is enough to tell notes apart
HOP_S = 0.01
DELAY_S = 0.02  # windows are this late: a note begins softly, so its pitch prevails only after its beginning
GRID = np.arange(20.5, 109.0, 0.25)  # MIDI notes a path may take
OCTAVE_COST = 0.12  # per octave down; with less, two notes in a row become one at a common fraction of both
CANDIDATES = 6  # the best lags of a frame
OFF_COST = 0.5  # at one semitone off; it grows with the square, so it is small for vibrato
FURTHEST_COST = 0.4  # limit of the cost, less in unclear frames: noise makes no steps
STEP_COST = 1.4
FAINT_DB, CLEAR_DB = -40.0, -20.0  # relative to the loudest frame: the weight of a frame rises from 0 to 1 in between
CHUNK = 512  # frames analysed at once: an hour at once would not fit in memory


def pitch_contour(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Follow the pitch of a monophonic recording.

    Args:
      samples: float [time], not silent.
      sample_rate: in Hz.

    Returns:
      fractional MIDI note of every frame, 10 ms apart, the first at time 0, constant between steps; float64 [frame].
    """
    cost, weight = _costs(pitch_band(resample(samples, sample_rate, RATE), RATE))
    return GRID[_cheapest_path(cost * weight[:, None])]


def _costs(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cost of each pitch of the grid in each frame [frame, pitch], and the weight of each frame [frame]."""
    window = int(WINDOW_S * RATE)
    frames = cut_frames(
        np.pad(samples, (window // 2 - int(DELAY_S * RATE), window + int((DELAY_S + HOP_S) * RATE))), RATE, HOP_S
    )
    costs, power = [], []
    for start in range(0, len(frames), CHUNK):
        chunk = frames[start : start + CHUNK]
        chunk = chunk - chunk.mean(axis=1, keepdims=True)
        costs.append(_frame_costs(chunk))
        power.append(np.mean(chunk[:, :window] ** 2, axis=1))
    loudness = np.concatenate(power)
    level_db = 10 * np.log10(np.maximum(loudness, 1e-30) / max(loudness.max(), 1e-30))
    return np.concatenate(costs), np.clip((level_db - FAINT_DB) / (CLEAR_DB - FAINT_DB), 0.0, 1.0)


def _frame_costs(frames: np.ndarray) -> np.ndarray:
    """Cost of each pitch of the grid, relative to the best one, float64 [frame, pitch]."""
    lag, difference = find_periods(frames, RATE)
    difference = np.minimum(difference, 1.0)
    note = hz_to_midi(RATE / lag)
    cost = difference - OCTAVE_COST / 12 * note
    best = np.argpartition(cost, CANDIDATES, axis=1)[:, :CANDIDATES]
    note, cost = np.take_along_axis(note, best, 1), np.take_along_axis(cost, best, 1)
    on_grid = np.full((len(frames), len(GRID)), np.inf)
    for k in range(CANDIDATES):
        np.minimum(on_grid, cost[:, k, None] + OFF_COST * (GRID - note[:, k, None]) ** 2, out=on_grid)
    clarity = 1.0 - difference.min(axis=1, keepdims=True)
    return np.minimum(on_grid - on_grid.min(axis=1, keepdims=True), FURTHEST_COST * clarity)


def _cheapest_path(cost: np.ndarray) -> np.ndarray:
    """Index of a column for each row, [frame]: the path with the least sum of costs and of steps between columns."""
    total = np.zeros(cost.shape[1])
    stepped, origin = np.empty(cost.shape, bool), np.empty(len(cost), int)
    for frame in range(len(cost)):
        origin[frame] = np.argmin(total)
        after_step = total[origin[frame]] + STEP_COST
        np.greater(total, after_step, out=stepped[frame])
        total = np.minimum(total, after_step) + cost[frame]
    path = np.empty(len(cost), int)
    column = int(np.argmin(total))
    for frame in range(len(cost) - 1, -1, -1):
        path[frame] = column
        if stepped[frame, column]:
            column = int(origin[frame])
    return path
