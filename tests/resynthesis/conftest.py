import numpy as np
import pytest

from ddx7.audio.features import HOP, extract
from ddx7.resynthesis.dataset import Piece
from ddx7.resynthesis.fm import FmSynth
from ddx7.resynthesis.model import Model
from ddx7.resynthesis.structure import OURS
from ddx7.resynthesis.tcn import TcnSize

RATE = 16_000


def melody(seed: int, seconds: float = 2.0) -> np.ndarray:
    """Notes of a clear pitch with a breath between them."""
    rng = np.random.default_rng(seed)
    notes = []
    for _ in range(int(seconds / 0.5)):
        f0_hz, t = 220 * 2 ** (rng.integers(0, 13) / 12), np.arange(RATE // 2) / RATE
        tone = sum(np.sin(2 * np.pi * k * f0_hz * t) / k**1.5 for k in range(1, 9))
        notes.append(rng.uniform(0.2, 0.6) * tone * np.minimum(1, np.minimum(t, 0.5 - t) * 30))
    x = np.concatenate(notes) + 1e-3 * rng.normal(size=int(seconds / 0.5) * (RATE // 2))
    return (x / np.abs(x).max()).astype(np.float32)


@pytest.fixture(scope="session")
def pieces() -> list[Piece]:
    """Short melodies, measured."""
    found = []
    for seed in range(3):
        x = melody(seed)
        x = x[: len(x) // HOP * HOP]
        found.append(Piece(f"melody {seed}", x, extract(x, RATE, "yin")))
    return found


@pytest.fixture(scope="session")
def small() -> Model:
    """An instrument that learns in no time."""
    return Model(FmSynth(OURS["flute"]), TcnSize(8, 3, (1, 2), "all", 0.0))
