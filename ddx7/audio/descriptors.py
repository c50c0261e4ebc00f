"""What a listener would measure of one sound, in numbers that do not change with its level. NumPy only, and fast."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ddx7.audio.loudness import a_weighting
from ddx7.audio.pitch import PitchEstimate, cents_between, estimate_pitch
from ddx7.audio.spectra_numpy import frames, hann, mean_square, power, to_db
from ddx7.errors import AudioError

HOP_S = 0.005  # between two values of a level over time
RISE_DB = np.array(
    [-12.0, -9.0, -6.0, -3.0]
)  # an attack is read at several heights, so that a ripple at one is outvoted
FALL_DB = -np.arange(10.0, 45.0, 5.0)  # and so is a decay
QUIET_DB = -80.0  # nothing is looked at below this

OCTAVES_HZ = np.array([31.25, 62.5, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16000.0])
THIRDS = 3  # parts of an octave in which noise is looked for
FLOOR_DB = -45.0  # an octave this far under the whole sound is as good as empty: the louder ones mask it
VALLEY = 0.25  # the share of bins that lie in valleys between partials, even where vibrato widens these
NOISE_OVER_VALLEY = 1 / -np.log1p(-VALLEY)  # of white noise, whose power per bin is distributed exponentially
OVERDRAWN = 1.5  # an estimate of noise is uncertain by about this factor; what lies above is tone
MOST_FRAMES = 400  # a minute takes no longer than ten seconds

PITCHED_S = 1.5  # of a note: where `estimate_pitch` gathers nearly all of its votes
WOBBLE_HZ = (3.0, 9.0)  # vibrato and tremolo as people play them, and as an LFO imitates them
TRACK_HZ = (1.5, 25.0)  # what else moves in a track: drift is slower, jitter everywhere
WOBBLE_DB = -25.0  # quieter stretches are not judged
WOBBLE_S = (0.7, 6.0)  # two periods of the slowest; no need for more than this
STRIKE_S = 0.08  # left out: how a note begins is no wobble
PARTIAL_DB = -30.0  # a partial this far under the strongest is not asked
SURE_WOBBLE = 0.5  # share of a track's movement within WOBBLE_HZ; jitter has about a quarter


class OctaveBalance(NamedTuple):
    """A-weighted balance of a sound, dB of each octave of `OCTAVES_HZ` under the whole, float64 [octave].

    Each moment is compared with its own level before the mean over time is taken, louder moments counting more; so how
    fast a sound decays does not matter.

    Attributes:
      all_db: everything.
      tone_db: what stands out of the noise.
      noise_db: what fills the valleys between the partials.
    """

    all_db: np.ndarray
    tone_db: np.ndarray
    noise_db: np.ndarray


class Modulation(NamedTuple):
    """Regular movement of pitch or level.

    Attributes:
      depth: half of the way from lowest to highest, in the unit of the track; 0 where nothing regular was found.
      rate_hz: how often.
    """

    depth: float
    rate_hz: float


NO_PITCH = PitchEstimate(0.0, 0.0)
STEADY = Modulation(0.0, 0.0)


def pitch(samples: np.ndarray, sample_rate: int) -> PitchEstimate:
    """`estimate_pitch` of the beginning of a sound, and where that finds none, a pitch of 0 Hz with confidence 0."""
    try:
        return estimate_pitch(samples[: round(PITCHED_S * sample_rate)], sample_rate)
    except AudioError:
        return NO_PITCH


def level_db(samples: np.ndarray, sample_rate: int, window_s: float) -> np.ndarray:
    """Level over time, dB under the loudest moment, every `HOP_S` from 0; float64 [frame], not below `QUIET_DB`.

    Args:
      samples: float [time].
      sample_rate: in Hz.
      window_s: Hann windows of this length, longer than one period of the sound.
    """
    level = mean_square(samples, max(1, round(window_s * sample_rate)), max(1, round(HOP_S * sample_rate)))
    return to_db(level / max(level.max(), 1e-300), 10 ** (QUIET_DB / 10))


def rise_s(level: np.ndarray) -> np.ndarray:
    """Seconds until a level in dB first comes within each of `RISE_DB` of its highest; float64 [height]."""
    frames = [int(np.argmax(level >= height)) for height in level.max() + RISE_DB]
    return HOP_S * np.array(
        [
            frame - _past(level, frame, frame - 1, level.max() + height)
            for frame, height in zip(frames, RISE_DB, strict=True)
        ]
    )


def fall_s(level: np.ndarray) -> np.ndarray:
    """Seconds from the loudest moment until a level in dB stays under each of `FALL_DB`; infinite if it never does."""
    frames = [int(np.flatnonzero(level >= height)[-1]) for height in level.max() + FALL_DB]
    return HOP_S * np.array(
        [
            frame - np.argmax(level) + _past(level, frame, frame + 1, level.max() + height)
            if frame + 1 < len(level)
            else np.inf
            for frame, height in zip(frames, FALL_DB, strict=True)
        ]
    )


def _past(level: np.ndarray, inside: int, outside: int, height: float) -> float:
    """How far from a frame that reaches a height towards one that does not a straight line passes it, 0..1."""
    if outside < 0:
        return 0.0
    return float((level[inside] - height) / max(level[inside] - level[outside], 1e-9))


def octaves(sounds: Sequence[np.ndarray], sample_rate: int, window_s: float) -> list[OctaveBalance]:
    """Tone and noise by octaves of sounds that are to be compared.

    Args:
      sounds: float [time], all equally long; repeated if shorter than one window.
      sample_rate: in Hz.
      window_s: Hann windows of this length, eight periods of the sound or more: valleys must show between partials.

    Returns:
      levels, not below `FLOOR_DB`, which is added as power; octaves above half the sample rate are empty. The means
      are taken over the same moments with the same weights, those in which all of the sounds are loud: else a note
      that is too soft, or too short, would change the balance of a phrase.
    """
    powers = [_spectra(samples, sample_rate, window_s) for samples in sounds]
    shares = [power.sum(axis=1) / max(power.sum(), 1e-300) for power in powers]
    weight = np.prod(shares, axis=0) ** (1 / len(shares))
    weight = weight / weight.sum() if weight.any() else np.full(len(weight), 1 / len(weight))
    return [OctaveBalance(*(weight @ part for part in _tone_and_noise(power, sample_rate))) for power in powers]


def _tone_and_noise(power: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rows of `OctaveBalance` from a spectrum [frame, bin], in every frame: [frame, octave]."""
    f_hz = np.arange(power.shape[1]) * sample_rate / (2 * (power.shape[1] - 1))
    # Octaves fade into each other over a third: a partial on the border must not jump from one to the next.
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

    No frame reaches beyond the sound: a note that is cut off there would fill every valley.
    """
    window = max(16, round(window_s * sample_rate) // 2 * 2)
    samples = np.pad(samples, (0, max(0, window - len(samples))), mode="wrap")
    hop = max(window // 4, (len(samples) - window + 1) // MOST_FRAMES)
    spectra = power(frames(samples, window, hop), hann(window))
    # A-weighted: nobody misses the rumble of a room.
    return spectra * a_weighting(np.arange(spectra.shape[1]) * sample_rate / window)


def vibrato(samples: np.ndarray, sample_rate: int, f0_hz: float) -> Modulation:
    """Vibrato in cents, as far as the two strongest of the first partials share it: beats move one alone.

    Args:
      samples: float [time], a steady stretch of a note.
      sample_rate: in Hz.
      f0_hz: its fundamental.
    """
    spectrum = np.fft.fft(samples * np.hanning(len(samples)))
    step_hz = sample_rate / len(samples)
    half = int(0.45 * f0_hz / step_hz)
    bands = [round(k * f0_hz / step_hz) + np.arange(-half, half) for k in range(1, 7) if k * f0_hz < 0.4 * sample_rate]
    if half < 4 or not bands:
        return STEADY
    energy = np.array([np.square(np.abs(spectrum[bins])).sum() for bins in bands])
    heard = [k for k in np.argsort(-energy)[:2] if energy[k] >= energy.max() * 10 ** (PARTIAL_DB / 10)]
    plain = np.fft.fft(samples)
    return min(_wobble(*_cents(plain[bands[k]], float(bands[k][half]), step_hz)) for k in heard)


def _cents(band: np.ndarray, centre: float, step_hz: float) -> tuple[np.ndarray, float]:
    """How the frequency of the partial in a band of a spectrum moves, in cents [time], and the rate in Hz of that."""
    # The band alone, moved to 0 Hz, is the partial's amplitude and phase at a rate of its own.
    partial = np.fft.ifft(np.fft.ifftshift(band * np.hanning(len(band) + 2)[1:-1]))
    turns = np.angle(partial[1:] * partial[:-1].conj()) / (2 * np.pi)
    f_hz = step_hz * (centre + turns * len(band))
    edge = len(f_hz) // 20 + 1
    return cents_between(f_hz, f_hz.mean())[edge:-edge], step_hz * len(band)


def tremolo(level: np.ndarray) -> Modulation:
    """Tremolo in dB of a level over time, float64 [frame] every `HOP_S`, of a steady stretch."""
    return _wobble(level, 1 / HOP_S)


def steady(level: np.ndarray) -> slice | None:
    """Frames of a level in dB in which a wobble would be heard; None if they are too few."""
    loud = np.flatnonzero(level >= level.max() + WOBBLE_DB)
    first = int(loud[0] + STRIKE_S / HOP_S)
    last = min(int(loud[-1]), first + int(WOBBLE_S[1] / HOP_S))
    return slice(first, last) if last - first >= WOBBLE_S[0] / HOP_S else None


def _wobble(track: np.ndarray, rate_hz: float) -> Modulation:
    """Regular movement in a track, whatever its drift."""
    time = np.linspace(-1, 1, len(track))
    track = track - np.polynomial.Polynomial.fit(time, track, 3)(time)
    window = np.hanning(len(track))
    power = np.square(np.abs(np.fft.rfft(track * window)))
    f_hz = np.arange(len(power)) * rate_hz / len(track)
    heard = np.where((f_hz >= WOBBLE_HZ[0]) & (f_hz <= WOBBLE_HZ[1]), power, 0.0)
    moves = power[(f_hz >= TRACK_HZ[0]) & (f_hz <= TRACK_HZ[1])].sum()
    if not moves or heard.sum() < SURE_WOBBLE * moves:
        return STEADY
    depth = np.sqrt(4 * heard.sum() / (len(track) * np.square(window).sum()))
    return Modulation(float(depth), float(f_hz[np.argmax(heard)]))
