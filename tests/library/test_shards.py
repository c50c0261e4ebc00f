from pathlib import Path

import numpy as np
import pytest

from ddx7.errors import Ddx7Error
from ddx7.library.shards import in_shards

VOICES = np.random.default_rng(0).integers(0, 99, (70, 155), np.uint8)
EXPECTED = VOICES.sum(axis=1, dtype=np.int64)


class Work:
    """Sums bytes and counts voices; raises `KeyboardInterrupt` after `stop_at` voices."""

    def __init__(self, stop_at: int = 1000) -> None:
        self.n_voices, self.stop_at = 0, stop_at

    def __call__(self, vced: np.ndarray) -> dict[str, np.ndarray]:
        if self.n_voices >= self.stop_at:
            raise KeyboardInterrupt
        self.n_voices += len(vced)
        return {"total": vced.sum(axis=1, dtype=np.int64), "first": vced[:, :2]}


def run(work: Work, folder: Path | None, voices: np.ndarray = VOICES, version: str = "1") -> np.ndarray:
    found = in_shards(work, voices, version=version, folder=folder, size=16)
    assert (found["first"] == voices[:, :2]).all()
    return found["total"]


def test_results_are_in_the_order_of_the_voices(tmp_path: Path) -> None:
    assert (run(Work(), None) == EXPECTED).all()
    assert (run(Work(), tmp_path / "kept") == EXPECTED).all()
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == [f"{k:05d}.npz" for k in range(5)]


def test_a_stopped_run_resumes(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(stopped := Work(stop_at=32), tmp_path)
    again = Work()
    assert (run(again, tmp_path) == EXPECTED).all()
    assert stopped.n_voices + again.n_voices == len(VOICES)
    idle = Work()
    assert (run(idle, tmp_path) == EXPECTED).all()
    assert idle.n_voices == 0


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 not a zip", None])
def test_a_damaged_shard_is_computed_again(tmp_path: Path, damage: bytes | None) -> None:
    run(Work(), tmp_path)
    path = tmp_path / "00002.npz"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    again = Work()
    assert (run(again, tmp_path) == EXPECTED).all()
    assert again.n_voices == 16


def test_results_of_other_voices_or_other_work_are_not_reused(tmp_path: Path) -> None:
    run(Work(), tmp_path)
    other = VOICES.copy()
    other[20, 7] ^= 1
    changed = Work()
    assert (run(changed, tmp_path, other) == other.sum(axis=1)).all()
    assert changed.n_voices == 16
    renewed = Work()
    run(renewed, tmp_path, other, version="2")
    assert renewed.n_voices == len(VOICES)


def test_progress_counts_voices(tmp_path: Path) -> None:
    reported: list[tuple[int, int]] = []
    in_shards(Work(), VOICES[:20], version="1", folder=tmp_path, size=16)
    in_shards(Work(), VOICES, version="1", folder=tmp_path, size=16, progress=lambda *x: reported.append(x))
    assert reported == [(16, 70), (32, 70), (48, 70), (64, 70), (70, 70)]


def test_no_voices() -> None:
    with pytest.raises(Ddx7Error, match="no voices"):
        run(Work(), None, VOICES[:0])
