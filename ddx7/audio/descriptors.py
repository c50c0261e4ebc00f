"""Descriptors of one sound that do not depend on its level: attack, decay, balance of octaves, noise, modulation."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ddx7.audio.loudness import a_weighting
from ddx7.audio.pitch import PitchEstimate, cents_between, estimate_pitch
from ddx7.audio.spectra_numpy import frames, hann, mean_square, power, to_db
from ddx7.errors import AudioError

HOP_S = 0.005  # between two values of a level over time
# Attacks and decays are measured at several heights, so one ripple does not decide.
RISE_DB = np.array([-12.0, -9.0, -6.0, -3.0])
FALL_DB = -np.arange(10.0, 45.0, 5.0)
QUIET_DB = -80.0  # lower levels count as this

OCTAVES_HZ = np.array([31.25, 62.5, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16000.0])
THIRDS = 3  # parts of an octave in which noise is estimated
FLOOR_DB = -45.0  # louder octaves mask an octave this far below the whole sound
VALLEY = 0.25  # share of bins that lie in valleys between partials, even where vibrato widens the partials
NOISE_OVER_VALLEY = 1 / -np.log1p(-VALLEY)  # mean over this quantile for white noise: its power is exponential
OVERDRAWN = 1.5  # an estimate of noise is uncertain by about this factor; power above it is tone
MOST_FRAMES = 400  # a minute takes no longer than ten seconds

PITCHED_S = 1.5  # of a note: this part has nearly all votes of `estimate_pitch`
MODULATION_HZ = (3.0, 9.0)  # rates of vibrato and tremolo, played or by an LFO
TRACK_HZ = (1.5, 25.0)  # other movements of a track: drift is slower, jitter is everywhere
MODULATION_DB = -25.0  # quieter parts are not measured
MODULATION_S = (0.7, 6.0)  # from two periods of the slowest rate to as much as is useful
ATTACK_S = 0.08  # omitted: the attack of a note is no modulation
PARTIAL_DB = -30.0  # partials this far below the strongest are not measured
NEAR_PARTIAL, PARTIAL_WIDTH = 0.12, 0.25  # half widths of a partial's band, of the fundamental
RESOLVING_PERIODS = 10.0  # a Hann window of so many resolves partials
STRONGEST_PEAKS, LOBE_BINS = 6, 4  # of a spectrum, and half the width of one under a Hann window with some modulation
CLEAR_MODULATION = 0.5  # least share of a track's movement within MODULATION_HZ; jitter has about a quarter


class OctaveBalance(NamedTuple):
    """A-weighted levels of the octaves of `OCTAVES_HZ` in dB relative to the whole sound, float64 [octave].

    Each frame is compared with its own level before the weighted mean over time, in which louder frames count more. So
    the balance does not depend on how fast a sound decays.

    Attributes:
      all_db: tone and noise.
      tone_db: power above the noise.
      noise_db: noise, estimated from the valleys between the partials.
    """

    all_db: np.ndarray
    tone_db: np.ndarray
    noise_db: np.ndarray


class Modulation(NamedTuple):
    """Periodic modulation of pitch or level.

    Attributes:
      depth: half of the peak-to-peak deviation, in the unit of the track; 0 without periodic modulation.
      rate_hz: modulation rate.
    """

    depth: float
    rate_hz: float


NO_PITCH = PitchEstimate(0.0, 0.0)
NO_MODULATION = Modulation(0.0, 0.0)


def pitch(samples: np.ndarray, sample_rate: int) -> PitchEstimate:
    """`estimate_pitch` of the beginning of a sound; 0 Hz with confidence 0 for a sound without pitch."""
    try:
        return estimate_pitch(samples[: round(PITCHED_S * sample_rate)], sample_rate)
    except AudioError:
        return NO_PITCH


def level_db(samples: np.ndarray, sample_rate: int, window_s: float) -> np.ndarray:
    """Level over time, dB relative to the loudest moment.

    Args:
      samples: float [time].
      sample_rate: in Hz.
      window_s: length of the Hann windows, more than one period of the sound.

    Returns:
      float64 [frame], one every `HOP_S` from 0, not below `QUIET_DB`.
    """
    level = mean_square(samples, max(1, round(window_s * sample_rate)), max(1, round(HOP_S * sample_rate)))
    return to_db(level / max(level.max(), 1e-300), 10 ** (QUIET_DB / 10))


def rise_s(level: np.ndarray) -> np.ndarray:
    """Seconds until a level in dB first reaches each of `RISE_DB` relative to its highest; float64 [height]."""
    frames = [int(np.argmax(level >= height)) for height in level.max() + RISE_DB]
    return HOP_S * np.array(
        [
            frame - _past(level, frame, frame - 1, level.max() + height)
            for frame, height in zip(frames, RISE_DB, strict=True)
        ]
    )


def fall_s(level: np.ndarray) -> np.ndarray:
    """Seconds from the end of the attack until a level in dB stays below each of `FALL_DB`; infinite if it never does.

    The attack ends where the level first comes within 3 dB of its highest: on a plateau a ripple decides where the
    loudest moment is.
    """
    frames = [int(np.flatnonzero(level >= height)[-1]) for height in level.max() + FALL_DB]
    start = rise_s(level)[-1] / HOP_S
    return HOP_S * np.array(
        [
            frame - start + _past(level, frame, frame + 1, level.max() + height) if frame + 1 < len(level) else np.inf
            for frame, height in zip(frames, FALL_DB, strict=True)
        ]
    )


def _past(level: np.ndarray, inside: int, outside: int, height: float) -> float:
    """Where a straight line from a frame that reaches a height to one that does not crosses the height, 0..1."""
    if outside < 0:
        return 0.0
    return float((level[inside] - height) / max(level[inside] - level[outside], 1e-9))


def octaves(sounds: Sequence[np.ndarray], sample_rate: int, window_s: float) -> list[OctaveBalance]:
    """Tone and noise by octaves, for sounds to be compared with each other.

    Args:
      sounds: float [time], all equally long; repeated if shorter than one window.
      sample_rate: in Hz.
      window_s: length of the Hann windows: eight periods of the sound or more resolve the valleys between partials.

    Returns:
      a balance for each sound. `FLOOR_DB` is added as power; octaves above half the sample rate are empty. All means
      over time have the same weights, high where all of the sounds are loud: otherwise a note that is too soft or too
      short would change the balance of a phrase.
    """
    powers = [_spectra(samples, sample_rate, window_s) for samples in sounds]
    shares = [power.sum(axis=1) / max(power.sum(), 1e-300) for power in powers]
    weight = np.prod(shares, axis=0) ** (1 / len(shares))
    weight = weight / weight.sum() if weight.any() else np.full(len(weight), 1 / len(weight))
    return [OctaveBalance(*(weight @ part for part in _tone_and_noise(power, sample_rate))) for power in powers]


def _tone_and_noise(power: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rows of `OctaveBalance` from a spectrum [frame, bin], in every frame: [frame, octave]."""
    f_hz = np.arange(power.shape[1]) * sample_rate / (2 * (power.shape[1] - 1))
    # Octaves cross-fade over a third, so a partial near the border contributes to both.
    above = np.clip((np.log2(np.maximum(f_hz, 1.0))[:, None] - np.log2(OCTAVES_HZ)) * THIRDS + 0.5, 0.0, 1.0)
    everything = power @ (above[:, :-1] - above[:, 1:])
    noise = np.zeros_like(everything)
    thirds = OCTAVES_HZ[0] * 2 ** (np.arange(THIRDS * noise.shape[1] + 1) / THIRDS)
    for third, (low, high) in enumerate(pairwise(np.searchsorted(f_hz, thirds))):
        if high > low:
            rank = int(VALLEY * (high - low))
            valley = np.partition(power[:, low:high], rank, axis=1)[:, rank]
            noise[:, third // THIRDS] += valley * NOISE_OVER_VALLEY * (high - low)
    noise = np.minimum(noise, everything)
    tone = np.maximum(everything - OVERDRAWN * noise, 0.0)
    whole = np.maximum(power.sum(axis=1, keepdims=True), 1e-300)
    floor = 10 ** (FLOOR_DB / 10)
    in_all, in_tone, in_noise = (10 * np.log10(part / whole + floor) for part in (everything, tone, noise))
    return in_all, in_tone, in_noise


def _spectra(samples: np.ndarray, sample_rate: int, window_s: float) -> np.ndarray:
    """A-weighted power, float64 [frame, bin].

    No frame reaches beyond the sound: the step at the end of a note cut off there would fill every valley.
    """
    window = max(16, round(window_s * sample_rate) // 2 * 2)
    samples = np.pad(samples, (0, max(0, window - len(samples))), mode="wrap")
    hop = max(window // 4, (len(samples) - window + 1) // MOST_FRAMES)
    spectra = power(frames(samples, window, hop), hann(window))
    return spectra * a_weighting(np.arange(spectra.shape[1]) * sample_rate / window)


def harmonic_share(samples: np.ndarray, sample_rate: int, f0_hz: float) -> float:
    """Share of a sound's power near the partials of a fundamental, 0..1; 0.24 for white noise.

    Args:
      samples: float [time], not silent; the first `PITCHED_S` count.
      sample_rate: in Hz.
      f0_hz: the fundamental.
    """
    part = samples[: round(PITCHED_S * sample_rate)]
    spectrum = np.square(np.abs(np.fft.rfft(part * np.hanning(len(part)))))
    partials = np.arange(len(spectrum)) * sample_rate / (len(part) * f0_hz)
    near = (np.abs(partials - np.round(partials)) < NEAR_PARTIAL) & (partials > 0.5)
    return float(spectrum[near].sum() / max(spectrum.sum(), 1e-300))


def strongest_share(samples: np.ndarray, sample_rate: int) -> float:
    """Share of a sound's power in its six strongest spectral peaks, 0..1: how much of it are clear partials.

    Args:
      samples: float [time], from the onset; the first second counts.
      sample_rate: in Hz.
    """
    part = samples[:sample_rate]
    left = np.square(np.abs(np.fft.rfft(part * np.hanning(len(part)))))
    total = left.sum()
    for _ in range(STRONGEST_PEAKS):
        peak = int(left.argmax())
        left[max(peak - LOBE_BINS, 0) : peak + LOBE_BINS + 1] = 0
    return float(1 - left.sum() / max(total, 1e-300))


def partial_levels_db(samples: np.ndarray, sample_rate: int, f0_hz: float, n_partials: int) -> np.ndarray | None:
    """A-weighted levels of harmonic partials in dB relative to all of them together.

    Args:
      samples: float [time], a part of a note.
      sample_rate: in Hz.
      f0_hz: its fundamental.
      n_partials: number of partials, all below half the sample rate.

    Returns:
      float64 [partial], not below `QUIET_DB`; None without partials, or if the part is too short to tell them apart.
    """
    if n_partials < 1 or len(samples) * f0_hz < RESOLVING_PERIODS * sample_rate:
        return None
    spectrum = np.square(np.abs(np.fft.rfft(samples * np.hanning(len(samples)))))
    f_hz = np.arange(len(spectrum)) * sample_rate / len(samples)
    nearest = np.round(f_hz / f0_hz).astype(int)
    near = (np.abs(f_hz / f0_hz - nearest) < PARTIAL_WIDTH) & (nearest <= n_partials)
    powers = np.bincount(nearest[near], (spectrum * a_weighting(f_hz))[near], n_partials + 1)[1:]
    return to_db(powers / max(powers.sum(), 1e-300), 10 ** (QUIET_DB / 10))


def vibrato(samples: np.ndarray, sample_rate: int, f0_hz: float) -> Modulation:
    """Vibrato of a note: the smaller modulation of the two strongest among the first six partials.

    Beats modulate one partial alone, vibrato all of them.

    Args:
      samples: float [time], a steady part of a note.
      sample_rate: in Hz.
      f0_hz: its fundamental.

    Returns:
      depth in cents and rate.
    """
    spectrum = np.fft.fft(samples * np.hanning(len(samples)))
    step_hz = sample_rate / len(samples)
    half = int(0.45 * f0_hz / step_hz)
    bands = [round(k * f0_hz / step_hz) + np.arange(-half, half) for k in range(1, 7) if k * f0_hz < 0.4 * sample_rate]
    if half < 4 or not bands:
        return NO_MODULATION
    energy = np.array([np.square(np.abs(spectrum[bins])).sum() for bins in bands])
    strong = [k for k in np.argsort(-energy)[:2] if energy[k] >= energy.max() * 10 ** (PARTIAL_DB / 10)]
    plain = np.fft.fft(samples)
    return min(_modulation(*_cents(plain[bands[k]], float(bands[k][half]), step_hz)) for k in strong)


def _cents(band: np.ndarray, centre: float, step_hz: float) -> tuple[np.ndarray, float]:
    """Frequency over time of the partial in a band of a spectrum, in cents [time], and its sample rate in Hz."""
    # The band alone, shifted to 0 Hz, is the partial's complex envelope at a lower sample rate.
    partial = np.fft.ifft(np.fft.ifftshift(band * np.hanning(len(band) + 2)[1:-1]))
    turns = np.angle(partial[1:] * partial[:-1].conj()) / (2 * np.pi)
    f_hz = step_hz * (centre + turns * len(band))
    edge = len(f_hz) // 20 + 1
    return cents_between(f_hz, f_hz.mean())[edge:-edge], step_hz * len(band)


def tremolo(level: np.ndarray) -> Modulation:
    """Tremolo in dB of a steady part of a level in dB, float64 [frame], one every `HOP_S`."""
    return _modulation(level, 1 / HOP_S)


def steady(level: np.ndarray) -> slice | None:
    """Frames of a level in dB in which modulation can be measured; None if they are too few."""
    loud = np.flatnonzero(level >= level.max() + MODULATION_DB)
    first = int(loud[0] + ATTACK_S / HOP_S)
    last = min(int(loud[-1]), first + int(MODULATION_S[1] / HOP_S))
    return slice(first, last) if last - first >= MODULATION_S[0] / HOP_S else None


def _modulation(track: np.ndarray, rate_hz: float) -> Modulation:
    """Periodic modulation of a track [time], without its drift."""
    time = np.linspace(-1, 1, len(track))
    track = track - np.polynomial.Polynomial.fit(time, track, 3)(time)
    window = np.hanning(len(track))
    power = np.square(np.abs(np.fft.rfft(track * window)))
    f_hz = np.arange(len(power)) * rate_hz / len(track)
    modulation = np.where((f_hz >= MODULATION_HZ[0]) & (f_hz <= MODULATION_HZ[1]), power, 0.0)
    movement = power[(f_hz >= TRACK_HZ[0]) & (f_hz <= TRACK_HZ[1])].sum()
    if not movement or modulation.sum() < CLEAR_MODULATION * movement:
        return NO_MODULATION
    depth = np.sqrt(4 * modulation.sum() / (len(track) * np.square(window).sum()))
    return Modulation(float(depth), float(f_hz[np.argmax(modulation)]))
