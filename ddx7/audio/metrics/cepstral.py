"""Distances between the mel-frequency cepstral coefficients (MFCC) of two sounds."""

import numpy as np
import scipy.fft

from ddx7.audio.metrics.spectral import Sound, sound_samples
from ddx7.audio.spectra_numpy import log_mel
from ddx7.errors import AudioError

N_FFT, HOP, N_MELS = 2048, 512, 128
RANGE_DB = 80.0
N_COSINE = 40
"""Coefficients of `mfcc_cosine_distance`."""
N_WARPED, WARPED_WINDOW_S, WARPED_HOP_S = 20, 0.05, 0.01
"""Coefficients, window and hop of `warped_mfcc_distance`."""


def mfcc(sound: np.ndarray, sample_rate: int, n: int, *, n_fft: int = N_FFT, hop: int = HOP) -> np.ndarray:
    """Mel-frequency cepstral coefficients: the orthonormal DCT-II of 128 mel bands in dB, as librosa 0.11 defaults to.

    Args:
      sound: float [time].
      sample_rate: in Hz.
      n: coefficients, the mean level first.
      n_fft: samples per frame.
      hop: samples from one frame to the next.

    Returns:
      float64 [frame, coefficient]; frame i is centred on sample i * hop. Levels more than 80 dB below the highest count
      as that.
    """
    level_db = log_mel(
        sound, sample_rate, n_fft=n_fft, hop=hop, n_mels=N_MELS, lowest_hz=0.0, highest_hz=sample_rate / 2
    )
    level_db = np.maximum(level_db, 10 * np.log10(_LEAST_POWER))
    return np.asarray(scipy.fft.dct(np.maximum(level_db, level_db.max() - RANGE_DB), norm="ortho"))[:, :n]


_LEAST_POWER = 1e-10  # of librosa.power_to_db


def mfcc_cosine_distance(target: Sound, other: Sound, sample_rate: int) -> float:
    """Cosine distance of two sounds' mean MFCC, the timbre distance of many papers on synthesiser matching.

    40 coefficients with the first, which holds the level; mean over time.

    Args:
      target: float [time], or the path of a recording.
      other: likewise, of any length.
      sample_rate: of arrays, in Hz; recordings are resampled to it.

    Returns:
      0 for the same direction, 1 for orthogonal means, at most 2.

    Raises:
      AudioError: a file cannot be read, or a sound is silent or has samples that are not finite.
      Ddx7Error: an array is not mono.
    """
    means = [mfcc(x, sample_rate, N_COSINE).mean(axis=0) for x in _audible(target, other, sample_rate)]
    a, b = (mean / np.linalg.norm(mean) for mean in means)
    return float(max(0.0, 1 - a @ b))


def warped_mfcc_distance(target: Sound, other: Sound, sample_rate: int) -> float:
    """Distance of two sounds' MFCC along the best alignment in time (wMFCC): timbre without the timing.

    Source: B. Hayes, C. Saitis and G. Fazekas, Audio synthesizer inversion in symmetric parameter spaces with
    approximately equivariant flow matching, ISMIR (2025), which reports it as wMFCC. 20 coefficients of windows of
    50 ms every 10 ms; the cost of two frames is their mean absolute difference. Dynamic time warping (H. Sakoe and S.
    Chiba, IEEE Trans. ASSP 26, 1978) moves by one frame of either sound or of both.

    Args:
      target: float [time], or the path of a recording.
      other: likewise, of any length.
      sample_rate: of arrays, in Hz; recordings are resampled to it.

    Returns:
      the least mean cost along a path, in dB of the coefficients; 0 for the same sound.

    Raises:
      AudioError: a file cannot be read, or a sound is silent or has samples that are not finite.
      Ddx7Error: an array is not mono.
    """
    n_fft, hop = (2 * round(seconds * sample_rate / 2) for seconds in (WARPED_WINDOW_S, WARPED_HOP_S))
    a, b = (mfcc(x, sample_rate, N_WARPED, n_fft=n_fft, hop=hop) for x in _audible(target, other, sample_rate))
    return warped_cost(np.abs(a[:, None] - b).mean(axis=-1))


def warped_cost(cost: np.ndarray) -> float:
    """Mean cost along the path of least total cost from the first pair of frames to the last.

    Args:
      cost: of each pair of frames, float [frame of one sound, frame of the other].

    >>> warped_cost(np.array([[0.0, 0.0, 5.0], [5.0, 5.0, 1.0]]))
    0.3333333333333333
    """
    n, m = cost.shape
    total, steps = np.full((n + 1, m + 1), np.inf), np.zeros((n + 1, m + 1), int)
    total[0, 0] = 0.0
    for diagonal in range(n + m - 1):  # cells of one anti-diagonal depend only on the two before
        i = np.arange(max(0, diagonal - m + 1), min(n, diagonal + 1))
        j = diagonal - i
        before = np.stack([total[i, j], total[i, j + 1], total[i + 1, j]])
        best = before.argmin(axis=0)
        total[i + 1, j + 1] = before.min(axis=0) + cost[i, j]
        steps[i + 1, j + 1] = 1 + np.stack([steps[i, j], steps[i, j + 1], steps[i + 1, j]])[best, np.arange(len(i))]
    return float(total[n, m] / steps[n, m])


def _audible(target: Sound, other: Sound, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    a, b = (sound_samples(name, x, sample_rate) for name, x in (("target", target), ("other sound", other)))
    for name, sound in (("target", a), ("other sound", b)):
        if not sound.any():
            raise AudioError(f"the {name} of a distance is silent, a sound is wanted")
    return a, b
