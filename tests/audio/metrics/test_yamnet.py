import importlib.util
import sys

import numpy as np
import pytest

from ddx7.audio.metrics import load_embedding
from ddx7.errors import Ddx7Error

needs_litert = pytest.mark.skipif(
    importlib.util.find_spec("ai_edge_litert") is None, reason="needs LiteRT (pip install 'ddx7[fad]')"
)


def test_without_litert_the_error_names_the_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    path = tmp_path / "yamnet.tflite"
    path.write_bytes(b"anything")
    with pytest.raises(Ddx7Error, match=r"not installed: pip install 'ddx7\[fad\]'"):
        load_embedding("yamnet", path)


@needs_litert
def test_a_file_that_is_no_network(tmp_path):
    path = tmp_path / "yamnet.tflite"
    path.write_bytes(b"anything")
    with pytest.raises(Ddx7Error, match=r"yamnet.tflite: cannot be read"):
        load_embedding("yamnet", path)


@needs_litert
def test_embeddings_are_rectified_and_depend_on_the_sound(shared):
    embedding = load_embedding("yamnet", shared / "embeddings/yamnet_int8.tflite")
    t = np.arange(embedding.window) / embedding.sample_rate
    sound = np.stack([0.3 * np.sin(2 * np.pi * 440 * t), np.random.default_rng(0).normal(0, 0.1, len(t))])
    result = embedding.embed(sound.astype(np.float32))
    assert result.shape == (2, 1024)
    assert result.min() == 0
    assert result.max() > 1
    assert np.abs(result[0] - result[1]).max() > 1
    np.testing.assert_array_equal(embedding.embed(sound[::-1].astype(np.float32)), result[::-1])
    small = load_embedding("yamnet-log-pca64", shared / "embeddings/yamnet_int8.tflite")
    assert small.dimension == 64
    assert small.fit_projection is not None
