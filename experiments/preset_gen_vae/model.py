"""The published model: it encodes spectrograms, and decodes the latent vector to spectrograms and to a voice.

spectrograms ──ConvEncoder──► z0 ──latent flow──► zK ──ConvDecoder──► spectrograms
                                               └──Head──► vector of a voice
"""

from typing import Literal, NamedTuple, get_args

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ddx7.errors import Ddx7Error
from preset_gen_vae.cnn import ConvDecoder, ConvEncoder, ConvSizes, published_conv_sizes, small_conv_sizes
from preset_gen_vae.flow import RealNVP

HeadName = Literal["flow", "mlp"]
HEAD_NAMES: tuple[HeadName, ...] = get_args(HeadName)
_MLP_DIM_Z = 256


class VaeSize(NamedTuple):
    """Size of a model.

    Attributes:
      width: of the vector of a voice.
      n_notes: of the input.
      head: an invertible flow or a multilayer perceptron.
      dim_z: of the latent space; a flow keeps dimensions, so with that head it is `width`.
      conv: channels of the convolutions.
      flow: layers and hidden width of each flow.
      mlp: hidden layers and their width.
      dropout: within the head.
    """

    width: int
    n_notes: int
    head: HeadName
    dim_z: int
    conv: ConvSizes
    flow: tuple[int, int] = (6, 300)
    mlp: tuple[int, int] = (3, 1024)
    dropout: float = 0.3


def published_size(width: int, head: HeadName, n_notes: int, *, small: bool = False) -> VaeSize:
    """The published sizes: `realnvp_6l300` in the latent space, and `flow_realnvp_6l300` or `mlp_3l1024` as head.

    Args:
      width: of the vectors of a form.
      head: its type.
      n_notes: one or several.
      small: whether the convolutions take average-pooled spectrograms; flows and heads stay.
    """
    if head not in HEAD_NAMES:
        raise Ddx7Error(f"head {head!r}: wanted one of {', '.join(HEAD_NAMES)}")
    conv_sizes = small_conv_sizes if small else published_conv_sizes
    return VaeSize(width, n_notes, head, width if head == "flow" else _MLP_DIM_Z, conv_sizes(n_notes))


class VaeOutput(NamedTuple):
    """Output of the model.

    Attributes:
      vectors: of voices, [batch, width], from 0 to 1.
      spectrograms: reconstructed, [batch, note, frame, band].
      mean: of z0, [batch, latent].
      log_variance: of z0, likewise.
      z0: sampled in training, else the mean.
      zk: z0 after the latent flow.
      log_det: of that flow, [batch].
    """

    vectors: Float[Array, "batch width"]
    spectrograms: Float[Array, "batch note frame band"]
    mean: Float[Array, "batch latent"]
    log_variance: Float[Array, "batch latent"]
    z0: Float[Array, "batch latent"]
    zk: Float[Array, "batch latent"]
    log_det: Float[Array, " batch"]


class Head(nn.Module):
    """Maps a latent vector to the vector of a voice, from 0 to 1."""

    size: VaeSize

    def setup(self) -> None:
        """The flow, or the layers of the perceptron."""
        if self.size.head == "flow":
            layers, hidden = self.size.flow
            self.flow = RealNVP(self.size.width, layers, hidden, between=True, dropout=self.size.dropout)
        else:
            layers, hidden = self.size.mlp
            self.hidden = [nn.Dense(hidden) for _ in range(layers)]
            self.last = nn.Dense(self.size.width)
            self.dropout = nn.Dropout(self.size.dropout)

    def __call__(self, zk: Float[Array, "batch latent"], train: bool) -> Float[Array, "batch width"]:
        """Vectors."""
        if self.size.head == "flow":
            return jnp.clip(self.flow(zk, train)[0], 0.0, 1.0)
        x = zk
        for k, layer in enumerate(self.hidden):
            x = layer(x)
            x = self.dropout(x, deterministic=not train) if k < len(self.hidden) - 1 else x
            x = nn.relu(x)
        return jnp.clip(self.last(x), 0.0, 1.0)


class PresetGenVae(nn.Module):
    """The whole model."""

    size: VaeSize

    def setup(self) -> None:
        """All parts."""
        size = self.size
        self.encoder = ConvEncoder(size.conv, size.dim_z)
        self.flow = RealNVP(size.dim_z, *size.flow)
        self.decoder = ConvDecoder(size.conv, size.n_notes)
        self.head = Head(size)

    def __call__(self, spectrograms: Float[Array, "batch note frame band"], train: bool = False) -> VaeOutput:
        """All outputs; training uses the random streams `latent` and `dropout`."""
        mean, log_variance = self.encoder(spectrograms, train)
        z0 = mean
        if train:
            z0 = mean + jnp.exp(log_variance / 2) * jax.random.normal(self.make_rng("latent"), mean.shape)
        zk, log_det = self.flow(z0, train)
        return VaeOutput(self.head(zk, train), self.decoder(zk, train), mean, log_variance, z0, zk, log_det)

    def predict(self, spectrograms: Float[Array, "batch note frame band"]) -> Float[Array, "batch width"]:
        """Vectors alone, outside training."""
        mean, _ = self.encoder(spectrograms, False)
        return self.head(self.flow(mean, False)[0], False)
