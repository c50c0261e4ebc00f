"""A barely trained generator, and voices to train it."""

from pathlib import Path

import numpy as np
import pytest
from playing import quick_compilation
from tiny_gan import CONFIG, SIZE, uniqueness

from ddx7.generation.gan.data import examples_of
from ddx7.voice.packing import INIT_VCED, VCED_COLUMNS


@pytest.fixture(scope="session")
def real_voices() -> np.ndarray:
    """Audible voices that end, of two categories and none by their names."""
    rng = np.random.default_rng(5)
    n = 96
    vced = np.tile(INIT_VCED, (n, 1))
    vced[:, VCED_COLUMNS["coarse"]] = rng.integers(1, 6, (n, 6))
    vced[:, VCED_COLUMNS["output_level"]] = rng.integers(60, 100, (n, 6)) * (rng.random((n, 6)) < 0.8)
    vced[:, VCED_COLUMNS["output_level"][0]] = 95
    vced[:, VCED_COLUMNS["algorithm"]] = rng.choice([0, 4, 21], n)
    vced[:, VCED_COLUMNS["rates"][:, 0]] = rng.choice([30, 80, 99], (n, 6))
    vced[:, VCED_COLUMNS["fixed"][5]] = rng.random(n) < 0.3
    for row, name in zip(vced, np.resize(["BRASS", "TUB BELL", "ZOOT"], n), strict=True):
        row[VCED_COLUMNS["name"]] = np.frombuffer(name.ljust(10).encode(), np.uint8)
    return vced


@pytest.fixture(scope="session")
def trained_weights(real_voices: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Path of a generator's weights, with their card."""
    from ddx7.generation.gan.conditions import ConditionPrior
    from ddx7.generation.gan.training import train
    from ddx7.generation.gan.voice_generator import save_weights
    from ddx7.library.categories import CATEGORIES

    folder = tmp_path_factory.mktemp("run")
    examples = examples_of(real_voices)
    # The autoencoder alone, which compiles fastest; test_training.py runs all phases with the same programs.
    with quick_compilation():  # as there, so that one worker finds the programs of the other
        result = train(examples, folder, CONFIG, SIZE, uniqueness, stop_after=CONFIG.warm_up_steps)
    path, prior = folder / "gan.safetensors", ConditionPrior.from_conditions(examples.conditions)
    save_weights(path, result.generator, result.critic, SIZE, prior, {"categories": list(CATEGORIES), **result.metrics})
    return path
