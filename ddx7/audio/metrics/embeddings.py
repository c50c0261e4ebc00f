"""What FAD and KAD look through: a registry of embeddings by name, each loaded when it is first asked for."""

import hashlib
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ddx7.errors import AudioError, Ddx7Error

Projection = Callable[[np.ndarray], np.ndarray]


def _as_it_is(sound: np.ndarray) -> np.ndarray:
    return sound


@dataclass(frozen=True, eq=False)
class Embedding:
    """How a stretch of sound becomes a vector.

    Attributes:
      name: in `EMBEDDINGS`.
      dimension: of a vector, after `fit_projection`.
      sample_rate: of the sound, in Hz.
      window: samples that one vector describes.
      hop: samples from one window to the next.
      embed: float32 [window, sample] to float [window, dimension of the network].
      prepare: what is done to a whole clip, float32 [time], before it is cut.
      fit_projection: given the vectors of the reference, the map that both sets go through before they are compared.
      identity: what vectors depend on besides the sound: name, version and weights; keys of a cache contain it.
    """

    name: str
    dimension: int
    sample_rate: int
    window: int
    hop: int
    embed: Callable[[np.ndarray], np.ndarray]
    identity: str
    prepare: Callable[[np.ndarray], np.ndarray] = _as_it_is
    fit_projection: Callable[[np.ndarray], Projection] | None = None


class EmbeddingEntry(NamedTuple):
    """A line of the registry.

    Attributes:
      module: in this folder, whose `make(name, weights)` returns the `Embedding`.
      weights: the file it needs, in words; empty if none.
    """

    module: str
    weights: str


_VGGISH = "VGGish weights (.safetensors or .npz, names of TF-Slim or torchvggish)"
_YAMNET = "YAMNet of MediaPipe (.tflite, input of 15,600 samples)"

EMBEDDINGS = {
    "logmel": EmbeddingEntry("logmel", ""),
    "vggish": EmbeddingEntry("vggish", _VGGISH),
    "vggish-relu": EmbeddingEntry("vggish", _VGGISH),
    "yamnet": EmbeddingEntry("yamnet", _YAMNET),
    "yamnet-log-pca64": EmbeddingEntry("yamnet", _YAMNET),
    "musicnn": EmbeddingEntry("musicnn", "MusiCNN trained on MSD (.npz, names of Keras)"),
}
"""Every embedding by name; `docs/metrics.md` describes each."""


def load_embedding(name: str, weights: str | PathLike[str] | None = None) -> Embedding:
    """Get an embedding ready.

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
        raise Ddx7Error(f"{name!r} is not an embedding, one of {', '.join(EMBEDDINGS)} is wanted")
    if entry.weights and weights is None:
        raise Ddx7Error(f"the embedding {name} has no weights, a file is wanted: {entry.weights}")
    if not entry.weights and weights is not None:
        raise Ddx7Error(f"{weights}: the embedding {name} has nothing to learn, no weights are wanted")
    if weights is not None and not Path(weights).is_file():
        raise Ddx7Error(f"{weights}: there is no such file, a file is wanted: {entry.weights}")
    module = importlib.import_module(f"ddx7.audio.metrics.{entry.module}")
    return module.make(name, None if weights is None else Path(weights))


def fingerprint(path: Path) -> str:
    """The first half of a file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]


def log_pca(components: int) -> Callable[[np.ndarray], Projection]:
    """A projection for embeddings that end in a ReLU: ln(1 + x), then the reference's principal components.

    Such embeddings are heavy-tailed: a few windows far out carry most of the covariance. The logarithm draws them in;
    the components, of the reference alone and not whitened, bring the dimension below the number of windows.

    Args:
      components: how many are kept.

    Returns:
      a function that is fitted to float [window, dimension], values 0 or more, and gives the projection.
    """

    def fit(reference: np.ndarray) -> Projection:
        if len(reference) <= components:
            raise AudioError(
                f"{components} principal components of {len(reference)} windows, more windows than that are wanted"
            )
        logs = np.log1p(reference)
        mean = logs.mean(axis=0)
        axes = np.linalg.svd(logs - mean, full_matrices=False)[2][:components]

        def project(values: np.ndarray) -> np.ndarray:
            return (np.log1p(values) - mean) @ axes.T

        return project

    return fit
