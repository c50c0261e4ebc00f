"""Analysis of a recording of one note: onset, duration, pitch and level, all that playing it again needs."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from ddx7.audio.background import Foreground, foreground
from ddx7.audio.chords import find_chord
from ddx7.audio.pitch import PitchEstimate, estimate_pitch, hz_to_midi
from ddx7.audio.pitch_hypotheses import PitchHypothesis
from ddx7.audio.spectra_numpy import mean_square, to_db
from ddx7.audio.yin import fast_length
from ddx7.errors import AudioError

# Levels of the onset are relative to the peak of the recording, one value a millisecond.
ONSET_DB = -40.0  # a struck note begins at the first millisecond with this level,
SWELL_DB = -50.0  # a swelling note at the first one with this level
STRUCK_DB, STRUCK_S = -30.0, 0.005  # a struck note rises from this level to `CERTAIN_ONSET_DB` within this time
NOISE_MARGIN_DB = 10.0  # the onset is at least this much above the quietest tenth of the sound before it,
NOISE_RISES_DB = 3.0  # if that sound is noise: it rises by less than this, unlike a slow attack;
CERTAIN_ONSET_DB = -20.0  # but the threshold is never above this
NOISE_QUANTILE, BACKGROUND_MARGIN_DB = 0.97, 1.0  # and this much above this quantile of the rest of a background,
LATEST_ONSET_DB = -6.0  # but never above this
GAP_MS = 30  # a sound that ends so long before the note is not its beginning
RUMBLE_HZ = 60.0  # slower movements do not mark an onset
INAUDIBLE_DB = -60.0  # the note ends where the envelope falls below this for good

ENVELOPE_S, HOP_S = 0.04, 0.005  # window longer than one period of A0
RELEASE_DEPTH_DB = 30.0  # the search for the release covers this range below the peak, above any reverberation
RELEASE_STEEPER = 3.0  # a release falls this many times faster than the sound before it
RELEASE_DB_PER_S = 40.0  # and at least this fast
KNEE_STEEPER, KNEE_EXPLAINS = 1.3, 0.8  # a possible release: so many times steeper, with so much of one line's error
SHORTEST_FALL = 8  # frames that two lines can be fitted to
LATE_PEAK = 0.3  # share of the note after which its loudest moment may be its release
CHORD_CONFIDENCE, CHORD_DOUBT = (0.1, 0.8), 0.4  # between these confidences, several pitches at once leave this factor
SAME_GATE = 0.06  # gates that differ by a smaller share are one


@dataclass(frozen=True)
class Note:
    """One recorded note.

    Attributes:
      onset_s: its beginning, in seconds from the start of the recording.
      gate_s: onset to release, in seconds; for a sound that only decays, all of its duration.
      duration_s: onset to the end of audible sound, in seconds.
      f0_hz: fundamental frequency.
      note: nearest MIDI note.
      cents: interval from that note to `f0_hz`, -50..50.
      confidence: probability of the pitch, 0..1; below about 0.4 there is no one clear pitch (see `estimate_pitch`).
      loudness_db: RMS from onset to release, dBFS.
      peak_db: highest sample, dBFS.
      other_gates_s: other possible gates, where the envelope alone does not decide.
      pitch_hypotheses: the pitches that it may have, the likeliest first; one of them may be "no one pitch".
      velocity: MIDI velocity that plays it, where it is known; 0 where its loudness decides.
    """

    onset_s: float
    gate_s: float
    duration_s: float
    f0_hz: float
    note: int
    cents: float
    confidence: float
    loudness_db: float
    peak_db: float
    other_gates_s: tuple[float, ...] = ()
    pitch_hypotheses: tuple[PitchHypothesis, ...] = ()
    velocity: int = 0


def analyse_note(samples: np.ndarray, sample_rate: int, *, around_hz: float | int | None = None) -> Note:
    """Measure a recording of one note.

    Args:
      samples: float [time], mono.
      sample_rate: in Hz.
      around_hz: the pitch to within half a semitone, if known.

    Returns:
      the note. A phrase or a chord gives its first or most regular pitch, with low confidence.

    Raises:
      AudioError: silence, or nothing with a pitch.
    """
    samples = np.asarray(samples, np.float64)
    if not samples.any():
        raise AudioError(f"found only silence in {len(samples) / sample_rate:.2f} s, a note is wanted")
    front = foreground(samples, sample_rate)
    note = measure_note(front.samples, sample_rate, noise=noise_peak(front, sample_rate), around_hz=around_hz)
    return replace(note, peak_db=20 * float(np.log10(np.abs(samples).max())))


def _doubted(pitch: PitchEstimate) -> PitchEstimate:
    """The estimate of a sound in whose spectrum several pitches at once were found."""
    pitched = [replace(h, weight=CHORD_DOUBT * h.weight) for h in pitch.hypotheses if h.f0_hz is not None]
    none = PitchHypothesis(None, 1 - sum(h.weight for h in pitched))
    return PitchEstimate(pitch.f0_hz, CHORD_DOUBT * pitch.confidence, (none, *pitched))


def noise_peak(front: Foreground, sample_rate: int) -> float:
    """Level of what is left of the background of a recording, as `measure_note` takes it; 0 if it has none."""
    if front.quiet is None:
        return 0.0
    peaks = _block_peaks(front.samples, sample_rate)
    quiet = front.quiet[:: _block(sample_rate)]
    return float(np.quantile(peaks[quiet], NOISE_QUANTILE))


def measure_note(
    samples: np.ndarray, sample_rate: int, *, noise: float = 0.0, around_hz: float | int | None = None
) -> Note:
    """Measure a note in a recording whose background is set aside.

    Args:
      samples: float64 [time], not silent.
      sample_rate: in Hz.
      noise: level of the noise before the note, as `noise_peak` gives it.
      around_hz: the pitch to within half a semitone, if known.

    Raises:
      AudioError: nothing with a pitch.
    """
    peak = np.abs(samples).max(initial=0.0)
    if peak == 0:
        raise AudioError(f"found only silence in {len(samples) / sample_rate:.2f} s, a note is wanted")
    onset = _onset(samples, sample_rate, noise)
    sound = samples[onset:]
    envelope_db = envelope(without_rumble(samples, sample_rate)[onset:], sample_rate)
    duration_s = min(_end(envelope_db) * HOP_S, len(sound) / sample_rate)
    gate_s, *other_gates_s = (min(frame * HOP_S, duration_s) for frame in _releases(envelope_db))
    audible = sound[: round(duration_s * sample_rate)]
    pitch = estimate_pitch(audible, sample_rate, around_hz=around_hz)
    doubtful = around_hz is None and CHORD_CONFIDENCE[0] < pitch.confidence < CHORD_CONFIDENCE[1]
    if doubtful and find_chord(audible, sample_rate):
        pitch = _doubted(pitch)
    note = round(float(hz_to_midi(pitch.f0_hz)))
    return Note(
        onset_s=onset / sample_rate,
        gate_s=gate_s,
        duration_s=duration_s,
        f0_hz=pitch.f0_hz,
        note=note,
        cents=100 * (float(hz_to_midi(pitch.f0_hz)) - note),
        confidence=pitch.confidence,
        loudness_db=10 * float(np.log10(np.mean(sound[: max(1, round(gate_s * sample_rate))] ** 2) + 1e-20)),
        peak_db=20 * float(np.log10(peak)),
        other_gates_s=tuple(other_gates_s),
        pitch_hypotheses=pitch.hypotheses,
    )


def find_extent(samples: np.ndarray, sample_rate: int, noise: float = 0.0) -> slice:
    """Samples of a note from its onset to its end; arguments as for `measure_note`."""
    onset = _onset(samples, sample_rate, noise)
    envelope_db = envelope(without_rumble(samples, sample_rate)[onset:], sample_rate)
    return slice(onset, onset + round(_end(envelope_db) * HOP_S * sample_rate))


def envelope(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Level of a sound over time.

    Args:
      samples: float [time], not silent.
      sample_rate: in Hz.

    Returns:
      dB under the loudest moment, every 5 ms from time 0, in Hann windows of 40 ms; float64 [frame], not below -120.
    """
    level = mean_square(samples, round(ENVELOPE_S * sample_rate), round(HOP_S * sample_rate))
    return to_db(level / level.max(), 1e-12)


