"""The pitch of one note: YIN in every frame, and the frames vote.

A note has one pitch, so no path through time is needed as in pYIN: each frame names the lag at which it repeats best
and the votes are counted on a grid of quarter semitones. `librosa.pyin` would do as well, but its first call on a
machine compiles for 39 s on two cores (later ones take 1.2 s for 2 s of sound); this takes 0.1 s, first call included.

Source of the difference function: A. de Cheveigne and H. Kawahara, YIN, a fundamental frequency estimator for speech
and music, JASA 111 (2002). Source of the octave cost: P. Boersma, Accurate short-term analysis of the fundamental
frequency, IFA Proceedings 17 (1993): of equally good lags the shortest wins, for a small cost per octave. An
absolute threshold, as in YIN, puts 15 of 498 labelled notes of real instruments in the wrong octave, this rule none.
"""

from typing import NamedTuple

import numpy as np

from ddx7.audio.files import resample
from ddx7.audio.partials import Peaks, spectral_peaks
from ddx7.errors import AudioError

LOWEST_HZ, HIGHEST_HZ = 26.7, 4435.0  # the piano, A0 to C8, and a little over
RATE = 44_100  # lags are whole samples, and high notes need enough of them: slower recordings are brought up to this
WINDOW_S, HOP_S = 0.06, 0.02
OCTAVE_COST = 0.0125  # from 0.02 on notes with weak fundamentals jump up an octave, below 0.01 noisy high ones fall
AUDIBLE_DB = -25.0  # frames this far under the loudest do not vote
STRIKE_S = 0.5  # votes fade with this time constant: the beginning names the note, not a later glide or the next note
SPAN_S = 0.25  # of the strike whose partials are looked at
SHORTEST_S, LONGEST_S = 0.01, 10.0  # less cannot be judged, nothing later is looked at
VOTE_SEMITONES = 0.25  # bins of the ballot
SAME_NOTE_SEMITONES = 0.7  # what counts as the same note: a wide vibrato
RUMBLE_HZ, HISS_HZ = 80.0, 6000.0  # half the amplitude at either edge; an eighth at 30 Hz
INHARMONIC = 0.3  # if less of the strike's energy lies on harmonics, the sound is a bell
HARMONICS = 12  # the higher ones do not tell a pitch: any sound has some period that its partials nearly share
MISTUNED = 0.05  # in fundamentals: partials further than this from a whole multiple are not of this pitch
PARTIAL_DB = -24.0  # an inharmonic sound is named by its lowest partial within this of the strongest


class Pitch(NamedTuple):
    """A fundamental and how far to trust it.

    Attributes:
      f0_hz: fundamental frequency.
      confidence: 0..1, the share of the sound that repeats at this period; below about 0.4 there is no one clear pitch
        (a bell, a chord, a glide, noise). Near 0 the sound is inharmonic and `f0_hz` its lowest strong partial.
    """

    f0_hz: float
    confidence: float


def hz_to_midi(f_hz: np.ndarray | float) -> np.ndarray:
    """MIDI note number, fractional, of a frequency in Hz; 440 Hz is 69.

    >>> float(hz_to_midi(880.0))
    81.0
    """
    return np.asarray(69.0 + 12.0 * np.log2(np.asarray(f_hz) / 440.0))


def midi_to_hz(note: np.ndarray | float) -> np.ndarray:
    """Frequency in Hz of a MIDI note number, which may be fractional.

    >>> float(midi_to_hz(57.0))
    220.0
    """
    return np.asarray(440.0 * 2.0 ** ((np.asarray(note) - 69.0) / 12.0))


def estimate_pitch(samples: np.ndarray, sample_rate: int) -> Pitch:
    """Pitch of one note that starts at sample 0.

    Args:
      samples: float [time], not silent, at least 10 ms.
      sample_rate: in Hz.

    Returns:
      the pitch, between 26.7 Hz and 4.4 kHz.

    Raises:
      AudioError: nothing there swings at such a frequency.
    """
    if len(samples) < SHORTEST_S * sample_rate:
        found_ms = 1000 * len(samples) / sample_rate
        raise AudioError(
            f"found {found_ms:.1f} ms of sound, at least {1000 * SHORTEST_S:.0f} ms are wanted for a pitch"
        )
    samples = _where_pitch_lives(resample(samples, sample_rate, RATE)[: int(LONGEST_S * RATE)])
    frames, power = _frames(samples)
    audible = power >= power.max() * 10 ** (AUDIBLE_DB / 10)
    since_strike_s = HOP_S * (np.arange(len(power)) - np.argmax(audible))
    weight = np.where(audible, np.sqrt(power) * np.exp(-since_strike_s / STRIKE_S), 0.0)
    strike = samples[int(np.argmax(weight) * HOP_S * RATE) :][: int(SPAN_S * RATE)]
    peaks = spectral_peaks(strike, RATE, lowest_hz=LOWEST_HZ, highest_hz=HIGHEST_HZ)
    if not len(peaks.f_hz):
        raise AudioError(f"found no tone between {LOWEST_HZ} and {HIGHEST_HZ:.0f} Hz, a note is wanted")
    f_hz, depth = _repeats(frames)
    notes, votes = hz_to_midi(f_hz), weight * depth
    same = (votes > 0) & (np.abs(notes - _winner(notes, votes)) < SAME_NOTE_SEMITONES)
    if not same.any():
        return Pitch(_lowest_strong(peaks), 0.0)
    f0_hz = float(midi_to_hz(_weighted_median(notes[same], depth[same])))
    share = _harmonic_share(peaks, f0_hz)
    return Pitch(
        f0_hz if share >= INHARMONIC else _lowest_strong(peaks),
        confidence=share * float(votes[same].sum() / weight.sum()),
    )


