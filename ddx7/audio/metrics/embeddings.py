"""The embeddings in which FAD and KAD compare sets: a registry by name, each loaded on first use.

A new embedding is a function that makes an `Embedding`, and an entry for it in `EMBEDDINGS`:

>>> def make(name, weights):
...     def level_db(windows):
...         return 10 * np.log10(np.mean(np.square(windows), axis=1, keepdims=True) + 1e-10)
...
...     return Embedding(name, 1, sample_rate=16_000, window=1600, hop=1600, embed=level_db, identity=f"{name}-1")
>>> EMBEDDINGS["level"] = EmbeddingEntry(make)
>>> load_embedding("level").embed(np.ones((2, 1600))).round().tolist()
[[0.0], [0.0]]
>>> del EMBEDDINGS["level"]
"""

import hashlib
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ddx7.errors import ArgumentError, Ddx7Error

Projection = Callable[[np.ndarray], np.ndarray]


def _unchanged(sound: np.ndarray) -> np.ndarray:
    return sound


@dataclass(frozen=True, eq=False)
class Embedding:
    """A map from a window of sound to a vector.

    Attributes:
      name: in `EMBEDDINGS`.
      dimension: of a vector, after `fit_projection`.
      sample_rate: of the sound, in Hz.
      window: samples that one vector describes.
      hop: samples from one window to the next.
      embed: float32 [window, sample] to float [window, dimension of the network].
      identity: name, version and weights: the vectors depend on these and on the sound. Keys of a cache contain it.
      prepare: applied to a whole clip, float32 [time], before it is cut.
      fit_projection: given the vectors of the reference, returns the map that is applied to both sets before they are
        compared.
    """

    name: str
    dimension: int
    sample_rate: int
    window: int
    hop: int
    embed: Callable[[np.ndarray], np.ndarray]
    identity: str
    prepare: Callable[[np.ndarray], np.ndarray] = _unchanged
    fit_projection: Callable[[np.ndarray], Projection] | None = None


class EmbeddingEntry(NamedTuple):
    """A line of the registry.

    Attributes:
      make: returns the `Embedding`, given its name and the file of its weights (None if it needs none).
      weights: the file it needs, in words; empty if none.
    """

    make: Callable[[str, Path | None], Embedding]
    weights: str = ""


def _in_module(module: str) -> Callable[[str, Path | None], Embedding]:
    """`make` of a module in this folder, which is imported on the first call."""

    def make(name: str, weights: Path | None) -> Embedding:
        return importlib.import_module(f"ddx7.audio.metrics.{module}").make(name, weights)

    return make


_VGGISH = EmbeddingEntry(_in_module("vggish"), "VGGish weights (.safetensors or .npz, names of TF-Slim or torchvggish)")
_YAMNET = EmbeddingEntry(_in_module("yamnet"), "YAMNet of MediaPipe (.tflite, input of 15,600 samples)")

EMBEDDINGS = {
    "logmel": EmbeddingEntry(_in_module("logmel")),
    "vggish": _VGGISH,
    "vggish-relu": _VGGISH,
    "yamnet": _YAMNET,
    "yamnet-log-pca64": _YAMNET,
    "musicnn": EmbeddingEntry(_in_module("musicnn"), "MusiCNN trained on MSD (.npz, names of Keras)"),
}
"""Every embedding by name; `docs/metrics.md` describes each."""


def load_embedding(name: str, weights: str | PathLike[str] | None = None) -> Embedding:
    """Load an embedding.

    Args:
      name: one of `EMBEDDINGS`.
      weights: the file of its network, which does not come with ddx7; none for ``logmel``.

    Returns:
      the embedding.

    Raises:
      Ddx7Error: the name is unknown, weights are missing, not wanted, or of another network, or a library is missing.
    """
    entry = EMBEDDINGS.get(name)
    if entry is None:
        raise ArgumentError(f"embedding: found {name!r}, wanted one of {', '.join(EMBEDDINGS)}")
    if entry.weights and weights is None:
        raise ArgumentError(f"weights: found none for the embedding {name}, wanted a file: {entry.weights}")
    if not entry.weights and weights is not None:
        raise Ddx7Error(f"{weights}: the embedding {name} has no network, no weights are wanted")
    if weights is not None and not Path(weights).is_file():
        raise Ddx7Error(f"{weights}: there is no such file, a file is wanted: {entry.weights}")
    return entry.make(name, None if weights is None else Path(weights))


def fingerprint(path: Path) -> str:
    """The first half of a file's SHA-256, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]


def log_pca(components: int) -> Callable[[np.ndarray], Projection]:
    """A projection for embeddings that end in a ReLU: ln(1 + x), then the reference's principal components.

    Such embeddings are heavy-tailed: a few outlying windows carry most of the covariance. The logarithm reduces their
    weight. The components, of the reference alone and not whitened, bring the dimension below the number of windows.

    Args:
      components: how many to keep.

    Returns:
      a function that takes the reference, float [window, dimension] with values 0 or more, and returns the projection.
      It raises `Ddx7Error` if there are no more windows than components.
    """

    def fit(reference: np.ndarray) -> Projection:
        if len(reference) <= components:
            raise Ddx7Error(
                f"{components} principal components of {len(reference)} windows, more windows than that are wanted"
            )
        logs = np.log1p(reference)
        mean = logs.mean(axis=0)
        axes = np.linalg.svd(logs - mean, full_matrices=False)[2][:components]

        def project(values: np.ndarray) -> np.ndarray:
            return (np.log1p(values) - mean) @ axes.T

        return project

    return fit
