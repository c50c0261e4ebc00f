"""Pitch and loudness of a sound as it comes in: `FeatureStream` looks at nothing that lies ahead.

    samples ──bandpass──► newest 20 ms against older sound (YIN) ──► nearest good lag ──► f0, confidence
       └────────────────► newest 32 ms, A-weighted ─────────────────────────────────────► loudness

A frame is ready with its last sample. Its loudness is that of a moment `LOUDNESS_DELAY_S` earlier, the middle of the
window. `ddx7.audio.features` measures whole recordings with windows that are centred, longer, and see both sides.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from ddx7.audio.features import HOP, FrameFeatures
from ddx7.audio.loudness import FLOOR_DB, a_weighting
from ddx7.audio.spectra_numpy import frames, hann, power, to_db
from ddx7.audio.yin import fast_length, squared_difference
from ddx7.errors import ArgumentError, AudioError

LOUDNESS_WINDOW_S = 0.032
"""Half the window of offline loudness. Its ripple is below 0.1 dB from 98 Hz up, and about 1 dB at 65 Hz."""
LOUDNESS_DELAY_S = LOUDNESS_WINDOW_S / 2
PITCH_WINDOW_S = 0.02
"""Newest sound that is compared with what came a lag before; pitch follows a new note after this and one period."""
LOWEST_HZ, HIGHEST_HZ = 65.0, 2200.0

_BAND_HZ = 50.0, 5000.0
_USABLE = 0.3  # YIN's difference up to which a pitch is clear
_OCTAVE_COST, _STAY = 0.05, 0.03  # per octave down; of a lag near the last one, less, or an error would stay
_NEAR_OCTAVES = 0.08
_SILENT_POWER = 1e-9


@dataclass
class FeatureStream:
    """Measures a sound block by block; blocks of any size give the frames of the whole.

    Attributes:
      sample_rate: in Hz.
      lowest_hz: the lowest pitch; a higher one makes the wait for a new note shorter.
    """

    sample_rate: int
    lowest_hz: float = LOWEST_HZ
    _tracker: "_PitchTracker" = field(init=False, repr=False)
    _rest: np.ndarray = field(init=False, repr=False)
    _before: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Start after endless silence."""
        if not 20 <= self.lowest_hz <= HIGHEST_HZ / 2:
            raise ArgumentError(f"lowest_hz: found {self.lowest_hz:g}, wanted 20 to {HIGHEST_HZ / 2:g}")
        window = round(LOUDNESS_WINDOW_S * self.sample_rate)
        taper = hann(window).astype(np.float32)
        self._taper = taper
        self._weight = a_weighting(np.fft.rfftfreq(window, 1 / self.sample_rate))
        self._weight *= 2 / (window * np.square(taper).sum())
        self._before = np.zeros(window - HOP, np.float32)
        self._rest = np.zeros(0, np.float32)
        self._tracker = _PitchTracker(self.sample_rate, self.lowest_hz)

    def push(self, samples: Float[np.ndarray, " time"]) -> FrameFeatures:
        """The frames that end in this block; float [time], any number of samples.

        A frame without a clear pitch keeps the pitch before it. Before the first clear pitch it is 0 Hz.

        Raises:
          AudioError: the block is not one-dimensional, or not finite.
        """
        samples = np.asarray(samples, np.float32)
        if samples.ndim != 1 or not np.isfinite(samples).all():
            raise AudioError(f"block: found shape {samples.shape}, wanted finite samples [time]")
        sound = np.concatenate([self._rest, samples])
        n = len(sound) // HOP
        sound, self._rest = sound[: n * HOP], sound[n * HOP :]
        if not n:
            return FrameFeatures(*(np.zeros(0, np.float32) for _ in range(3)))
        known = np.concatenate([self._before, sound])
        self._before = known[n * HOP :]
        # No product of matrices: its rounding would depend on the number of frames.
        spectrum = power(frames(known, len(self._taper), HOP), self._taper)
        level_db = np.maximum(to_db((spectrum * self._weight).sum(axis=1), 1e-12), FLOOR_DB).astype(np.float32)
        return FrameFeatures(*self._tracker.push(sound), level_db)


