"""MusiCNN: a small network trained on the tags of half a million songs, with filters shaped for timbre and rhythm.

Source of the architecture: Pons and Serra, musicnn: Pre-trained convolutional neural networks for music audio tagging,
2019 (arXiv 1909.06654), and the shapes of the published weights. The parts, in the paper's words:

- front end: batch norm; filters of 7 frames by 38 and by 67 bands ("timbral"), and of 128, 64 and 32 frames by one band
  ("temporal"); ReLU, batch norm, maximum over all bands;
- middle: three layers of 64 filters of 7 frames over all channels, the last two with residuals;
- back end: all 753 channels, maximum and mean over time; batch norm; dense 200, ReLU, batch norm; 50 tags.
"""

import re
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ddx7.audio.mel import mel_filterbank
from ddx7.audio.metrics.embeddings import Embedding, fingerprint
from ddx7.audio.spectra_numpy import frames, hann, power
from ddx7.errors import Ddx7Error

RATE, N_FFT, FRAME_HOP, N_MELS, N_FRAMES = 16_000, 512, 256, 96, 187
WINDOW = N_FFT + (N_FRAMES - 1) * FRAME_HOP
HOP = RATE
DIMENSION, N_TAGS = 200, 50
BATCH = 8  # windows at once; short batches are padded, so one compiled program serves all
_EPSILON = 1e-3  # of batch norm, Keras' default

Weights = dict[str, dict[str, jax.Array]]

N_FRONT = 5


class MusicnnWidths(NamedTuple):
    """Number of filters of the convolutions.

    Attributes:
      timbral: each of the two shapes that span many bands.
      temporal: each of the three shapes that span many frames.
      middle: each of the three layers of the middle.
    """

    timbral: int = 204
    temporal: int = 51
    middle: int = 64


PUBLISHED = MusicnnWidths()


def _numbered(name: str, number: int) -> str:
    return f"{name}_{number}" if number else name


def shapes(widths: MusicnnWidths = PUBLISHED) -> dict[str, dict[str, tuple[int, ...]]]:
    """Shapes of the weights: layer (Keras' name) to variable to shape."""
    timbral, temporal, middle = widths
    fronts = [(7, 38, 1, timbral), (7, 67, 1, timbral), *((frames, 1, 1, temporal) for frames in (128, 64, 32))]
    n_front = sum(shape[-1] for shape in fronts)
    n_pooled = 2 * (n_front + 3 * middle)
    kernels = {_numbered("conv2d", k): shape for k, shape in enumerate(fronts)}
    kernels |= {f"midend_conv{k}": (7, n_front if k == 1 else middle, 1, middle) for k in (1, 2, 3)}
    kernels |= {"dense": (n_pooled, DIMENSION), "dense_1": (DIMENSION, N_TAGS)}
    norms = {"batch_normalization": 1, "bn_flatpool": n_pooled, "bn_dense": DIMENSION}
    norms |= {f"batch_normalization_{k}": shape[-1] for k, shape in enumerate(fronts, start=1)}
    norms |= {f"bn_midend_conv{k}": middle for k in (1, 2, 3)}
    layers: dict[str, dict[str, tuple[int, ...]]] = {
        name: {"kernel": shape, "bias": shape[-1:]} for name, shape in kernels.items()
    }
    for name, size in norms.items():
        layers[name] = dict.fromkeys(("beta", "gamma", "moving_mean", "moving_variance"), (size,))
    return layers


_NAME = re.compile(
    r"(?:model_weights[./])?(\w+)[./]\1[./](kernel|bias|gamma|beta|moving_mean|moving_variance)(?:_1)?:0"
)


class MusicnnOutputs(NamedTuple):
    """Outputs of the network.

    Attributes:
      penultimate: the last layer but one, after batch norm: the embedding.
      tags: logits of the 50 tags.
    """

    penultimate: Float[Array, "window 200"]
    tags: Float[Array, "window 50"]


def make(name: str, weights: Path | None, widths: MusicnnWidths = PUBLISHED) -> Embedding:
    """The embedding ``musicnn``, 200-dimensional: the layer that its authors call penultimate."""
    if weights is None:
        raise Ddx7Error(f"the embedding {name} has no weights, a file is wanted")
    loaded = load_weights(weights, widths)
    apply = jax.jit(network)

    def embed(windows: np.ndarray) -> np.ndarray:
        embedded = []
        for start in range(0, len(windows), BATCH):
            images = log_mel_images(windows[start : start + BATCH])
            full = np.zeros((BATCH, N_FRAMES, N_MELS), np.float32)
            full[: len(images)] = images
            embedded.append(np.asarray(apply(loaded, full).penultimate)[: len(images)])
        return np.concatenate(embedded)

    return Embedding(name, DIMENSION, RATE, WINDOW, HOP, embed, identity=f"{name}-1-{fingerprint(weights)}")


