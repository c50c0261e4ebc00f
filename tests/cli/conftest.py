"""The command line in the process of the test, and files for it to read."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from running import BANK_NAMES, Outcome, Run, sounding_voices

from ddx7.cli import main
from ddx7.voice import Voice, save


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """A function that runs `ddx7` with some words and returns its exit code and output."""

    def call(*words: object) -> Outcome:
        capsys.readouterr()
        code = main([str(word) for word in words])
        return Outcome(code, *capsys.readouterr())

    return call


@pytest.fixture
def voices() -> list[Voice]:
    return sounding_voices(BANK_NAMES)


@pytest.fixture
def bank(tmp_path: Path, voices: list[Voice]) -> Path:
    """A clean bank of 32 voices."""
    return save(voices, tmp_path / "bank.syx")[0]


@pytest.fixture
def single(tmp_path: Path, voices: list[Voice]) -> Path:
    """A clean file of one voice."""
    return save(voices[2], tmp_path / "single.syx")[0]


@pytest.fixture
def not_a_voice(tmp_path: Path) -> Path:
    path = tmp_path / "notes.syx"
    path.write_text("remember the milk")
    return path


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    """A third of a second of a plain tone on A3 of the DX7, with a short decay."""
    t = np.arange(15_435) / 44_100
    path = tmp_path / "tone.wav"
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 440 * t) * np.exp(-4 * t), 44_100)
    return path
