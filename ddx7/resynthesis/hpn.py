"""The baseline: harmonics plus filtered noise, driven by a recurrent network.

Source: J. Engel et al., DDSP: differentiable digital signal processing (2020), in the size of the baseline of DDX7
(Caspe et al. 2022): 60 harmonics, 65 bands of noise, frames of 64 samples.
"""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt32

from ddx7.audio.features import HOP
from ddx7.engine.waves import sine
from ddx7.resynthesis.gru import Gru


class RnnSize(NamedTuple):
    """Of the network.

    Attributes:
      hidden: units of the recurrent layer and of every layer around it.
      layers: of each perceptron.
    """

    hidden: int = 512
    layers: int = 3


class _Perceptron(nn.Module):
    features: int
    layers: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        for _ in range(self.layers):
            x = nn.leaky_relu(nn.LayerNorm(epsilon=1e-5)(nn.Dense(self.features)(x)))
        return x


class Rnn(nn.Module):
    """Raw outputs from pitch and loudness.

    Attributes:
      size: of the network.
      n_outputs: a frame.
    """

    size: RnnSize
    n_outputs: int

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch frame 2"], memory: Array | None = None, *, dropout: bool = False
    ) -> tuple[Float[Array, "batch frame n"], Array]:
        """Frames after those that the memory knows, silence by default; (raw outputs, memory after them)."""
        hidden, layers = self.size
        seen = [_Perceptron(hidden, layers)(x[..., k : k + 1]) for k in range(x.shape[-1])]
        start = jnp.zeros((len(x), hidden), x.dtype) if memory is None else memory
        heard, memory = Gru(hidden)(jnp.concatenate(seen, axis=-1), start)
        out = _Perceptron(hidden, layers)(jnp.concatenate([heard, x], axis=-1))
        return nn.Dense(self.n_outputs)(out), memory


class HpnControls(NamedTuple):
    """What the synthesiser plays.

    Attributes:
      harmonics: level of each harmonic [..., frame, harmonic].
      noise: gain of each band [..., frame, band].
    """

    harmonics: Float[Array, "*frame harmonic"]
    noise: Float[Array, "*frame band"]


class HpnState(NamedTuple):
    """What is remembered between frames.

    Attributes:
      phase: of the fundamental, uint32 [sound].
      harmonics: levels at the end of the last frame.
      tail: of the noise, which rings over the end of its frame, [sound, 128].
    """

    phase: UInt32[Array, " sound"]
    harmonics: Float[Array, "sound harmonic"]
    tail: Float[Array, "sound 128"]


