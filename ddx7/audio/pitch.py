"""The pitch of one note: YIN in every frame, and a vote of the frames.

A note has one pitch, so it needs no path through time as in pYIN: each frame votes for the lag at which it repeats
best, on a grid of quarter semitones. `librosa.pyin` gives as good a pitch, but its first call on a machine compiles for
39 s on two cores and later calls take 1.2 s for 2 s of sound. This one takes 0.1 s, first call included.

Source of the octave cost: P. Boersma, Accurate short-term analysis of the fundamental frequency, IFA Proceedings 17
(1993): a small cost per octave lets the shortest of equally good lags win. With this rule all of 498 labelled notes of
real instruments are in the right octave; YIN's absolute threshold puts 15 of them in a wrong one.
"""

from typing import NamedTuple

import numpy as np

from ddx7.audio.files import resample
from ddx7.audio.partials import spectral_peaks
from ddx7.audio.pitch_hypotheses import HIGHEST_HZ as HIGHEST_CANDIDATE_HZ
from ddx7.audio.pitch_hypotheses import LOWEST_HZ as LOWEST_CANDIDATE_HZ
from ddx7.audio.pitch_hypotheses import PARTIALS_TO_HZ, PitchEvidence, PitchHypothesis, choose, gather, rank
from ddx7.audio.yin import HIGHEST_HZ, LOWEST_HZ, WINDOW_S, Periods, cut_frames, find_periods, pitch_band
from ddx7.errors import AudioError

RATE = 44_100  # lags are whole samples, and high notes need enough of them: slower recordings are resampled to this
HOP_S = 0.02
OCTAVE_COST = 0.0125  # from 0.02 on notes with weak fundamentals jump up an octave, below 0.01 noisy high ones fall
AUDIBLE_DB = -25.0  # frames this far below the loudest do not vote
ATTACK_S = 0.5  # time constant of the weight of votes: the beginning decides, not a later glide or the next note
SPAN_S, PERIODS = 0.25, 12.0  # of the attack whose partials are measured: at least so long, and so many periods
SHORTEST_S, LONGEST_S = 0.01, 10.0  # shorter sounds are refused, later sound is ignored
VOTE_SEMITONES = 0.25  # width of a bin of the histogram of votes
SAME_NOTE_SEMITONES = 0.7  # votes this close are for the same note: a wide vibrato


class PitchEstimate(NamedTuple):
    """The pitch of a note and its confidence.

    Attributes:
      f0_hz: fundamental frequency.
      confidence: 0..1, the probability that this is the pitch; below about 0.4 there is no one clear pitch (a bell, a
        chord, noise).
      hypotheses: the likely pitches, the likeliest first, with `f0_hz` among them or a bell's lowest partial instead.
    """

    f0_hz: float
    confidence: float
    hypotheses: tuple[PitchHypothesis, ...] = ()


def hz_to_midi(f_hz: np.ndarray | float | int) -> np.ndarray:
    """MIDI note number, fractional, of a frequency in Hz; 440 Hz is 69.

    >>> float(hz_to_midi(880.0))
    81.0
    """
    return np.asarray(69.0 + 12.0 * np.log2(np.asarray(f_hz) / 440.0))


def midi_to_hz(note: np.ndarray | float | int) -> np.ndarray:
    """Frequency in Hz of a MIDI note number, which may be fractional.

    >>> float(midi_to_hz(57.0))
    220.0
    """
    return np.asarray(440.0 * 2.0 ** ((np.asarray(note) - 69.0) / 12.0))


def cents_between(f_hz: np.ndarray | float | int, reference_hz: np.ndarray | float | int) -> np.ndarray:
    """Interval in cents from a reference frequency up to another one; negative if that is lower.

    >>> float(cents_between(880.0, 440.0)), float(cents_between(220.0, 440.0))
    (1200.0, -1200.0)
    """
    return np.asarray(1200 * np.log2(np.asarray(f_hz) / np.asarray(reference_hz)))


def estimate_pitch(samples: np.ndarray, sample_rate: int, *, around_hz: float | int | None = None) -> PitchEstimate:
    """Pitch of one note that starts at sample 0.

    Args:
      samples: float [time], not silent, at least 10 ms.
      sample_rate: in Hz.
      around_hz: the approximate pitch, if known: votes for other notes do not count.

    Returns:
      the pitch, between 24 Hz and 5.2 kHz.

    Raises:
      AudioError: the sound is shorter than 10 ms, or has no partial in that range.
    """
    evidence = gather_evidence(samples, sample_rate, around_hz=around_hz)
    hypotheses = rank(evidence)
    if around_hz is None:
        best = choose(evidence)
        return PitchEstimate(float(best.f0_hz or 0.0), best.weight, hypotheses)
    f0_hz = float(evidence.f0_hz[0])
    return PitchEstimate(f0_hz, sum(h.weight for h in hypotheses if h.f0_hz == f0_hz), hypotheses)


