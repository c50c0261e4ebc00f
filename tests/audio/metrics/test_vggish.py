import jax
import numpy as np
import pytest

from ddx7.audio.metrics.vggish import VGGish, log_mel_images, make, normalise
from ddx7.audio.metrics.vggish_weights import VggishWidths, arranged, convert_weights, load_weights, shapes
from ddx7.errors import Ddx7Error

NARROW = VggishWidths((3, 4, 5, 6), 7)

# Names in the published files, written out by hand: TF-Slim's, torchvggish's.
PUBLISHED = {
    "conv1": ("vggish/conv1", "features.0"),
    "conv2": ("vggish/conv2", "features.3"),
    "conv3_1": ("vggish/conv3/conv3_1", "features.6"),
    "conv3_2": ("vggish/conv3/conv3_2", "features.8"),
    "conv4_1": ("vggish/conv4/conv4_1", "features.11"),
    "conv4_2": ("vggish/conv4/conv4_2", "features.13"),
    "fc1_1": ("vggish/fc1/fc1_1", "embeddings.0"),
    "fc1_2": ("vggish/fc1/fc1_2", "embeddings.2"),
    "fc2": ("vggish/fc2", "embeddings.4"),
}


def numpy_vggish(parameters, image, *, last_relu):
    """One image through the network, convolutions as sums over shifted copies."""
    x = image[:, :, None]
    for layers in (["conv1"], ["conv2"], ["conv3_1", "conv3_2"], ["conv4_1", "conv4_2"]):
        for layer in layers:
            kernel, bias = parameters[layer]["kernel"], parameters[layer]["bias"]
            padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
            shifts = [(i, j) for i in range(3) for j in range(3)]
            x = sum(padded[i : i + x.shape[0], j : j + x.shape[1]] @ kernel[i, j] for i, j in shifts)
            x = np.maximum(x + bias, 0)
        x = x.reshape(x.shape[0] // 2, 2, x.shape[1] // 2, 2, -1).max(axis=(1, 3))
    x = x.reshape(-1)
    for layer in ("fc1_1", "fc1_2", "fc2"):
        x = x @ parameters[layer]["kernel"] + parameters[layer]["bias"]
        x = x if layer == "fc2" and not last_relu else np.maximum(x, 0)
    return x


@pytest.fixture(scope="module")
def parameters():
    rng = np.random.default_rng(0)

    def random(shape):  # of a size that keeps activations alive through nine layers
        return rng.standard_normal(shape, np.float32) * np.float32(np.sqrt(2 / np.prod(shape[:-1])))

    return {
        layer: {"kernel": random(shape), "bias": random((1, shape[-1]))[0]} for layer, shape in shapes(NARROW).items()
    }


def test_shapes_and_the_number_of_parameters():
    images = jax.ShapeDtypeStruct((5, 96, 64), np.float32)
    model = VGGish()
    variables = jax.eval_shape(model.init, jax.random.key(0), images)
    assert {name: pair["kernel"].shape for name, pair in variables["params"].items()} == shapes()
    assert sum(leaf.size for leaf in jax.tree.leaves(variables)) == 72_141_184
    assert jax.eval_shape(model.apply, variables, images).shape == (5, 128)


def test_the_network_against_numpy_and_a_file_of_it(parameters, tmp_path):
    path = tmp_path / "slim.npz"
    slim = {f"{PUBLISHED[layer][0]}/weights": pair["kernel"].astype(np.float16) for layer, pair in parameters.items()}
    slim |= {f"{PUBLISHED[layer][0]}/biases": pair["bias"].astype(np.float16) for layer, pair in parameters.items()}
    np.savez(path, global_step=np.array(1), **slim)
    converted = convert_weights(path, tmp_path / "vggish.safetensors", widths=NARROW)
    with pytest.raises(Ddx7Error, match="exists already"):
        convert_weights(path, converted, widths=NARROW)
    loaded = load_weights(converted, NARROW)
    np.testing.assert_array_equal(loaded["conv4_1"]["kernel"], slim["vggish/conv4/conv4_1/weights"].astype(np.float32))
    sound = np.random.default_rng(1).normal(0, 0.2, (2, 16_000)).astype(np.float32)
    images = log_mel_images(sound)
    raw = make("vggish", converted, NARROW).embed(sound)
    assert raw.shape == (2, 128)
    expected = numpy_vggish(loaded, images[1], last_relu=False)
    assert np.abs(expected).max() > 0.1
    assert expected.min() < 0
    np.testing.assert_allclose(raw[1], expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())
    rectified = make("vggish-relu", path, NARROW).embed(sound)
    np.testing.assert_allclose(rectified, np.maximum(raw, 0), atol=1e-4 * np.abs(expected).max())


def test_weights_of_torch_are_transposed(parameters):
    torch = {}
    for layer, pair in parameters.items():
        name = PUBLISHED[layer][1]
        kernel = pair["kernel"]
        torch[f"{name}.weight"] = np.moveaxis(kernel, (3, 2), (0, 1)) if kernel.ndim == 4 else kernel.T
        torch[f"{name}.bias"] = pair["bias"]
    result = arranged(torch, NARROW)
    for layer, pair in parameters.items():
        np.testing.assert_array_equal(result[layer]["kernel"], pair["kernel"])
        np.testing.assert_array_equal(result[layer]["bias"], pair["bias"])


def test_weights_of_another_network(parameters):
    with pytest.raises(Ddx7Error, match="found a, b, weights of VGGish"):
        arranged({"a": np.ones(1), "b": np.ones(1)})
    turned = {f"conv1/{kind}": array.T for kind, array in parameters["conv1"].items()}
    with pytest.raises(Ddx7Error, match=r"conv1 has the shapes \(3, 1, 3, 3\) and \(3,\), \(3, 3, 1, 3\) is wanted"):
        arranged(turned, NARROW)
    ours = {f"{layer}/{kind}": array for layer, pair in parameters.items() for kind, array in pair.items()}
    with pytest.raises(Ddx7Error, match=r"conv1 has the shapes \(3, 3, 1, 3\) and \(3,\), \(3, 3, 1, 64\) is wanted"):
        arranged(ours)


def test_images_against_the_formula():
    sound = np.random.default_rng(2).normal(0, 0.2, 16_000)
    images = log_mel_images(sound[None])
    assert images.shape == (1, 96, 64)
    assert images.dtype == np.float32

    def mel(f_hz):
        return 1127 * np.log(1 + f_hz / 700)

    edges = np.linspace(mel(125), mel(7500), 66)
    for frame, band in [(0, 0), (7, 20), (50, 40), (95, 63)]:
        piece = sound[160 * frame : 160 * frame + 400] * (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400))
        low, centre, high = edges[band : band + 3]
        total = 0.0
        for k in range(1, 257):
            up, down = (mel(k * 31.25) - low) / (centre - low), (high - mel(k * 31.25)) / (high - centre)
            weight = max(0.0, min(up, down))
            if weight:
                total += weight * abs(np.sum(piece * np.exp(-2j * np.pi * k * np.arange(400) / 512)))
        assert images[0, frame, band] == pytest.approx(np.log(total + 0.01), abs=1e-4)
    # The last 25 ms of a window do not fill another frame.
    sound[95 * 160 + 400 :] = 1.0
    np.testing.assert_array_equal(log_mel_images(sound[None]), images)


def test_clips_are_scaled_by_their_highest_sample():
    assert normalise(np.array([0.5, -0.9], np.float32)).tolist() == pytest.approx([1.0, -1.8])
    assert normalise(np.array([0.05, -0.9], np.float32)).tolist() == pytest.approx([0.5, -9.0])
    assert normalise(np.array([-0.5], np.float32)).tolist() == pytest.approx([-5.0])
