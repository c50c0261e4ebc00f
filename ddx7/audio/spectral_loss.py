"""Spectral losses that a network learns from: L1 of magnitudes at several resolutions, of mel bands, of harmonics.

`multi_scale_distance` is the loss of the published code of DDX7 (Caspe, McPherson and Sandler, ISMIR 2022): the
multi-scale spectral loss of DDSP (Engel et al., ICLR 2020) with the windows, the overlap and the scaling of that code.
`ddx7.audio.metrics.multi_scale_spectral_distance` reports the same loss, in float64.
"""

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ddx7.audio.mel import mel_filterbank
from ddx7.audio.spectra import frames
from ddx7.audio.spectra_numpy import hann

PUBLISHED = (2048, 1024, 512, 256, 128, 64)
"""Windows of the paper, in samples."""
THREE = (2048, 512, 128)
"""Every other one: half the work."""
OVERLAP = 4
"""Frames that cover one sample: consecutive frames share 75 %."""
_LEAST = 1e-7  # added to magnitudes before their logarithm
_MEL_WINDOW, _N_MELS, _LOWEST_HZ = 1024, 64, 40.0
_LEAST_POWER = 1e-9  # added to the power of bands before its logarithm
_HARMONIC_WINDOW, _HARMONICS, _HIGHEST_CYCLES = 512, 16, 0.49
_LEAST_HARMONIC = 1e-11  # added to the power of harmonics before its logarithm: noise in rests is fainter


def multi_scale_distance(
    a: Float[Array, "*batch time"], b: Float[Array, "*batch time"], windows: tuple[int, ...] = PUBLISHED
) -> Float[Array, ""]:
    """Mean absolute difference of magnitudes plus that of their logarithms, summed over windows.

    Args:
      a: sounds, full scale 1.
      b: other sounds of the same shape.
      windows: in samples, multiples of 4.

    Returns:
      a number from 0 up.
    """
    total = jnp.zeros(())
    for window in windows:
        linear, logarithmic = magnitude_differences(magnitudes(a, window), magnitudes(b, window))
        total = total + jnp.mean(linear) + jnp.mean(logarithmic)
    return total


def magnitude_differences(
    a: Float[Array, "*shape"], b: Float[Array, "*shape"]
) -> tuple[Float[Array, "*shape"], Float[Array, "*shape"]]:
    """Absolute difference of two magnitude spectra, and of the logarithms of both magnitudes plus 1e-7."""
    return jnp.abs(a - b), jnp.abs(jnp.log(a + _LEAST) - jnp.log(b + _LEAST))


def difference_sum(target: np.ndarray, estimate: np.ndarray) -> float:
    """Sum of the terms of `multi_scale_distance` over frames and bins, for one window and in float64.

    Args:
      target: frames of a sound, float64 [frame, length].
      estimate: frames of another sound, of the same shape.

    Returns:
      the sum; its quotient by the number of frames and bins is the term of this window.
    """
    with jax.enable_x64(True):
        return float(_difference_sum(jnp.asarray(target, jnp.float64), jnp.asarray(estimate, jnp.float64)))


@jax.jit
def _difference_sum(target: Float[Array, "frame length"], estimate: Float[Array, "frame length"]) -> Float[Array, ""]:
    linear, logarithmic = magnitude_differences(frame_magnitudes(target), frame_magnitudes(estimate))
    return linear.sum() + logarithmic.sum()


def mel_distance(a: Float[Array, "*batch time"], b: Float[Array, "*batch time"], sample_rate: int) -> Float[Array, ""]:
    """Mean absolute difference of the logarithms of power in mel bands.

    A third of the 64 bands lies below 1 kHz, but at 16 kHz only an eighth of the bins of a spectrum. So this loss gives
    more weight to sound between low harmonics. And the level of a band depends less on the randomness of noise than the
    level of a bin does.

    Args:
      a: sounds, full scale 1.
      b: other sounds of the same shape.
      sample_rate: in Hz.

    Returns:
      a number from 0 up; 1 is 4.3 dB.
    """
    filters = _bands(sample_rate)
    x, y = (jnp.log(jnp.square(magnitudes(sound, _MEL_WINDOW)) @ filters + _LEAST_POWER) for sound in (a, b))
    return jnp.mean(jnp.abs(x - y))


