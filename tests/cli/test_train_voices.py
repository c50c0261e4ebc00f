"""What trainings from voices have in common."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from running import Run

from ddx7.cli.train_voices import FromVoices


@dataclass(frozen=True)
class _Stopped(FromVoices):
    def _learn(self, vced: np.ndarray) -> Path:
        assert len(vced) > 20
        raise KeyboardInterrupt


def test_a_training_that_is_stopped_says_how_to_go_on(
    bank: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(KeyboardInterrupt):
        _Stopped((bank,), tmp_path / "run").run()
    assert capsys.readouterr().err == f"stopped; the same command goes on with what is in {tmp_path / 'run'}\n"


def test_too_few_voices_to_learn_from(run: Run, single: Path, tmp_path: Path) -> None:
    outcome = run("train", "gan", single, "-o", tmp_path / "run")
    assert outcome.code == 1
    assert "wanted 100 or more" in outcome.err
    assert run("train", "gan", single, "-o", tmp_path / "run", "--steps", 0).code == 2
