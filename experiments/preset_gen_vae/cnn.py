"""Convolutions from spectrograms to a latent distribution and back: `speccnn8l1_bn` of the published code.

Each layer halves frames and bands, and all notes share these layers. One 4 x 4 and one 1 x 1 convolution, which is a
dense layer over channels, then combine all notes. The decoder mirrors the encoder. Each layer is a convolution, a leaky
ReLU and batch normalisation, in this order.
"""

from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from preset_gen_vae.spectrogram import BANDS, FRAMES, POOL

_SLOPE = 0.1


class ConvSizes(NamedTuple):
    """Numbers of channels.

    Attributes:
      per_note: of the encoder's layers that process one note.
      joint: of the 4 x 4 convolution over all notes.
      joint_dense: of the 1 x 1 convolution after it.
      decoder_per_note: of each note in the decoder.
      decoder_dense: of the decoder's first layer.
      dropout: rate before the linear layer of the encoder, and after that of the decoder.
      shape: frames and bands of a spectrogram.
    """

    per_note: tuple[int, ...] = (8, 16, 32, 64, 128, 256)
    joint: int = 512
    joint_dense: int = 2048
    decoder_per_note: int = 512
    decoder_dense: int = 2048
    dropout: float = 0.3
    shape: tuple[int, int] = (FRAMES, BANDS)

    def shapes(self) -> list[tuple[int, int]]:
        """Frames and bands before each layer that halves them, and after the last."""
        shapes = [self.shape]
        for kernel in [5] + [4] * len(self.per_note):
            rows, columns = shapes[-1]
            shapes.append(((rows + 4 - kernel) // 2 + 1, (columns + 4 - kernel) // 2 + 1))
        return shapes


def published_conv_sizes(n_notes: int) -> ConvSizes:
    """The published channels; several notes have a wider 4 x 4 and a narrower 1 x 1 convolution."""
    return ConvSizes() if n_notes == 1 else ConvSizes(joint=768, joint_dense=1024)


def small_conv_sizes(n_notes: int) -> ConvSizes:
    """Channels for average-pooled spectrograms: two layers less than published, and narrower ones."""
    joint, dense = (128, 256) if n_notes == 1 else (192, 128)
    shape = (FRAMES // POOL, BANDS // POOL)
    return ConvSizes((16, 32, 64, 64), joint, dense, decoder_per_note=64, decoder_dense=dense, shape=shape)


def _norm(x: Array, train: bool) -> Array:
    return nn.BatchNorm(use_running_average=not train, momentum=0.9)(x)


class ConvEncoder(nn.Module):
    """Encodes spectrograms as mean and log variance in the latent space."""

    sizes: ConvSizes
    dim_z: int

    @nn.compact
    def __call__(
        self, spectrograms: Float[Array, "batch note frame band"], train: bool
    ) -> tuple[Float[Array, "batch latent"], Float[Array, "batch latent"]]:
        """Mean and log variance; both are normalised over the batch, because a flow follows."""
        batch, n_notes = spectrograms.shape[:2]
        x = spectrograms.reshape(-1, *spectrograms.shape[2:], 1)
        for k, channels in enumerate(self.sizes.per_note):
            x = DownConv(channels)(x) if k else nn.Conv(channels, (5, 5), strides=2, padding=2)(x)
            x = nn.leaky_relu(x, _SLOPE)
            x = _norm(x, train) if k else x
        x = jnp.moveaxis(x.reshape(batch, n_notes, *x.shape[1:]), 1, -2)
        x = nn.leaky_relu(DownConv(self.sizes.joint)(x.reshape(*x.shape[:3], -1)), _SLOPE)
        x = nn.leaky_relu(nn.Dense(self.sizes.joint_dense)(_norm(x, train)), _SLOPE)
        x = nn.Dropout(self.sizes.dropout, deterministic=not train)(x.reshape(batch, -1))
        mean, log_variance = jnp.split(_norm(nn.Dense(2 * self.dim_z)(x), train), 2, axis=-1)
        return mean, log_variance


class ConvDecoder(nn.Module):
    """Decodes a latent vector to the spectrograms of all notes."""

    sizes: ConvSizes
    n_notes: int

    @nn.compact
    def __call__(self, z: Float[Array, "batch latent"], train: bool) -> Float[Array, "batch note frame band"]:
        """Spectrograms from -1 to 1."""
        channels, shapes = self.sizes, self.sizes.shapes()
        rows, columns = shapes[-1]
        x = nn.Dense(rows * columns * channels.decoder_dense)(z)
        x = nn.Dropout(channels.dropout, deterministic=not train)(x).reshape(len(z), rows, columns, -1)
        x = nn.leaky_relu(nn.Dense(self.n_notes * channels.decoder_per_note)(x), _SLOPE)
        x = _norm(x, train).reshape(len(z), rows, columns, self.n_notes, channels.decoder_per_note)
        x = jnp.moveaxis(x, -2, 1).reshape(-1, rows, columns, channels.decoder_per_note)
        for width, shape in zip(channels.per_note[::-1], shapes[-2:0:-1], strict=True):
            x = _norm(nn.leaky_relu(UpConv(width, shape)(x), _SLOPE), train)
        x = jnp.clip(_last(x, shapes[0]), -1.0, 1.0)
        return x.reshape(len(z), self.n_notes, *shapes[0])


class DownConv(nn.Module):
    """Convolution of 4 x 4 with stride 2, padded by 2: n become n // 2 + 1.

    The layer moves squares of 2 x 2 into channels, then four neighbouring squares, and applies a dense layer. The
    gradients of XLA's own convolutions take several times as long on a CPU.
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


class UpConv(nn.Module):
    """The transposed convolution that goes with `DownConv`, to an input shape of `DownConv`."""

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
    padding = [(2, 2 + target - (2 * n - 1)) for n, target in zip(x.shape[1:3], size, strict=True)]
    return nn.ConvTranspose(1, (5, 5), strides=(2, 2), padding=padding)(x)
