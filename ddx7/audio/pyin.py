"""pYIN: a melody's pitch by many thresholds of YIN at once, and the likeliest path through them.

Every dip of YIN's difference is a candidate, whose probability sums a distribution of thresholds. A hidden Markov model
whose states are pitches, voiced and unvoiced, chooses among them. Source: M. Mauch and S. Dixon, pYIN: a fundamental
frequency estimator using probabilistic threshold distributions, ICASSP 2014. Settings and details are those of
librosa 0.11, whose results a test compares. Its path is searched through a dense matrix, here through the pitches
that are in reach: a fiftieth of the work.
"""

import numpy as np

from ddx7.audio.spectra_numpy import frames as cut
from ddx7.audio.yin import fast_length

BINS_PER_SEMITONE = 10
THRESHOLDS = np.linspace(0, 1, 101)[1:]
_BETA = 18  # thresholds follow a beta distribution of 2 and 18, with a mean of 0.1
_DECAY = 2.0  # of the prior, for each dip after the first
_NO_DIP = 0.01  # share of the deepest dip where none lies below the threshold
_SWITCH = 0.01  # between voiced and unvoiced
_OCTAVES_PER_S = 35.92  # the fastest movement
_CHUNK = 256
_TINY = float(np.finfo(np.float64).tiny)  # of a probability of 0: impossible only where all others are, too


