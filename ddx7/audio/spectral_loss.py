"""The distance of two sounds that a network learns from: spectra at several resolutions, with a gradient.

Source: Engel et al. (2020); windows, overlap and scaling as in the published code of DDX7 (Caspe et al. 2022).
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

PUBLISHED = (2048, 1024, 512, 256, 128, 64)
"""Windows of the paper."""
THREE = (2048, 512, 128)
"""Every other one: half the work."""
_LEAST = 1e-7  # added to magnitudes before their logarithm


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
