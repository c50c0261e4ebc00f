"""Reverb, learned: one impulse response of a second, the same for every note of a recording session.

`FirReverb` is that of the published code of DDX7 (Caspe et al. 2022, after Engel et al. 2020). `FilteredNoiseReverb`
belongs to this project: it learns a level and a decay time for each of some bands, in hundreds of steps instead of tens
of thousands. `BodyReverb` learns a filter of the dry sound beside it, as an instrument's body and a microphone are one.
`RoomReverb` adds a small room, and `TwoBodiesReverb` one filter for noise and one for the tone in that room.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Key

from ddx7.audio.features import HOP
from ddx7.audio.fft_sizes import next_fast_len
from ddx7.resynthesis.protocols import array_module

BANDS = 16
LEVEL_DB, LEVEL_SCALE_DB = np.linspace(-10.0, -35.0, BANDS), 100.0
"""Level of the tail relative to the dry sound, low bands first: untrained, and the change for a weight of 1."""
RT60_S, RT60_SCALE = np.geomspace(1.0, 0.25, BANDS), 5.0
"""Seconds to fall by 60 dB: the untrained value, and the log of the factor for a weight of 1."""
LOUDEST_TAIL_DB, SHORTEST_RT60_S = 0.0, 0.05
"""Bounds of a tail in a room: no louder than the dry sound, and no filter."""


class Reverb(nn.Module):
    """The interface of every reverb: called, it gives the impulse response, whose first sample is the dry sound.

    A reverb with a part at random draws another one with a key; the others leave the key alone.

    Attributes:
      length: of the response in samples, a multiple of 64.
      sample_rate: in Hz.
    """

    length: int
    sample_rate: int

    def __call__(self, key: Key[Array, ""] | None = None) -> Float[Array | np.ndarray, " time"]:
        """The impulse response."""
        raise NotImplementedError

    def split(
        self, key: Key[Array, ""] | None = None
    ) -> tuple[Float[Array | np.ndarray, "..."], Float[Array | np.ndarray, " time"]]:
        """(response of the dry sound, of the reverb); their sum is the impulse response."""
        return np.ones(1, np.float32), _with_first(0.0, self(key))


class FirReverb(Reverb):
    """One decaying noise, whose samples are learned, added to the dry sound: a parameter for each sample, and two."""

    @nn.compact
    def __call__(self, key: Key[Array, ""] | None = None) -> Float[Array | np.ndarray, " time"]:
        """The impulse response; its first sample is the dry sound."""
        del key
        noise = self.param("noise", lambda key: jax.random.uniform(key, (self.length,), minval=-1.0, maxval=1.0))
        decay = self.param("decay", nn.initializers.constant(5.0), ())
        wet = self.param("wet", nn.initializers.constant(0.0), ())
        time_s = np.arange(self.length) / self.sample_rate
        xp = array_module(noise)
        response = noise * xp.exp(-xp.logaddexp(-decay, 0.0) * time_s * 500) / (1 + xp.exp(-wet))
        return _with_first(1.0, response)


class FilteredNoiseReverb(Reverb):
    """Bands of noise that decay, each with its own level and time, added to the dry sound: two parameters a band.

    Attributes:
      bounded: whether tails keep to `LOUDEST_TAIL_DB` and `SHORTEST_RT60_S`.
    """

    bounded: bool = False

    @nn.compact
    def __call__(self, key: Key[Array, ""] | None = None) -> Float[Array | np.ndarray, " time"]:
        """The impulse response; its first sample is the dry sound."""
        del key
        level = self.param("level", nn.initializers.zeros, (BANDS,))
        decay = self.param("decay", nn.initializers.zeros, (BANDS,))
        xp = array_module(level)
        # A learning rate of 1e-3 moves parameters by some tenths in a thousand steps: enough for any room.
        level_db = LEVEL_DB + LEVEL_SCALE_DB * level
        rt60_s = RT60_S * xp.exp(RT60_SCALE * decay)
        if self.bounded:
            level_db = LOUDEST_TAIL_DB - xp.logaddexp(0.0, LOUDEST_TAIL_DB - level_db)
            rt60_s = SHORTEST_RT60_S + rt60_s
        decay_per_s = np.log(1000) / rt60_s
        time_s = np.arange(self.length) / self.sample_rate
        # The level is that of the whole tail relative to the dry sound, whatever its length.
        amplitude = 10 ** (level_db / 20) * xp.sqrt(2 * decay_per_s / self.sample_rate)
        tail = _noise(self.length, self.sample_rate) * xp.exp(-decay_per_s[:, None] * time_s)
        return _with_first(1.0, amplitude @ tail)


BODY_BANDS, BODY_TAPS = 32, 256
BODY_SCALE_DB = 100.0
"""Change of a band of the body for a weight of 1."""


class BodyReverb(Reverb):
    """`FilteredNoiseReverb` beside a body: a filter of the dry sound, one level for each of 32 bands, 16 ms long.

    FM noise is flat, and the filter gives it the spectrum of breath or bow. It has minimum phase, hence no delay.
    """

    def setup(self) -> None:
        """The parameters."""
        self.tail = FilteredNoiseReverb(self.length, self.sample_rate)
        self.body = self.param("body", nn.initializers.zeros, (BODY_BANDS,))

    def __call__(self, key: Key[Array, ""] | None = None) -> Float[Array | np.ndarray, " time"]:
        """The impulse response."""
        dry, tail = self.split(key)
        return array_module(tail).concatenate([tail[: len(dry)] + dry, tail[len(dry) :]])

    def split(
        self, key: Key[Array, ""] | None = None
    ) -> tuple[Float[Array | np.ndarray, " tap"], Float[Array | np.ndarray, " time"]]:
        """(response of the body, of the reverb)."""
        del key
        return _body(self.body), _with_first(0.0, self.tail())


N_BODIES = 2
ROOM_DB, ROOM_RT60_S = -6.5, 0.2
"""Of a small room: power of its response relative to the sound in it, and seconds to fall by 60 dB."""


class RoomReverb(Reverb):
    """A bounded `FilteredNoiseReverb`, and after it a room: a short decaying noise that is not learned.

    In a room, or a wooden body with many resonances, the levels of all harmonics move apart with every change of pitch.
    A network that learns a distance leaves that out, and would drown the room in a loud tail if the two stood side by
    side.
    """

    def setup(self) -> None:
        """The parameters."""
        self.tail = FilteredNoiseReverb(self.length, self.sample_rate, bounded=True)

    def __call__(self, key: Key[Array, ""] | None = None) -> Float[Array | np.ndarray, " time"]:
        """The impulse response of tail and room, one after the other; with a key of another room of its kind."""
        room = _with_first(1.0, _room(self.length, self.sample_rate, key))
        return _with_first(1.0, _convolve(self.tail(), room))


class TwoBodiesReverb(RoomReverb):
    """A body for noise, a body for the tone, and a `RoomReverb` around both.

    Breath and bow have a spectrum of their own, which falls sooner than that of high harmonics.
    """

    def setup(self) -> None:
        """The parameters."""
        self.tail = FilteredNoiseReverb(self.length, self.sample_rate, bounded=True)
        self.body = self.param("body", nn.initializers.zeros, (N_BODIES, BODY_BANDS))

    def split(
        self, key: Key[Array, ""] | None = None
    ) -> tuple[Float[Array | np.ndarray, "body tap"], Float[Array | np.ndarray, " time"]]:
        """(responses of the bodies, of the room without the direct sound)."""
        bodies = [_body(self.body[k]) for k in range(N_BODIES)]
        return array_module(self.body).stack(bodies), _with_first(0.0, self(key))


def _body(level: Float[Array | np.ndarray, " band"]) -> Float[Array | np.ndarray, " tap"]:
    """Response of a body, from the level of each band in units of `BODY_SCALE_DB`."""
    return minimum_phase(_BODY_SHAPE @ level * float(BODY_SCALE_DB / 20 * np.log(10)))[:BODY_TAPS]


def _room(length: int, sample_rate: int, key: Key[Array, ""] | None) -> Float[Array | np.ndarray, " time"]:
    """Noise that decays, without the direct sound; the same without a key."""
    decay = (10 ** (-3 * np.arange(length) / (ROOM_RT60_S * sample_rate))).astype(np.float32)
    decay[0] = 0.0
    drawn = np.random.default_rng(1).standard_normal(length) if key is None else jax.random.normal(key, (length,))
    noise = drawn.astype(np.float32) * decay
    return noise * (np.float32(10 ** (ROOM_DB / 20)) / array_module(noise).linalg.norm(noise))


def _with_first(value: float, response: Any) -> Any:
    """A response with another first sample, float32."""
    xp = array_module(response)
    return xp.concatenate([xp.full(1, value, np.float32), response[1:].astype(np.float32)])


def minimum_phase(nepers: Any) -> Any:
    """Impulse response of minimum phase, from the log of the magnitude on a grid from 0 to half the sample rate."""
    n = 2 * (len(nepers) - 1)
    xp = array_module(nepers)
    cepstrum = xp.fft.irfft(nepers, n)
    fold = np.r_[1.0, np.full(n // 2 - 1, 2.0), 1.0, np.zeros(n // 2 - 1)].astype(np.float32)
    return xp.fft.irfft(xp.exp(xp.fft.rfft(cepstrum * fold)), n)


def _body_shape() -> np.ndarray:
    """Weights that draw straight lines through bands of equal width on the mel scale: [bin, band]."""
    mel = np.log1p(np.linspace(0, 8000, 2 * BODY_TAPS + 1) / 700)
    position = mel / mel[-1] * (BODY_BANDS - 1)
    return np.maximum(1 - np.abs(position[:, None] - np.arange(BODY_BANDS)), 0).astype(np.float32)


_BODY_SHAPE = _body_shape()

REVERBS: dict[str, type[Reverb]] = {
    "filtered-noise": FilteredNoiseReverb,
    "fir": FirReverb,
    "body": BodyReverb,
    "room": RoomReverb,
    "two-bodies": TwoBodiesReverb,
}
"""Kinds of reverb by the name that stands in a model's card."""


