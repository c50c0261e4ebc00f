"""Cutting clips into the windows that are embedded, without padding and without silence."""

from typing import NamedTuple

import numpy as np

from ddx7.audio.files import SILENT_PEAK

SILENT_DB = -40.0
"""A window this far below the loudest of its clip is silent: what DDX7's preparation of data splits recordings at."""

FILL = 0.001
"""How much of a first window padding may fill, so that a clip of one window's length that begins at zero counts."""


class ClipWindows(NamedTuple):
    """The windows of one clip.

    Attributes:
      windows: float32 [window, sample], a copy.
      n_silent: windows that were left out because they are silent.
      padding_samples: samples that were left out at the ends.
      too_short: what is between the padding is shorter than one window.
    """

    windows: np.ndarray
    n_silent: int
    padding_samples: int
    too_short: bool


def cut(sound: np.ndarray, window: int, hop: int, audible: np.ndarray | None = None) -> ClipWindows:
    """Cut a clip into windows that hold sound.

    First, what is at or below -100 dBFS at the beginning and at the end goes: padding, not music. Then windows are laid
    from the beginning, as many as fit whole. Last, those whose RMS is more than 40 dB below the loudest window of the
    clip go: pauses between phrases, on which networks say next to nothing about an instrument, far from everything
    else.

    Of padding, as much stays as a clip needs for one window, if that is no more than `FILL` of it.

    Args:
      sound: float [time], what is to be embedded.
      window: samples of a window.
      hop: samples from one to the next.
      audible: float [time], the same clip at its own level, by which silence is judged; `sound` if not given.

    Returns:
      the windows and what was left out.
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
