"""Training: learns, resumes exactly, refuses another run's folder; weights come back as they were written."""

import json

import jax
import numpy as np
import pytest

from ddx7.encoder.examples import (
    AUDIBLE_PEAK,
    draw_note_events,
    make_shard,
    make_shards,
    mutate_voices,
    render_spectrograms,
)
from ddx7.encoder.network import EncoderSize
from ddx7.encoder.sampler import NoteInputs, load_weights, save_weights
from ddx7.encoder.training import EncoderConfig, load_shards, train
from ddx7.errors import Ddx7Error
from ddx7.runs import METRICS
from ddx7.voice.packing import INIT_VCED, VCED_COLUMNS, in_range, random_vced

SIZE = EncoderSize(look=16, layers=1, heard=32, write=24)
SETTINGS = EncoderConfig(steps=24, batch=8, held_out_every=12, warm_up=4, learning_rate=3e-3)


def plain(n):
    """Voices that sound: INIT VOICE with other ratios and levels."""
    rng = np.random.default_rng(5)
    vced = np.tile(INIT_VCED, (n, 1))
    vced[:, VCED_COLUMNS["coarse"]] = rng.integers(1, 6, (n, 6))
    vced[:, VCED_COLUMNS["output_level"]] = rng.integers(60, 100, (n, 6))
    vced[:, VCED_COLUMNS["algorithm"]] = rng.integers(0, 32, n)
    return vced


@pytest.fixture(scope="module")
def shard():
    return make_shard(plain(20), np.random.default_rng(0), 48)


def test_training_learns_and_resumes_exactly(shard, tmp_path):
    whole, metrics = train(shard, shard, tmp_path / "whole", SETTINGS, SIZE)
    train(shard, shard, tmp_path / "parts", SETTINGS, SIZE, until=12)
    parts, _ = train(shard, shard, tmp_path / "parts", SETTINGS, SIZE)
    for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(parts), strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    lines = [json.loads(line) for line in (tmp_path / "whole" / METRICS).read_text().splitlines()]
    assert [line["step"] for line in lines] == [12, 24]
    assert lines[1]["loss"] < 0.8 * lines[0]["loss"]
    assert metrics == lines[-1]
    # A new run may go on from weights that have learned.
    _, later = train(shard, shard, tmp_path / "later", SETTINGS, SIZE, until=12, start=whole)
    assert later["loss"] < 0.8 * lines[0]["loss"]
    with pytest.raises(Ddx7Error, match="other settings"):
        train(shard, shard, tmp_path / "whole", EncoderConfig(steps=30, batch=8), SIZE)


def test_weights_come_back_and_propose_legal_voices(shard, tmp_path):
    weights, _ = train(shard, shard, tmp_path / "run", EncoderConfig(steps=1, batch=8), SIZE)
    path = tmp_path / "ear.safetensors"
    save_weights(path, weights, SIZE, {"steps": 1})
    ear = load_weights(path)
    for a, b in zip(jax.tree.leaves(weights), jax.tree.leaves(ear.weights), strict=True):
        np.testing.assert_allclose(np.asarray(a), b, rtol=1e-3, atol=1e-6)
    heard = NoteInputs(shard.pictures[0], shard.hands[0])
    voices = ear.propose(heard, 70, seed=1)
    assert voices.shape == (70, 155)
    assert in_range(voices).all()
    np.testing.assert_array_equal(voices, ear.propose(heard, 70, seed=1))
    assert (voices != ear.propose(heard, 70, seed=2)).any()

    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(Ddx7Error, match="SHA-256"):
        load_weights(path)
    with pytest.raises(Ddx7Error, match="found no weights"):
        load_weights(tmp_path / "none.safetensors")


def test_shards_hang_on_seed_and_number_alone_and_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("ddx7.encoder.examples.SHARD", 6)
    first = make_shards(plain(5), tmp_path / "a", 2, seed=3)
    second = make_shards(plain(5), tmp_path / "b", 1, seed=3)
    assert first[0].read_bytes() == second[0].read_bytes()
    assert first[0].read_bytes() != first[1].read_bytes()
    again = first[0].stat().st_mtime_ns
    make_shards(plain(5), tmp_path / "a", 2, seed=3)
    assert first[0].stat().st_mtime_ns == again
    assert len(load_shards(first).tokens) == sum(len(np.load(path)["tokens"]) for path in first)


def test_what_cannot_be_heard_is_left_out():
    vced = plain(4)
    vced[:2, VCED_COLUMNS["output_level"]] = 0
    hands = draw_note_events(np.random.default_rng(0), 4)
    _, peaks = render_spectrograms(vced, hands[:, 0])
    np.testing.assert_array_equal(peaks > AUDIBLE_PEAK, [False, False, True, True])


def test_each_row_is_looked_at_by_its_own_hand():
    """Sorting by length inside must not mix voices up."""
    vced = plain(6)
    hands = draw_note_events(np.random.default_rng(1), 6)[:, 0]
    together, _ = render_spectrograms(vced, hands)
    for k in range(6):
        alone, _ = render_spectrograms(vced[k : k + 1], hands[k : k + 1])
        assert np.abs(together[k].astype(int) - alone[0].astype(int)).mean() < 0.05


def test_variations_are_legal_half_unchanged_and_mostly_untransposed():
    voices = random_vced(np.random.default_rng(0), 400)
    found = mutate_voices(np.random.default_rng(1), voices, voices)
    assert in_range(found).all()
    columns = np.arange(155) != VCED_COLUMNS["transpose"]
    same = (found[:, columns] == voices[:, columns]).all(axis=1).mean()
    assert 0.4 < same < 0.7
    assert (found[:, VCED_COLUMNS["transpose"]] == 24).mean() > 0.55
