"""The model: published sizes, shapes, and a loss that hears only what counts."""

from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from preset_gen_vae.cnn import ConvDecoder, ConvEncoder, Double, Halve, Layers, published_layers, small_layers
from preset_gen_vae.loss import latent_loss, loss_parts, parameter_loss
from preset_gen_vae.model import PresetGenVae, VaeOutput, VaeSize, published_size
from preset_gen_vae.representation import FORM_NAMES, vector_form
from preset_gen_vae.training import count

from ddx7.errors import Ddx7Error
from ddx7.voice.packing import VCED_COLUMNS, random_vced

TINY = Layers(alone=(3, 4), together=6, mixed=8, apart=6, unmixed=8, dropout=0.1, picture=(11, 10))
KEY = jax.random.key(0, impl="rbg")  # compiles fast


def begin(model, *inputs):
    """Variables; compiled as a whole, which is much faster than operation by operation."""
    return jax.jit(model.init)(KEY, *inputs)


def tiny(width, head, n_notes):
    return VaeSize(width, n_notes, head, width if head == "flow" else 12, TINY, flow=(3, 10), mlp=(2, 10), dropout=0.1)


def test_convolutions_halve_as_published():
    assert published_layers(1).sizes() == [
        (347, 257), (174, 129), (88, 65), (45, 33), (23, 17), (12, 9), (7, 5), (4, 3)
    ]  # fmt: skip


def test_small_convolutions_end_as_the_published_ones_do():
    for n_notes in (1, 6):
        small = published_size(610, "flow", n_notes, small=True)
        assert small == published_size(610, "flow", n_notes)._replace(layers=small_layers(n_notes))
        assert small.layers.sizes() == [(86, 64), (43, 32), (22, 17), (12, 9), (7, 5), (4, 3)]


@pytest.mark.parametrize("size", [(11, 10), (4, 7)])
def test_layers_are_the_published_convolutions(size):
    """4 x 4, stride 2, padding 2, tap by tap; and what is transposed to it."""
    rng = np.random.default_rng(3)
    x, kernel = rng.normal(size=(1, *size, 2)), rng.normal(size=(4, 4, 2, 3))
    small = (size[0] // 2 + 1, size[1] // 2 + 1)
    y, wide = rng.normal(size=(1, *small, 3)), np.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)))
    halved, doubled = np.zeros((1, *small, 3)), np.zeros((1, 2 * small[0] + 2, 2 * small[1] + 2, 2))
    for i, j in np.ndindex(small):
        square = np.s_[0, 2 * i : 2 * i + 4, 2 * j : 2 * j + 4]
        halved[0, i, j] = np.einsum("abc,abcd->d", wide[square], kernel)
        doubled[square] += kernel @ y[0, i, j]
    doubled = doubled[:, 2 : 2 + size[0], 2 : 2 + size[1]]

    taps = kernel.reshape(2, 2, 2, 2, 2, 3)  # row: neighbour, within the square; column: likewise; channels
    weights = {"kernel": taps.transpose(0, 2, 1, 3, 4, 5).reshape(32, 3), "bias": np.arange(3.0)}
    found = jax.jit(Halve(3).apply)({"params": {"Dense_0": weights}}, x)
    np.testing.assert_allclose(found, halved + np.arange(3), atol=1e-5)
    weights = {"kernel": taps[::-1, :, ::-1].transpose(0, 2, 5, 1, 3, 4).reshape(12, 8)}
    found = jax.jit(Double(2, size).apply)({"params": {"Dense_0": weights, "bias": np.arange(2.0)}}, y)
    np.testing.assert_allclose(found, doubled + np.arange(2), atol=1e-5)


@pytest.mark.parametrize("n_notes", [1, 6])
def test_parameter_counts_of_the_published_sizes(n_notes):
    """Counted by hand from the published channels."""

    layers, dim_z = published_layers(n_notes), 256
    channels = [8, 16, 32, 64, 128, 256]
    together, mixed = (512, 2048) if n_notes == 1 else (768, 1024)
    pairs = list(pairwise(channels))
    seen = 5 * 5 * 8 + 8 + sum(16 * a * b + b + 2 * b for a, b in pairs)
    seen += 16 * 256 * n_notes * together + together + 2 * together + together * mixed + mixed
    seen += 4 * 3 * mixed * 2 * dim_z + 2 * dim_z + 4 * dim_z
    blank = jax.ShapeDtypeStruct((2, n_notes, 347, 257), jnp.float32)
    encoder = jax.eval_shape(lambda x: ConvEncoder(layers, dim_z).init(KEY, x, False), blank)["params"]
    assert count(encoder)["all"] == seen

    apart = n_notes * 512
    told = dim_z * 12 * 2048 + 12 * 2048 + 2048 * apart + apart + 2 * apart
    told += sum(16 * a * b + a + 2 * a for a, b in [*pairs, (256, 512)]) + 5 * 5 * 8 + 1
    latent = jax.ShapeDtypeStruct((2, dim_z), jnp.float32)
    decoder = jax.eval_shape(lambda z: ConvDecoder(layers, n_notes).init(KEY, z, False), latent)["params"]
    assert count(decoder)["all"] == told


