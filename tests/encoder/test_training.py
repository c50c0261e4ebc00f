"""Training: the model learns, a run resumes exactly and belongs to its examples, and weights survive a file."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from ddx7.encoder.examples import ExampleShard, sample_note_events
from ddx7.encoder.sampler import NoteInputs, load_weights, save_weights
from ddx7.encoder.size import EncoderSize
from ddx7.encoder.spectrogram import BANDS, FRAMES
from ddx7.encoder.tokens import to_tokens
from ddx7.encoder.training import EncoderConfig, augment, sample_batch, train
from ddx7.errors import Ddx7Error
from ddx7.training.checkpoint import read_metrics
from ddx7.voice.packing import in_range

pytestmark = pytest.mark.usefixtures("quickly_compiled")

SIZE = EncoderSize(encoder_width=16, layers=1, embedding_width=32, decoder_width=24)
# One note throughout, so that one shape is compiled.
CONFIG = EncoderConfig(
    steps=24, batch=8, evaluate_every=12, warmup_steps=4, learning_rate=3e-3, single_note_share=1.0, weight_decay=0.1
)


@pytest.fixture(scope="module")
def shard(plain):
    """Examples whose spectrograms are random: the tests ask whether a training runs, not what sound is."""
    rng = np.random.default_rng(0)
    n = 48
    spectrograms = rng.integers(0, 241, (n, 2, FRAMES, BANDS)).astype(np.uint8)
    return ExampleShard(to_tokens(plain)[rng.integers(0, len(plain), n)], spectrograms, sample_note_events(rng, n))


@pytest.fixture(scope="module")
def trained(shard, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return folder, train(shard, shard, folder, CONFIG, SIZE)


def test_training_lowers_the_loss(trained):
    folder, fitted = trained
    lines = read_metrics(folder)
    assert [line["step"] for line in lines] == [12, 24]
    assert lines[1]["loss"] < 0.8 * lines[0]["loss"]
    assert fitted.metrics == lines[-1]
    assert fitted.best_metrics == min(lines, key=lambda line: line["held_out"])


def test_a_stopped_and_resumed_run_equals_one_that_was_not_stopped(shard, trained, tmp_path):
    train(shard, shard, tmp_path, CONFIG, SIZE, stop_after=12)
    resumed = train(shard, shard, tmp_path, CONFIG, SIZE)
    jax.tree.map(np.testing.assert_array_equal, resumed.best_params, trained[1].best_params)
    jax.tree.map(np.testing.assert_array_equal, resumed.state, trained[1].state)


def test_a_new_run_may_start_from_trained_parameters(shard, trained, tmp_path):
    folder, fitted = trained
    tuned = train(shard, shard, tmp_path, CONFIG, SIZE, stop_after=12, init_params=fitted.best_params)
    assert tuned.metrics["loss"] < 0.8 * read_metrics(folder)[0]["loss"]
    with pytest.raises(Ddx7Error, match="init_params"):
        train(shard, shard, tmp_path, CONFIG, SIZE, stop_after=12)


def test_a_folder_belongs_to_its_configuration_and_examples(shard, trained):
    folder, _ = trained
    with pytest.raises(Ddx7Error, match=r"config\.batch: found 8, wanted 4"):
        train(shard, shard, folder, replace(CONFIG, batch=4), SIZE)
    with pytest.raises(Ddx7Error, match="examples: found"):
        train(shard[:40], shard, folder, CONFIG, SIZE)
    with pytest.raises(Ddx7Error, match="held_out: found"):
        train(shard, shard[:40], folder, CONFIG, SIZE)


def test_an_epoch_shows_each_example_once_and_the_epochs_differ(shard):
    rows = {shard.spectrograms[k, 0].tobytes(): k for k in range(len(shard))}
    rows |= {shard.spectrograms[k, 1].tobytes(): k for k in range(len(shard))}
    epochs = []
    for epoch in range(2):
        batches = [sample_batch(shard, CONFIG, 6 * epoch + step) for step in range(6)]
        assert all(batch.spectrograms.shape == (8, 1, FRAMES, BANDS) for batch in batches)
        epochs.append([rows[note.tobytes()] for batch in batches for note in np.asarray(batch.spectrograms[:, 0])])
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(len(shard)))
    assert epochs[0] != epochs[1]
    both = sample_batch(shard, replace(CONFIG, single_note_share=0.0), 0)
    assert both.present.shape == both.note_events.shape[:2] == (8, 2)


def test_augmentation_changes_two_fifths_of_the_examples_and_keeps_the_range(shard):
    spectrograms = np.repeat(shard.spectrograms[:4], 100, axis=0)[:, :1]
    augmented = np.asarray(jax.jit(augment)(jax.random.key(0), spectrograms))
    assert augmented.min() >= 0
    assert augmented.max() <= 255
    changed = (augmented != spectrograms).any(axis=(1, 2, 3))
    assert 0.3 < changed.mean() < 0.5


def test_saved_weights_come_back_and_sample_legal_voices(shard, trained, tmp_path):
    params = trained[1].best_params
    path = tmp_path / "encoder.safetensors"
    save_weights(path, params, SIZE, {"steps": 1})
    sampler = load_weights(path)
    assert sampler.size == SIZE
    for a, b in zip(jax.tree.leaves(params), jax.tree.leaves(sampler.params), strict=True):
        np.testing.assert_allclose(np.asarray(a), b, rtol=1e-3, atol=1e-6)
    inputs = NoteInputs(shard.spectrograms[0], shard.note_events[0])
    voices = sampler.sample(inputs, 70, seed=1)
    assert voices.shape == (70, 155)
    assert in_range(voices).all()
    np.testing.assert_array_equal(voices, sampler.sample(inputs, 70, seed=1))
    assert (voices != sampler.sample(inputs, 70, seed=2)).any()

    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(Ddx7Error, match="SHA-256"):
        load_weights(path)
    with pytest.raises(Ddx7Error, match="found no weights"):
        load_weights(tmp_path / "none.safetensors")
