"""Convolutions from spectrograms to a latent distribution and back: `speccnn8l1_bn` of the published code.

Each layer halves frames and bands; the same layers look at each note. One 4 x 4 and one 1 x 1 convolution then see all
notes together. The decoder goes the same way back. Convolution, leaky ReLU, batch normalisation, in this order.
"""

from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from ddx7.inference.published.spectrogram import BANDS, FRAMES

_SLOPE = 0.1
_PADDING = 2


class Layers(NamedTuple):
    """Channels.

    Attributes:
      alone: of the layers that see one note.
      together: of the 4 x 4 convolution that sees all.
      mixed: of the 1 x 1 convolution after it.
      apart: that the decoder has for each note, once it has taken them apart.
      unmixed: of the decoder's first layer.
      dropout: share of numbers that is dropped before the linear layer of the encoder, and after that of the decoder.
      picture: frames and bands of a spectrogram.
    """

    alone: tuple[int, ...] = (8, 16, 32, 64, 128, 256)
    together: int = 512
    mixed: int = 2048
    apart: int = 512
    unmixed: int = 2048
    dropout: float = 0.3
    picture: tuple[int, int] = (FRAMES, BANDS)

    def sizes(self) -> list[tuple[int, int]]:
        """Frames and bands before each layer that halves them, and after the last."""
        sizes = [self.picture]
        for kernel in [5] + [4] * len(self.alone):
            rows, columns = sizes[-1]
            sizes.append(((rows + 4 - kernel) // 2 + 1, (columns + 4 - kernel) // 2 + 1))
        return sizes


def published_layers(n_notes: int) -> Layers:
    """The published channels; several notes are seen together by a wider 4 x 4 and a narrower 1 x 1 convolution."""
    return Layers() if n_notes == 1 else Layers(together=768, mixed=1024)


def _norm(x: Array, train: bool) -> Array:
    return nn.BatchNorm(use_running_average=not train, momentum=0.9)(x)


class Encoder(nn.Module):
    """Spectrograms to mean and log variance of what they may be in the latent space."""

    layers: Layers
    dim_z: int

    @nn.compact
    def __call__(
        self, seen: Float[Array, "batch note frame band"], train: bool
    ) -> tuple[Float[Array, "batch latent"], Float[Array, "batch latent"]]:
        """Mean and log variance; both are normalised over the batch, because a flow follows."""
        batch, n_notes = seen.shape[:2]
        x = seen.reshape(-1, *seen.shape[2:], 1)
        for k, channels in enumerate(self.layers.alone):
            x = _halve(channels, 4 if k else 5)(x)
            x = nn.leaky_relu(x, _SLOPE)
            x = _norm(x, train) if k else x
        x = jnp.moveaxis(x.reshape(batch, n_notes, *x.shape[1:]), 1, -2)
        x = nn.leaky_relu(_halve(self.layers.together, 4)(x.reshape(*x.shape[:3], -1)), _SLOPE)
        x = nn.leaky_relu(nn.Conv(self.layers.mixed, (1, 1))(_norm(x, train)), _SLOPE)
        x = nn.Dropout(self.layers.dropout, deterministic=not train)(x.reshape(batch, -1))
        mean, log_variance = jnp.split(_norm(nn.Dense(2 * self.dim_z)(x), train), 2, axis=-1)
        return mean, log_variance


class Decoder(nn.Module):
    """A latent vector to the spectrograms of all notes."""

    layers: Layers
    n_notes: int

    @nn.compact
    def __call__(self, z: Float[Array, "batch latent"], train: bool) -> Float[Array, "batch note frame band"]:
        """Spectrograms from -1 to 1."""
        layers, sizes = self.layers, self.layers.sizes()
        rows, columns = sizes[-1]
        x = nn.Dense(rows * columns * layers.unmixed)(z)
        x = nn.Dropout(layers.dropout, deterministic=not train)(x).reshape(len(z), rows, columns, -1)
        x = nn.leaky_relu(nn.Conv(self.n_notes * layers.apart, (1, 1))(x), _SLOPE)
        x = _norm(x, train).reshape(len(z), rows, columns, self.n_notes, layers.apart)
        x = jnp.moveaxis(x, -2, 1).reshape(-1, rows, columns, layers.apart)
        for channels, size in zip(layers.alone[::-1], sizes[-2:0:-1], strict=True):
            x = _norm(nn.leaky_relu(_double(x, channels, 4, size), _SLOPE), train)
        x = jnp.clip(_double(x, 1, 5, sizes[0]), -1.0, 1.0)
        return x.reshape(len(z), self.n_notes, *sizes[0])


def _halve(channels: int, kernel: int) -> nn.Conv:
    return nn.Conv(channels, (kernel, kernel), strides=2, padding=_PADDING)


def _double(x: Array, channels: int, kernel: int, size: tuple[int, int]) -> Array:
    """Transposed convolution to a given size: what `_halve` would have made `x` of."""
    before = kernel - 1 - _PADDING
    least = [2 * (n - 1) + kernel - 2 * _PADDING for n in x.shape[1:3]]
    padding = [(before, before + wanted - n) for wanted, n in zip(size, least, strict=True)]
    return nn.ConvTranspose(channels, (kernel, kernel), strides=(2, 2), padding=padding)(x)
