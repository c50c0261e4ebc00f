"""The network of DDX7: a causal temporal convolution from pitch and loudness to one number an operator and frame.

Each layer can take a whole sound at once or one frame after the other; both use the same weights.
"""

from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class TcnSize(NamedTuple):
    """Of the network; by default that of DDX7 (Caspe et al. 2022).

    Attributes:
      channels: of hidden layers.
      kernel: frames that a layer sees, `dilation` apart.
      dilations: of the blocks, two convolutions each.
      residual: blocks with a path around them: "ends" as published, where the option that was meant for all blocks
        reaches only the first and the last, or "all".
      dropout: share of hidden values that are left out in training; the published code has 0.5.
    """

    channels: int = 128
    kernel: int = 3
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16)
    residual: str = "ends"
    dropout: float = 0.5

    @property
    def memory(self) -> int:
        """Frames before the present one that an output depends on."""
        return 2 * (self.kernel - 1) * sum(self.dilations)


class _Convolution(nn.Module):
    """Causal, with normalised weights: each output's kernel has a length of its own and a direction of its own.

    Source: T. Salimans and D. Kingma, Weight normalization (2016).
    """

    features: int
    kernel: int
    dilation: int

    @nn.compact
    def __call__(self, x: Array, memory: Array | None = None) -> tuple[Array, Array]:
        """Frames [batch, frame, channel] after those of the memory, zeros by default; (result, memory after them)."""
        n_in, span = x.shape[-1], (self.kernel - 1) * self.dilation
        weights, bias = self._weights(n_in)
        memory = jnp.zeros((len(x), span, n_in), x.dtype) if memory is None else memory
        x = jnp.concatenate([memory, x], axis=1)
        n = x.shape[1] - span
        if n == 1:  # three products are quicker than setting up a convolution
            taps = [x[:, k * self.dilation : k * self.dilation + 1] @ weights[k] for k in range(self.kernel)]
            return sum(taps[1:], taps[0]) + bias, x[:, n:]
        forms = ("NWC", "WIO", "NWC")
        y = jax.lax.conv_general_dilated(x, weights, (1,), "VALID", None, (self.dilation,), forms)
        return y + bias, x[:, n:]

    def _weights(self, n_in: int) -> tuple[Array, Array]:
        """Kernel and bias."""
        if self.has_variable("params", "kernel"):
            return self.get_variable("params", "kernel"), self.get_variable("params", "bias")
        shape = (self.kernel, n_in, self.features)
        # As torch.nn.Conv1d begins: uniform within the inverse root of the number of inputs.
        bound = (self.kernel * n_in) ** -0.5
        direction = self.param("direction", lambda key: jax.random.uniform(key, shape, minval=-bound, maxval=bound))
        length = self.param("length", lambda _: _norm(direction))
        bias = self.param("bias", lambda key: jax.random.uniform(key, shape[2:], minval=-bound, maxval=bound))
        return _kernel(direction, length), bias


def _kernel(direction: Array, length: Array) -> Array:
    return direction * (length / _norm(direction))


def _norm(direction: Array) -> Array:
    return jnp.sqrt(jnp.sum(jnp.square(direction), axis=(0, 1)))


class Tcn(nn.Module):
    """Raw outputs from pitch and loudness.

    Attributes:
      size: of the network.
      n_outputs: a frame.
    """

    size: TcnSize
    n_outputs: int

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch frame 2"], memory: tuple[Array, ...] | None = None, *, dropout: bool = False
    ) -> tuple[Float[Array, "batch frame n"], tuple[Array, ...]]:
        """Frames after those that the memory holds, silence by default; (raw outputs, memory after them)."""
        size, kept = self.size, []
        before: Any = iter(memory if memory is not None else [None] * (2 * len(size.dilations)))
        last = len(size.dilations) - 1
        for block, dilation in enumerate(size.dilations):
            inputs, width = x, self.n_outputs if block == last else size.channels
            for half, features in enumerate((size.channels, width)):
                name = f"block{block}_{half}"
                x, memory_after = _Convolution(features, size.kernel, dilation, name=name)(x, next(before))
                kept.append(memory_after)
                if not (block == last and half == 1):
                    x = nn.Dropout(size.dropout, deterministic=not dropout)(nn.relu(x))
            if size.residual == "all" or block in (0, last):
                same = inputs.shape[-1] == width
                x = x + (inputs if same else nn.Dense(width, name=f"around{block}")(inputs))
        return x, tuple(kept)


def folded(weights: dict[str, Any]) -> dict[str, Any]:
    """Weights of a `Tcn` for playing, with kernels in place of their directions and lengths.

    For one frame, working out the kernels costs as much as using them.
    """
    return {
        name: {"kernel": _kernel(layer["direction"], layer["length"]), "bias": layer["bias"]}
        if "direction" in layer
        else layer
        for name, layer in weights.items()
    }
