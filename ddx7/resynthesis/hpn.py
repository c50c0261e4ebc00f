"""The synthesizer of the baseline: harmonics plus filtered noise.

Source: J. Engel et al., DDSP: differentiable digital signal processing (2020), in the size of the baseline of DDX7
(Caspe et al. 2022): 60 harmonics, 65 bands of noise, frames of 64 samples.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, UInt32

from ddx7.audio.features import HOP
from ddx7.engine.waves import sine
from ddx7.resynthesis.protocols import Synthesizer


class HpnControls(NamedTuple):
    """Controls of `HpnSynth`.

    Attributes:
      harmonics: level of each harmonic [..., frame, harmonic].
      noise: gain of each band [..., frame, band].
    """

    harmonics: Float[Array, "*sound frame harmonic"]
    noise: Float[Array, "*sound frame band"]


class HpnState(NamedTuple):
    """State of `HpnSynth` between frames.

    Attributes:
      phase: of the fundamental, uint32 [sound].
      harmonics: levels at the end of the last frame.
      tail: of the filtered noise beyond the end of its frame [sound, 128].
    """

    phase: UInt32[Array, " sound"]
    harmonics: Float[Array, "sound harmonic"]
    tail: Float[Array, "sound 128"]


@dataclass(frozen=True)
class HpnSynth(Synthesizer):
    """Harmonics plus noise.

    Attributes:
      n_harmonics: at most.
      n_bands: of the noise filter, of equal width.
      cropped: reproduce a defect of the published code at 64 samples a frame. It cuts the noise filter's impulse
        response, 128 samples long and strongest in its middle, before the middle, so that a flat filter gives silence.
    """

    n_harmonics: int = 60
    n_bands: int = 65
    cropped: bool = False

    @property
    def n_outputs(self) -> int:
        """Raw outputs for each frame: an amplitude, harmonics, bands."""
        return 1 + self.n_harmonics + self.n_bands

    def get_controls(self, raw: Float[Array, "*sound frame n"]) -> HpnControls:
        """Levels from a decoder's raw outputs."""
        levels = _exponential_sigmoid(raw)
        amplitude, harmonics, _ = jnp.split(levels, [1, 1 + self.n_harmonics], axis=-1)
        # Untrained noise is quiet, as in the original.
        noise = _exponential_sigmoid(raw[..., -self.n_bands :] - 5.0)
        return HpnControls(amplitude * harmonics / jnp.sum(harmonics, axis=-1, keepdims=True), noise)

    def init_state(self, n: int) -> HpnState:
        """State of n sounds after endless silence."""
        phase: Any = np.zeros(n, np.uint32)
        harmonics: Any = np.zeros((n, self.n_harmonics), np.float32)
        tail: Any = np.zeros((n, 2 * HOP), np.float32)
        return HpnState(phase, harmonics, tail)

    def get_signal(
        self,
        controls: HpnControls,
        increments: UInt32[Array, "sound frame"],
        state: HpnState,
        key: Key[Array, ""],
        frame: Int[Array, ""],
        *,
        differentiable: bool = False,
    ) -> tuple[Float[Array, "sound time"], HpnState]:
        """Sound of some frames.

        Args:
          controls: from `get_controls`.
          increments: from `increments`.
          state: from `init_state`, or after the frames before.
          key: of the noise.
          frame: number of the first frame; the noise of a frame depends on its number alone.
          differentiable: unused.

        Returns:
          (sound, state after it).
        """
        del differentiable
        state = HpnState(*map(jnp.asarray, state))
        tones, phase, last = self._tones(controls.harmonics, increments, state)
        noise, tail = self._noise(controls.noise, state.tail, key, frame)
        return (tones + noise).reshape(len(tones), -1), HpnState(phase, last, tail)

    def _tones(self, levels: Array, increments: Array, state: HpnState) -> tuple[Array, Array, Array]:
        number = jnp.arange(1, self.n_harmonics + 1)
        below = increments[..., None].astype(jnp.float32) * 2.0**-32 * number < 0.5
        share = jnp.where(below, levels, 0.0)
        # The other harmonics make up for those above half the sample rate.
        share = share * (levels.sum(-1, keepdims=True) / jnp.maximum(share.sum(-1, keepdims=True), 1e-9))
        before = jnp.concatenate([state.harmonics[:, None], share[:, :-1]], axis=1)
        rise = (share - before) / HOP
        after = jnp.cumsum(increments * jnp.uint32(HOP), axis=1, dtype=jnp.uint32) + state.phase[:, None]
        start = after - increments * jnp.uint32(HOP)
        phase = start[..., None] + jnp.arange(HOP, dtype=jnp.uint32) * increments[..., None]  # [sound, frame, sample]
        steps = jnp.arange(1, HOP + 1, dtype=jnp.float32)

        def add_harmonic(total: Array, x: tuple[Array, Array, Array]) -> tuple[Array, None]:
            harmonic, start_level, level_rise = x
            turns = (phase * harmonic).astype(jnp.int32).astype(jnp.float32) * 2.0**-32
            return total + sine(turns) * (start_level[..., None] + level_rise[..., None] * steps), None

        by_harmonic = number.astype(jnp.uint32), jnp.moveaxis(before, -1, 0), jnp.moveaxis(rise, -1, 0)
        tones, _ = jax.lax.scan(jax.checkpoint(add_harmonic), jnp.zeros(phase.shape), by_harmonic)
        return tones, after[:, -1], share[:, -1]

    def _noise(self, bands: Array, tail: Array, key: Array, frame: Array) -> tuple[Array, Array]:
        n, frames = bands.shape[:2]
        keys = jax.vmap(lambda number: jax.random.fold_in(key, number))(frame + jnp.arange(frames))
        white = jax.vmap(lambda k: jax.random.uniform(k, (n, HOP), minval=-1.0, maxval=1.0), out_axes=1)(keys)
        taps = 2 * (self.n_bands - 1)
        response = jnp.roll(jnp.fft.irfft(bands, taps), taps // 2, axis=-1) * np.hanning(taps + 1)[:-1]
        if self.cropped:
            response = response[..., :HOP]
        size = HOP + taps  # long enough for a linear convolution
        filtered = jnp.fft.irfft(jnp.fft.rfft(white, size) * jnp.fft.rfft(response, size), size)
        # The filtered noise of a frame is `taps` samples longer than the frame: overlap and add.
        spread = filtered.reshape(n, frames, -1, HOP)
        total = jnp.zeros((n, frames + spread.shape[2] - 1, HOP))
        for delay in range(spread.shape[2]):
            total = total.at[:, delay : delay + frames].add(spread[:, :, delay])
        total = total.at[:, : tail.shape[1] // HOP].add(tail.reshape(n, -1, HOP))
        return total[:, :frames], total[:, frames:].reshape(n, -1)


def _exponential_sigmoid(x: Array) -> Array:
    """From 0 to 2, with equal steps in dB at low levels. Source: Engel et al. (2020)."""
    return 2.0 * nn.sigmoid(x) ** np.log(10) + 1e-7