def harmonic_distance(
    a: Float[Array, "*batch time"],
    b: Float[Array, "*batch time"],
    cycles: Float[Array, "*batch frame"],
    hop: int,
) -> Float[Array, ""]:
    """Mean absolute difference of the logarithms of the power of harmonics, in windows of 512 samples.

    A high harmonic is one bin among many with noise, or blurred by vibrato over some. Here each of the first sixteen
    counts alike, at its own frequency.

    Args:
      a: sounds, full scale 1.
      b: other sounds of the same shape.
      cycles: fundamental in cycles per sample, one for each hop, without a gradient; harmonics above 0.49 are left
        out.
      hop: samples from one fundamental to the next; divides 256.

    Returns:
      a number from 0 up; 1 is 4.3 dB.
    """
    window = hann(_HARMONIC_WINDOW)
    window = jnp.asarray(window / window.sum(), a.dtype)
    framed = [frames(x, _HARMONIC_WINDOW, _HARMONIC_WINDOW) * window for x in (a, b)]
    at = cycles[..., _HARMONIC_WINDOW // 2 // hop :: _HARMONIC_WINDOW // hop][..., : framed[0].shape[-2]]
    angle = 2 * np.pi * at[..., None] * (np.arange(_HARMONIC_WINDOW, dtype=np.float32) - _HARMONIC_WINDOW // 2)
    first = jnp.cos(angle), jnp.sin(angle)

    def turn(before: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        turned = before[0] * first[0] - before[1] * first[1], before[0] * first[1] + before[1] * first[0]
        return turned, before

    # One harmonic after the other from the first: half the time of all cosines at once.
    _, waves = jax.lax.scan(turn, first, None, length=_HARMONICS)
    x, y = (
        jnp.log(sum(jnp.square(jnp.einsum("...n,k...n->k...", sound, wave)) for wave in waves) + _LEAST_HARMONIC)
        for sound in framed
    )
    number = np.arange(1, _HARMONICS + 1, dtype=np.float32).reshape(-1, *[1] * at.ndim)
    inside = (number * at < _HIGHEST_CYCLES).astype(a.dtype)
    return jnp.sum(inside * jnp.abs(x - y)) / jnp.maximum(jnp.sum(inside), 1.0)


@lru_cache(maxsize=4)
def _bands(sample_rate: int) -> np.ndarray:
    """Bands whose weights add up to 1, so that each gives a mean; [bin, band]."""
    filters = mel_filterbank(sample_rate, _MEL_WINDOW, _N_MELS, lowest_hz=_LOWEST_HZ, highest_hz=sample_rate / 2)
    return filters / np.maximum(filters.sum(axis=0), 1e-12)


def magnitudes(x: Float[Array, "*batch time"], window: int) -> Float[Array, "*batch frame bin"]:
    """Spectra of overlapping frames, a quarter of a window apart, centred, reflected at the ends.

    Args:
      x: sounds, longer than half a window.
      window: samples per frame, a multiple of 4.

    Returns:
      `frame_magnitudes` of time // (window // 4) + 1 frames.
    """
    padded = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(window // 2, window // 2)], mode="reflect")
    return frame_magnitudes(frames(padded, window, window // OVERLAP))


def frame_magnitudes(framed: Float[Array, "*batch frame length"]) -> Float[Array, "*batch frame bin"]:
    """Magnitudes of Hann-windowed frames, divided by the square root of their length; the gradient is finite at 0."""
    window = framed.shape[-1]
    dtype = framed.dtype
    spectrum = jnp.fft.rfft(framed * hann(window).astype(dtype)) / np.sqrt(window).astype(dtype)
    power = jnp.square(spectrum.real) + jnp.square(spectrum.imag)
    # The root's slope at 0 is infinite.
    return jnp.where(power > 0, jnp.sqrt(jnp.where(power > 0, power, 1.0)), 0.0)