def gather_evidence(samples: np.ndarray, sample_rate: int, *, around_hz: float | int | None = None) -> PitchEvidence:
    """What speaks for each pitch that a sound may have; arguments and errors as for `estimate_pitch`."""
    if len(samples) < SHORTEST_S * sample_rate:
        length_ms = 1000 * len(samples) / sample_rate
        raise AudioError(
            f"found {length_ms:.1f} ms of sound, at least {1000 * SHORTEST_S:.0f} ms are wanted for a pitch"
        )
    samples = pitch_band(resample(samples, sample_rate, RATE)[: int(LONGEST_S * RATE)], RATE)
    frames, power = _frames(samples)
    audible = power >= power.max() * 10 ** (AUDIBLE_DB / 10)
    since_attack_s = HOP_S * (np.arange(len(power)) - np.argmax(audible))
    weight = np.where(audible, np.sqrt(power) * np.exp(-since_attack_s / ATTACK_S), 0.0)
    loudest = samples[int(np.argmax(weight) * HOP_S * RATE) :]
    attack = loudest[: int(SPAN_S * RATE)]
    peaks = spectral_peaks(attack, RATE, lowest_hz=LOWEST_CANDIDATE_HZ, highest_hz=PARTIALS_TO_HZ)
    if not len(peaks.f_hz) or peaks.f_hz.min() > HIGHEST_CANDIDATE_HZ:
        lowest, highest = LOWEST_CANDIDATE_HZ, HIGHEST_CANDIDATE_HZ
        raise AudioError(f"found no tone between {lowest:.0f} and {highest:.0f} Hz, a note is wanted")
    periods, weight = find_periods(frames[audible], RATE), weight[audible]
    f_hz, depth = _repeats(periods, around_hz)
    notes, votes = hz_to_midi(f_hz), weight * depth
    same = (votes > 0) & (np.abs(notes - _winner(notes, votes)) < SAME_NOTE_SEMITONES)
    winner_hz = float(midi_to_hz(_weighted_median(notes[same], depth[same]))) if same.any() else float(peaks.f_hz[0])
    share = float(votes[same].sum() / weight.sum())
    if winner_hz * SPAN_S < PERIODS:  # partials of low notes lie close together
        attack = loudest[: int(PERIODS / winner_hz * RATE)]
        peaks = spectral_peaks(attack, RATE, lowest_hz=LOWEST_CANDIDATE_HZ, highest_hz=PARTIALS_TO_HZ)
    return gather(periods, RATE, weight, share, winner_hz, peaks, attack)


def _frames(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Overlapping frames without their mean, float64 [frame, window + longest lag], and their power [frame]."""
    frames = cut_frames(samples, RATE, HOP_S)
    frames = frames - frames.mean(axis=1, keepdims=True)
    return frames, np.mean(frames[:, : int(WINDOW_S * RATE)] ** 2, axis=1)


def _repeats(periods: Periods, around_hz: float | int | None) -> tuple[np.ndarray, np.ndarray]:
    """The frequency in Hz at which each frame repeats best, and how well: 1 exactly, 0 not at all; each [frame]."""
    lag, difference = periods
    if around_hz is not None:
        near = np.abs(hz_to_midi(RATE / lag) - hz_to_midi(around_hz)) < SAME_NOTE_SEMITONES
        difference = np.where(near, difference, np.inf)
    best = np.argmin(difference + OCTAVE_COST * np.log2(lag), axis=1)[:, None]
    depth = np.maximum(1 - np.take_along_axis(difference, best, 1), 0.0)
    f_hz = np.clip(RATE / np.take_along_axis(lag, best, 1), LOWEST_HZ, HIGHEST_HZ)
    return f_hz[:, 0], depth[:, 0]


def _winner(notes: np.ndarray, votes: np.ndarray) -> float:
    """The MIDI note, to a bin, with the most weight of votes."""
    ballot, edges = np.histogram(notes, np.arange(20, 110, VOTE_SEMITONES), weights=votes)
    return float(edges[np.argmax(np.convolve(ballot, [0.5, 1, 1, 0.5], "same"))])


def _weighted_median(values: np.ndarray, weight: np.ndarray) -> float:
    order = np.argsort(values)
    total = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])
