"""Short-time spectra in JAX: pure, float32, differentiable, batched over leading axes.

`ddx7.audio.spectra_numpy` is the counterpart without JAX.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ddx7.audio.mel import mel_filterbank
from ddx7.audio.spectra_numpy import hann, unit_sine


def padded(audio: Float[Array, "*batch time"], before: int, after: int = 0) -> Float[Array, "*batch more_time"]:
    """The audio between zeros. Half a frame of zeros on either side centres frame i on sample i * hop."""
    return jnp.pad(audio, [(0, 0)] * (audio.ndim - 1) + [(before, after)])


def frames(audio: Float[Array, "*batch time"], length: int, hop: int) -> Float[Array, "*batch frame length"]:
    """Overlapping frames; samples that do not fill a last frame are left out.

    The frames are whole hops laid side by side, so the gradient is a sum of slices and not a scatter.

    Args:
      audio: samples.
      length: samples per frame.
      hop: samples from one frame to the next; divides `length`.

    Returns:
      (time - length) // hop + 1 frames.

    Raises:
      ValueError: hop does not divide length, or the audio is shorter than one frame.
    """
    if length % hop or audio.shape[-1] < length:
        raise ValueError(f"cannot cut {audio.shape[-1]} samples into frames of {length} every {hop}")
    overlap = length // hop
    n_frames = (audio.shape[-1] - length) // hop + 1
    hops = audio[..., : (n_frames + overlap - 1) * hop].reshape(*audio.shape[:-1], -1, hop)
    return jnp.concatenate([hops[..., i : i + n_frames, :] for i in range(overlap)], axis=-1)


def stft_power(audio: Float[Array, "*batch time"], n_fft: int, hop: int) -> Float[Array, "*batch frame bin"]:
    """Power spectrum of Hann-windowed frames, scaled so that a sine of amplitude 1 has power 1 in its bin.

    Args:
      audio: samples, at least one frame.
      n_fft: samples per frame.
      hop: samples from one frame to the next; divides `n_fft`.

    Returns:
      (time - n_fft) // hop + 1 frames of n_fft // 2 + 1 bins.
    """
    window = jnp.asarray(unit_sine(hann(n_fft)), jnp.float32)
    spectrum = jnp.fft.rfft(frames(audio, n_fft, hop) * window)
    return jnp.square(spectrum.real) + jnp.square(spectrum.imag)


def stft_magnitude(audio: Float[Array, "*batch time"], n_fft: int, hop: int) -> Float[Array, "*batch frame bin"]:
    """Square root of `stft_power` of `padded` sound, with a finite gradient at silence.

    Args:
      audio: samples.
      n_fft: samples per frame.
      hop: samples from one frame to the next; divides `n_fft`.

    Returns:
      time // hop + 1 frames of n_fft // 2 + 1 bins; not below 1e-10.
    """
    return jnp.sqrt(stft_power(padded(audio, n_fft // 2, n_fft // 2), n_fft, hop) + 1e-20)


def log_mel(
    audio: Float[Array, "*batch time"],
    sample_rate: int,
    *,
    n_fft: int = 2048,
    hop: int = 512,
    n_mels: int = 128,
    lowest_hz: float | int = 30.0,
    highest_hz: float | int = 16_000.0,
    floor_db: float | int = -100.0,
) -> Float[Array, "*batch frame mel"]:
    """Mel spectrum in dB of power with a soft floor, which keeps the gradient finite at silence.

    Args:
      audio: samples, full scale 1.0.
      sample_rate: in Hz.
      n_fft: samples per frame.
      hop: samples from one frame to the next; divides `n_fft`.
      n_mels: bands (see `mel_filterbank`).
      lowest_hz: lower edge of the first band.
      highest_hz: upper edge of the last band.
      floor_db: level of silence; the power of the floor is added to every band.

    Returns:
      time // hop + 1 frames of levels in dB.
    """
    filters = mel_filterbank(sample_rate, n_fft, n_mels, lowest_hz=lowest_hz, highest_hz=highest_hz)
    power = stft_power(padded(audio, n_fft // 2, n_fft // 2), n_fft, hop) @ jnp.asarray(filters)
    return to_db(power, 10.0 ** (floor_db / 10))


def to_db(power: Float[Array, "*shape"], floor: Float[Array, "*#shape"] | float) -> Float[Array, "*shape"]:
    """Decibels of a power to which the power of a floor is added."""
    return (10 / np.log(10)) * jnp.log(power + floor)