class _PitchTracker:
    """YIN on the newest sound, and memory of the last pitch."""

    def __init__(self, sample_rate: int, lowest_hz: float) -> None:
        from scipy.signal import butter

        self.rate, self.window = sample_rate, round(PITCH_WINDOW_S * sample_rate)
        self.length = self.window + int(sample_rate / lowest_hz) + 2
        self.shortest = max(int(sample_rate / HIGHEST_HZ), 2)
        self.filter: Any = butter(2, _BAND_HZ, "bandpass", fs=sample_rate, output="sos")
        self.filter_state = np.zeros((len(self.filter), 2))
        self.before = np.zeros(self.length - HOP)
        self.f0_hz = 0.0

    def push(self, sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(f0 in Hz, confidence) of a whole number of frames, each float32 [frame]."""
        from scipy.signal import sosfilt

        filtered, self.filter_state = sosfilt(self.filter, sound.astype(np.float64), zi=self.filter_state)
        known = np.concatenate([self.before, filtered])
        self.before = known[len(sound) :]
        newest_first = frames(known, self.length, HOP)[:, ::-1]
        newest_first = newest_first - newest_first.mean(axis=1, keepdims=True)
        difference, energy = squared_difference(newest_first, self.window, size=fast_length(self.length))
        mean = np.cumsum(difference, axis=1) / np.maximum(np.arange(difference.shape[1]), 1)
        normal = np.where(mean > 0, difference / np.where(mean > 0, mean, 1.0), 1.0)
        dips = (normal[:, 1:-1] < normal[:, :-2]) & (normal[:, 1:-1] <= normal[:, 2:])
        f0_hz, confidence = np.zeros(len(normal), np.float32), np.zeros(len(normal), np.float32)
        for k, row in enumerate(normal):
            if energy[k, 0] > _SILENT_POWER * self.window:
                lags = np.flatnonzero(dips[k]) + 1
                lags = lags[lags >= self.shortest]
                if len(lags):
                    confidence[k] = self._choose(row, lags)
            f0_hz[k] = self.f0_hz
        return f0_hz, confidence

    def _choose(self, row: np.ndarray, lags: np.ndarray) -> float:
        """Take a frame's pitch if it has a clear one; its confidence."""
        left, middle, right = row[lags - 1], row[lags], row[lags + 1]
        values = np.maximum(middle - (left - right) ** 2 / (8 * (left - 2 * middle + right)), 0.0)  # of the parabola
        cost = values + _OCTAVE_COST * np.log2(lags)
        if self.f0_hz:
            cost -= _STAY * (np.abs(np.log2(lags * (self.f0_hz / self.rate))) < _NEAR_OCTAVES)
        best = int(cost.argmin())
        if values[best] < _USABLE:
            self.f0_hz = self.rate / _refined(row.tolist(), int(lags[best]))
        return float(1 - min(values[best], 1.0))


def _refined(row: list[float], lag: int) -> float:
    """A lag between samples, from the dips at its multiples: short lags of whole samples are too coarse."""
    periods, refined = 1, _lowest_near(row, lag)
    while 2 * periods * refined < len(row) - 2:
        doubled = _lowest_near(row, round(2 * periods * refined))
        if abs(doubled / (2 * periods) / refined - 1) > 0.5 / (periods * refined):
            break
        periods *= 2
        refined = doubled / periods
    return refined


def _lowest_near(row: list[float], lag: int) -> float:
    """The place of the dip next to a lag, from a parabola."""
    last = len(row) - 2
    lag = min(max(lag, 2), last)
    lag = min(min((row[k], k) for k in (lag - 1, lag, lag + 1))[1], last)
    left, middle, right = row[lag - 1 : lag + 2]
    curvature = left - 2 * middle + right
    return lag + min(max((left - right) / (2 * curvature), -0.5), 0.5) if curvature > 0 else float(lag)
