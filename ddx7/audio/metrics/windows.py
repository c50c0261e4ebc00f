"""Cutting of clips into windows for embeddings, without padding and silence."""

from typing import NamedTuple

import numpy as np

from ddx7.audio.files import SILENT_PEAK

SILENT_DB = -40.0
"""A window this far below the loudest of its clip is silent; DDX7's preparation of data splits recordings there."""

FILL = 0.001
"""Share of a window that padding may fill, so that a clip of one window's length that begins at zero counts."""


class ClipWindows(NamedTuple):
    """The windows of one clip.

    Attributes:
      windows: float32 [window, sample], a copy.
      n_silent: number of silent windows left out.
      padding_samples: number of samples left out at the ends.
      too_short: whether the sound between the padding is shorter than one window.
    """

    windows: np.ndarray
    n_silent: int
    padding_samples: int
    too_short: bool


def cut(sound: np.ndarray, window: int, hop: int, audible: np.ndarray | None = None) -> ClipWindows:
    """Cut a clip into windows that hold sound.

    The function first removes padding: samples at or below -100 dBFS at both ends. It then cuts as many whole windows
    as fit. Last, it drops windows whose RMS is more than 40 dB below the loudest window of the clip. Those are pauses
    between phrases: their embeddings are far from all others and carry no information about an instrument.

    If the sound is shorter than one window by no more than the share `FILL`, padding fills it up.

    Args:
      sound: float [time], the clip to embed.
      window: samples of a window.
      hop: samples from one window to the next.
      audible: float [time], the same clip at its original level, which decides on silence; default: `sound`.

    Returns:
      the windows, and counts of the omitted sound.
    """
    audible = sound if audible is None else audible
    loud = np.flatnonzero(np.abs(audible) > SILENT_PEAK)
    first, end = (int(loud[0]), int(loud[-1]) + 1) if len(loud) else (0, 0)
    if len(sound) >= window and (1 - FILL) * window <= end - first < window:
        first = min(first, len(sound) - window)
        end = first + window
    padding = len(sound) - (end - first)
    if end - first < window:
        return ClipWindows(np.zeros((0, window), np.float32), 0, padding, True)
    sound, audible = sound[first:end], audible[first:end]
    windows = np.lib.stride_tricks.sliding_window_view(sound, window)[::hop]
    energy = np.concatenate([[0.0], np.cumsum(audible.astype(np.float64) ** 2)])
    starts = np.arange(len(windows)) * hop
    energy = energy[starts + window] - energy[starts]
    kept = energy > energy.max() * 10 ** (SILENT_DB / 10)
    return ClipWindows(windows[kept].astype(np.float32), int(np.count_nonzero(~kept)), padding, False)
