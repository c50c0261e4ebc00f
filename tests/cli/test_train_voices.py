"""`ddx7 train encoder|gan`: the options, the split, and the weights in the end."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from running import Run

from ddx7.cli.train_voices import TrainFromVoices
from ddx7.encoder.examples import ExampleShard
from ddx7.library import sound_key
from ddx7.library.clusters import byte_clusters
from ddx7.training import FitResult
from ddx7.voice import Voice, save
from ddx7.voice.packing import VCED_COLUMNS, random_vced


@dataclass(frozen=True)
class _Stopped(TrainFromVoices):
    def _train(self, vced: np.ndarray) -> Path:
        assert len(vced) > 20
        raise KeyboardInterrupt


def test_a_stopped_training_names_the_way_to_resume(
    bank: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(KeyboardInterrupt):
        _Stopped((bank,), tmp_path / "run").run()
    assert capsys.readouterr().err == f"stopped; the same command resumes the run in {tmp_path / 'run'}\n"


def test_too_few_voices_are_one_sentence(run: Run, single: Path, tmp_path: Path) -> None:
    outcome = run("train", "gan", single, "-o", tmp_path / "run")
    assert outcome.code == 1
    assert "wanted 100 or more" in outcome.err
    assert run("train", "gan", single, "-o", tmp_path / "run", "--steps", 0).code == 2


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """A bank of 64 voices and a bank of their near-duplicates."""
    originals = random_vced(np.random.default_rng(0), 64)
    copies = originals.copy()
    copies[:, VCED_COLUMNS["transpose"]] = (copies[:, VCED_COLUMNS["transpose"]].astype(int) + 1) % 49
    folder = tmp_path / "voices"
    for name, rows in (("originals", originals), ("copies", copies)):
        save([Voice.from_vced(row) for row in rows], folder / f"{name}.syx")
    return folder


def test_training_an_encoder_keeps_near_duplicates_on_one_side(
    run: Run, collection: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered: dict[str, np.ndarray] = {}

    def fake_make_shards(vced: np.ndarray, folder: Path, n_shards: int, **options: Any) -> list[Path]:
        rendered[folder.name] = vced
        assert options.get("mutate", True) == (folder.name == "train")
        return [folder / f"{k}.npz" for k in range(n_shards)]

    def fake_load_shards(paths: list[Path]) -> ExampleShard:
        n = len(paths)
        spectrograms, note_events = np.zeros((n, 2, 56, 128), np.uint8), np.zeros((n, 2, 3), np.float32)
        return ExampleShard(np.zeros((n, 145), np.uint8), spectrograms, note_events)

    def fake_train(*_: object, progress: Any, **__: object) -> FitResult:
        progress({"step": 1, "loss": 2.0, "held_out": 3.0, "steps_per_s": 4.0})
        best = {"params": {"kernel": np.ones(3, np.float32)}}
        return FitResult(None, best, {"step": 2, "held_out": 9.0}, {"step": 1, "held_out": 3.0})

    monkeypatch.setattr("ddx7.encoder.examples.make_shards", fake_make_shards)
    monkeypatch.setattr("ddx7.encoder.examples.load_shards", fake_load_shards)
    monkeypatch.setattr("ddx7.encoder.training.train", fake_train)
    outcome = run("train", "encoder", collection, "-o", tmp_path / "run", "--shards", 2, "--steps", 1)
    assert outcome.code == 0, outcome.err

    train, held_out = rendered["train"], rendered["test"]
    both = np.concatenate([train, held_out])
    assert len(np.unique(sound_key(both), axis=0)) == len(both) == 128
    cluster = byte_clusters(both)
    assert len(set(cluster)) < len(both)
    assert not set(cluster[: len(train)]) & set(cluster[len(train) :])
    assert f"{len(train)} training voices and {len(held_out)} held-out voices" in outcome.err
    assert "step 1 of 1: loss 2.00, held-out loss 3.00, steps per second 4.00" in outcome.err

    weights = tmp_path / "run" / "encoder.safetensors"
    assert outcome.out.splitlines() == [str(weights), str(weights.with_suffix(".json"))]
    card = json.loads(weights.with_suffix(".json").read_text())
    assert (card["step"], card["voices"], card["shards"]) == (1, len(train), 2)
