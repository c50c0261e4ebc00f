"""A note as the encoder sees it: partials over time, laid out from the key that is played.

A voice has the same ratios on every key, so frequencies are counted in semitones from the key's; what an operator does
is then at the same place of the picture for a bass and for a bell. Times are dense at the onset and again after the
key is let go. Beside these bands there are some at fixed frequencies with a short window, for attacks.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num

from ddx7.runtime import ONE_THREAD

RATE = 22_050
"""Sample rate of what is looked at."""
HELD_FRAMES, RELEASED_FRAMES = 40, 16
FRAMES = HELD_FRAMES + RELEASED_FRAMES
HELD_S, RELEASED_S = 3.0, 1.0
SPAN_S = 4.2
"""Seconds of a note that the picture can show: what comes later is not looked at."""

BANDS_PER_OCTAVE, LOWEST_OCTAVE, OCTAVES = 14, -1.0, 8
KEY_BANDS, FIXED_BANDS = BANDS_PER_OCTAVE * OCTAVES, 16
BANDS = KEY_BANDS + FIXED_BANDS
RANGE_DB = 72.0
"""From the loudest spot of a picture down to its floor."""
STEP_DB = 0.3
"""A picture's unit."""
_LONG, _SHORT = 2048, 256
_FIXED_LOW_HZ, _FIXED_HIGH_HZ = 100.0, 10_000.0


@partial(jax.jit, compiler_options=ONE_THREAD)
def log_frequency_spectrogram(
    sound: Float[Array, "note sample"], f0_hz: Num[Array, " note"], gate_s: Num[Array, " note"]
) -> Num[Array, "note frame band"]:
    """Look at notes.

    Args:
      sound: from key-down on, at `RATE`; may be shorter than `SPAN_S`.
      f0_hz: frequency of the key that plays each.
      gate_s: seconds it is held.

    Returns:
      uint8, in steps of 0.3 dB above a floor 72 dB under the loudest spot. Bands above half the sample rate stay 0.
    """
    return jax.lax.map(lambda note: _one(*note), (sound, f0_hz, gate_s), batch_size=8)


def _one(sound: Array, f0_hz: Array, gate_s: Array) -> Array:
    held = HELD_S * jnp.linspace(0, 1, HELD_FRAMES) ** 1.7
    released = gate_s + RELEASED_S * jnp.linspace(0, 1, RELEASED_FRAMES) ** 1.5
    times = jnp.concatenate([held, released])
    octaves = LOWEST_OCTAVE + (jnp.arange(KEY_BANDS + 1) - 0.5) / BANDS_PER_OCTAVE
    fixed = np.geomspace(_FIXED_LOW_HZ, _FIXED_HIGH_HZ, FIXED_BANDS + 1)
    by_key = _bands(sound, times, _LONG, f0_hz * 2.0**octaves)
    by_hz = _bands(sound, times, _SHORT, jnp.asarray(fixed))
    seen = [10 * jnp.log10(x / jnp.maximum(x.max(), 1e-20) + 1e-12) for x in (by_key, by_hz)]
    return jnp.clip(jnp.round((jnp.concatenate(seen, axis=-1) + RANGE_DB) / STEP_DB), 0, 255).astype(jnp.uint8)


def _bands(sound: Array, times: Array, n_fft: int, edges_hz: Array) -> Array:
    """Power between neighbouring edges, [frame, band]; bands narrower than a bin get their share of it."""
    n = sound.shape[-1]
    at = jnp.round(times * RATE).astype(jnp.int32)[:, None] + jnp.arange(n_fft) - n_fft // 2
    inside = (at >= 0) & (at < n)
    frames = jnp.where(inside, sound[jnp.clip(at, 0, n - 1)], 0.0) * jnp.asarray(np.hanning(n_fft), jnp.float32)
    power = jnp.abs(jnp.fft.rfft(frames)) ** 2
    # The integral of the spectrum, read between bins, so that bands of any width sum to the whole.
    total = jnp.pad(jnp.cumsum(power, axis=-1), ((0, 0), (1, 0)))
    place = jnp.clip(edges_hz * (n_fft / RATE) + 0.5, 0, n_fft // 2 + 1)
    whole = jnp.clip(jnp.floor(place).astype(jnp.int32), 0, n_fft // 2)
    read = total[:, whole] + (place - whole) * (total[:, whole + 1] - total[:, whole])
    return jnp.maximum(jnp.diff(read, axis=-1), 0.0)