def without_rumble(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """The sound without rumble (handling, steps, the building), which could pass for an onset.

    Three RC high-pass filters in series. They neither delay an attack nor ring before it, as a steep filter would.

    Args:
      samples: float [time].
      sample_rate: in Hz.

    Returns:
      float64 [time], 9 dB down at `RUMBLE_HZ`.
    """
    size = fast_length(len(samples) + round(0.1 * sample_rate))  # the end's response must not reach the beginning
    turns = 1j * np.fft.rfftfreq(size, 1 / sample_rate) / RUMBLE_HZ
    return np.fft.irfft(np.fft.rfft(samples, size) * (turns / (1 + turns)) ** 3, size)[: len(samples)]


def _block_peaks(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Highest sample of every millisecond, without rumble."""
    block = _block(sample_rate)
    padded = np.pad(np.abs(without_rumble(samples, sample_rate)), (0, -len(samples) % block))
    return padded.reshape(-1, block).max(axis=1)


def _block(sample_rate: int) -> int:
    return max(1, round(0.001 * sample_rate))


def _onset(samples: np.ndarray, sample_rate: int, noise: float) -> int:
    """Index of the first sample of the note."""
    block, peaks = _block(sample_rate), _block_peaks(samples, sample_rate)
    level_db = 20 * np.log10(np.maximum(peaks / peaks.max(), 1e-6))
    background_db = 20 * np.log10(max(noise / peaks.max(), 1e-9)) + BACKGROUND_MARGIN_DB
    certain_db = min(max(CERTAIN_ONSET_DB, background_db), LATEST_ONSET_DB)
    certain = int(np.argmax(level_db >= certain_db))
    before = level_db[: certain + 1]
    quiet_db = float(np.quantile(before, 0.1)) + NOISE_MARGIN_DB
    early, late = np.array_split(before[before <= quiet_db], 2)
    noise_db = quiet_db if len(late) and np.median(late) - np.median(early) < NOISE_RISES_DB else -np.inf
    noise_db = max(noise_db, background_db)

    def loud(threshold_db: float) -> np.ndarray:
        return before >= min(max(threshold_db, noise_db), certain_db)

    begin = _after_last_gap(loud(SWELL_DB))

    def reached(threshold_db: float) -> int:
        return begin + int(np.argmax(loud(threshold_db)[begin:]))

    struck = (certain - reached(STRUCK_DB)) * block <= STRUCK_S * sample_rate
    return reached(ONSET_DB if struck else SWELL_DB) * block


def _after_last_gap(loud: np.ndarray) -> int:
    """The millisecond after the last long gap between loud ones; 0 if there is none."""
    if len(loud) < GAP_MS:
        return 0
    gaps = np.flatnonzero(np.convolve(loud, np.ones(GAP_MS, int), "valid") == 0)
    return int(gaps[-1]) + GAP_MS if len(gaps) else 0


def _end(envelope_db: np.ndarray) -> int:
    """Index of the frame after the last audible one."""
    return int(np.flatnonzero(envelope_db >= INAUDIBLE_DB)[-1]) + 1


def _releases(envelope_db: np.ndarray) -> list[int]:
    """Frames where the release may begin, the likeliest first; the end of the note stands for a sound that only decays.

    Two straight lines in dB are fitted to the fall of the envelope's upper part. If the second line is much steeper,
    the corner is the release. The second line of a plucked sound is as steep as the first or flatter. A slow release
    makes no such corner, and a slow attack may leave none: then a weaker knee of the whole fall, or the loudest moment,
    is another candidate.
    """
    end = _end(envelope_db)
    start = int(np.argmax(envelope_db))
    candidates = [end]
    fallen = int(np.flatnonzero(envelope_db >= -RELEASE_DEPTH_DB)[-1]) + 1
    if fallen - start >= SHORTEST_FALL and fallen < len(envelope_db):
        knee = _two_lines(envelope_db[start:fallen])
        if knee.steepens(RELEASE_STEEPER) and -knee.after / HOP_S > RELEASE_DB_PER_S:
            candidates = [start + knee.corner]
    if end - start >= SHORTEST_FALL:
        knee = _two_lines(envelope_db[start:end])
        if knee.steepens(KNEE_STEEPER) and knee.error < KNEE_EXPLAINS:
            candidates.append(start + knee.corner)
    if candidates == [end] and start > LATE_PEAK * end:
        candidates.append(start)
    return [gate for k, gate in enumerate(candidates) if all(abs(gate - g) > SAME_GATE * g for g in candidates[:k])]


class _Knee(NamedTuple):
    """The best continuous fit of two straight lines.

    Attributes:
      corner: index where they meet.
      before: slope of the first, per step.
      after: slope of the second.
      error: root mean square error as a ratio to that of one line.
    """

    corner: int
    before: float
    after: float
    error: float

    def steepens(self, times: float) -> bool:
        """Whether the second line falls more than `times` times as fast as the first."""
        return -self.after > times * max(-self.before, 0.0)


def _two_lines(values: np.ndarray) -> _Knee:
    steps = np.arange(len(values), dtype=np.float64)

    def fit(*bent: np.ndarray) -> tuple[float, np.ndarray]:
        design = np.stack([np.ones_like(steps), steps, *bent], axis=1)
        line = np.linalg.lstsq(design, values, rcond=None)[0]
        return float(np.square(design @ line - values).sum()), line

    corners = range(2, len(values) - 2, max(1, len(values) // 200))
    fits = [fit(np.maximum(steps - corner, 0.0)) for corner in corners]
    best = int(np.argmin([error for error, _ in fits]))
    error, (_, before, change) = fits[best]
    straight, _ = fit()
    return _Knee(corners[best], float(before), float(before + change), (error / (straight + 1e-12)) ** 0.5)
