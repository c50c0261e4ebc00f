"""The figures that papers on synthesiser matching report of two notes, together: `compare_notes`."""

from typing import NamedTuple

import numpy as np

from ddx7.audio.metrics.cepstral import mfcc_cosine_distance, warped_mfcc_distance
from ddx7.audio.metrics.spectral import Sound, multi_scale_spectral_distance, sound_samples
from ddx7.audio.pitch import cents_between, estimate_pitch
from ddx7.audio.spectra_numpy import frames, hann, magnitude
from ddx7.errors import AudioError

CONFIDENT = 0.4
"""Confidence from which a pitch is clear, as `ddx7.audio.Note` says."""
SPECTRUM_S = 0.046
"""Window of the spectra, their power of two nearest."""
ENVELOPE_S = 0.025
PERIODS, HARMONICS = 8, 40
"""Window of a harmonic's amplitude in periods, and the harmonics that count, below `HIGHEST_HZ`."""
HIGHEST_HZ, QUIET_DB = 16_000.0, -60.0
ATTACK_FROM, ATTACK_TO = 0.1, 0.9
"""Shares of the highest envelope between which an attack is measured."""


class NoteComparison(NamedTuple):
    """Two recordings of a note compared, both at the RMS level of the first.

    Attributes:
      relative_harmonic_error: `relative_harmonic_error`; NaN where one of the sounds has no clear pitch.
      mfcc_cosine: `mfcc_cosine_distance`.
      multi_scale: `multi_scale_spectral_distance`.
      warped_mfcc: `warped_mfcc_distance`.
      spectral_transport: `spectral_transport`.
      envelope_cosine: `envelope_cosine_similarity`; 1 is the same envelope.
      pitch_cents: pitch of the second sound above the first; NaN where one has no clear pitch.
      attack_ratio: attack time of the second sound over that of the first.
    """

    relative_harmonic_error: float
    mfcc_cosine: float
    multi_scale: float
    warped_mfcc: float
    spectral_transport: float
    envelope_cosine: float
    pitch_cents: float
    attack_ratio: float


def compare_notes(target: np.ndarray, other: np.ndarray, sample_rate: int) -> NoteComparison:
    """Measure how a note differs from another one.

    Args:
      target: float [time], longer than 1024 samples and not silent.
      other: float [time], not silent; cut or continued with silence to the length of the target.
      sample_rate: in Hz.

    Raises:
      AudioError: a sound is silent, not finite, or too short.
      Ddx7Error: a sound is not mono.
    """
    target, other = _same_length(target, other, sample_rate)
    other = other * (_rms(target) / _rms(other))
    f0_hz, other_f0_hz = (_clear_pitch(sound, sample_rate) for sound in (target, other))
    pitched = bool(f0_hz and other_f0_hz)
    return NoteComparison(
        relative_harmonic_error(target, other, sample_rate, f0_hz, other_f0_hz) if pitched else np.nan,
        mfcc_cosine_distance(target, other, sample_rate),
        multi_scale_spectral_distance(target, other, sample_rate),
        warped_mfcc_distance(target, other, sample_rate),
        spectral_transport(target, other, sample_rate),
        envelope_cosine_similarity(target, other, sample_rate),
        float(cents_between(other_f0_hz, f0_hz)) if pitched else np.nan,
        attack_time_s(other, sample_rate) / attack_time_s(target, sample_rate),
    )


