"""Weights of VGGish under any of their published names, and a converter to .safetensors.

TensorFlow or PyTorch exports its checkpoint to an .npz or .safetensors file; `docs/metrics.md` has the two lines for
each. This module reads such a file with its original names.
"""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ddx7.errors import Ddx7Error
from ddx7.files import atomic_write

DIMENSION = 128


class VggishWidths(NamedTuple):
    """Widths of the hidden layers.

    Attributes:
      convolutions: channels of the four blocks; the last two blocks have two layers each.
      dense: units of the two layers before the embedding.
    """

    convolutions: tuple[int, int, int, int] = (64, 128, 256, 512)
    dense: int = 4096


PUBLISHED = VggishWidths()


def shapes(widths: VggishWidths = PUBLISHED) -> dict[str, tuple[int, ...]]:
    """Layer to shape of its kernel: [height, width, in, out] of convolutions, [in, out] of dense layers."""
    a, b, c, d = widths.convolutions
    channels = {"conv1": (1, a), "conv2": (a, b), "conv3_1": (b, c), "conv3_2": (c, c), "conv4_1": (c, d)}
    channels["conv4_2"] = (d, d)
    dense = {"fc1_1": (6 * 4 * d, widths.dense), "fc1_2": (widths.dense, widths.dense)}
    dense["fc2"] = (widths.dense, DIMENSION)
    return {name: (3, 3, *pair) for name, pair in channels.items()} | dense


_SLIM_SCOPES = {"conv3_1": "conv3/", "conv3_2": "conv3/", "conv4_1": "conv4/", "conv4_2": "conv4/"}
_SLIM_SCOPES |= {"fc1_1": "fc1/", "fc1_2": "fc1/"}
# Positions in nn.Sequential, counted with the ReLUs and pools between.
_TORCH = {"conv1": "features.0", "conv2": "features.3", "conv3_1": "features.6", "conv3_2": "features.8"}
_TORCH |= {"conv4_1": "features.11", "conv4_2": "features.13"}
_TORCH |= {"fc1_1": "embeddings.0", "fc1_2": "embeddings.2", "fc2": "embeddings.4"}


def _flax_names(layer: str) -> tuple[str, str]:
    return f"{layer}/kernel", f"{layer}/bias"


def _slim_names(layer: str) -> tuple[str, str]:
    scope = f"vggish/{_SLIM_SCOPES.get(layer, '')}{layer}"
    return f"{scope}/weights", f"{scope}/biases"


def _torch_names(layer: str) -> tuple[str, str]:
    return f"{_TORCH[layer]}.weight", f"{_TORCH[layer]}.bias"


def load_weights(path: str | PathLike[str], widths: VggishWidths = PUBLISHED) -> dict[str, dict[str, np.ndarray]]:
    """Read weights of VGGish.

    Args:
      path: a .safetensors or .npz file with names of `convert_weights`, of TF-Slim (``vggish/conv1/weights``) or of
        torchvggish (``features.0.weight``); further arrays are ignored.
      widths: of the network.

    Returns:
      layer to ``kernel`` and ``bias``, float32, in Flax's layout.

    Raises:
      Ddx7Error: the file cannot be read, or an array is missing or has another shape.
    """
    path = Path(path)
    try:
        return arranged(_arrays(path), widths)
    except Ddx7Error as error:
        raise Ddx7Error(f"{path}: {error}") from None


def convert_weights(
    source: str | PathLike[str], target: str | PathLike[str], *, widths: VggishWidths = PUBLISHED, force: bool = False
) -> Path:
    """Write weights of VGGish as .safetensors with Flax's names: ``conv1/kernel``, ``conv1/bias``.

    Args:
      source: a file that `load_weights` reads.
      target: the file to write.
      widths: of the network.
      force: replace an existing file.

    Returns:
      the target.

    Raises:
      Ddx7Error: the source cannot be read, or the target exists and `force` is false.
    """
    from safetensors.numpy import save

    layers = load_weights(source, widths)
    flat = {f"{layer}/{kind}": array for layer, pair in layers.items() for kind, array in pair.items()}
    return atomic_write(target, save(flat), force=force)


def arranged(arrays: Mapping[str, np.ndarray], widths: VggishWidths = PUBLISHED) -> dict[str, dict[str, np.ndarray]]:
    """Arrays under any of the published names, in Flax's layout; see `load_weights`."""
    for names in (_flax_names, _slim_names, _torch_names):
        if names("conv1")[0] in arrays:
            break
    else:
        some = ", ".join(sorted(arrays)[:3]) or "nothing"
        raise Ddx7Error(f"found {some}, weights of VGGish with names of TF-Slim or torchvggish are wanted")
    params = {}
    expected = shapes(widths)
    for layer, shape in expected.items():
        missing = [name for name in names(layer) if name not in arrays]
        if missing:
            raise Ddx7Error(f"found no {missing[0]}, all {len(expected)} layers of VGGish are wanted")
        kernel, bias = (np.asarray(arrays[name], np.float32) for name in names(layer))
        if names is _torch_names:  # [out, in, height, width] and [out, in]; the flattened image has the same order
            kernel = kernel.transpose((2, 3, 1, 0) if kernel.ndim == 4 else (1, 0))
        if kernel.shape != shape or bias.shape != shape[-1:]:
            raise Ddx7Error(f"{layer} has the shapes {kernel.shape} and {bias.shape}, {shape} is wanted")
        params[layer] = {"kernel": np.ascontiguousarray(kernel), "bias": bias}
    return params


def _arrays(path: Path) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, AttributeError, SafetensorError) as error:
        raise Ddx7Error("cannot be read, an .npz or .safetensors file is wanted") from error
