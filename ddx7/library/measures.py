"""What notes sound like, in a few numbers each: level, onset, decay, brightness, noise and pitch."""

from dataclasses import dataclass, fields
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ddx7.audio.loudness import a_weighting
from ddx7.audio.mel import mel_filterbank
from ddx7.audio.spectra import padded, stft_power, to_db
from ddx7.audio.yin import squared_difference
from ddx7.library.notes import RATE
from ddx7.runtime import ONE_THREAD, in_groups

FLOOR_DB = -90.0
"""A carrier at full level has -21 dB: what comes near this is silence."""
BRIGHT_HZ = 4000.0
SKETCH_TIMES, SKETCH_BANDS = 12, 24

_GROUP = 32
_N_FFT, _HOP = 1024, 512
_MOMENT = 9  # frames, 0.2 s: over which loudness is judged
_WINDOW, _LAGS = 2048, 840  # samples: 93 ms are compared with themselves up to 38 ms later, the period of 26 Hz
_SHORTEST_LAG = 5  # 4.4 kHz
_LATER = 8  # frames, 0.19 s, from the loudest moment to that where pitch is looked for again
_OCTAVE_COST = 0.02  # of equally good periods the shortest is the pitch


@dataclass(frozen=True, eq=False)
class NoteMeasures:
    """What was measured of one note on each of some voices; arrays with the voice axis first, float32.

    Attributes:
      peak: highest absolute sample, 1.0 full scale.
      level_db: A-weighted level of the loudest 0.2 s.
      attack_s: from the key to within 3 dB of the loudest moment while it is held.
      held_db: level just before the key is let go, over the loudest moment; 0 is an organ, -30 a plucked string.
      release_s: from letting go to 60 dB less, extrapolated beyond what was rendered; infinite if it does not fall.
      centre_hz: the frequency that halves the A-weighted power, by octaves.
      bright_share: share of the A-weighted power above 4 kHz.
      flatness: of the spectrum at the loudest moment: 0 for a tone, near 0.5 for white noise.
      noise: share of the sound that does not repeat with any period: 0 for a tone, near 1 for noise.
      pitch: MIDI note, with fractions, at which the sound repeats best; means little where `noise` is high.
      sketch: [voice, 12, 24] levels in dB over time (quarter notes of the octave, later ones longer) and mel bands.
    """

    peak: np.ndarray
    level_db: np.ndarray
    attack_s: np.ndarray
    held_db: np.ndarray
    release_s: np.ndarray
    centre_hz: np.ndarray
    bright_share: np.ndarray
    flatness: np.ndarray
    noise: np.ndarray
    pitch: np.ndarray
    sketch: np.ndarray

    def __len__(self) -> int:
        """How many voices were measured."""
        return len(self.peak)


_SINGLE = [field.name for field in fields(NoteMeasures) if field.name != "sketch"]


def measure_notes(audio: Float[np.ndarray, "voice sample"], gate_s: float) -> NoteMeasures:
    """Measure notes that begin at the first sample.

    Args:
      audio: at 22,050 Hz, of at least 0.2 s.
      gate_s: when the key was let go.
    """

    def work(rows: np.ndarray) -> np.ndarray:
        return np.asarray(_measured(audio[rows], round(gate_s * RATE / _HOP)))

    found = in_groups(work, len(audio), _GROUP)
    n = len(_SINGLE)
    sketch = found[:, n:].reshape(-1, SKETCH_TIMES, SKETCH_BANDS)
    return NoteMeasures(**dict(zip(_SINGLE, found[:, :n].T, strict=True)), sketch=sketch)


