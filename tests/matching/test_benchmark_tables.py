"""The benchmark of `match`: its test recordings are what their index says, and its statistics are right."""

import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest
from match_scores import PANEL, joined, print_tables, score
from paired import paired_ratio

from ddx7.audio import read_audio

TARGETS = Path(__file__).parents[2] / "benchmarks" / "targets"


def rows() -> list[dict[str, str]]:
    with (TARGETS / "index.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_recordings_are_those_of_the_index():
    assert len(rows()) == 60
    assert {path.name for path in TARGETS.glob("*.flac")} == {row["file"] for row in rows()}
    for row in rows():
        assert hashlib.sha256((TARGETS / row["file"]).read_bytes()).hexdigest() == row["sha256"]
        assert row["licence"] in ("MIT", "CC0-1.0")
    assert sum(path.stat().st_size for path in TARGETS.iterdir()) < 6e6


def test_the_recordings_are_audible_and_short():
    for row in rows()[::7]:
        recording = read_audio(TARGETS / row["file"])
        assert recording.sample_rate == 44_100
        assert 0.05 < len(recording.samples) / 44_100 <= 2.0
        assert np.abs(recording.samples).max() == pytest.approx(0.7, abs=1e-3)


def test_a_paired_ratio_is_the_geometric_mean_over_targets_of_the_means_over_seeds():
    found = paired_ratio([[1, 4], [3, 3], [2, 2]], [[4], [3], [1]])
    assert found.ratio == pytest.approx((2 / 4 * 1 * 2) ** (1 / 3))
    assert (found.n_nearer, found.n) == (1, 3)
    assert found.low < found.ratio < found.high


def test_the_interval_and_the_test_of_a_paired_ratio():
    rng = np.random.default_rng(0)
    theirs = np.exp(rng.normal(1, 0.5, 60))
    ours = theirs * np.exp(rng.normal(np.log(0.8), 0.2, 60))
    found = paired_ratio(ours[:, None].tolist(), theirs[:, None].tolist())
    width = 2 * 1.96 * 0.2 / np.sqrt(60)  # of the mean of the logarithms
    assert np.log(found.high / found.low) == pytest.approx(width, rel=0.25)
    assert found.low < 0.8 < found.high
    assert found.p_value < 1e-6
    same = paired_ratio([[2.0], [3.0]], [[2.0], [3.0]])
    assert (same.ratio, same.low, same.high, same.p_value) == (1, 1, 1, 1)


def test_a_score_of_a_sound_with_itself_is_zero():
    time = np.arange(22_050) / 44_100
    sound = np.exp(-3 * time) * sum(np.sin(2 * np.pi * 220 * k * time) / k for k in (1, 2, 3))
    found = score(sound, sound)
    assert found["log_mel_db"] == pytest.approx(0, abs=1e-4)
    assert found["perceptual"] == pytest.approx(0, abs=1e-4)
    assert PANEL.keys() <= found.keys()
    assert (found["pitch_cents"], found["attack_ratio"]) == (0, 0)


def test_kept_results_print_both_distances_and_the_ratio_of_each_seed(capsys):
    def scored(log_mel_db: float, distance: float) -> dict[str, float]:
        return {**dict.fromkeys(PANEL, 0.5), "log_mel_db": log_mel_db, "perceptual": distance}

    rows = [
        {"target": "bell", "match": [scored(2, 1), scored(4, 3)], "human": [scored(6, 4)], "cma": None},
        {"target": "horn", "match": [scored(1, 2), scored(1, 2)], "human": [scored(2, 4)]},
    ]
    print_tables(rows, {"match": "match", "cma": "CMA-ES", "human": "nearest preset"}, ("human", "cma"))
    printed = capsys.readouterr().out
    assert "| target | match | nearest preset |\n" in printed  # and no column for a method without scores
    assert "| bell | 3.0 / 2.0 | 6.0 / 4.0 |\n| horn | 1.0 / 2.0 | 2.0 / 4.0 |\n" in printed
    assert "| **median of 2** | 2.0 / 2.0 | 4.0 / 4.0 |" in printed
    both = np.sqrt(np.sqrt(2 * 4) / 6 * 0.5)
    assert f"match / nearest preset, log-mel distance in dB: {both:.2f} (" in printed
    assert f"by seed {np.sqrt(2 / 6 * 0.5):.2f}, {np.sqrt(4 / 6 * 0.5):.2f}" in printed


def test_seeds_of_one_target_are_joined():
    first = [{"target": "b", "match": [1], "human": [5]}, {"target": "a", "match": [2], "human": None}]
    second = [{"target": "b", "match": [3], "fast": [4], "human": [5]}]
    assert joined([first, second], ("match", "fast")) == [
        {"target": "a", "match": [2], "human": None},
        {"target": "b", "match": [1, 3], "fast": [4], "human": [5]},
    ]
    assert first[0]["match"] == [1]
