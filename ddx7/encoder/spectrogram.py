"""Log-frequency spectrograms of single notes, with frequencies relative to the fundamental of the played note.

A voice has the same frequency ratios on every note. Relative frequencies therefore put an operator's partials into the
same bands for a bass and for a bell. Frames are dense at the onset and again after key-off. A second group of bands at
fixed frequencies, with a short window, resolves attacks.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8

from ddx7.runtime import ONE_THREAD

RATE = 22_050
"""Sample rate of the analysed audio, in Hz."""
HELD_FRAMES, RELEASED_FRAMES = 40, 16
FRAMES = HELD_FRAMES + RELEASED_FRAMES
HELD_S, RELEASED_S = 3.0, 1.0
SPAN_S = 4.2
"""Longest analysed part of a note, in seconds from its onset."""

BANDS_PER_OCTAVE, LOWEST_OCTAVE, OCTAVES = 14, -1.0, 8
RATIO_BANDS, FIXED_BANDS = BANDS_PER_OCTAVE * OCTAVES, 16
BANDS = RATIO_BANDS + FIXED_BANDS
RANGE_DB = 72.0
"""Dynamic range below the maximum of each group of bands; the floor is 0."""
STEP_DB = 0.3
"""Size of one quantisation step."""
_LONG, _SHORT = 2048, 256
_FIXED_LOW_HZ, _FIXED_HIGH_HZ = 100.0, 10_000.0


@partial(jax.jit, compiler_options=ONE_THREAD)
def log_frequency_spectrogram(
    audio: Float[Array, "note sample"] | Float[np.ndarray, "note sample"],
    f0_hz: Float[Array, " note"] | Float[np.ndarray, " note"],
    gate_s: Float[Array, " note"] | Float[np.ndarray, " note"],
) -> UInt8[Array, "note frame band"]:
    """Spectrograms of notes.

    Args:
      audio: from key-on, at `RATE`; may be shorter than `SPAN_S`.
      f0_hz: frequency of each MIDI note, before the voice's transposition.
      gate_s: seconds from key-on to key-off.

    Returns:
      levels in steps of 0.3 dB above a floor 72 dB below the maximum of the `RATIO_BANDS`, and of the `FIXED_BANDS`.
      Bands above half the sample rate are 0.
    """
    return jax.lax.map(lambda note: _spectrogram(*note), (audio, f0_hz, gate_s), batch_size=8)


def _spectrogram(audio: Array, f0_hz: Array, gate_s: Array) -> Array:
    held_s = HELD_S * jnp.linspace(0, 1, HELD_FRAMES) ** 1.7
    released_s = gate_s + RELEASED_S * jnp.linspace(0, 1, RELEASED_FRAMES) ** 1.5
    times_s = jnp.concatenate([held_s, released_s])
    octaves = LOWEST_OCTAVE + (jnp.arange(RATIO_BANDS + 1) - 0.5) / BANDS_PER_OCTAVE
    fixed_hz = np.geomspace(_FIXED_LOW_HZ, _FIXED_HIGH_HZ, FIXED_BANDS + 1)
    ratio_power = _band_power(audio, times_s, _LONG, f0_hz * 2.0**octaves)
    fixed_power = _band_power(audio, times_s, _SHORT, jnp.asarray(fixed_hz))
    levels_db = [10 * jnp.log10(x / jnp.maximum(x.max(), 1e-20) + 1e-12) for x in (ratio_power, fixed_power)]
    steps = jnp.round((jnp.concatenate(levels_db, axis=-1) + RANGE_DB) / STEP_DB)
    return jnp.clip(steps, 0, 255).astype(jnp.uint8)


def _band_power(audio: Array, times_s: Array, n_fft: int, edges_hz: Array) -> Array:
    """Power between neighbouring edges, [frame, band]; a band narrower than a bin gets its share of that bin."""
    n = audio.shape[-1]
    index = jnp.round(times_s * RATE).astype(jnp.int32)[:, None] + jnp.arange(n_fft) - n_fft // 2
    inside = (index >= 0) & (index < n)
    frames = jnp.where(inside, audio[jnp.clip(index, 0, n - 1)], 0.0) * jnp.asarray(np.hanning(n_fft), jnp.float32)
    power = jnp.abs(jnp.fft.rfft(frames)) ** 2
    # Interpolating the integral of the spectrum makes bands of any width sum to the whole.
    total = jnp.pad(jnp.cumsum(power, axis=-1), ((0, 0), (1, 0)))
    position = jnp.clip(edges_hz * (n_fft / RATE) + 0.5, 0, n_fft // 2 + 1)
    whole = jnp.clip(jnp.floor(position).astype(jnp.int32), 0, n_fft // 2)
    integral = total[:, whole] + (position - whole) * (total[:, whole + 1] - total[:, whole])
    return jnp.maximum(jnp.diff(integral, axis=-1), 0.0)
