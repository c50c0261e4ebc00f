"""Progress of commands, and the first use of each."""

from pathlib import Path

import pytest

from ddx7.cli.working import first_use, working


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    return tmp_path


def test_steps_are_printed_with_their_time_and_a_first_use_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        with working("pads.syx", "generate") as report:
            report("sampling")
            report("screening")
    first, *lines = capsys.readouterr().err.splitlines()
    assert first == "the first ddx7 generate on this machine compiles, for up to a minute; later ones begin at once"
    assert [line.split(": ")[0] for line in lines] == ["pads.syx"] * 4
    assert [line.split(" s: ")[1] for line in lines] == ["sampling", "screening"] * 2
    with first_use("match"):
        pass
    assert capsys.readouterr().err.startswith("the first ddx7 match")


def test_a_use_that_fails_does_not_count(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="wrong"), first_use("match"):
            raise ValueError("wrong")
        assert capsys.readouterr().err.startswith("the first ddx7 match")


def test_without_a_cache_every_use_compiles(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (own_cache / "ddx7").write_text("a file in the place of the folder")
    for _ in range(2):
        with first_use("match"):
            pass
        said = capsys.readouterr().err
        assert said == f"{own_cache / 'ddx7'} cannot be written, so every ddx7 match compiles, for up to a minute\n"
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(own_cache / "ddx7" / "below"))
    with first_use("match"):
        pass
    assert "cannot be written" in capsys.readouterr().err
