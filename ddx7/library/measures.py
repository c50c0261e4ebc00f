"""Measures of rendered notes: level, onset, decay, brightness, noise and pitch."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ddx7.audio.loudness import a_weighting
from ddx7.audio.mel import mel_filterbank
from ddx7.audio.spectra import padded, stft_power, to_db
from ddx7.audio.yin import squared_difference
from ddx7.library.notes import RATE
from ddx7.programs import StoredProgram
from ddx7.runtime import ONE_THREAD, in_groups

FLOOR_DB = -90.0
"""Level of silence; a carrier at full level has -21 dB."""
BRIGHT_HZ = 4000.0
COARSE_TIMES, COARSE_BANDS = 12, 24
"""Size of the coarse log-mel."""

_GROUP = 32
_N_FFT, _HOP = 1024, 512
_LEVEL_WINDOW = 9  # frames, 0.2 s, over which the level is averaged
_WINDOW, _LAGS = 2048, 840  # samples: a window of 93 ms and lags of up to 38 ms, the period of 26 Hz
_SHORTEST_LAG = 5  # 4.4 kHz
_SECOND_WINDOW = 8  # frames, 0.19 s, from the loudest moment to a second estimate of the pitch
_OCTAVE_COST = 0.02  # for each octave of the period, so that of equally good periods the shortest wins


@dataclass(frozen=True, eq=False)
class NoteMeasures:
    """Measures of one note on each of several voices, float32.

    Attributes:
      peak: highest absolute sample, 1.0 full scale.
      level_db: A-weighted level of the loudest 0.2 s.
      attack_s: from note-on to within 3 dB of the loudest moment before note-off.
      held_db: level just before note-off, over the loudest moment; 0 for an organ, -30 for a plucked string.
      release_s: from note-off to 60 dB less, extrapolated beyond the rendered sound; infinite if the level stays.
      centre_hz: frequency that halves the A-weighted power.
      bright_share: share of the A-weighted power above 4 kHz.
      flatness: of the spectrum at the loudest moment, 0 for a tone, near 0.5 for white noise.
      noise: share of the sound without a period, 0 for a tone, near 1 for noise.
      pitch: MIDI note, with fractions, of the best period; unreliable where `noise` is high.
      coarse_log_mel: levels in dB over time, in windows that grow longer, and mel bands.
    """

    peak: Float[np.ndarray, " voice"]
    level_db: Float[np.ndarray, " voice"]
    attack_s: Float[np.ndarray, " voice"]
    held_db: Float[np.ndarray, " voice"]
    release_s: Float[np.ndarray, " voice"]
    centre_hz: Float[np.ndarray, " voice"]
    bright_share: Float[np.ndarray, " voice"]
    flatness: Float[np.ndarray, " voice"]
    noise: Float[np.ndarray, " voice"]
    pitch: Float[np.ndarray, " voice"]
    coarse_log_mel: Float[np.ndarray, "voice 12 24"]

    def __len__(self) -> int:
        """Number of voices."""
        return len(self.peak)

    def __getitem__(self, rows: np.ndarray) -> "NoteMeasures":
        """The measures of some voices."""
        return NoteMeasures(**{name: value[rows] for name, value in vars(self).items()})

    @classmethod
    def concatenate(cls, parts: Sequence["NoteMeasures"]) -> "NoteMeasures":
        """The measures of several sets of voices, one after the other."""
        names = [field.name for field in fields(cls)]
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


_SINGLE = [field.name for field in fields(NoteMeasures) if field.name != "coarse_log_mel"]


def measure_notes(audio: Float[np.ndarray, "voice sample"], gate_s: float) -> NoteMeasures:
    """Measure notes that begin at the first sample.

    Args:
      audio: at 22,050 Hz, at least 0.2 s long.
      gate_s: from note-on to note-off, seconds.
    """
    measured = _program(round(gate_s * RATE / _HOP))

    def work(rows: np.ndarray) -> np.ndarray:
        return np.asarray(measured(audio[rows]))

    columns = in_groups(work, len(audio), _GROUP)
    n = len(_SINGLE)
    coarse_log_mel = columns[:, n:].reshape(-1, COARSE_TIMES, COARSE_BANDS)
    return NoteMeasures(**dict(zip(_SINGLE, columns[:, :n].T, strict=True)), coarse_log_mel=coarse_log_mel)


@cache
def _program(gate: int) -> StoredProgram:
    return StoredProgram("note-measures", lambda: partial(_measured, gate=gate), str(gate), ONE_THREAD)


def _measured(audio: Float[Array, "voice sample"], gate: int) -> Float[Array, "voice measure"]:
    """The fields of `NoteMeasures` side by side, the coarse log-mel last; `gate` in frames."""
    power = stft_power(padded(audio, _N_FFT // 2, _N_FFT // 2), _N_FFT, _HOP)
    n_frames = power.shape[1]
    weighted = power * jnp.asarray(_A_WEIGHT)
    # Hann's window spreads a sine over bins that add up to 1.5 times its power.
    level = to_db(weighted.sum(-1) / 1.5 / 2, 10 ** (FLOOR_DB / 10))
    windows = jnp.stack([level[:, k : n_frames - _LEVEL_WINDOW + k + 1] for k in range(_LEVEL_WINDOW)])
    window_level = 10 * jnp.log10(jnp.mean(10 ** (windows / 10), axis=0))

    held = level[:, : gate + 1]
    loudest = held.max(-1, keepdims=True)
    attack = jnp.argmax(held >= loudest - 3, axis=-1) * (_HOP / RATE)
    # Later frames reach beyond the end of the audio, where the level would seem to fall.
    n_whole = (audio.shape[1] - _N_FFT // 2) // _HOP + 1
    before, after = level[:, gate - 2], level[:, gate + 1 : n_whole]
    release = _seconds_to_fall(after, before)

    total = weighted.sum(1)
    share = total / (total.sum(-1, keepdims=True) + 1e-20)
    cumulative = jnp.cumsum(share, axis=-1)
    centre = jnp.asarray(_F_HZ)[jnp.argmax(cumulative >= 0.5, axis=-1)]
    bright = (share * jnp.asarray(_F_HZ >= BRIGHT_HZ)).sum(-1)

    top = jnp.argmax(level, axis=-1)
    at_top = jnp.take_along_axis(power, top[:, None, None], axis=1)[:, 0, _AUDIBLE] + 1e-12
    flatness = jnp.exp(jnp.log(at_top).mean(-1)) / at_top.mean(-1)
    noise, pitch = _periodicity(audio, top * _HOP)
    second = _periodicity(audio, (top + _SECOND_WINDOW) * _HOP)
    noise, pitch = jnp.where(second[0] < noise, jnp.stack(second), jnp.stack([noise, pitch]))

    bands = power @ jnp.asarray(_MEL)
    times = jnp.asarray(_coarse_times(n_frames), jnp.float32)
    coarse_log_mel = to_db(jnp.einsum("tf,vfb->vtb", times, bands), 10 ** (FLOOR_DB / 10))
    single = [
        jnp.abs(audio).max(-1), window_level.max(-1), attack, before - loudest[:, 0], release,
        centre, bright, flatness, noise, pitch,
    ]  # fmt: skip
    return jnp.concatenate([jnp.stack(single, -1), coarse_log_mel.reshape(len(audio), -1)], -1)


def _seconds_to_fall(
    after: Float[Array, "voice frame"], before: Float[Array, " voice"], fall_db: float = 60.0
) -> Float[Array, " voice"]:
    """Seconds until the level is 60 dB below that before, extrapolated by its slope; 0 where silence came before."""
    seconds = _HOP / RATE
    fallen = (after <= before[:, None] - fall_db) | (after <= FLOOR_DB + 3)
    n = after.shape[1]
    half = n // 2
    slope = (after[:, -1] - after[:, half]) / ((n - 1 - half) * seconds)  # dB a second
    remaining = fall_db - (before - after[:, -1])
    extrapolated = n * seconds + jnp.where(slope < -1.0, remaining / jnp.maximum(-slope, 1.0), jnp.inf)
    return jnp.where(fallen.any(-1), jnp.argmax(fallen, -1) * seconds, extrapolated)


def _periodicity(
    audio: Float[Array, "voice sample"], start: Array
) -> tuple[Float[Array, " voice"], Float[Array, " voice"]]:
    """Share of a segment of each sound without a period, and MIDI note of its best period, by YIN's difference."""
    length = _WINDOW + _LAGS
    start = jnp.clip(start, 0, audio.shape[1] - length)
    cut = jax.vmap(lambda row, first: jax.lax.dynamic_slice(row, (first,), (length,)))(audio, start)
    cut = cut - cut.mean(-1, keepdims=True)
    size = 1 << (length - 1).bit_length()
    difference, energy = squared_difference(cut, _WINDOW, size=size, xp=jnp)
    difference = difference / (energy[:, :1] + energy + 1e-12)
    left, mid, right = difference[:, :-2], difference[:, 1:-1], difference[:, 2:]
    shift = (left - right) / (2 * jnp.maximum(left - 2 * mid + right, 1e-9))
    lag = jnp.arange(1, _LAGS) + jnp.clip(shift, -1, 1)
    depth = jnp.maximum(mid - (left - right) * jnp.clip(shift, -1, 1) / 4, 0)
    dip = (mid < left) & (mid <= right) & (lag >= _SHORTEST_LAG)
    cost = jnp.where(dip, depth + _OCTAVE_COST * jnp.log2(lag), jnp.inf)
    best = jnp.argmin(cost, axis=-1)[:, None]
    has_dip = dip.any(-1)
    noise = jnp.where(has_dip, jnp.take_along_axis(depth, best, -1)[:, 0], 1.0)
    period = jnp.take_along_axis(lag, best, -1)[:, 0]
    return noise, jnp.where(has_dip, 69 + 12 * jnp.log2(RATE / 440 / period), 0.0)


def _coarse_times(n_frames: int) -> Float[np.ndarray, "time frame"]:
    """Weights that average frames over segments, each a little longer than the one before."""
    edges = np.round((n_frames - COARSE_TIMES) * np.linspace(0, 1, COARSE_TIMES + 1) ** 2 + np.arange(COARSE_TIMES + 1))
    inside = (np.arange(n_frames) >= edges[:-1, None]) & (np.arange(n_frames) < edges[1:, None])
    return inside / inside.sum(-1, keepdims=True)


_F_HZ = np.fft.rfftfreq(_N_FFT, 1 / RATE).astype(np.float32)
_A_WEIGHT = a_weighting(_F_HZ).astype(np.float32)
_AUDIBLE = slice(*np.searchsorted(_F_HZ, [200.0, 8000.0]))
_MEL = mel_filterbank(RATE, _N_FFT, COARSE_BANDS, lowest_hz=60.0, highest_hz=10_000.0)
