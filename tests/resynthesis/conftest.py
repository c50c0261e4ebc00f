import pytest
import soundfile
from melodies import RATE, melody

from ddx7.audio.features import HOP, extract
from ddx7.resynthesis.dataset import Segment
from ddx7.resynthesis.fm import FmSynth
from ddx7.resynthesis.model import ResynthesisModel
from ddx7.resynthesis.structure import SHALLOW_STRUCTURES
from ddx7.resynthesis.tcn import TcnSize


@pytest.fixture(scope="session")
def segments() -> list[Segment]:
    """Short melodies with their features."""
    found = []
    for seed in range(3):
        x = melody(seed)
        x = x[: len(x) // HOP * HOP]
        found.append(Segment(f"melody {seed}", x, extract(x, RATE, "yin")))
    return found


@pytest.fixture(scope="session")
def small() -> ResynthesisModel:
    """A model that trains in seconds."""
    return ResynthesisModel(FmSynth(SHALLOW_STRUCTURES["flute"]), TcnSize(8, 3, (1, 2), "all", 0.0))


@pytest.fixture
def folder(tmp_path):
    """Four short recordings."""
    for k in range(4):
        soundfile.write(tmp_path / f"take {k}.wav", melody(k, 1.0), RATE)
    return tmp_path