def track(
    samples: np.ndarray, sample_rate: int, length: int, hop: int, lowest_hz: float, highest_hz: float
) -> tuple[np.ndarray, np.ndarray]:
    """Pitch and probability of being voiced, frame by frame.

    Args:
      samples: float [time].
      sample_rate: in Hz.
      length: samples in a frame.
      hop: samples from one frame to the next; frames are centred.
      lowest_hz: lowest pitch; two periods have to fit into a frame.
      highest_hz: highest pitch.

    Returns:
      (Hz with 0 for unvoiced, probability), each float64 [frame].
    """
    padded = np.pad(np.asarray(samples, np.float64), length // 2)
    framed = cut(padded, length, hop)
    first, last = int(sample_rate / highest_hz), min(int(np.ceil(sample_rate / lowest_hz)), length - 1)
    n_bins = int(12 * BINS_PER_SEMITONE * np.log2(highest_hz / lowest_hz)) + 1
    voiced = np.zeros((len(framed), n_bins))
    for start in range(0, len(framed), _CHUNK):
        difference = _difference(framed[start : start + _CHUNK], first, last)
        shift = _parabola(difference)
        for row, (values, shifts) in enumerate(zip(difference, shift, strict=True)):
            lag, probability = _candidates(values)
            hz = sample_rate / (first + lag + shifts[lag])
            bins = np.round(12 * BINS_PER_SEMITONE * np.log2(hz / lowest_hz)).astype(int)
            inside = bins < n_bins
            voiced[start + row, np.maximum(bins[inside], 0)] = probability[inside]
    share = np.clip(voiced.sum(axis=1), 0, 1)
    path = _likeliest(voiced, (1 - share) / n_bins, round(_OCTAVES_PER_S * 12 * hop / sample_rate))
    hz = lowest_hz * 2 ** (np.arange(n_bins) / (12 * BINS_PER_SEMITONE))
    return np.where(path < n_bins, hz[path % n_bins], 0.0), share


def _difference(framed: np.ndarray, first: int, last: int) -> np.ndarray:
    """YIN's difference of whole frames over its mean up to each lag: [frame, lag] for the lags first to last."""
    n = framed.shape[1]
    size = fast_length(n + last)
    autocorrelation = np.fft.irfft(np.square(np.abs(np.fft.rfft(framed, size))), size)[:, : last + 1]
    energy = np.cumsum(np.square(framed[:, :last]), axis=1)
    difference = 2 * (autocorrelation[:, :1] - autocorrelation[:, 1:]) - energy
    mean = np.cumsum(difference, axis=1) / np.arange(1, last + 1)
    return difference[:, first - 1 :] / (mean[:, first - 1 :] + _TINY)


def _parabola(difference: np.ndarray) -> np.ndarray:
    """Lags from each value to the lowest point of the parabola through it and its neighbours; at most one."""
    shift = np.zeros_like(difference)
    curvature = difference[:, 2:] + difference[:, :-2] - 2 * difference[:, 1:-1]
    slope = (difference[:, 2:] - difference[:, :-2]) / 2
    near = np.abs(slope) < np.abs(curvature)
    shift[:, 1:-1] = np.where(near, -slope / np.where(near, curvature, 1.0), 0.0)
    return shift


def _candidates(difference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The dips of one frame: (index, probability)."""
    middle = difference[1:-1]
    dip = np.concatenate(
        [
            difference[:1] < difference[1:2],
            (middle < difference[:-2]) & (middle <= difference[2:]),
            difference[-1:] < difference[-2:-1],
        ]
    )
    [lag] = np.nonzero(dip)
    if not len(lag):
        return lag, np.zeros(0)
    depth = difference[lag]
    below = depth[:, None] < THRESHOLDS
    count = below.cumsum(axis=0)
    n = count[-1]
    total = np.where(n > 0, _TAIL[np.minimum(n, len(_TAIL) - 1)], 1.0)
    prior = np.where(below, _PRIOR[np.minimum(count, len(_PRIOR) - 1)], 0.0)
    probability = prior @ (_THRESHOLD_SHARES / total)
    deepest = depth.argmin()
    probability[deepest] += _NO_DIP * _THRESHOLD_SHARES[: np.count_nonzero(~below[deepest])].sum()
    kept = probability > 0
    return lag[kept], probability[kept]


def _threshold_shares() -> np.ndarray:
    """Probability of each threshold: differences of the beta distribution's cumulative one."""
    edges = np.concatenate([[0.0], THRESHOLDS])
    return np.diff(1 - (1 - edges) ** _BETA * (1 + _BETA * edges))


_THRESHOLD_SHARES = _threshold_shares()
_PRIOR = np.concatenate([[0.0], (1 - np.exp(-_DECAY)) * np.exp(-_DECAY * np.arange(300))])
"""By the rank of a dip among those below a threshold, from 1; geometric, to be divided by `_TAIL`."""
_TAIL = 1 - np.exp(-_DECAY * np.arange(20))
"""By the number of dips; 1 from 20 on."""


def _likeliest(voiced: np.ndarray, unvoiced: np.ndarray, reach: int) -> np.ndarray:
    """The likeliest path (Viterbi): a pitch [frame], plus the number of pitches where it is unvoiced.

    Args:
      voiced: probability of each pitch [frame, pitch].
      unvoiced: probability of each pitch of an unvoiced frame [frame].
      reach: semitones from one frame to the next.
    """
    n_frames, n = voiced.shape
    half = reach * BINS_PER_SEMITONE // 2
    moves = np.arange(-half, half + 1)
    window = 1 - np.abs(moves) / (half + 1)
    pitch = np.arange(n)
    inside = (pitch[:, None] + moves >= 0) & (pitch[:, None] + moves < n)
    sums = np.where(inside, window, 0.0).sum(axis=1)
    origins = pitch[:, None] + moves  # of a pitch, [pitch, move]
    chance = np.where(inside, window / sums[np.clip(origins, 0, n - 1)], 0.0)
    local = np.log(chance + _TINY)
    local[~inside] = -np.inf
    impossible = np.log(_TINY)
    switch = np.log([[1 - _SWITCH, _SWITCH], [_SWITCH, 1 - _SWITCH]])[..., None]

    seen, unseen = np.log(voiced + _TINY), np.log(unvoiced + _TINY)
    origin = np.zeros((n_frames, 2, n), np.int32)
    padded = np.full((2, n + 2 * half), -np.inf)
    total = padded[:, half : half + n]
    reached = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1, axis=1)
    total[0], total[1] = seen[0], unseen[0]
    kinds, pitches = np.arange(2)[:, None], pitch[None]
    for frame in range(1, n_frames):
        through = reached + local
        move = through.argmax(axis=2)
        best = through[kinds, pitches, move]
        source = origins[pitches, move] + n * kinds
        anywhere = total.argmax()
        leap = total.flat[anywhere] + impossible
        # Of equals the voiced one.
        from_voiced = best[0] + switch[0]
        from_unvoiced = best[1] + switch[1]
        value = np.maximum(from_voiced, from_unvoiced)
        came = np.where(from_voiced >= from_unvoiced, source[0], source[1])
        origin[frame] = np.where(value >= leap, came, anywhere)
        total[:] = np.maximum(value, leap)
        total[0] += seen[frame]
        total[1] += unseen[frame]
    path = np.empty(n_frames, int)
    path[-1] = total.argmax()
    for frame in range(n_frames - 1, 0, -1):
        path[frame - 1] = origin[frame].flat[path[frame]]
    return path
