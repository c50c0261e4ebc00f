"""How the generator of the tests is taught."""

import numpy as np

from ddx7.generation.gan.network import GanSize
from ddx7.generation.gan.training import GanConfig

SIZE = GanSize(noise=8, whole=24, operator=12, blocks=1)
SETTINGS = GanConfig(
    steps=12,
    warm_up=4,
    listens=6,
    heeds=9,
    batch=16,
    measured_every=4,
    measured=32,
    learning_rates=(2e-3, 1e-3, 1e-3),
    head_start=2,
)


def novelty(made: np.ndarray, categories: np.ndarray) -> dict[str, float]:
    """A score that is cheap and hangs on nothing but the voices."""
    del categories
    return {"score": len(np.unique(made, axis=0)) / len(made)}
