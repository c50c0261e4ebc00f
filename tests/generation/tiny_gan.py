"""Configuration of the tests' tiny generator."""

import numpy as np

from ddx7.generation.gan.config import GanConfig
from ddx7.generation.gan.size import GanSize

SIZE = GanSize(noise=8, whole=24, operator=12, blocks=1)
CONFIG = GanConfig(
    steps=36,
    warm_up_steps=20,
    head_start_steps=2,
    surrogate_start_step=28,
    surrogate_weight_start_step=33,
    batch=16,
    evaluate_every=10,
    n_evaluated=16,  # as many as in a batch, so that one program draws both
    learning_rates=(2e-2, 1e-3, 1e-3),
)


def uniqueness(generated: np.ndarray, categories: np.ndarray) -> dict[str, float]:
    """A fast score that depends only on the voices."""
    del categories
    return {"score": len(np.unique(generated, axis=0)) / len(generated)}