def load_weights(path: Path, widths: MusicnnWidths = PUBLISHED) -> Weights:
    """Read published weights.

    Args:
      path: an .npz whose names end in ``LAYER.LAYER.VARIABLE:0``, as in the HDF5 file of the Keras model.
      widths: of the network whose weights they must be.

    Returns:
      layer to variable to float32.

    Raises:
      Ddx7Error: the file is no .npz, or an array is missing or has another shape.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {match.groups(): file[key] for key in file.files if (match := _NAME.fullmatch(key))}
    except (OSError, ValueError, AttributeError) as error:
        raise Ddx7Error(f"{path}: cannot be read, weights of MusiCNN in an .npz are wanted") from error
    weights: Weights = {}
    for layer, variables in shapes(widths).items():
        for variable, shape in variables.items():
            array = arrays.get((layer, variable))
            if array is None or array.shape != shape:
                what = "nothing" if array is None else f"shape {array.shape}"
                raise Ddx7Error(f"{path}: found {what} for {layer}/{variable} of MusiCNN, shape {shape} is wanted")
            weights.setdefault(layer, {})[variable] = jnp.asarray(array, jnp.float32)
    return weights


def log_mel_images(windows: np.ndarray) -> np.ndarray:
    """Input of the network: log10(1 + 10000 mel power).

    Frames of 512 samples every 256, Hann, power not normalised, 96 mel bands (Slaney, unit area) from 0 to 8 kHz, as in
    librosa. Unlike there, frames lie inside the window, without padding at its ends.

    Args:
      windows: float [window, 48128], at 16 kHz.

    Returns:
      float32 [window, 187, 96].
    """
    framed = frames(np.asarray(windows, np.float32), N_FFT, FRAME_HOP)
    filters = mel_filterbank(RATE, N_FFT, N_MELS, lowest_hz=0.0, highest_hz=RATE / 2)
    mel = power(framed, hann(N_FFT).astype(np.float32)) @ filters
    return np.log10(1 + 10_000 * mel).astype(np.float32)


def network(weights: Weights, images: Float[Array, "window 187 96"]) -> MusicnnOutputs:
    """Run MusiCNN in inference mode, without its dropout.

    Args:
      weights: of `load_weights`.
      images: of `log_mel_images`.
    """
    x = _norm(images[..., None], weights["batch_normalization"])
    front = []
    for k in range(N_FRONT):
        # The maximum runs over the positions of a timbral filter in frequency, or over all bands of a temporal one.
        features = _convolve(x, weights[_numbered("conv2d", k)])
        front.append(_norm(features, weights[f"batch_normalization_{k + 1}"]).max(axis=2))
    features = jnp.concatenate(front, axis=-1)
    layers = [features]
    for k in (1, 2, 3):
        wide = _convolve(layers[-1][..., None], weights[f"midend_conv{k}"])[:, :, 0]
        middle = _norm(wide, weights[f"bn_midend_conv{k}"])
        layers.append(middle if k == 1 else middle + layers[-1])
    everything = jnp.concatenate(layers, axis=-1)
    # Maximum and mean of each channel lie side by side.
    pooled = jnp.stack([everything.max(axis=1), everything.mean(axis=1)], axis=-1).reshape(len(images), -1)
    pooled = _norm(pooled, weights["bn_flatpool"])
    dense = jax.nn.relu(pooled @ weights["dense"]["kernel"] + weights["dense"]["bias"])
    penultimate = _norm(dense, weights["bn_dense"])
    return MusicnnOutputs(penultimate, penultimate @ weights["dense_1"]["kernel"] + weights["dense_1"]["bias"])


def _convolve(x: Array, layer: dict[str, jax.Array]) -> Array:
    """Convolution, padded in time and not in frequency, then ReLU."""
    frames = layer["kernel"].shape[0]
    time = ((frames - 1) // 2, frames // 2)
    dimensions = ("NHWC", "HWIO", "NHWC")
    y = jax.lax.conv_general_dilated(x, layer["kernel"], (1, 1), (time, (0, 0)), dimension_numbers=dimensions)
    return jax.nn.relu(y + layer["bias"])


def _norm(x: Array, layer: dict[str, jax.Array]) -> Array:
    scale = layer["gamma"] / jnp.sqrt(layer["moving_variance"] + _EPSILON)
    return (x - layer["moving_mean"]) * scale + layer["beta"]
