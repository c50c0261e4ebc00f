"""A room, learned: one response of a second, the same for every note of a recording session.

`FirReverb` is that of the published code of DDX7 (Caspe et al. 2022, after Engel et al. 2020). `FilteredNoiseReverb`
is ours: it learns a level and a decay time in each of some bands, in hundreds of steps and not ten thousands.
"""

from functools import lru_cache
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ddx7.audio.features import HOP

BANDS = 16
LEVEL_DB, LEVEL_SCALE_DB = np.linspace(-10.0, -35.0, BANDS), 100.0
"""Of the tail beside the dry sound: before anything is learned, low bands first, and what a weight of 1 changes."""
RT60_S, RT60_SCALE = np.geomspace(1.0, 0.25, BANDS), 5.0
"""Seconds to fall by 60 dB: likewise, and to which power a weight of 1 takes e to multiply them."""


class Reverb(nn.Module):
    """What every room has; called, it gives the response, whose first sample is the dry sound.

    Attributes:
      length: of the response in samples, a multiple of 64.
      sample_rate: in Hz.
    """

    length: int
    sample_rate: int


class FirReverb(Reverb):
    """Noise that decays, added to the sound itself: as many weights as a second has samples, and two."""

    @nn.compact
    def __call__(self) -> Float[Array, " time"]:
        """The response; its first sample is the dry sound."""
        noise = self.param("noise", lambda key: jax.random.uniform(key, (self.length,), minval=-1.0, maxval=1.0))
        decay = self.param("decay", nn.initializers.constant(5.0), ())
        wet = self.param("wet", nn.initializers.constant(0.0), ())
        time_s = np.arange(self.length) / self.sample_rate
        response = noise * jnp.exp(-nn.softplus(-decay) * time_s * 500) * nn.sigmoid(wet)
        return response.at[0].set(1.0)


class FilteredNoiseReverb(Reverb):
    """Bands of noise that decay, each at its own level and pace, added to the sound itself: two weights a band."""

    @nn.compact
    def __call__(self) -> Float[Array, " time"]:
        """The response; its first sample is the dry sound."""
        level = self.param("level", nn.initializers.zeros, (BANDS,))
        decay = self.param("decay", nn.initializers.zeros, (BANDS,))
        # A learning rate of 1e-3 moves weights by some tenths in a thousand steps: enough for any room.
        level_db = LEVEL_DB + LEVEL_SCALE_DB * level
        falls_per_s = np.log(1000) / (RT60_S * jnp.exp(RT60_SCALE * decay))
        time_s = np.arange(self.length) / self.sample_rate
        # The level is that of the whole tail beside the sound itself, however long it lasts.
        amplitude = 10 ** (level_db / 20) * jnp.sqrt(2 * falls_per_s / self.sample_rate)
        tail = _noise(self.length, self.sample_rate) * jnp.exp(-falls_per_s[:, None] * time_s)
        return jnp.asarray(amplitude @ tail).at[0].set(1.0)


@lru_cache(maxsize=4)
def _noise(length: int, sample_rate: int) -> np.ndarray:
    """White noise of variance 1, cut into bands of equal width on the mel scale up to half the rate: [band, time]."""
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(length))
    mel = np.log1p(np.fft.rfftfreq(length, 1 / sample_rate) / 700)
    band = np.minimum((mel / mel[-1] * BANDS).astype(int), BANDS - 1)
    return np.fft.irfft(spectrum * (band == np.arange(BANDS)[:, None]), length).astype(np.float32)


def convolve(x: Float[Array, "batch time"], response: Float[Array, " tap"]) -> Float[Array, "batch time"]:
    """The sound in the room, cut where the sound ends."""
    size = x.shape[-1] + len(response) - 1
    return jnp.fft.irfft(jnp.fft.rfft(x, size) * jnp.fft.rfft(response, size), size)[..., : x.shape[-1]]


class ReverbState(NamedTuple):
    """What a room remembers between frames.

    Attributes:
      heard: spectra of the frames before, newest first, complex64 [sound, part, bin].
      tail: what they still add to the frame that comes, [sound, 64].
    """

    heard: Array
    tail: Array


def partitions(response: Float[Array, " tap"]) -> Complex[Array, "part bin"]:
    """Spectra of a response without its first sample, cut into frames, each filled up to twice its length."""
    return jnp.fft.rfft(response.at[0].set(0.0).reshape(-1, HOP), 2 * HOP)


def begin(n: int, length: int) -> ReverbState:
    """Silence has lasted for ever."""
    return ReverbState(jnp.zeros((n, length // HOP, HOP + 1), jnp.complex64), jnp.zeros((n, HOP)))


def frame_by_frame(
    x: Float[Array, "sound frame 64"], parts: Complex[Array, "part bin"], past: ReverbState
) -> tuple[Float[Array, "sound frame 64"], ReverbState]:
    """What a room adds to the sound itself, without knowing what comes.

    Each frame's spectrum meets every part of the response in its turn; with the sound itself it is `convolve`.

    Args:
      x: the dry sound.
      parts: from `partitions`.
      past: from `begin`, or after the frames before.
    """

    def one(past: ReverbState, frame: Array) -> tuple[ReverbState, Array]:
        now = jnp.fft.rfft(frame, 2 * HOP)[:, None]
        heard = jnp.concatenate([now, past.heard[:, :-1]], axis=1)
        sound = jnp.fft.irfft((heard * parts).sum(axis=1), 2 * HOP)
        return ReverbState(heard, sound[:, HOP:]), sound[:, :HOP] + past.tail

    past, wet = jax.lax.scan(one, past, jnp.moveaxis(x, 1, 0))
    return jnp.moveaxis(wet, 0, 1), past
