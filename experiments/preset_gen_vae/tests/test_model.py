"""The model: published sizes, shapes, and a loss over audible parameters alone."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from preset_gen_vae.cnn import (
    ConvDecoder,
    ConvEncoder,
    ConvSizes,
    DownConv,
    UpConv,
    published_conv_sizes,
    small_conv_sizes,
)
from preset_gen_vae.loss import latent_loss, loss_parts, parameter_loss
from preset_gen_vae.model import PresetGenVae, VaeOutput, VaeSize, published_size
from preset_gen_vae.training import count_parameters
from preset_gen_vae.vector_form import FORM_NAMES, VectorForm, vector_form

from ddx7.errors import Ddx7Error
from ddx7.voice.packing import VCED_COLUMNS, random_vced

TINY = ConvSizes(
    per_note=(3, 4), joint=6, joint_dense=8, decoder_per_note=6, decoder_dense=8, dropout=0.1, shape=(11, 10)
)
KEY = jax.random.key(0, impl="rbg")  # compiles fast


def init(model, *inputs):
    """Variables; compiled as a whole, which is much faster than operation by operation."""
    return jax.jit(model.init)(KEY, *inputs)


def tiny(width, head, n_notes):
    return VaeSize(width, n_notes, head, width if head == "flow" else 12, TINY, flow=(3, 10), mlp=(2, 10), dropout=0.1)


def test_convolutions_halve_as_published():
    assert published_conv_sizes(1).shapes() == [
        (347, 257), (174, 129), (88, 65), (45, 33), (23, 17), (12, 9), (7, 5), (4, 3)
    ]  # fmt: skip


def test_small_convolutions_end_as_the_published_ones_do():
    for n_notes in (1, 6):
        small = published_size(610, "flow", n_notes, small=True)
        assert small == published_size(610, "flow", n_notes)._replace(conv=small_conv_sizes(n_notes))
        assert small.conv.shapes() == [(86, 64), (43, 32), (22, 17), (12, 9), (7, 5), (4, 3)]


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
    params = {"kernel": taps.transpose(0, 2, 1, 3, 4, 5).reshape(32, 3), "bias": np.arange(3.0)}
    output = jax.jit(DownConv(3).apply)({"params": {"Dense_0": params}}, x)
    np.testing.assert_allclose(output, halved + np.arange(3), atol=1e-5)
    params = {"kernel": taps[::-1, :, ::-1].transpose(0, 2, 5, 1, 3, 4).reshape(12, 8)}
    output = jax.jit(UpConv(2, size).apply)({"params": {"Dense_0": params, "bias": np.arange(2.0)}}, y)
    np.testing.assert_allclose(output, doubled + np.arange(2), atol=1e-5)


@pytest.mark.parametrize("n_notes", [1, 6])
def test_parameter_counts_of_the_published_sizes(n_notes):
    """Counted by hand from the published channels."""

    conv, dim_z = published_conv_sizes(n_notes), 256
    channels = [8, 16, 32, 64, 128, 256]
    joint, dense = (512, 2048) if n_notes == 1 else (768, 1024)
    pairs = list(pairwise(channels))
    n_encoder = 5 * 5 * 8 + 8 + sum(16 * a * b + b + 2 * b for a, b in pairs)
    n_encoder += 16 * 256 * n_notes * joint + joint + 2 * joint + joint * dense + dense
    n_encoder += 4 * 3 * dense * 2 * dim_z + 2 * dim_z + 4 * dim_z
    blank = jax.ShapeDtypeStruct((2, n_notes, 347, 257), jnp.float32)
    encoder = jax.eval_shape(lambda x: ConvEncoder(conv, dim_z).init(KEY, x, False), blank)["params"]
    assert count_parameters(encoder)["all"] == n_encoder

    per_note = n_notes * 512
    n_decoder = dim_z * 12 * 2048 + 12 * 2048 + 2048 * per_note + per_note + 2 * per_note
    n_decoder += sum(16 * a * b + a + 2 * a for a, b in [*pairs, (256, 512)]) + 5 * 5 * 8 + 1
    latent = jax.ShapeDtypeStruct((2, dim_z), jnp.float32)
    decoder = jax.eval_shape(lambda z: ConvDecoder(conv, n_notes).init(KEY, z, False), latent)["params"]
    assert count_parameters(decoder)["all"] == n_decoder


@pytest.mark.parametrize("shape", [(11, 10), (12, 9), (16, 23)])
def test_the_decoder_returns_to_any_input_shape(shape):
    conv = TINY._replace(shape=shape)
    output = jax.eval_shape(lambda z: ConvDecoder(conv, 2).init_with_output(KEY, z, False)[0], jnp.ones((2, 5)))
    assert output.shape == (2, 2, *shape)


class Model(NamedTuple):
    form: VectorForm
    module: PresetGenVae
    variables: dict
    apply: Callable[..., VaeOutput]
    spectrograms: jax.Array


def make_model(name, head, n_notes):
    form = vector_form(name)
    module = PresetGenVae(tiny(form.width, head, n_notes))
    spectrograms = jax.random.uniform(KEY, (3, n_notes, 11, 10), minval=-1)
    return Model(form, module, init(module, spectrograms), jax.jit(module.apply), spectrograms)


@pytest.fixture(scope="module")
def perceptron():
    """A model of three notes with a perceptron as head; compiled once."""
    return make_model("NumCat", "mlp", 3)


def assert_outputs_and_losses_are_finite(model):
    form, module, variables, apply, spectrograms = model
    rngs = {"latent": KEY, "dropout": KEY}
    train_step = jax.jit(partial(module.apply, train=True, mutable=["batch_stats"], rngs=rngs))
    output, _ = train_step(variables, spectrograms)
    assert output.spectrograms.shape == spectrograms.shape
    assert np.abs(output.spectrograms).max() <= 1
    assert output.vectors.shape == (3, form.width)
    assert output.vectors.min() >= 0
    assert output.vectors.max() <= 1
    voices = random_vced(np.random.default_rng(0), 3)
    target, mask = form.to_vectors(voices), form.audible(voices)
    losses = jax.jit(partial(loss_parts, form))(output, spectrograms, target, mask)
    assert np.isfinite(losses).all()
    total = losses.spectrograms + 0.5 * losses.latent + losses.parameters
    np.testing.assert_allclose(losses.total(0.5), total, rtol=1e-6)
    assert (output.z0 != output.mean).any()
    evaluated = apply(variables, spectrograms)
    np.testing.assert_array_equal(evaluated.z0, evaluated.mean)
    vectors = jax.jit(partial(module.apply, method="predict"))(variables, spectrograms)
    np.testing.assert_allclose(evaluated.vectors, vectors, atol=1e-5)


# By default test_training.py trains such a model, on the same losses.
@pytest.mark.slow
def test_outputs_and_losses_are_finite(perceptron):
    assert_outputs_and_losses_are_finite(perceptron)


@pytest.mark.slow
def test_outputs_and_losses_are_finite_with_a_flow_as_head():
    assert_outputs_and_losses_are_finite(make_model("NumCat++", "flow", 1))


@pytest.mark.slow
def test_the_order_of_notes_matters(perceptron):
    _, _, variables, apply, spectrograms = perceptron
    means = [apply(variables, x).mean for x in (spectrograms, spectrograms[:, ::-1])]
    assert np.abs(means[0] - means[1]).max() > 1e-4


def test_unknown_head_is_named():
    with pytest.raises(Ddx7Error, match="mlp"):
        published_size(144, "tree", 1)


def by_hand(vectors, output, target, mask):
    """The published loss, parameter by parameter and voice by voice."""
    n_numbers, squares, cross_entropies = 0, 0.0, []
    for parameter in range(len(vectors.columns)):
        places = np.flatnonzero(vectors.owner == parameter)
        if vectors.one_hot[parameter]:
            each = []
            for k in np.flatnonzero(mask[:, parameter]):
                odds = np.exp(output[k, places] / 0.2)
                each.append(-np.log(odds[target[k, places] == 1][0] / odds.sum()))
            cross_entropies.append(np.mean(each) if each else 0.0)
        else:
            n_numbers += len(output)
            squares += (np.square(output[:, places[0]] - target[:, places[0]]) * mask[:, parameter]).sum()
    return squares / n_numbers + (0.2 * np.mean(cross_entropies) if cross_entropies else 0.0)


@pytest.mark.parametrize("name", FORM_NAMES)
def test_parameter_loss_is_the_published_one_and_counts_audible_parameters_alone(name):
    vectors = vector_form(name)
    rng = np.random.default_rng(1)
    voices = random_vced(rng, 6)
    for name in ("output_level", "left_depth", "right_depth"):
        voices[:, VCED_COLUMNS[name][5]] = 0
    target, mask = vectors.to_vectors(voices), vectors.audible(voices)
    output = rng.random(target.shape).astype(np.float32)
    loss, grads = jax.jit(jax.value_and_grad(lambda x: parameter_loss(vectors, x, target, mask)))(output)
    np.testing.assert_allclose(loss, by_hand(vectors, output.astype(float), target, mask), rtol=1e-5)
    mask_of_elements = mask[:, vectors.owner]
    assert (~mask_of_elements).sum() > 50
    assert (np.asarray(grads)[~mask_of_elements] == 0).all()
    assert (np.asarray(grads)[mask_of_elements] != 0).mean() > 0.99


def test_latent_loss_is_the_divergence_in_closed_form():
    """Without a flow, the mean over samples is the divergence from a normal distribution, in closed form."""
    mean, log_variance = np.full((4000, 3), 0.5), np.full((4000, 3), -1.0)
    z = mean + np.exp(log_variance / 2) * np.random.default_rng(2).normal(size=mean.shape)
    output = VaeOutput(z, z, mean, log_variance, z0=z, zk=z, log_det=np.zeros(4000))
    target = 0.5 * (np.exp(-1.0) + 0.25 + 1.0 - 1.0)
    np.testing.assert_allclose(latent_loss(output), target, atol=0.02)
    stretched = output._replace(zk=2 * z, log_det=np.full(4000, 3 * np.log(2)))
    moved = 0.5 * (4 * np.exp(-1.0) + 1.0 - 1 - np.log(4 * np.exp(-1.0)))
    np.testing.assert_allclose(latent_loss(stretched), moved, atol=0.05)
