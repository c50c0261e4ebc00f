"""The partials of a note over time, as the spectral fit compares them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ddx7.audio.loudness import a_weighting
from ddx7.audio.partial_tracks import partial_tracks
from ddx7.audio.partials import spectral_peaks
from ddx7.matching.noise_fit import measure_noise

N_PARTIALS = 64
SAME = 0.012
"""Relative distance below which two frequencies are one partial."""
LOUDNESS_EXPONENT = 0.25
"""Loudness grows with this power of the power: between 0.23 (E. Zwicker, 1958) and 0.3 (S. S. Stevens, 1955)."""
MOMENTS = 12
"""Moments from the onset to the release; more follow after it."""
_AFTER_S = np.array([0.04, 0.1, 0.25])
_WINDOW_S, _PERIODS = 0.3, 12
_WINDOWS_AT = (0.0, 0.3, 0.6)  # shares of the duration
_PEAK_FLOOR_DB = -60.0
_LOWEST_RATIO = 0.45


@dataclass(frozen=True, eq=False)
class MeasuredNote:
    """Partials of a note over time.

    Attributes:
      f_hz: frequencies of the partials, rising.
      amplitude: at the moments, A-weighted; the largest is 1.
      moments_s: seconds from the onset; the first `MOMENTS` lie before the release.
      gate_s: seconds from the onset to the release.
      f0_hz: fundamental frequency.
      sample_rate: in Hz.
      noise: A-weighted power between the partials at the moments, as `measure_noise` returns it; None if not measured.
    """

    f_hz: Float[np.ndarray, " partial"]
    amplitude: Float[np.ndarray, "partial moment"]
    moments_s: Float[np.ndarray, " moment"]
    gate_s: float
    f0_hz: float
    sample_rate: int
    noise: Float[np.ndarray, "band moment"] | None = None

    @property
    def ratio(self) -> Float[np.ndarray, " partial"]:
        """Frequencies over the fundamental."""
        return self.f_hz / self.f0_hz

    def loudness(self) -> Float[np.ndarray, "partial moment"]:
        """Loudness of each partial."""
        return np.sqrt(self.amplitude)


def loudness(power: np.ndarray) -> np.ndarray:
    """Loudness of powers; two roots are several times faster than a power."""
    return np.sqrt(np.sqrt(power))


def measure(
    samples: Float[np.ndarray, " sample"],
    sample_rate: int,
    *,
    f0_hz: float | int,
    gate_s: float | int,
    duration_s: float | int,
    lowest_f0_hz: float | int | None = None,
) -> MeasuredNote:
    """Find the partials of a note and their levels over time.

    Args:
      samples: the note from its onset.
      sample_rate: in Hz.
      f0_hz: its fundamental frequency.
      gate_s: its gate.
      duration_s: its audible duration.
      lowest_f0_hz: the lowest fundamental frequency that it may have; `f0_hz` by default.
    """
    duration_s = min(duration_s, len(samples) / sample_rate)
    gate_s = min(gate_s, duration_s)
    f_hz = _strongest_partials(samples, sample_rate, lowest_f0_hz or f0_hz, duration_s)
    held = 0.01 + max(gate_s - 0.02, 0.03) * np.square(np.linspace(0, 1, MOMENTS))
    moments_s = np.concatenate([held, gate_s + _AFTER_S])
    amplitude = partial_tracks(samples, sample_rate, f_hz, moments_s) * np.sqrt(a_weighting(f_hz))[:, None]
    full = max(float(amplitude.max()), 1e-9)
    noise = measure_noise(samples / full, sample_rate, f_hz, moments_s)
    return MeasuredNote(f_hz, amplitude / full, moments_s, gate_s, float(f0_hz), sample_rate, noise)


def _strongest_partials(
    samples: np.ndarray, sample_rate: int, f0_hz: float | int, duration_s: float | int
) -> Float[np.ndarray, " partial"]:
    """Peaks of three windows: partials of the attack and of the decay."""
    width = min(round(max(_WINDOW_S, _PERIODS / f0_hz) * sample_rate), len(samples))
    found: list[tuple[float, float]] = []
    for share in _WINDOWS_AT:
        start = min(round(share * duration_s * sample_rate), len(samples) - width)
        part = samples[start : start + width]
        level_db = 10 * np.log10(np.mean(np.square(part, dtype=np.float64)) + 1e-12)
        peaks = spectral_peaks(part, sample_rate, lowest_hz=_LOWEST_RATIO * f0_hz, highest_hz=0.48 * sample_rate)
        audible = peaks.level_db > _PEAK_FLOOR_DB
        heard_db = peaks.level_db + level_db + 10 * np.log10(a_weighting(peaks.f_hz))
        found += zip(heard_db[audible], peaks.f_hz[audible], strict=True)
    resolution_hz = 2 * sample_rate / width
    chosen: list[float] = []
    for _, f_hz in sorted(found, reverse=True):
        if len(chosen) < N_PARTIALS and all(abs(f_hz - x) > max(SAME * x, resolution_hz) for x in chosen):
            chosen.append(f_hz)
    return np.sort(np.array(chosen or [float(f0_hz)]))
