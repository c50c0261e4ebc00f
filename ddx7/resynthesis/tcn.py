"""The decoder of DDX7: a causal temporal convolutional network (TCN) from pitch and loudness to raw outputs.

A layer takes a whole sound at once or one frame after the other, with the same parameters.
"""

from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ddx7.resynthesis.protocols import Decoder, DecoderSize, Params, array_module

_INPUT_MEAN = np.array([69 / 127, 1 - 30 / 80], np.float32)
_INPUT_DEVIATION = np.array([8 / 127, 15 / 80], np.float32)
"""Of pitch and loudness as `scale_inputs` gives them: A4 and 8 semitones, -30 dB and 15 dB."""


@dataclass(frozen=True)
class TcnSize(DecoderSize):
    """Size of a `Tcn`; the defaults are those of DDX7 (Caspe et al. 2022).

    Attributes:
      channels: of hidden layers.
      kernel: frames in the kernel of a layer, `dilation` apart.
      dilations: of the blocks, two convolutions each.
      residual: blocks with a skip connection: "all", or "ends" as published, where the option for all blocks reaches
        only the first and the last.
      dropout: share of hidden values that training drops, 0 to 1; the published code has 0.5.
      standardised: brings inputs to a mean near 0 and a deviation near 1 first. As published, pitch has a deviation of
        0.04 only, and the network learns it late.
    """

    channels: int = 128
    kernel: int = 3
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16)
    residual: str = "ends"
    dropout: float = 0.5
    standardised: bool = False

    @property
    def context_frames(self) -> int:
        """Earlier frames that an output depends on."""
        return 2 * (self.kernel - 1) * sum(self.dilations)

    def build(self, n_outputs: int) -> "Tcn":
        """The network with so many outputs for each frame."""
        return Tcn(self, n_outputs)

    def prepare(self, params: Params) -> Params:
        """Parameters with kernels in place of their directions and lengths.

        For a single frame, computing the kernels costs as much as using them.
        """
        return {
            name: {"kernel": _kernel(layer["direction"], layer["length"]), "bias": layer["bias"]}
            if "direction" in layer
            else layer
            for name, layer in params.items()
        }

    def initial_state(self, network: Decoder, params: Params, n: int) -> tuple[np.ndarray, ...]:
        """The frames that each convolution takes before the first: zeros."""
        del network
        layers = [params[f"block{block}_{half}"] for block in range(len(self.dilations)) for half in range(2)]
        widths = [(layer["kernel"] if "kernel" in layer else layer["direction"]).shape[1] for layer in layers]
        spans = [(self.kernel - 1) * dilation for dilation in self.dilations for _ in range(2)]
        return tuple(np.zeros((n, span, width), np.float32) for span, width in zip(spans, widths, strict=True))


class _Convolution(nn.Module):
    """A causal convolution with weight normalisation: the kernel of an output is a direction times a length.

    Source: T. Salimans and D. Kingma, Weight normalization (2016).
    """

    features: int
    kernel: int
    dilation: int

    @nn.compact
    def __call__(self, x: Array, state: Array | None = None) -> tuple[Array, Array]:
        """Frames [batch, frame, channel] that follow the state, zeros by default; (result, state after them)."""
        n_in, span = x.shape[-1], (self.kernel - 1) * self.dilation
        kernel, bias = self._params(n_in)
        state = jnp.zeros((len(x), span, n_in), x.dtype) if state is None else state
        x = jnp.concatenate([state, x], axis=1)
        n = x.shape[1] - span
        if n == 1:  # three products are faster than a convolution
            taps = [x[:, k * self.dilation : k * self.dilation + 1] @ kernel[k] for k in range(self.kernel)]
            return sum(taps[1:], taps[0]) + bias, x[:, n:]
        dimensions = ("NWC", "WIO", "NWC")
        y = jax.lax.conv_general_dilated(x, kernel, (1,), "VALID", None, (self.dilation,), dimensions)
        return y + bias, x[:, n:]

    def _params(self, n_in: int) -> tuple[Array, Array]:
        """Kernel and bias."""
        if self.has_variable("params", "kernel"):
            return self.get_variable("params", "kernel"), self.get_variable("params", "bias")
        shape = (self.kernel, n_in, self.features)
        # The initialisation of torch.nn.Conv1d: uniform within the inverse root of the number of inputs.
        bound = (self.kernel * n_in) ** -0.5
        direction = self.param("direction", lambda key: jax.random.uniform(key, shape, minval=-bound, maxval=bound))
        length = self.param("length", lambda _: _norm(direction))
        bias = self.param("bias", lambda key: jax.random.uniform(key, shape[2:], minval=-bound, maxval=bound))
        return _kernel(direction, length), bias


def _kernel(direction: Any, length: Any) -> Any:
    return direction * (length / _norm(direction))


def _norm(direction: Any) -> Any:
    xp = array_module(direction)
    return xp.sqrt(xp.sum(xp.square(direction), axis=(0, 1)))


class Tcn(nn.Module):
    """Raw outputs from pitch and loudness.

    Attributes:
      size: of the network.
      n_outputs: for each frame.
    """

    size: TcnSize
    n_outputs: int

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch frame 2"], state: tuple[Array, ...] | None = None, *, dropout: bool = False
    ) -> tuple[Float[Array, "batch frame n"], tuple[Array, ...]]:
        """Frames that follow the state, endless silence by default; (raw outputs, state after them)."""
        size, states = self.size, []
        if size.standardised:
            x = (x - _INPUT_MEAN) / _INPUT_DEVIATION
        before: Any = iter(state if state is not None else [None] * (2 * len(size.dilations)))
        last = len(size.dilations) - 1
        for block, dilation in enumerate(size.dilations):
            inputs, width = x, self.n_outputs if block == last else size.channels
            for half, features in enumerate((size.channels, width)):
                name = f"block{block}_{half}"
                x, state_after = _Convolution(features, size.kernel, dilation, name=name)(x, next(before))
                states.append(state_after)
                if not (block == last and half == 1):
                    x = nn.Dropout(size.dropout, deterministic=not dropout)(nn.relu(x))
            if size.residual == "all" or block in (0, last):
                same = inputs.shape[-1] == width
                x = x + (inputs if same else nn.Dense(width, name=f"around{block}")(inputs))
        return x, tuple(states)
