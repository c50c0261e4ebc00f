"""The two halves of a model: a decoder, which computes controls, and a synthesizer, which turns them into sound.

The split follows DDSP (J. Engel et al. 2020): raw outputs of a network, controls with a physical meaning, signal. A
frame is 64 samples everywhere.
"""

from dataclasses import fields
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, UInt32

from ddx7.resynthesis.playback import N_OPERATORS, PlaybackControls
from ddx7.resynthesis.structure import Structure

Params = dict[str, Any]
"""Learned arrays, nested by name."""


@runtime_checkable
class Synthesizer(Protocol):
    """Turns raw outputs into controls, and controls into sound.

    A synthesizer is a frozen dataclass of settings that derives from this class; it holds no arrays. The first four
    members have no default. Register its class in `ddx7.resynthesis.model.SYNTHESIZERS` to save and load instruments
    that use it.
    """

    @property
    def n_outputs(self) -> int:
        """Number of raw outputs for each frame."""
        ...

    def get_controls(self, raw: Float[Array, "*sound frame n"]) -> Any:
        """Controls from a decoder's raw outputs: arrays [sound, frame, ...], or a tuple or dict of such."""
        ...

    def init_state(self, n: int) -> Any:
        """State of n sounds after endless silence: arrays [sound, ...]."""
        ...

    def get_signal(
        self,
        controls: Any,
        increments: UInt32[Array, "sound frame ..."],
        state: Any,
        key: Key[Array, ""],
        frame: Int[Array, ""],
        *,
        differentiable: bool = False,
    ) -> tuple[Float[Array, "sound time"], Any]:
        """Sound of some frames; blocks that follow each other give the same sound as one call.

        Args:
          controls: from `get_controls`.
          increments: from `increments`.
          state: from `init_state`, or after the frames before.
          key: of random noise.
          frame: number of the first frame. Noise may depend on it and on `key` alone.
          differentiable: the caller takes the gradient with respect to the controls.

        Returns:
          the sound, 64 samples for each frame, and the state after it.
        """
        ...

    def increments(
        self, f0_hz: np.ndarray, sample_rate: int, playback: PlaybackControls | None = None
    ) -> UInt32[np.ndarray, "..."]:
        """Phase increments for each sample, 2^32 for one cycle; by default those of the fundamental.

        Args:
          f0_hz: fundamental [..., frame].
          sample_rate: in Hz.
          playback: settings of the player.
        """
        del playback
        cycles = np.clip(np.asarray(f0_hz, np.float64) / sample_rate, 0, 0.5)
        return np.round(cycles * 2.0**32).astype(np.uint32)

    def level_offsets(self, playback: PlaybackControls) -> Float[np.ndarray, " 6"]:
        """What `adjust_controls` takes: log2 gains that the player adds to OP1 to OP6; by default none."""
        del playback
        return np.zeros(N_OPERATORS, np.float32)

    def adjust_controls(self, controls: Any, offsets: Float[Array, " 6"]) -> Any:
        """Controls with the player's offsets; by default unchanged."""
        del offsets
        return controls

    @property
    def dx7_structure(self) -> Structure | None:
        """Algorithm and frequencies of the DX7 voice that the controls drive; None without operators."""
        return None

    def to_dict(self) -> dict[str, Any]:
        """Settings as JSON values."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # pyright: ignore[reportArgumentType]

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Synthesizer":
        """The synthesizer that `to_dict` describes."""
        return cls(**data)


@runtime_checkable
class Decoder(Protocol):
    """A network, as a flax module without its parameters.

    Called with scaled pitch and loudness [sound, frame, 2], a state (None after endless silence) and
    ``dropout=``, it gives raw outputs [sound, frame, n] and the state after them. An output depends on its own frame
    and earlier ones only.
    """

    def init(self, *args: Any, **kwargs: Any) -> Any:
        """First variables, ``{"params": ...}``; as `flax.linen.Module.init`."""
        ...

    def apply(self, *args: Any, **kwargs: Any) -> Any:
        """(raw outputs, state); as `flax.linen.Module.apply`."""
        ...


@runtime_checkable
class DecoderSize(Protocol):
    """Settings of a decoder: a frozen dataclass that derives from this class.

    Register its class in `ddx7.resynthesis.model.DECODERS` to save and load instruments that use it.
    """

    def build(self, n_outputs: int) -> Decoder:
        """The network with so many outputs for each frame."""
        ...

    def prepare(self, params: Params) -> Params:
        """Parameters in the form that plays fastest; by default unchanged."""
        return params

    def initial_state(self, network: Decoder, params: Params, n: int) -> Any:
        """State of a decoder for n sounds after endless silence: zeros, whose shapes a trace of the network finds.

        Args:
          network: from `build`.
          params: of the network.
          n: number of sounds.
        """
        silence = jnp.zeros((n, 1, 2))
        _, shapes = jax.eval_shape(lambda p: network.apply({"params": p}, silence), params)
        return jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), shapes)

    def to_dict(self) -> dict[str, Any]:
        """Settings as JSON values."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # pyright: ignore[reportArgumentType]

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "DecoderSize":
        """The settings that `to_dict` describes."""
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in data.items()})


def array_module(*arrays: Any) -> Any:
    """`jax.numpy` where one of the arrays is JAX's, else NumPy, for which nothing has to be compiled."""
    return jnp if any(isinstance(x, jax.Array) for x in arrays) else np
