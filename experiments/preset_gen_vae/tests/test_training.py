"""Training overfits a few voices, resumes exactly, and keeps a folder for one run."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from preset_gen_vae.cnn import ConvSizes
from preset_gen_vae.metrics import parameter_errors
from preset_gen_vae.model import VaeSize
from preset_gen_vae.spectrogram import ONE_NOTE
from preset_gen_vae.training import (
    VaeConfig,
    load_trained,
    make_batch,
    predict_voices,
    sample_batch,
    spectrogram_fn,
    train,
)
from preset_gen_vae.vector_form import audible_parameters

from ddx7.errors import Ddx7Error
from ddx7.training.checkpoint import read_metrics
from ddx7.voice.packing import INIT_VCED, VCED_COLUMNS

CONFIG = VaeConfig(
    form="NumCat",
    head="mlp",
    steps=200,
    batch=8,
    evaluate_every=100,
    evaluated=8,
    learning_rate=3e-3,
    weight_decay=0.0,
    beta=0.02,
    beta_start=0.02,
)
CONV = ConvSizes(
    per_note=(8, 12, 16), joint=24, joint_dense=32, decoder_per_note=16, decoder_dense=24, dropout=0.0, shape=(22, 17)
)
SIZE = VaeSize(224, 1, "mlp", 24, CONV, flow=(2, 24), mlp=(2, 96), dropout=0.0)


# The training of a published model, which ddx7 does not ship; `tests/training` proves the loop itself by default.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def voices():
    rng = np.random.default_rng(5)
    vced = np.tile(INIT_VCED, (8, 1))
    vced[:, VCED_COLUMNS["coarse"]] = rng.integers(1, 6, (8, 6))
    vced[:, VCED_COLUMNS["output_level"]] = rng.integers(60, 100, (8, 6))
    vced[:, VCED_COLUMNS["algorithm"]] = rng.permutation(32)[:8]
    vced[:, VCED_COLUMNS["transpose"]] = rng.integers(0, 49, 8)
    return vced


@pytest.fixture(scope="module")
def compute(voices):
    """Spectrograms at a sixteenth of their resolution, computed once."""
    restricted = CONFIG.vector_form().restrict(voices)
    spectrograms = np.asarray(spectrogram_fn(ONE_NOTE)(restricted))[..., ::16, ::16]
    known = dict(zip((voice.tobytes() for voice in restricted), spectrograms, strict=True))
    return lambda vced: np.stack([known[voice.tobytes()] for voice in vced])


@pytest.fixture(scope="module")
def trained(voices, compute, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return folder, train(voices, voices, folder, CONFIG, size=SIZE, compute_spectrograms=compute)


def assert_equal_trees(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


def test_training_lowers_the_losses_and_logs_them(trained):
    folder, fitted = trained
    lines = read_metrics(folder)
    assert [line["step"] for line in lines] == [100, 200]
    assert lines[1]["parameters"] < lines[0]["parameters"]
    assert lines[1]["spectrograms"] < lines[0]["spectrograms"]
    assert lines[1]["held_out_parameters"] < lines[0]["held_out_parameters"]
    assert fitted.metrics == lines[-1]


def test_a_stopped_and_resumed_run_equals_one_that_was_not_stopped(voices, compute, trained, tmp_path):
    options = {"size": SIZE, "compute_spectrograms": compute}
    train(voices, voices, tmp_path, CONFIG, **options, stop_after=100)
    resumed = train(voices, voices, tmp_path, CONFIG, **options)
    assert_equal_trees(resumed.state, trained[1].state)


def test_trained_weights_are_read_back_exactly(trained, tmp_path):
    folder, fitted = trained
    variables, config = load_trained(folder)
    assert config == CONFIG
    assert_equal_trees(variables["params"], dict(fitted.state.params))
    assert_equal_trees(variables["batch_stats"], dict(fitted.state.batch_stats))
    with pytest.raises(Ddx7Error, match="found no weights"):
        load_trained(tmp_path)


def test_a_folder_belongs_to_its_configuration_and_voices(voices, compute, trained):
    folder, _ = trained
    options = {"size": SIZE, "compute_spectrograms": compute}
    with pytest.raises(Ddx7Error, match=r"config\.batch"):
        train(voices, voices, folder, replace(CONFIG, batch=4), **options)
    with pytest.raises(Ddx7Error, match="voices: found"):
        train(voices[::-1], voices, folder, CONFIG, **options)


def test_the_model_overfits_eight_voices(voices, compute, trained):
    batch = make_batch(voices, CONFIG, compute)
    estimate = predict_voices(trained[1].state.variables, SIZE, CONFIG.vector_form(), batch.spectrograms)
    target = CONFIG.vector_form().restrict(voices)
    errors = parameter_errors(target, estimate, audible_parameters(target))
    assert errors.categories > 0.9
    assert errors.numbers < 0.06
    algorithm = VCED_COLUMNS["algorithm"]  # no two of the voices have the same
    assert (estimate[:, algorithm] == target[:, algorithm]).mean() > 0.6


@pytest.mark.slow
def test_a_model_with_a_flow_as_head_learns_and_resumes(voices, compute, tmp_path):
    config, size = replace(CONFIG, head="flow", steps=40, evaluate_every=20), SIZE._replace(head="flow", dim_z=224)
    options = {"size": size, "compute_spectrograms": compute}
    whole = train(voices, voices, tmp_path / "whole", config, **options)
    train(voices, voices, tmp_path / "parts", config, **options, stop_after=20)
    assert_equal_trees(train(voices, voices, tmp_path / "parts", config, **options).state, whole.state)
    first, last = read_metrics(tmp_path / "whole")
    assert last["parameters"] < first["parameters"]


def test_an_epoch_shows_each_voice_once(voices, compute):
    config = replace(CONFIG, batch=4)
    batches = [sample_batch(voices, config, step, compute).target for step in range(4)]
    target = config.vector_form().to_vectors(voices)
    for epoch in (batches[:2], batches[2:]):
        np.testing.assert_array_equal(np.unique(np.concatenate(epoch), axis=0), np.unique(target, axis=0))
    assert (batches[0] != batches[2]).any()


def test_without_transpose_voices_are_rendered_untransposed(voices):
    voices = np.repeat(voices[:1], 8, axis=0)  # as many as in the other tests, so that nothing is compiled again
    untransposed = make_batch(voices, CONFIG, spectrogram_fn(ONE_NOTE))
    moved = voices.copy()
    moved[:, VCED_COLUMNS["transpose"]] = 10
    np.testing.assert_array_equal(
        untransposed.spectrograms, make_batch(moved, CONFIG, spectrogram_fn(ONE_NOTE)).spectrograms
    )
    learned = replace(CONFIG, transpose=True)
    assert (untransposed.spectrograms != make_batch(moved, learned, spectrogram_fn(ONE_NOTE)).spectrograms).any()
    pooled = spectrogram_fn(ONE_NOTE, small=True)(voices)
    assert pooled.shape[2:] == replace(CONFIG, small=True).size().conv.shape
