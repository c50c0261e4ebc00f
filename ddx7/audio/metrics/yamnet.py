"""YAMNet through LiteRT: 1024-dimensional embeddings of a network trained on 521 classes of everyday sound."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from ddx7.audio.metrics.embeddings import Embedding, fingerprint, log_pca
from ddx7.errors import Ddx7Error

RATE, WINDOW, HOP = 16_000, 15_600, 7_680
"""0.975 s, every 0.48 s, as in YAMNet's training."""
DIMENSION, COMPONENTS = 1024, 64
_LAYER = "tower0/network/layer28/reduce_mean"  # mean over time and frequency, before the classifier


def make(name: str, weights: Path | None) -> Embedding:
    """The embeddings ``yamnet``, 1024-dimensional, and ``yamnet-log-pca64``, ln(1 + x) and PCA of it."""
    if weights is None:
        raise Ddx7Error(f"the embedding {name} has no weights, a file is wanted")
    interpreter, input_, output = _open(weights)
    scale, zero = output["quantization"]

    def embed(windows: np.ndarray) -> np.ndarray:
        embedded = np.empty((len(windows), DIMENSION))
        for row, window in enumerate(windows):
            interpreter.set_tensor(input_["index"], window.astype(np.float32).reshape(input_["shape"]))
            interpreter.invoke()
            embedded[row] = interpreter.get_tensor(output["index"]).ravel()
        return (embedded - zero) * scale if scale else embedded  # files of 8-bit layers have a scale

    whole = name == "yamnet"
    return Embedding(
        name,
        DIMENSION if whole else COMPONENTS,
        RATE,
        WINDOW,
        HOP,
        embed,
        identity=f"yamnet-1-{fingerprint(weights)}",
        fit_projection=None if whole else log_pca(COMPONENTS),
    )


def _open(weights: Path) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """An interpreter, and its details of the input and of the embedding."""
    try:
        litert = importlib.import_module("ai_edge_litert.interpreter")
    except ImportError as error:
        raise Ddx7Error("YAMNet needs LiteRT, which is not installed: pip install 'ddx7[fad]'") from error
    try:
        # The embedding is no output of the file. Without delegates intermediate tensors can be read.
        interpreter = litert.Interpreter(
            model_path=str(weights),
            experimental_op_resolver_type=litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            experimental_preserve_all_tensors=True,
        )
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise Ddx7Error(f"{weights}: cannot be read, YAMNet in a .tflite file is wanted") from error
    input_ = interpreter.get_input_details()[0]
    outputs = [tensor for tensor in interpreter.get_tensor_details() if tensor["name"] == _LAYER]
    if int(np.prod(input_["shape"])) != WINDOW or not outputs or int(np.prod(outputs[0]["shape"])) != DIMENSION:
        raise Ddx7Error(f"{weights}: is another network, YAMNet with {WINDOW:,} samples in and {_LAYER} is wanted")
    return interpreter, input_, outputs[0]