@pytest.mark.parametrize("picture", [(11, 10), (12, 9), (16, 23)])
def test_the_decoder_comes_back_to_any_size(picture):
    layers = TINY._replace(picture=picture)
    told = jax.eval_shape(lambda z: ConvDecoder(layers, 2).init_with_output(KEY, z, False)[0], jnp.ones((2, 5)))
    assert told.shape == (2, 2, *picture)


@pytest.mark.parametrize(("name", "head", "n_notes"), [("NumCat++", "flow", 1), ("NumCat", "mlp", 3)])
def test_answers_and_losses_are_finite_numbers(name, head, n_notes):
    vectors = vector_form(name)
    model = PresetGenVae(tiny(vectors.width, head, n_notes))
    seen = jax.random.uniform(KEY, (3, n_notes, 11, 10), minval=-1)
    variables = begin(model, seen)
    learn = jax.jit(partial(model.apply, train=True, mutable=["batch_stats"], rngs={"latent": KEY, "dropout": KEY}))
    found, _ = learn(variables, seen)
    assert found.spectrograms.shape == seen.shape
    assert np.abs(found.spectrograms).max() <= 1
    assert found.vectors.shape == (3, vectors.width)
    assert found.vectors.min() >= 0
    assert found.vectors.max() <= 1
    voices = random_vced(np.random.default_rng(0), 3)
    wanted, counted = vectors.to_vectors(voices), vectors.counted(voices)
    each = jax.jit(partial(loss_parts, vectors))(found, seen, wanted, counted)
    assert np.isfinite(each).all()
    np.testing.assert_allclose(each.total(0.5), each.spectrograms + 0.5 * each.latent + each.parameters, rtol=1e-6)
    assert (found.z0 != found.mean).any()
    calm = jax.jit(model.apply)(variables, seen)
    np.testing.assert_array_equal(calm.z0, calm.mean)
    voices = jax.jit(partial(model.apply, method=PresetGenVae.voices))(variables, seen)
    np.testing.assert_allclose(calm.vectors, voices, atol=1e-5)


def test_each_note_is_looked_at_and_they_are_told_apart():
    model = PresetGenVae(tiny(144, "mlp", 2))
    seen = jax.random.uniform(KEY, (2, 2, 11, 10), minval=-1)
    variables, answer = begin(model, seen), jax.jit(model.apply)
    as_is, swapped = (answer(variables, x).mean for x in (seen, seen[:, ::-1]))
    assert np.abs(as_is - swapped).max() > 1e-4


def test_unknown_head_is_named():
    with pytest.raises(Ddx7Error, match="mlp"):
        published_size(144, "tree", 1)


def by_hand(vectors, found, wanted, counted):
    """The published loss, parameter by parameter and voice by voice."""
    n_numbers, squares, surprises = 0, 0.0, []
    for parameter in range(len(vectors.columns)):
        places = np.flatnonzero(vectors.owner == parameter)
        if vectors.one_hot[parameter]:
            each = []
            for k in np.flatnonzero(counted[:, parameter]):
                odds = np.exp(found[k, places] / 0.2)
                each.append(-np.log(odds[wanted[k, places] == 1][0] / odds.sum()))
            surprises.append(np.mean(each) if each else 0.0)
        else:
            n_numbers += len(found)
            squares += (np.square(found[:, places[0]] - wanted[:, places[0]]) * counted[:, parameter]).sum()
    return squares / n_numbers + (0.2 * np.mean(surprises) if surprises else 0.0)


@pytest.mark.parametrize("name", FORM_NAMES)
def test_parameter_loss_is_the_published_one_and_hears_only_what_counts(name):
    vectors = vector_form(name)
    rng = np.random.default_rng(1)
    voices = random_vced(rng, 6)
    for name in ("output_level", "left_depth", "right_depth"):
        voices[:, VCED_COLUMNS[name][5]] = 0
    wanted, counted = vectors.to_vectors(voices), vectors.counted(voices)
    found = rng.random(wanted.shape).astype(np.float32)
    loss, slope = jax.jit(jax.value_and_grad(lambda x: parameter_loss(vectors, x, wanted, counted)))(found)
    np.testing.assert_allclose(loss, by_hand(vectors, found.astype(float), wanted, counted), rtol=1e-5)
    heard = counted[:, vectors.owner]
    assert (~heard).sum() > 50
    assert (np.asarray(slope)[~heard] == 0).all()
    assert (np.asarray(slope)[heard] != 0).mean() > 0.99


def test_latent_loss_is_zero_for_what_is_normal_already():
    """Without a flow, the mean over draws is the divergence from a normal distribution, in closed form."""
    mean, log_variance = np.full((4000, 3), 0.5), np.full((4000, 3), -1.0)
    z = mean + np.exp(log_variance / 2) * np.random.default_rng(2).normal(size=mean.shape)
    drawn = VaeOutput(z, z, mean, log_variance, z0=z, zk=z, log_det=np.zeros(4000))
    wanted = 0.5 * (np.exp(-1.0) + 0.25 + 1.0 - 1.0)
    np.testing.assert_allclose(latent_loss(drawn), wanted, atol=0.02)
    stretched = drawn._replace(zk=2 * z, log_det=np.full(4000, 3 * np.log(2)))
    moved = 0.5 * (4 * np.exp(-1.0) + 1.0 - 1 - np.log(4 * np.exp(-1.0)))
    np.testing.assert_allclose(latent_loss(stretched), moved, atol=0.05)
