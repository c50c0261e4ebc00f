"""Convolutions from spectrograms to a latent distribution and back: `speccnn8l1_bn` of the published code.

Each layer halves frames and bands; the same layers look at each note. One 4 x 4 and one 1 x 1 convolution, which is a
dense layer over channels, then see all notes together. The decoder goes the same way back. Convolution, leaky ReLU and
batch normalisation follow each other in this order.
"""

from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from preset_gen_vae.spectrogram import BANDS, COARSE, FRAMES

_SLOPE = 0.1


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


def small_layers(n_notes: int) -> Layers:
    """Layers for coarse spectrograms: without the two that see most of the published ones, and fewer channels."""
    together, mixed = (128, 256) if n_notes == 1 else (192, 128)
    picture = (FRAMES // COARSE, BANDS // COARSE)
    return Layers((16, 32, 64, 64), together, mixed, apart=64, unmixed=mixed, picture=picture)


def _norm(x: Array, train: bool) -> Array:
    return nn.BatchNorm(use_running_average=not train, momentum=0.9)(x)


class ConvEncoder(nn.Module):
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
            x = Halve(channels)(x) if k else nn.Conv(channels, (5, 5), strides=2, padding=2)(x)
            x = nn.leaky_relu(x, _SLOPE)
            x = _norm(x, train) if k else x
        x = jnp.moveaxis(x.reshape(batch, n_notes, *x.shape[1:]), 1, -2)
        x = nn.leaky_relu(Halve(self.layers.together)(x.reshape(*x.shape[:3], -1)), _SLOPE)
        x = nn.leaky_relu(nn.Dense(self.layers.mixed)(_norm(x, train)), _SLOPE)
        x = nn.Dropout(self.layers.dropout, deterministic=not train)(x.reshape(batch, -1))
        mean, log_variance = jnp.split(_norm(nn.Dense(2 * self.dim_z)(x), train), 2, axis=-1)
        return mean, log_variance


class ConvDecoder(nn.Module):
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
        x = nn.leaky_relu(nn.Dense(self.n_notes * layers.apart)(x), _SLOPE)
        x = _norm(x, train).reshape(len(z), rows, columns, self.n_notes, layers.apart)
        x = jnp.moveaxis(x, -2, 1).reshape(-1, rows, columns, layers.apart)
        for channels, size in zip(layers.alone[::-1], sizes[-2:0:-1], strict=True):
            x = _norm(nn.leaky_relu(Double(channels, size)(x), _SLOPE), train)
        x = jnp.clip(_last(x, sizes[0]), -1.0, 1.0)
        return x.reshape(len(z), self.n_notes, *sizes[0])


class Halve(nn.Module):
    """Convolution of 4 x 4 with stride 2, padded by 2: n become n // 2 + 1.

    Squares of 2 x 2 are laid into channels first, then four neighbouring squares; what remains is a product of
    matrices. XLA's own convolutions have gradients that take several times as long on a CPU.
    """

    channels: int

    @nn.compact
    def __call__(self, x: Float[Array, "batch row column channel"]) -> Float[Array, "batch half half_columns channels"]:
        """One layer."""
        batch, rows, columns, channels = x.shape
        x = jnp.pad(x, ((0, 0), (0, rows % 2), (0, columns % 2), (0, 0)))
        x = x.reshape(batch, x.shape[1] // 2, 2, x.shape[2] // 2, 2, channels)
        x = jnp.moveaxis(x, 2, 3).reshape(batch, x.shape[1], x.shape[3], 4 * channels)
        return nn.Dense(self.channels)(_neighbours(x, ((1, 1 - rows % 2), (1, 1 - columns % 2))))


class Double(nn.Module):
    """The transposed convolution that goes with `Halve`, to a size that `Halve` would have made `x` of."""

    channels: int
    size: tuple[int, int]

    @nn.compact
    def __call__(self, x: Float[Array, "batch half half_columns channel"]) -> Float[Array, "batch row column channels"]:
        """One layer."""
        x = _neighbours(x, ((0, self.size[0] % 2), (0, self.size[1] % 2)))
        x = nn.Dense(4 * self.channels, use_bias=False)(x)
        x = x.reshape(len(x), x.shape[1], x.shape[2], 2, 2, self.channels)
        x = jnp.moveaxis(x, 3, 2).reshape(len(x), 2 * x.shape[1], 2 * x.shape[2], self.channels)
        bias = self.param("bias", nn.initializers.zeros, (self.channels,))
        return x[:, : self.size[0], : self.size[1]] + bias


def _neighbours(x: Array, padding: tuple[tuple[int, int], tuple[int, int]]) -> Array:
    """Channels of each place, of the one to the right, and of the two below."""
    x = jnp.pad(x, ((0, 0), *padding, (0, 0)))
    rows, columns = x.shape[1] - 1, x.shape[2] - 1
    return jnp.concatenate([x[:, i : i + rows, j : j + columns] for i in (0, 1) for j in (0, 1)], axis=-1)


def _last(x: Array, size: tuple[int, int]) -> Array:
    """Transposed convolution of 5 x 5 with stride 2 to one channel of a given size."""
    padding = [(2, 2 + wanted - (2 * n - 1)) for n, wanted in zip(x.shape[1:3], size, strict=True)]
    return nn.ConvTranspose(1, (5, 5), strides=(2, 2), padding=padding)(x)
