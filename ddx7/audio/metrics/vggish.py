"""VGGish, the embedding of the published FAD of DDX7, in Flax.

Source: Hershey et al., CNN Architectures for Large-Scale Audio Classification, ICASSP 2017; the model card and the
definition in tensorflow/models (research/audioset/vggish); clips and windows as in Google's frechet_audio_distance.
"""

from functools import cache
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Float

from ddx7.audio.metrics.embeddings import Embedding, fingerprint
from ddx7.audio.metrics.vggish_weights import DIMENSION, PUBLISHED, VggishWidths, load_weights
from ddx7.audio.spectra_numpy import frames, hann, magnitude
from ddx7.errors import Ddx7Error

RATE, WINDOW, HOP = 16_000, 16_000, 8_000
"""One second, every half second; the last 25 ms of a window do not fill a frame of the image."""
FRAME, FRAME_HOP, N_FFT = 400, 160, 512
N_FRAMES, N_MELS = 96, 64
LOWEST_HZ, HIGHEST_HZ, LOG_OFFSET = 125.0, 7500.0, 0.01
QUIETEST_PEAK = 0.1
BATCH = 16  # windows at once; short batches are padded, so one compiled program serves all


class VGGish(nn.Module):
    """The network up to its embedding; 72,141,184 parameters at the published widths.

    Attributes:
      last_relu: whether the embedding goes through a ReLU, as in the first releases and in torchvggish. The definition
        in tensorflow/models omits it.
      widths: of its hidden layers.
    """

    last_relu: bool = False
    widths: VggishWidths = PUBLISHED

    @nn.compact
    def __call__(self, images: Float[Array, "window 96 64"]) -> Float[Array, "window 128"]:
        """Embed log-mel images, time before frequency."""
        x = images[..., None]
        blocks = (("conv1",), ("conv2",), ("conv3_1", "conv3_2"), ("conv4_1", "conv4_2"))
        for block, channels in zip(blocks, self.widths.convolutions, strict=True):
            for name in block:
                x = nn.relu(nn.Conv(channels, (3, 3), padding="SAME", name=name)(x))
            x = nn.max_pool(x, (2, 2), strides=(2, 2))
        x = x.reshape(len(x), -1)
        for name in ("fc1_1", "fc1_2"):
            x = nn.relu(nn.Dense(self.widths.dense, name=name)(x))
        x = nn.Dense(DIMENSION, name="fc2")(x)
        return nn.relu(x) if self.last_relu else x


def make(name: str, weights: Path | None, widths: VggishWidths = PUBLISHED) -> Embedding:
    """The embeddings ``vggish`` and ``vggish-relu``, 128-dimensional, raw: no PCA, no 8-bit steps."""
    if weights is None:
        raise Ddx7Error(f"the embedding {name} has no weights, a file is wanted")
    params = load_weights(weights, widths)
    model = VGGish(last_relu=name == "vggish-relu", widths=widths)

    @jax.jit
    def apply(params: dict[str, Any], images: Array) -> Array:
        return model.apply({"params": params}, images)  # pyright: ignore[reportReturnType]

    def embed(windows: np.ndarray) -> np.ndarray:
        embedded = []
        for start in range(0, len(windows), BATCH):
            images = log_mel_images(windows[start : start + BATCH])
            full = np.zeros((BATCH, N_FRAMES, N_MELS), np.float32)
            full[: len(images)] = images
            embedded.append(np.asarray(apply(params, full))[: len(images)])
        return np.concatenate(embedded)

    identity = f"{name}-1-{fingerprint(weights)}"
    return Embedding(name, DIMENSION, RATE, WINDOW, HOP, embed, identity, prepare=normalise)


def normalise(sound: np.ndarray) -> np.ndarray:
    """A clip divided by its highest sample, or by 0.1 if that is more: the published code ignores negative peaks."""
    return sound / max(QUIETEST_PEAK, float(sound.max(initial=0.0)))


def log_mel_images(windows: np.ndarray) -> np.ndarray:
    """Input of the network: ln(mel magnitude + 0.01).

    Frames of 25 ms every 10 ms, without padding; periodic Hann; magnitudes of a transform of 512 samples; 64 triangles
    between 125 and 7500 Hz, evenly spaced and straight-sided in mel of HTK, 1127 ln(1 + f / 700).

    Args:
      windows: float [window, 16000], at 16 kHz.

    Returns:
      float32 [window, 96, 64]: the first 0.975 s of each.
    """
    framed = frames(windows, FRAME, FRAME_HOP)[:, :N_FRAMES]
    return np.log(magnitude(framed, hann(FRAME), N_FFT) @ _filters() + LOG_OFFSET).astype(np.float32)


@cache
def _filters() -> np.ndarray:
    """Filters, float64 [bin, mel]: triangles with straight sides in mel, where librosa's are straight in Hz."""
    mel = 1127 * np.log1p(np.fft.rfftfreq(N_FFT, 1 / RATE) / 700)[:, None]
    lowest, highest = 1127 * np.log1p(np.array([LOWEST_HZ, HIGHEST_HZ]) / 700)
    edges = np.linspace(lowest, highest, N_MELS + 2)
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    filters = np.maximum(0.0, np.minimum((mel - low) / (centre - low), (high - mel) / (high - centre)))
    filters[0] = 0.0
    return filters