def _where_pitch_lives(samples: np.ndarray) -> np.ndarray:
    """The sound within the range that tells the ear its pitch, float64, without delay.

    Below, a breathy note must not be named by the hum of the room; above, lags of whole samples would be too coarse.
    """
    f_hz = np.fft.rfftfreq(len(samples), 1 / RATE)
    gain = f_hz**2 / (f_hz**2 + RUMBLE_HZ**2) / (1 + (f_hz / HISS_HZ) ** 8)
    return np.fft.irfft(np.fft.rfft(samples) * gain, len(samples))


def _frames(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Overlapping frames without their mean, float64 [frame, window + longest lag], and their power [frame]."""
    window, lag = int(WINDOW_S * RATE), int(RATE / LOWEST_HZ) + 2
    samples = np.pad(samples, (0, max(0, window + lag - len(samples))))
    views = np.lib.stride_tricks.sliding_window_view(samples, window + lag)
    frames = views[:: int(HOP_S * RATE)]
    frames = frames - frames.mean(axis=1, keepdims=True)
    return frames, np.mean(frames[:, :window] ** 2, axis=1)


def _repeats(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For every frame the frequency in Hz at which it repeats best, and how well: 1 exactly, 0 not at all."""
    difference = _normalised_difference(frames, int(WINDOW_S * RATE))
    left, mid, right = difference[:, :-2], difference[:, 1:-1], difference[:, 2:]
    dip = (mid < left) & (mid <= right)
    curvature = np.where(dip, left - 2 * mid + right, 1.0)
    shift = np.where(dip, (left - right) / (2 * curvature), 0.0)
    lag = np.arange(1, difference.shape[1] - 1) + shift
    bottom = np.maximum(mid - (left - right) * shift / 4, 0.0)
    usable = dip & (lag >= RATE / HIGHEST_HZ) & (lag <= RATE / LOWEST_HZ)
    cost = np.where(usable, bottom + OCTAVE_COST * np.log2(lag), np.inf)
    best = np.argmin(cost, axis=1)[:, None]
    depth = np.where(np.isfinite(np.take_along_axis(cost, best, 1)), 1 - np.take_along_axis(bottom, best, 1), 0.0)
    f_hz = np.clip(RATE / np.take_along_axis(lag, best, 1), LOWEST_HZ, HIGHEST_HZ)
    return f_hz[:, 0], np.maximum(depth[:, 0], 0.0)


def _normalised_difference(frames: np.ndarray, window: int) -> np.ndarray:
    """YIN's cumulative-mean-normalised squared difference [frame, lag] between a window and itself one lag later."""
    length = frames.shape[1]
    n_lags = length - window + 1
    size = 1 << (length + window - 1).bit_length()
    head = np.fft.rfft(frames[:, :window], size)
    product = np.fft.irfft(np.fft.rfft(frames, size) * head.conj(), size)[:, :n_lags]
    energy = np.cumsum(np.pad(frames**2, ((0, 0), (1, 0))), axis=1)
    energy = energy[:, window:] - energy[:, :n_lags]
    difference = np.maximum(energy[:, :1] + energy - 2 * product, 0.0)
    mean = np.cumsum(difference, axis=1) / np.maximum(np.arange(n_lags), 1)
    return np.where(mean > 0, difference / np.where(mean > 0, mean, 1.0), 1.0)


def _winner(notes: np.ndarray, votes: np.ndarray) -> float:
    """The MIDI note, to a bin, that gathers the most weight."""
    ballot, edges = np.histogram(notes, np.arange(20, 110, VOTE_SEMITONES), weights=votes)
    return float(edges[np.argmax(np.convolve(ballot, [0.5, 1, 1, 0.5], "same"))])


def _weighted_median(values: np.ndarray, weight: np.ndarray) -> float:
    order = np.argsort(values)
    total = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])


def _harmonic_share(peaks: Peaks, f0_hz: float) -> float:
    """Share of the energy of the spectral peaks that lies near whole multiples of the fundamental."""
    ratio = peaks.f_hz / f0_hz
    energy = 10 ** (peaks.level_db / 10)
    in_tune = np.abs(ratio - np.round(ratio)) < np.clip(MISTUNED * ratio, MISTUNED, 4 * MISTUNED)
    return float(energy[in_tune & (ratio < HARMONICS + 0.5)].sum() / energy.sum())


def _lowest_strong(peaks: Peaks) -> float:
    """Frequency in Hz of the lowest peak that is not far below the strongest: what an inharmonic sound is tuned to."""
    return float(peaks.f_hz[peaks.level_db >= PARTIAL_DB].min())