@lru_cache(maxsize=4)
def _noise(length: int, sample_rate: int) -> np.ndarray:
    """White noise of variance 1, cut into bands of equal width on the mel scale up to half the rate: [band, time]."""
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(length))
    mel = np.log1p(np.fft.rfftfreq(length, 1 / sample_rate) / 700)
    band = np.minimum((mel / mel[-1] * BANDS).astype(int), BANDS - 1)
    return np.fft.irfft(spectrum * (band == np.arange(BANDS)[:, None]), length).astype(np.float32)


def convolve(x: Float[Array, "sound time"], response: Float[Array, " tap"]) -> Float[Array, "sound time"]:
    """The sound with reverb, cut where the dry sound ends."""
    return _convolve(x, response)


def _convolve(x: Any, response: Any) -> Any:
    """Sounds through a response, by NumPy or JAX, as long as before."""
    fft = array_module(x, response).fft
    size = next_fast_len(x.shape[-1] + len(response) - 1, real=True)
    return fft.irfft(fft.rfft(x, size) * fft.rfft(response, size), size)[..., : x.shape[-1]]


class ReverbState(NamedTuple):
    """State of a reverb between frames.

    Attributes:
      spectra: of the frames before, newest first, complex64 [sound, part, bin].
      tail: their contribution to the next frame [sound, 64].
    """

    spectra: Complex[Array | np.ndarray, "sound part bin"]
    tail: Float[Array | np.ndarray, "sound 64"]


