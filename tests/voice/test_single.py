"""One voice of a file, by a number after a colon."""

from dataclasses import replace
from pathlib import Path

import pytest

import ddx7
from ddx7.errors import Ddx7Error
from ddx7.voice.single import load_one


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    voices = [replace(ddx7.Voice(), name=f"VOICE {k}") for k in range(1, 4)]
    ddx7.save(voices, tmp_path / "bank.syx")
    return tmp_path / "bank.syx"


def test_a_number_after_a_colon_chooses_a_voice(bank: Path, tmp_path: Path):
    assert load_one(f"{bank}:3").name == "VOICE 3"
    ddx7.save(replace(ddx7.Voice(), name="ALONE"), tmp_path / "one.syx")
    assert load_one(tmp_path / "one.syx").name == "ALONE"


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ("", "found 32 voices (1 VOICE 1, 2 VOICE 2, 3 VOICE 3, 4 INIT VOICE, 5 INIT VOICE, 6 INIT VOICE, ...)"),
        (":0", "there is no voice 0, wanted 1 to 32"),
        (":33", "there is no voice 33, wanted 1 to 32"),
        (":three", "found 'three' after the colon, wanted the number of a voice"),
    ],
)
def test_what_names_no_voice_gets_a_sentence(bank: Path, after: str, words: str):
    with pytest.raises(Ddx7Error) as caught:
        load_one(f"{bank}{after}")
    assert words in str(caught.value)
