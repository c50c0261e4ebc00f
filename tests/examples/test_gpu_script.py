"""The script that measures a GPU runs at toy size on whatever there is, and goes on where it was stopped."""

import json
from pathlib import Path

import gpu
import pytest


@pytest.mark.slow
def test_parts_are_measured_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gpu.main([str(tmp_path), "--toy", "--seconds", "0"])
    assert capsys.readouterr().out.count("left out (no time)") == 6
    gpu.main([str(tmp_path), "--toy", "--parts", "sample"])
    first = json.loads((tmp_path / "gpu.json").read_text())["rows"]
    gpu.main([str(tmp_path), "--toy", "--parts", "render", "sample"])
    rows = json.loads((tmp_path / "gpu.json").read_text())["rows"]
    assert rows[0] == first[0]
    assert {row["part"] for row in rows} == {"render", "sample"}
    assert all(row["median_s"] > 0 and row["first_s"] > 0 for row in rows)


def test_a_batch_that_does_not_fit_is_a_row() -> None:
    def full() -> dict:
        raise MemoryError

    assert gpu.measured(full) == {"fits": False}