def partitions(response: Any, *, direct: bool = False) -> Any:
    """Spectra of a response, cut into frames, without its first sample or with it (`direct`).

    Each frame is padded to twice its length.
    """
    rest = response if direct else _with_first(0.0, response)
    return array_module(response).fft.rfft(rest.reshape(-1, HOP), 2 * HOP)


def init_state(n: int, length: int) -> ReverbState:
    """State of n sounds after endless silence, for a response of so many samples."""
    return ReverbState(np.zeros((n, length // HOP, HOP + 1), np.complex64), np.zeros((n, HOP), np.float32))


def convolve_frames(
    x: Float[Array, "sound frame 64"], parts: Complex[Array, "part bin"], state: ReverbState
) -> tuple[Float[Array, "sound frame 64"], ReverbState]:
    """The reverb of a dry sound, frame by frame: partitioned convolution without delay.

    Dry sound plus this reverb equal `convolve`.

    Args:
      x: the dry sound.
      parts: from `partitions`.
      state: from `init_state`, or after the frames before.
    """

    def one(state: ReverbState, frame: Array) -> tuple[ReverbState, Array]:
        now = jnp.fft.rfft(frame, 2 * HOP)[:, None]
        spectra = jnp.concatenate([now, state.spectra[:, :-1]], axis=1)
        sound = jnp.fft.irfft((spectra * parts).sum(axis=1), 2 * HOP)
        return ReverbState(spectra, sound[:, HOP:]), sound[:, :HOP] + state.tail

    state, wet = jax.lax.scan(one, state, jnp.moveaxis(x, 1, 0))
    return jnp.moveaxis(wet, 0, 1), state
