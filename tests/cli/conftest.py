"""The command line in the process of the test, and files for it to read."""

from pathlib import Path

import pytest
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
