"""The table of `experiments/generation`: its parts on voices with known scores, and all of it on a small scale."""

import argparse
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from ddx7.generation.gan.data import coarse_log_mels
from ddx7.library.screening import measure_voices
from ddx7.voice.packing import VCED_COLUMNS, in_range
from ddx7.voice.symmetry import OPERATOR_COLUMNS, permuted

PATH = Path(__file__).parents[2] / "experiments" / "generation" / "table.py"


@pytest.fixture(scope="module")
def table():
    spec = importlib.util.spec_from_file_location("generation_table", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_copies_have_four_audible_operators_of_one_voice(table, real_voices):
    rng = np.random.default_rng(0)
    voice = np.tile(real_voices[0], (4, 1))
    voice[:, VCED_COLUMNS["output_level"]] = [[95, 90, 85, 80, 75, 70]]
    voice[:, VCED_COLUMNS["algorithm"]] = 31
    voices = permuted(voice, np.stack([rng.permutation(6) for _ in voice]))
    own = voices[:, OPERATOR_COLUMNS]
    own[1, :2, 0] -= 40  # two operators of its own: four are shared
    own[2, :3, 0] -= 40  # three: three are
    voices[:, OPERATOR_COLUMNS] = own
    voices[3, VCED_COLUMNS["output_level"][:3]] = 0  # three are off
    np.testing.assert_array_equal(table.copies(voices, table.owners_of(voice[:1])), [True, True, False, False])


def test_simple_ways_to_make_voices_copy_bytes_of_real_ones(table, real_voices):
    rng = np.random.default_rng(0)
    for voices in (table.marginals(rng, real_voices, 50), table.crossed(rng, real_voices, 50)):
        assert voices.shape == (50, 155)
        assert in_range(voices).all()
    both = table.crossed(rng, np.stack([np.zeros(155, np.uint8), np.ones(155, np.uint8)]), 200)
    assert (np.abs(np.diff(both.astype(int), axis=1)).sum(axis=1) <= 1).all()
    assert 0.2 < (both[:, 0] != both[:, -1]).mean() < 0.8


def test_only_different_distributions_are_separable(table):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 300, 4))
    assert table.separability(a, b) == pytest.approx(0.5, abs=0.1)
    assert table.separability(a, b + np.array([3, 0, 0, 0])) > 0.95


@pytest.mark.slow
def test_the_whole_table_on_a_small_scale(table, real_voices, trained_weights, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(table, "TREES", 10)  # of 150, which take most of the time
    sound = coarse_log_mels(measure_voices(real_voices))
    rows = {"train": slice(None), "test": slice(30, None), "human": slice(None)}
    for name, which in rows.items():
        np.save(tmp_path / f"{name}.npy", real_voices[which])
        np.save(tmp_path / f"{name}_sound.npy", sound[which])
    output = tmp_path / "found.json"
    arguments = argparse.Namespace(
        run=tmp_path, voices=24, requested=2, training=80, weights=trained_weights, vae=trained_weights, json=output
    )
    table.tabulate(arguments)
    measured = json.loads(output.read_text())
    rows = measured["table"]
    assert len(rows) == 8
    for row in rows.values():
        assert row["valid"] == 1
        assert 0 < row["unique"] <= 1
        assert all(np.isfinite(value) for value in row.values())
    assert rows["GAN, as `ddx7 generate` keeps it"]["rejected"] == 0
    assert rows["human, held out"]["copies"] > rows["random fields"]["copies"] == 0
    assert measured["obedience"]["algorithm"]["first"] == 1
    assert "| GAN, as drawn |" in capsys.readouterr().out