def relative_harmonic_error(
    target: Sound, other: Sound, sample_rate: int, f0_hz: float | int, other_f0_hz: float | int | None = None
) -> float:
    """Error of the amplitudes of harmonics, relative to the target's, which predicts what listeners tell apart.

    Source: A. Horner, J. Beauchamp and R. So, Detection of random alterations to time-varying musical instrument
    spectra, J. Audio Eng. Soc. 52 (2004). In each frame the root of the summed squared differences over the summed
    squares of the target; the mean over frames within 60 dB of the loudest. The authors average the root over time
    as here. Up to 40 harmonics below 16 kHz, each measured at its exact frequency through a Hann window of eight
    periods every two; the other sound at the RMS level of the target.

    Args:
      target: float [time], not silent, at least eight periods, or the path of a recording.
      other: likewise, of any length.
      sample_rate: of arrays, in Hz; recordings are resampled to it.
      f0_hz: fundamental of the target.
      other_f0_hz: fundamental of the other sound; the target's by default.

    Returns:
      0 for the same amplitudes; 1 where the other sound has none of the target's harmonics and no others.

    Raises:
      AudioError: a sound is silent, not finite, or shorter than eight periods.
      Ddx7Error: an array is not mono.
    """
    target, other = _same_length(target, other, sample_rate)
    other = other * (_rms(target) / _rms(other))
    n = int(min(HARMONICS, min(HIGHEST_HZ, 0.49 * sample_rate) // max(f0_hz, other_f0_hz or f0_hz)))
    length = 2 * round(PERIODS * sample_rate / f0_hz / 2)
    if len(target) < length:
        raise AudioError(f"harmonics of {len(target)} samples, at least {length} are wanted: {PERIODS} periods")
    a = _harmonic_amplitudes(target, sample_rate, f0_hz, n, length)
    b = _harmonic_amplitudes(other, sample_rate, other_f0_hz or f0_hz, n, length)
    power = np.square(a).sum(axis=1)
    audible = power >= power.max() * 10 ** (QUIET_DB / 10)
    return float(np.sqrt(np.square(a - b).sum(axis=1)[audible] / power[audible]).mean())


def spectral_transport(target: Sound, other: Sound, sample_rate: int) -> float:
    """Mean distance in Hz by which the spectrum of one sound must be moved to become the other's (SOT).

    Source: B. Torres, G. Peeters and G. Richard, Unsupervised harmonic parameter estimation using differentiable DSP
    and spectral optimal transport, ICASSP (2024). Here the first-order Wasserstein distance of the magnitudes of each
    frame, each summing to 1; windows of 46 ms, half overlapping. The mean weighs each frame by the target's magnitude.
    A frame in which the other sound is silent counts as a move by half the sample rate.

    Args:
      target: float [time], longer than a window and not silent, or the path of a recording.
      other: likewise, of any length; may be silent.
      sample_rate: of arrays, in Hz; recordings are resampled to it.

    Returns:
      the distance in Hz.

    Raises:
      AudioError: the target is silent, or a sound is not finite or too short.
      Ddx7Error: an array is not mono.
    """
    target, other = _same_length(target, other, sample_rate)
    length = 1 << round(np.log2(SPECTRUM_S * sample_rate))
    a, b = (magnitude(frames(np.pad(x, length // 2), length, length // 2), hann(length)) for x in (target, other))
    total, other_total = a.sum(axis=1), b.sum(axis=1)
    tiny = 1e-12 * total.max()
    below_a, below_b = (np.cumsum(x, axis=1) / np.maximum(x.sum(axis=1), tiny)[:, None] for x in (a, b))
    moved_hz = np.abs(below_a - below_b).sum(axis=1) * sample_rate / length
    return float(np.average(np.where(other_total > tiny, moved_hz, sample_rate / 2), weights=total))


def envelope_cosine_similarity(target: Sound, other: Sound, sample_rate: int) -> float:
    """Cosine of the angle between the RMS envelopes of two sounds, in windows of 25 ms (Hayes et al., ISMIR 2025).

    Args:
      target: float [time], not silent, or the path of a recording.
      other: likewise, of any length; silence gives 0.
      sample_rate: of arrays, in Hz; recordings are resampled to it.

    Returns:
      1 for envelopes that differ by a factor at most, 0 for those without overlap.

    Raises:
      AudioError: the target is silent, or a sound is not finite.
      Ddx7Error: an array is not mono.
    """
    a, b = (_envelope(x, sample_rate) for x in _same_length(target, other, sample_rate))
    return float(a @ b / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-30))


def attack_time_s(sound: Sound, sample_rate: int) -> float:
    """Time in which the RMS envelope rises from a tenth to nine tenths of its highest value.

    Source of the definition: G. Peeters et al., The Timbre Toolbox, J. Acoust. Soc. Am. 130 (2011), with fixed
    thresholds in place of its adaptive ones. Windows of 5 ms, so 4 ms is the shortest attack that it can measure.

    Args:
      sound: float [time], not silent, or the path of a recording.
      sample_rate: of arrays, in Hz; recordings are resampled to it.

    Returns:
      seconds, at least those between two samples.

    Raises:
      AudioError: the sound is silent or not finite.
      Ddx7Error: an array is not mono.
    """
    samples = sound_samples("sound", sound, sample_rate)
    if not samples.any():
        raise AudioError("the sound of an attack time is silent, a sound is wanted")
    window = hann(2 * round(0.0025 * sample_rate))
    level = np.sqrt(np.maximum(np.convolve(np.square(samples), window / window.sum(), "same"), 0))
    to = int(np.argmax(level >= ATTACK_TO * level.max()))
    below = np.flatnonzero(level[: to + 1] < ATTACK_FROM * level.max())
    return max(1, to - (int(below[-1]) + 1 if len(below) else 0)) / sample_rate


def _same_length(target: Sound, other: Sound, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    a, b = (sound_samples(name, x, sample_rate) for name, x in (("target", target), ("other sound", other)))
    if not a.any():
        raise AudioError("the target of a distance is silent, a sound is wanted")
    return a, np.pad(b[: len(a)], (0, max(0, len(a) - len(b))))


def _rms(sound: np.ndarray) -> float:
    return max(float(np.sqrt(np.mean(np.square(sound)))), 1e-12)


def _clear_pitch(sound: np.ndarray, sample_rate: int) -> float:
    """Fundamental in Hz; 0 where there is no clear one."""
    try:
        estimate = estimate_pitch(sound, sample_rate)
    except AudioError:
        return 0.0
    return estimate.f0_hz if estimate.confidence >= CONFIDENT else 0.0


def _harmonic_amplitudes(sound: np.ndarray, sample_rate: int, f0_hz: float | int, n: int, length: int) -> np.ndarray:
    """Amplitudes of n harmonics, float64 [frame, harmonic]."""
    window = hann(length) * 2 / hann(length).sum()
    turns = np.outer(np.arange(length) / sample_rate * f0_hz, np.arange(1, n + 1))
    return np.abs(frames(sound, length, length // 4) @ (window[:, None] * np.exp(-2j * np.pi * turns)))


def _envelope(sound: np.ndarray, sample_rate: int) -> np.ndarray:
    length = 2 * round(ENVELOPE_S * sample_rate / 2)
    padded = np.pad(sound, (length // 2, length))
    return np.sqrt(np.square(frames(padded, length, length // 2)).mean(axis=1))
