"""Training learns a few voices by heart, resumes exactly, and refuses another run's folder."""

import json
from dataclasses import replace

import jax
import numpy as np
import pytest
from preset_gen_vae.cnn import Layers
from preset_gen_vae.metrics import parameter_errors
from preset_gen_vae.model import VaeSize
from preset_gen_vae.representation import audible_parameters, vector_form
from preset_gen_vae.spectrogram import ONE_NOTE
from preset_gen_vae.training import (
    VaeConfig,
    answers,
    draw_batch,
    load_trained,
    make_batch,
    spectrogram_renderer,
    train,
)

from ddx7.errors import Ddx7Error
from ddx7.runs import METRICS
from ddx7.voice.packing import INIT_VCED, VCED_COLUMNS

SETTINGS = VaeConfig(
    form="NumCat",
    head="mlp",
    steps=40,
    batch=4,
    measured_every=20,
    measured=4,
    learning_rate=3e-3,
    weight_decay=0.0,
)
LAYERS = Layers(alone=(8, 12, 16), together=24, mixed=32, apart=16, unmixed=24, dropout=0.0, picture=(22, 17))
SIZE = VaeSize(224, 1, "mlp", 24, LAYERS, flow=(2, 24), mlp=(2, 96), dropout=0.0)


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
def look(voices):
    """Coarse pictures of the eight voices, each played once."""
    said = vector_form("NumCat").says(voices)
    seen = np.asarray(spectrogram_renderer(ONE_NOTE)(said))[:, :, ::16, ::16]
    known = {voice.tobytes(): picture for voice, picture in zip(said, seen, strict=True)}
    return lambda vced: np.stack([known[voice.tobytes()] for voice in vced])


def test_resumes_exactly_and_tells_what_it_measures(voices, look, tmp_path):
    settings, size = replace(SETTINGS, head="flow"), SIZE._replace(head="flow", dim_z=224)
    whole, metrics = train(voices, voices, tmp_path / "whole", settings, size=size, look=look)
    train(voices, voices, tmp_path / "parts", settings, size=size, look=look, until=20)
    parts, _ = train(voices, voices, tmp_path / "parts", settings, size=size, look=look)
    for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(parts), strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    again = load_trained(tmp_path / "whole", settings, size)
    for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    lines = [json.loads(line) for line in (tmp_path / "whole" / METRICS).read_text().splitlines()]
    assert [line["step"] for line in lines] == [20, 40]
    assert lines[1]["parameters"] < lines[0]["parameters"]
    assert lines[1]["spectrograms"] < lines[0]["spectrograms"]
    assert metrics == lines[-1]
    with pytest.raises(Ddx7Error, match="other settings"):
        train(voices, voices, tmp_path / "whole", replace(settings, batch=8), size=size, look=look)
    with pytest.raises(Ddx7Error, match="no checkpoint"):
        load_trained(tmp_path / "none", settings, size)


def test_learns_eight_voices_by_heart(voices, look, tmp_path):
    settings = replace(SETTINGS, steps=200, batch=8, measured_every=100, beta=0.02, beta_start=0.02)
    variables, _ = train(voices, voices, tmp_path, settings, size=SIZE, look=look)
    batch = make_batch(voices, settings, look)
    found = answers(variables, SIZE, settings.vector_form(), batch.seen)
    wanted = settings.vector_form().says(voices)
    errors = parameter_errors(wanted, found, audible_parameters(wanted))
    assert errors.categories > 0.9
    assert errors.numbers < 0.06
    algorithm = VCED_COLUMNS["algorithm"]  # no two of the voices have the same
    assert (found[:, algorithm] == wanted[:, algorithm]).mean() > 0.6


def test_an_epoch_shows_each_voice_once(voices, look):
    seen = [draw_batch(voices, SETTINGS, step, look).wanted for step in range(4)]
    wanted = SETTINGS.vector_form().to_vectors(voices)
    for epoch in (seen[:2], seen[2:]):
        rows = np.concatenate(epoch)
        np.testing.assert_array_equal(np.unique(rows, axis=0), np.unique(wanted, axis=0))
    assert (seen[0] != seen[2]).any()


def test_without_transpose_voices_are_played_untransposed(voices):
    plain = make_batch(voices[:1], SETTINGS, spectrogram_renderer(ONE_NOTE))
    moved = voices[:1].copy()
    moved[:, VCED_COLUMNS["transpose"]] = 10
    np.testing.assert_array_equal(plain.seen, make_batch(moved, SETTINGS, spectrogram_renderer(ONE_NOTE)).seen)
    coarse = spectrogram_renderer(ONE_NOTE, small=True)(voices[:1])
    assert coarse.shape[2:] == replace(SETTINGS, small=True).size().layers.picture
    learned = replace(SETTINGS, transpose=True)
    assert (plain.seen != make_batch(moved, learned, spectrogram_renderer(ONE_NOTE)).seen).any()
