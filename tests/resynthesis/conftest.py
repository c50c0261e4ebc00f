import pytest
from melodies import RATE, melody

from ddx7.audio.features import HOP, extract
from ddx7.resynthesis.dataset import Segment
from ddx7.resynthesis.fm import FmSynth
from ddx7.resynthesis.model import ResynthesisModel
from ddx7.resynthesis.structure import OURS
from ddx7.resynthesis.tcn import TcnSize


@pytest.fixture(scope="session")
def pieces() -> list[Segment]:
    """Short melodies, measured."""
    found = []
    for seed in range(3):
        x = melody(seed)
        x = x[: len(x) // HOP * HOP]
        found.append(Segment(f"melody {seed}", x, extract(x, RATE, "yin")))
    return found


@pytest.fixture(scope="session")
def small() -> ResynthesisModel:
    """An instrument that learns in no time."""
    return ResynthesisModel(FmSynth(OURS["flute"]), TcnSize(8, 3, (1, 2), "all", 0.0))
