"""A sound of its strongest spectral peaks alone: what a synthesiser of so many partials may reach."""

import numpy as np
from jaxtyping import Float

_WINDOW_S = 0.093
_LOBE_BINS = 2  # half the main lobe of a Hann window


def strongest_peaks(
    samples: Float[np.ndarray, " sample"], sample_rate: int, n_peaks: int
) -> Float[np.ndarray, " sample"]:
    """Keep the strongest spectral peaks of every frame.

    Frames of 93 ms overlap by three quarters. A peak keeps its main lobe with its phases, as if it were tracked without
    any error; everything between the peaks is lost.

    Args:
      samples: the sound.
      sample_rate: in Hz.
      n_peaks: peaks of a frame.

    Returns:
      as many samples.
    """
    size = 1 << round(np.log2(_WINDOW_S * sample_rate))
    hop = size // 4
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    n_frames = -(-len(samples) // hop) + 3
    padded = np.zeros((n_frames + 3) * hop)
    padded[size - hop : size - hop + len(samples)] = samples
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop][:n_frames]
    spectra = np.fft.rfft(frames * window)
    level = np.abs(spectra)
    inner = level[:, 1:-1]
    heights = np.zeros_like(level)
    heights[:, 1:-1] = np.where((inner > level[:, :-2]) & (inner >= level[:, 2:]), inner, 0.0)
    n_peaks = min(n_peaks, level.shape[1])
    least = np.partition(heights, -n_peaks, axis=1)[:, -n_peaks, None]
    peaks = np.pad((heights >= least) & (heights > 0), ((0, 0), (_LOBE_BINS, _LOBE_BINS)))
    kept = np.lib.stride_tricks.sliding_window_view(peaks, 2 * _LOBE_BINS + 1, axis=1).any(axis=-1)
    sounds = np.fft.irfft(spectra * kept, size) * window
    result = np.zeros_like(padded)
    for k, sound in enumerate(sounds):
        result[k * hop : k * hop + size] += sound
    # Squared Hann windows at a quarter of their length sum to 1.5.
    return (result[size - hop : size - hop + len(samples)] / 1.5).astype(np.float32)
