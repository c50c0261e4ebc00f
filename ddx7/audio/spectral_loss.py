"""Distances of two sounds that a network learns from: spectra at several resolutions, or in bands; with a gradient.

Source of the first: Engel et al. (2020); windows, overlap and scaling as in the published code of DDX7 (Caspe et al.
2022).
"""

from functools import lru_cache

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ddx7.audio.mel import mel_filterbank

PUBLISHED = (2048, 1024, 512, 256, 128, 64)
"""Windows of the paper."""
THREE = (2048, 512, 128)
"""Every other one: half the work."""
_LEAST = 1e-7  # added to magnitudes before their logarithm
_MEL_WINDOW, _N_MELS, _LOWEST_HZ = 1024, 64, 40.0
_LEAST_POWER = 1e-9  # added to the power of bands before its logarithm


def multi_scale_distance(
    a: Float[Array, "*batch time"], b: Float[Array, "*batch time"], windows: tuple[int, ...] = PUBLISHED
) -> Float[Array, ""]:
    """Mean absolute difference of magnitudes plus that of their logarithms, summed over windows.

    Args:
      a: sounds, full scale 1.
      b: others of the same shape.
      windows: in samples, even.

    Returns:
      a number from 0 up.
    """
    total = jnp.zeros(())
    for window in windows:
        x, y = magnitudes(a, window), magnitudes(b, window)
        total = total + jnp.mean(jnp.abs(x - y)) + jnp.mean(jnp.abs(jnp.log(x + _LEAST) - jnp.log(y + _LEAST)))
    return total


def mel_distance(a: Float[Array, "*batch time"], b: Float[Array, "*batch time"], sample_rate: int) -> Float[Array, ""]:
    """Mean absolute difference of the logarithms of power in mel bands.

    A third of the 64 bands lies below 1 kHz, where at 16 kHz only an eighth of the bins of a spectrum does: what sounds
    between low harmonics counts for more. And a band's level hangs less on the grain of noise than a bin's does.

    Args:
      a: sounds, full scale 1.
      b: others of the same shape.
      sample_rate: in Hz.

    Returns:
      a number from 0 up; 1 is 4.3 dB.
    """
    filters = _bands(sample_rate)
    x, y = (jnp.log(jnp.square(magnitudes(sound, _MEL_WINDOW)) @ filters + _LEAST_POWER) for sound in (a, b))
    return jnp.mean(jnp.abs(x - y))


@lru_cache(maxsize=4)
def _bands(sample_rate: int) -> np.ndarray:
    """Bands whose weights add up to 1, so that each gives a mean; [bin, band]."""
    filters = mel_filterbank(sample_rate, _MEL_WINDOW, _N_MELS, lowest_hz=_LOWEST_HZ, highest_hz=sample_rate / 2)
    return filters / np.maximum(filters.sum(axis=0), 1e-12)


def magnitudes(x: Float[Array, "*batch time"], window: int) -> Float[Array, "*batch frame bin"]:
    """Spectra of overlapping frames, a quarter of a window apart, centred, reflected at the ends.

    Args:
      x: sounds, longer than half a window.
      window: of Hann, in samples, even; spectra are divided by its square root.
    """
    hop = window // 4
    padded = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(window // 2, window // 2)], mode="reflect")
    n_frames = 1 + x.shape[-1] // hop
    # Frames are four shifted runs of quarters: slices and reshapes, which are cheap to differentiate.
    quarters = padded[..., : (n_frames + 3) * hop].reshape(*x.shape[:-1], n_frames + 3, hop)
    frames = jnp.concatenate([quarters[..., k : k + n_frames, :] for k in range(4)], axis=-1)
    taper = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)).astype(np.float32)
    spectrum = jnp.fft.rfft(frames * taper) / np.float32(np.sqrt(window))
    power = jnp.square(spectrum.real) + jnp.square(spectrum.imag)
    # The root's slope at 0 is infinite.
    return jnp.where(power > 0, jnp.sqrt(jnp.where(power > 0, power, 1.0)), 0.0)
