"""Levels of partials over time, by demodulation."""

import numpy as np
from jaxtyping import Float

from ddx7.audio.fft_sizes import next_fast_len

_PERIODS = 3.0  # of the lowest spacing between partials in a window: neighbours are 31 dB down
_SHORTEST_S, _LONGEST_S = 0.03, 0.15


def partial_tracks(
    samples: Float[np.ndarray, " sample"],
    sample_rate: int,
    f_hz: Float[np.ndarray, " partial"],
    times_s: Float[np.ndarray, " time"],
) -> Float[np.ndarray, "partial time"]:
    """Amplitudes of sinusoids at given frequencies and times.

    A Hann window around each time separates the frequencies. It is as long as three periods of the smallest distance
    between them, within 30 and 150 ms. The sound counts as silent before its start and after its end.

    Args:
      samples: the sound.
      sample_rate: in Hz.
      f_hz: frequencies of the partials in Hz.
      times_s: centres of the windows in seconds.

    Returns:
      peak amplitudes; a partial's fluctuation within a window is averaged.
    """
    spacing = np.diff(np.sort(f_hz)).min(initial=float(f_hz.min(initial=100.0)))
    width = round(np.clip(_PERIODS / max(spacing, 1.0), _SHORTEST_S, _LONGEST_S) * sample_rate) | 1
    window = np.hanning(width + 2)[1:-1]
    window *= 2 / window.sum()
    padded = np.pad(np.asarray(samples, np.float64), width)
    starts = np.clip(np.round(times_s * sample_rate).astype(int) + width - width // 2, 0, len(padded) - width)
    frames = np.lib.stride_tricks.sliding_window_view(padded, width)[starts] * window
    turns = np.outer(np.arange(width) / sample_rate, f_hz)
    if len(f_hz) > 32:  # one transform serves many partials
        size = next_fast_len(4 * width)
        spectrum = np.abs(np.fft.rfft(frames, size))
        bins = np.clip(np.round(f_hz * size / sample_rate).astype(int), 0, spectrum.shape[1] - 1)
        return spectrum[:, bins].T
    return np.abs(frames @ np.exp(-2j * np.pi * turns)).T
