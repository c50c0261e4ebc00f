"""Words that stand for paths: ``-`` is standard input, and a name after ``--`` may begin with a dash."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from running import BANK_NAMES, Run

import ddx7


def _ddx7(words: Sequence[object], **options) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "ddx7", *map(str, words)], capture_output=True, check=False, **options)


def test_a_bank_comes_from_a_pipe(bank: Path) -> None:
    shown = _ddx7(["show", "-", "--index", "3"], input=bank.read_bytes())
    assert (shown.returncode, shown.stderr) == (0, b"")
    assert shown.stdout.split()[0].decode() == BANK_NAMES[2].split()[0]


def test_standard_input_may_be_one_of_several_files_and_its_copy_is_removed(bank: Path, tmp_path: Path) -> None:
    (tmp_path / "temporary").mkdir()
    environment = os.environ | {"TMPDIR": str(tmp_path / "temporary")}
    joined = _ddx7(["convert", f"{bank}:1", "-", "-o", tmp_path / "o.syx"], input=bank.read_bytes(), env=environment)
    assert joined.returncode == 0, joined.stderr
    assert sorted(path.name for path in tmp_path.glob("o*.syx")) == ["o_1.syx", "o_2.syx"]
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize("words", [("show", "--", "-a.syx"), ("check", "--notes", "--", "-a.syx")])
def test_names_that_begin_with_a_dash(run: Run, bank: Path, tmp_path: Path, monkeypatch, words) -> None:
    ddx7.save(ddx7.load(bank)[0], tmp_path / "-a.syx")
    monkeypatch.chdir(tmp_path)
    assert run(*words).code == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("convert", "-", "-", "-o", "a.syx"), "found - twice"),
        (("convert", "a.syx", "-o", "-"), "output: found '-', wanted the name of a file"),
    ],
)
def test_what_a_dash_cannot_stand_for(run: Run, words: tuple[str, ...], sentence: str) -> None:
    outcome = run(*words)
    assert outcome.code == 2
    assert sentence in outcome.err


def test_a_stream_without_end_is_refused(run: Run, monkeypatch) -> None:
    monkeypatch.setattr("ddx7.cli.words._MAX_STDIN_BYTES", 1 << 20)
    with Path("/dev/zero").open() as endless:
        monkeypatch.setattr("sys.stdin", endless)
        outcome = run("show", "-")
    assert outcome.code == 1
    assert "found more than 1,048,576 bytes" in outcome.err