class HpnSynth(NamedTuple):
    """Harmonics and noise.

    Attributes:
      n_harmonics: at most.
      n_bands: of the noise's filter, of equal width.
      sample_rate: in Hz, to know which harmonics lie above half of it.
      cropped: repeat a defect of published code at 64 samples a frame: the noise filter's response, 128 samples long
        and strongest in its middle, is cut before its middle, so that a flat filter is silence.
    """

    n_harmonics: int = 60
    n_bands: int = 65
    sample_rate: int = 16_000
    cropped: bool = False

    @property
    def n_outputs(self) -> int:
        """Raw values a frame that `controls` wants: an amplitude, harmonics, bands."""
        return 1 + self.n_harmonics + self.n_bands

    def controls(self, raw: Float[Array, "*frame n"]) -> HpnControls:
        """Levels from a network's raw outputs."""
        loud = _exponential_sigmoid(raw)
        amplitude, harmonics, _ = jnp.split(loud, [1, 1 + self.n_harmonics], axis=-1)
        # Noise begins quiet, as in the original.
        noise = _exponential_sigmoid(raw[..., -self.n_bands :] - 5.0)
        return HpnControls(amplitude * harmonics / jnp.sum(harmonics, axis=-1, keepdims=True), noise)

    def increments(self, f0_hz: np.ndarray, sample_rate: int) -> np.ndarray:
        """Phase advance of the fundamental per sample, 2^32 a cycle; uint32 [..., frame]."""
        cycles = np.clip(np.asarray(f0_hz, np.float64) / sample_rate, 0, 0.5)
        return np.round(cycles * 2.0**32).astype(np.uint32)

    def begin(self, n: int) -> HpnState:
        """Silence."""
        silent = jnp.zeros((n, self.n_harmonics))
        return HpnState(jnp.zeros(n, jnp.uint32), silent, jnp.zeros((n, 2 * HOP)))

    def play(
        self,
        controls: HpnControls,
        increment: UInt32[Array, "sound frame"],
        state: HpnState,
        key: Array,
        first: Array,
        *,
        learning: bool = False,
    ) -> tuple[Float[Array, "sound sample"], HpnState]:
        """Sound of some frames, 64 samples each.

        Args:
          controls: from the method of that name.
          increment: from `increments`.
          state: after the frames before, or `begin`.
          key: of the noise.
          first: number of the first frame, so that noise hangs on a frame's place alone.
          learning: unused.

        Returns:
          (sound, state after it).
        """
        tones, phase, last = self._tones(controls.harmonics, increment, state)
        noise, tail = self._noise(controls.noise, state.tail, key, first)
        return (tones + noise).reshape(len(tones), -1), HpnState(phase, last, tail)

    def _tones(self, levels: Array, increment: Array, state: HpnState) -> tuple[Array, Array, Array]:
        number = jnp.arange(1, self.n_harmonics + 1)
        below = increment[..., None].astype(jnp.float32) * 2.0**-32 * number < 0.5
        share = jnp.where(below, levels, 0.0)
        # What is left out above half the rate is made up for by the others.
        share = share * (levels.sum(-1, keepdims=True) / jnp.maximum(share.sum(-1, keepdims=True), 1e-9))
        before = jnp.concatenate([state.harmonics[:, None], share[:, :-1]], axis=1)
        rise = (share - before) / HOP
        after = jnp.cumsum(increment * jnp.uint32(HOP), axis=1, dtype=jnp.uint32) + state.phase[:, None]
        start = after - increment * jnp.uint32(HOP)
        phase = start[..., None] + jnp.arange(HOP, dtype=jnp.uint32) * increment[..., None]  # [sound, frame, sample]
        steps = jnp.arange(1, HOP + 1, dtype=jnp.float32)

        def one(total: Array, x: tuple[Array, Array, Array]) -> tuple[Array, None]:
            which, low, slope = x
            turns = (phase * which).astype(jnp.int32).astype(jnp.float32) * 2.0**-32
            return total + sine(turns) * (low[..., None] + slope[..., None] * steps), None

        by_harmonic = number.astype(jnp.uint32), jnp.moveaxis(before, -1, 0), jnp.moveaxis(rise, -1, 0)
        tones, _ = jax.lax.scan(jax.checkpoint(one), jnp.zeros(phase.shape), by_harmonic)
        return tones, after[:, -1], share[:, -1]

    def _noise(self, bands: Array, tail: Array, key: Array, first: Array) -> tuple[Array, Array]:
        n, frames = bands.shape[:2]
        keys = jax.vmap(lambda frame: jax.random.fold_in(key, frame))(first + jnp.arange(frames))
        hiss = jax.vmap(lambda k: jax.random.uniform(k, (n, HOP), minval=-1.0, maxval=1.0), out_axes=1)(keys)
        taps = 2 * (self.n_bands - 1)
        response = jnp.roll(jnp.fft.irfft(bands, taps), taps // 2, axis=-1) * np.hanning(taps + 1)[:-1]
        if self.cropped:
            response = response[..., :HOP]
        size = HOP + taps  # no part of the product comes round
        ringing = jnp.fft.irfft(jnp.fft.rfft(hiss, size) * jnp.fft.rfft(response, size), size)
        # A frame's noise rings for `taps` samples over its end: add up what the frames leave to each other.
        spread = ringing.reshape(n, frames, -1, HOP)
        total = jnp.zeros((n, frames + spread.shape[2] - 1, HOP))
        for late in range(spread.shape[2]):
            total = total.at[:, late : late + frames].add(spread[:, :, late])
        total = total.at[:, : tail.shape[1] // HOP].add(tail.reshape(n, -1, HOP))
        return total[:, :frames], total[:, frames:].reshape(n, -1)


def _exponential_sigmoid(x: Array) -> Array:
    """Source: Engel et al. (2020): 0 to 2, and as easily quiet as loud."""
    return 2.0 * nn.sigmoid(x) ** np.log(10) + 1e-7
