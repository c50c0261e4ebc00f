"""The decoder of the baseline: a recurrent network between perceptrons (J. Engel et al. 2020)."""

from dataclasses import dataclass

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from ddx7.resynthesis.gru import Gru
from ddx7.resynthesis.protocols import DecoderSize


@dataclass(frozen=True)
class RnnSize(DecoderSize):
    """Size of an `Rnn`; the defaults are those of the baseline of DDX7 (Caspe et al. 2022).

    Attributes:
      hidden: units of the recurrent layer and of every layer around it.
      layers: of each perceptron.
    """

    hidden: int = 512
    layers: int = 3

    def build(self, n_outputs: int) -> "Rnn":
        """The network with so many outputs for each frame."""
        return Rnn(self, n_outputs)


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
      n_outputs: for each frame.
    """

    size: RnnSize
    n_outputs: int

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "batch frame 2"],
        state: Float[Array, "batch hidden"] | None = None,
        *,
        dropout: bool = False,
    ) -> tuple[Float[Array, "batch frame n"], Float[Array, "batch hidden"]]:
        """Frames that follow the state, endless silence by default; (raw outputs, state after them).

        There is no dropout.
        """
        del dropout
        hidden, layers = self.size.hidden, self.size.layers
        embedded = [_Perceptron(hidden, layers)(x[..., k : k + 1]) for k in range(x.shape[-1])]
        start = jnp.zeros((len(x), hidden), x.dtype) if state is None else state
        recurrent, state = Gru(hidden)(jnp.concatenate(embedded, axis=-1), start)
        out = _Perceptron(hidden, layers)(jnp.concatenate([recurrent, x], axis=-1))
        return nn.Dense(self.n_outputs)(out), state
