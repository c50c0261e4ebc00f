"""The pages for a first hour do what they say, from the first command to the last."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pages import ROOT, code_blocks, commands

import ddx7
from ddx7.audio import write_audio
from ddx7.cli import main

MUSICIANS = ROOT / "docs" / "first-hour.md"
RESEARCHERS = ROOT / "docs" / "first-fit.md"


def horn() -> ddx7.Voice:
    modulator = ddx7.Operator(rates=(60, 40, 30, 60), levels=(99, 85, 80, 0), output_level=75)
    carrier = ddx7.Operator(rates=(70, 40, 30, 60), levels=(99, 95, 90, 0), output_level=99)
    return ddx7.Voice(operators=(carrier, modulator, *[ddx7.Operator()] * 4), name="HORN")


def run_page(skip: Callable[[list[str]], bool]) -> None:
    """Run the commands of the page in the present folder, in order; a match takes its fast way."""
    for program, *words in (command.words for command in commands(MUSICIANS) if command.whole):
        if program == "ddx7" and not skip(words):
            assert main([*words, *(["--fast"] if words[0] == "match" else [])]) == 0, words


def test_a_musician_gets_from_a_voice_to_files_for_every_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ddx7.save(horn(), "horn/horn.syx")
    ddx7.save(ddx7.Bank([horn()]), "horn/horn_bank.syx")
    run_page(lambda words: words[0] in ("doctor", "match", "morph"))
    assert len({voice.name for voice in ddx7.load("relatives.syx")[:16]}) == 16
    assert ddx7.load(next(Path("card").rglob("*.syx")))[0] == horn()
    assert list(Path("volca").iterdir())


@pytest.mark.slow
def test_a_musician_gets_from_a_recording_to_files_for_every_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    room = 1e-3 * np.random.default_rng(0).standard_normal(3 * 44_100).astype(np.float32)
    note = ddx7.render(horn(), 60, 100, 1.2, 2.0)
    room[22_050 : 22_050 + len(note)] += note
    write_audio("horn.wav", room, 44_100)
    run_page(lambda words: words[0] == "doctor")
    for file in ("horn/target.wav", "horn/match.wav", "horn/compare.png", "relatives.png", "between.syx"):
        assert Path(file).is_file(), file


@pytest.mark.slow
def test_a_researcher_gets_a_fitted_voice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "first_fit"}
    for block in code_blocks(RESEARCHERS):
        exec(compile(block.text, RESEARCHERS.name, "exec"), names)
    history = names["history"]
    assert isinstance(history, list)
    assert history[-1] < 0.2 * history[0]
    fitted = ddx7.load("fitted.syx")[0]
    assert fitted.name == "FITTED"
    assert 70 <= fitted.operators[1].output_level <= 86  # the goal has 78, the start 60
