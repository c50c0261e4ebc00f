"""Inputs of the published models: mel spectrograms in dB of a voice on one note, or on six."""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ddx7.audio.mel import hz_to_mel, mel_filterbank, mel_to_hz
from ddx7.audio.spectra import stft_magnitude
from ddx7.engine import Patch, plan, play
from ddx7.engine.clock import first_block_at
from ddx7.runtime import ONE_THREAD

RATE = 22_050
HELD_S = 3.0
SAMPLES = 173 * 512
"""Of one note: 4.0 s in whole buffers of 512."""
FADE = round(0.1 * RATE)
"""Samples at the end of a note over which it is faded out."""
N_FFT, HOP = 1024, 256
FRAMES, BANDS = SAMPLES // HOP + 1, 257
POOL = 4
"""Frames and bands that become one in an average-pooled spectrogram."""
FLOOR_DB = -120.0
HIGHEST_DB = -10.0
"""Level that becomes 1 in a spectrogram; the loudest of 400 real voices on `SIX_NOTES` reaches -11.3 dB."""

Notes = Sequence[tuple[int, int]]
"""MIDI notes and velocities."""
ONE_NOTE: Notes = ((60, 85),)
SIX_NOTES: Notes = ((40, 85), (50, 85), (60, 42), (60, 85), (60, 127), (70, 85))

_GROUP = 8


def render_notes(vced: np.ndarray, notes: Notes) -> np.ndarray:
    """Render each voice on each note, held for 3 s.

    Args:
      vced: uint8 [voice, 155].
      notes: to render.

    Returns:
      float32 [voice, note, sample] at `RATE`.
    """
    n = len(vced)
    gate = np.full(n * len(notes), first_block_at(HELD_S, RATE))
    midi_notes, velocities = np.tile(np.array(notes), (n, 1)).T
    plans = plan(Patch.from_vced(np.repeat(vced, len(notes), axis=0)), midi_notes, velocities, gate, RATE)
    audio = play(plans, SAMPLES)
    audio[:, -FADE:] *= np.linspace(1, 0, FADE, dtype=np.float32)
    return audio.reshape(n, len(notes), SAMPLES)


@partial(jax.jit, compiler_options=ONE_THREAD)
def mel_spectrograms(audio: Float[Array, "*batch sample"]) -> Float[Array, "*batch frame band"]:
    """Mel spectrograms of sounds at `RATE`.

    The 257 triangular bands of height 1 (as in librosa with ``norm=None``) sum amplitudes, not powers, from 0 Hz to
    half the rate. Bands narrower than a bin may stay empty.

    Returns:
      -1 at `FLOOR_DB` and below, 1 at `HIGHEST_DB`, linear in dB between and above. 0 dB is a sine of amplitude 2, the
      level of a transform that is divided by the sum of its window.
    """
    filters = jnp.asarray(_filters())

    def one(sound: Array) -> Array:
        # Half, because `stft_magnitude` returns 1 for a sine of amplitude 1.
        level = jnp.maximum(stft_magnitude(sound, N_FFT, HOP) / 2 @ filters, 10 ** (FLOOR_DB / 20))
        return 2 * (20 * jnp.log10(level) - FLOOR_DB) / (HIGHEST_DB - FLOOR_DB) - 1

    flat = audio.reshape(-1, audio.shape[-1])
    levels = jax.lax.map(one, flat, batch_size=_GROUP)
    return levels.reshape(*audio.shape[:-1], *levels.shape[1:])


def average_pool(
    spectrograms: Float[Array, "*batch frame band"],
) -> Float[Array, "*batch pooled_frame pooled_band"]:
    """Average spectrograms over squares of `POOL` frames and bands; incomplete squares at the end are left out."""
    frames, bands = (n // POOL for n in spectrograms.shape[-2:])
    squares = spectrograms[..., : frames * POOL, : bands * POOL].reshape(
        *spectrograms.shape[:-2], frames, POOL, bands, POOL
    )
    return squares.mean(axis=(-3, -1))


def _filters() -> np.ndarray:
    """Triangles of height 1, float32 [bin, band]: those of unit area, times half their width in Hz."""
    highest_hz = RATE / 2
    edges = mel_to_hz(np.linspace(0, hz_to_mel(highest_hz), BANDS + 2))
    area = mel_filterbank(RATE, N_FFT, BANDS, lowest_hz=0.0, highest_hz=highest_hz)
    return (area * (edges[2:] - edges[:-2]) / 2).astype(np.float32)
