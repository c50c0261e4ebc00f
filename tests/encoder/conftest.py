"""Voices that the tests of the encoder share."""

import numpy as np
import pytest

from ddx7.voice.packing import INIT_VCED, VCED_COLUMNS


def plain_voices(n: int) -> np.ndarray:
    """Audible voices: INIT VOICE with other algorithms, ratios and levels."""
    rng = np.random.default_rng(5)
    vced = np.tile(INIT_VCED, (n, 1))
    vced[:, VCED_COLUMNS["coarse"]] = rng.integers(1, 6, (n, 6))
    vced[:, VCED_COLUMNS["output_level"]] = rng.integers(60, 100, (n, 6))
    vced[:, VCED_COLUMNS["algorithm"]] = rng.integers(0, 32, n)
    return vced


@pytest.fixture(scope="session")
def plain() -> np.ndarray:
    """Twenty of these voices, uint8 [20, 155]."""
    return plain_voices(20)
