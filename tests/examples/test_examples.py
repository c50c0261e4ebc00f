"""Each example runs on small settings and does what it shows."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import ddx7
from ddx7.audio import read_audio

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest) -> ModuleType:
    """The script of the test's parameter as a module; the working folder is a new one."""
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location(request.param, EXAMPLES / f"{request.param}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(example: ModuleType, monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", [f"{example.__name__}.py", *words])
    example.main()


def test_every_example_has_a_test() -> None:
    tested = {"fit_voice", "preset_model", "score_folders", "train_instrument"}
    assert {path.stem for path in EXAMPLES.glob("*.py")} == tested


# By default `test_differentiable.py` and `test_transforms.py` prove the gradient that the fit follows.
@pytest.mark.slow
@pytest.mark.parametrize("example", ["fit_voice"], indirect=True)
def test_a_fit_comes_nearer(
    example: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(example, monkeypatch, "--steps", "20")
    start_db, fitted_db = (float(line.split()[1]) for line in capsys.readouterr().out.splitlines()[:2])
    assert fitted_db < 0.8 * start_db
    assert ddx7.load("fitted.syx")[0].name.strip() == "FITTED"


@pytest.mark.parametrize("example", ["preset_model"], indirect=True)
def test_sampled_voices_are_ranked(
    example: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(example, monkeypatch, "--samples", "8")
    distances = [float(line.split()[0]) for line in capsys.readouterr().out.splitlines()]
    assert len(distances) == 4
    assert distances == sorted(distances)
    assert len(ddx7.load("sampled.syx")) == 1


@pytest.mark.parametrize("example", ["score_folders"], indirect=True)
def test_the_same_voice_scores_better_than_another(
    example: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = {}
    monkeypatch.setattr(example, "score", lambda *folders, score=example.score: scores.update(score(*folders)))
    run(example, monkeypatch, "--sounds", "8", "--seconds", "2")
    assert scores["same voice"] < scores["other voice"] / 2
    assert "FAD" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("example", ["train_instrument"], indirect=True)
def test_an_instrument_plays_after_training(example: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    solos = example.write_solos(Path("solos"), n_solos=8, n_notes=3)
    run(example, monkeypatch, "--recordings", str(solos), "--steps", "2", "--batch", "1")
    arpeggio = read_audio("run/arpeggio.wav")
    assert len(arpeggio.samples) == 4 * 125 * 64
    assert np.isfinite(arpeggio.samples).all()
    assert np.abs(arpeggio.samples).max() > 0