@partial(jax.jit, static_argnames="gate", compiler_options=ONE_THREAD)
def _measured(audio: Float[Array, "voice sample"], gate: int) -> Float[Array, "voice measure"]:
    """The fields of `NoteMeasures` side by side, the sketch last; `gate` in frames."""
    power = stft_power(padded(audio, _N_FFT // 2, _N_FFT // 2), _N_FFT, _HOP)
    n_frames = power.shape[1]
    heard = power * jnp.asarray(_A_WEIGHT)
    # Hann's window spreads a sine over bins that add up to 1.5 times its power.
    level = to_db(heard.sum(-1) / 1.5 / 2, 10 ** (FLOOR_DB / 10))
    moments = jnp.stack([level[:, k : n_frames - _MOMENT + k + 1] for k in range(_MOMENT)])
    moments = 10 * jnp.log10(jnp.mean(10 ** (moments / 10), axis=0))

    held = level[:, : gate + 1]
    loudest = held.max(-1, keepdims=True)
    attack = jnp.argmax(held >= loudest - 3, axis=-1) * (_HOP / RATE)
    # The windows after these reach beyond the end: to measure their halves as falls ends every sound.
    whole = (audio.shape[1] - _N_FFT // 2) // _HOP + 1
    before, after = level[:, gate - 2], level[:, gate + 1 : whole]
    release = _seconds_to_fall(after, before)

    total = heard.sum(1)
    share = total / (total.sum(-1, keepdims=True) + 1e-20)
    below = jnp.cumsum(share, axis=-1)
    centre = jnp.asarray(_F_HZ)[jnp.argmax(below >= 0.5, axis=-1)]
    bright = (share * jnp.asarray(_F_HZ >= BRIGHT_HZ)).sum(-1)

    top = jnp.argmax(level, axis=-1)
    at_top = jnp.take_along_axis(power, top[:, None, None], axis=1)[:, 0, _AUDIBLE] + 1e-12
    flatness = jnp.exp(jnp.log(at_top).mean(-1)) / at_top.mean(-1)
    noise, pitch = _periodicity(audio, top * _HOP)
    again = _periodicity(audio, (top + _LATER) * _HOP)
    noise, pitch = jnp.where(again[0] < noise, jnp.stack(again), jnp.stack([noise, pitch]))

    bands = power @ jnp.asarray(_MEL)
    times = jnp.asarray(_sketch_times(n_frames), jnp.float32)
    sketch = to_db(jnp.einsum("tf,vfb->vtb", times, bands), 10 ** (FLOOR_DB / 10))
    single = [
        jnp.abs(audio).max(-1), moments.max(-1), attack, before - loudest[:, 0], release,
        centre, bright, flatness, noise, pitch,
    ]  # fmt: skip
    return jnp.concatenate([jnp.stack(single, -1), sketch.reshape(len(audio), -1)], -1)


def _seconds_to_fall(
    after: Float[Array, "voice frame"], before: Float[Array, " voice"], fall_db: float = 60.0
) -> Float[Array, " voice"]:
    """When the level is 60 dB under that before, or where its slope leads if that is later; 0 for what was silent."""
    seconds = _HOP / RATE
    gone = (after <= before[:, None] - fall_db) | (after <= FLOOR_DB + 3)
    n = after.shape[1]
    half = n // 2
    slope = (after[:, -1] - after[:, half]) / ((n - 1 - half) * seconds)  # dB a second
    missing = fall_db - (before - after[:, -1])
    led = n * seconds + jnp.where(slope < -1.0, missing / jnp.maximum(-slope, 1.0), jnp.inf)
    return jnp.where(gone.any(-1), jnp.argmax(gone, -1) * seconds, led)


def _periodicity(
    audio: Float[Array, "voice sample"], start: Array
) -> tuple[Float[Array, " voice"], Float[Array, " voice"]]:
    """(share that does not repeat, MIDI note of the period) of a stretch of each sound, by YIN's difference."""
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
    found = dip.any(-1)
    noise = jnp.where(found, jnp.take_along_axis(depth, best, -1)[:, 0], 1.0)
    period = jnp.take_along_axis(lag, best, -1)[:, 0]
    return noise, jnp.where(found, 69 + 12 * jnp.log2(RATE / 440 / period), 0.0)


def _sketch_times(n_frames: int) -> np.ndarray:
    """Weights [time, frame] that average frames over stretches, each a little longer than the one before."""
    edges = np.round((n_frames - SKETCH_TIMES) * np.linspace(0, 1, SKETCH_TIMES + 1) ** 2 + np.arange(SKETCH_TIMES + 1))
    inside = (np.arange(n_frames) >= edges[:-1, None]) & (np.arange(n_frames) < edges[1:, None])
    return inside / inside.sum(-1, keepdims=True)


_F_HZ = np.fft.rfftfreq(_N_FFT, 1 / RATE).astype(np.float32)
_A_WEIGHT = a_weighting(_F_HZ).astype(np.float32)
_AUDIBLE = slice(*np.searchsorted(_F_HZ, [200.0, 8000.0]))
_MEL = mel_filterbank(RATE, _N_FFT, SKETCH_BANDS, lowest_hz=60.0, highest_hz=10_000.0)
