"""Several recordings in one run: folders, names, and failures that do not end the others."""

from pathlib import Path

import pytest

from ddx7.cli.batch import Batch, recordings_of
from ddx7.cli.terminal import UsageError
from ddx7.errors import ArgumentError, AudioError, Ddx7Error


def test_folders_give_their_recordings_in_order(tmp_path: Path) -> None:
    for name in ("b.wav", "a.flac", "deep/c.AIFF", "notes.txt", ".hidden.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    given = Path("single.xyz")
    names = ["single.xyz", "a.flac", "b.wav", "c.AIFF"]
    assert [path.name for path in recordings_of([given, tmp_path], "match")] == names
    (tmp_path / "empty").mkdir()
    with pytest.raises(AudioError, match="empty: found a folder without recordings"):
        recordings_of([tmp_path / "empty"], "match")


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="several recordings are called horn"):
        recordings_of([Path("one/horn.wav"), Path("two/Horn.flac")], "match")
    with pytest.raises(UsageError, match="found no recordings to play"):
        recordings_of([], "play")


def fail(sentence: str) -> None:
    raise Ddx7Error(sentence)


def test_failures_are_collected_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    batch = Batch(3)
    assert batch.attempt(lambda: 7) == 7
    assert batch.attempt(lambda: fail("a: broken")) is None
    assert batch.attempt(lambda: 8) == 8
    assert batch.end()
    told = capsys.readouterr().err.splitlines()
    assert told == ["ddx7: a: broken; going on with the others", "1 of 3 recordings failed:", "  a: broken"]
    whole = Batch(2)
    assert not whole.end()


def test_a_single_failure_a_wrong_argument_and_failures_alone_are_raised() -> None:
    with pytest.raises(Ddx7Error, match=r"^a: broken$"):
        Batch(1).attempt(lambda: fail("a: broken"))

    def wrong() -> None:
        raise ArgumentError("seconds: found 0, wanted 1 to 3600")

    with pytest.raises(ArgumentError, match="seconds"):
        Batch(5).attempt(wrong)
    batch = Batch(2)
    for name in "ab":
        batch.attempt(lambda name=name: fail(f"{name}: broken"))
    with pytest.raises(Ddx7Error, match="none of 2 recordings worked"):
        batch.end()
