import jax
import librosa
import numpy as np
import pytest
from scipy.signal import correlate

from ddx7.audio import read_audio
from ddx7.audio.metrics import embed_set, kad, load_embedding
from ddx7.audio.metrics.musicnn import MusicnnWidths, load_weights, log_mel_images, make, network, shapes
from ddx7.errors import Ddx7Error

NARROW = MusicnnWidths(timbral=4, temporal=3, middle=2)


def random_file(path, seed=0, *, skip=None):
    """Weights in the published names, batch norms that do something."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for layer, variables in shapes(NARROW).items():
        for variable, shape in variables.items():
            if variable in ("gamma", "moving_variance"):
                values = rng.uniform(0.5, 2.0, shape) * (rng.choice([-1, 1], shape) if variable == "gamma" else 1)
            else:
                values = rng.normal(0, 1 / np.sqrt(np.prod(shape[:-1]) or 1), shape)
            suffix = "_1" if variable == "kernel" and layer.startswith("conv2d") else ""
            if (layer, variable) != skip:
                arrays[f"model_weights.{layer}.{layer}.{variable}{suffix}:0"] = values.astype(np.float32)
    np.savez(path, **arrays)
    return path


def numpy_musicnn(weights, image):
    """One image, layer by layer, convolutions by SciPy."""

    def norm(x, layer):
        w = weights[layer]
        return (x - w["moving_mean"]) / np.sqrt(w["moving_variance"] + 1e-3) * w["gamma"] + w["beta"]

    def convolve(x, layer):  # [frame, band] with zeros before and after
        kernel = weights[layer]["kernel"][:, :, 0]
        n = kernel.shape[0]
        padded = np.pad(x, (((n - 1) // 2, n - 1 - (n - 1) // 2), (0, 0)))
        maps = [correlate(padded, kernel[..., k], "valid") + weights[layer]["bias"][k] for k in range(kernel.shape[-1])]
        return np.maximum(np.stack(maps, -1), 0)

    x = norm(image[..., None], "batch_normalization")[..., 0]
    front = [
        norm(convolve(x, f"conv2d_{k}".removesuffix("_0")), f"batch_normalization_{k + 1}").max(1) for k in range(5)
    ]
    layers = [np.concatenate(front, 1)]
    for k in (1, 2, 3):
        y = norm(convolve(layers[-1], f"midend_conv{k}")[:, 0], f"bn_midend_conv{k}")
        layers.append(y + layers[-1] if k > 1 else y)
    y = np.concatenate(layers, 1)
    pooled = norm(np.ravel([y.max(0), y.mean(0)], order="F"), "bn_flatpool")
    dense = np.maximum(pooled @ weights["dense"]["kernel"] + weights["dense"]["bias"], 0)
    penultimate = norm(dense, "bn_dense")
    return penultimate, penultimate @ weights["dense_1"]["kernel"] + weights["dense_1"]["bias"]


def test_the_network_against_numpy(tmp_path):
    path = random_file(tmp_path / "weights.npz")
    weights = load_weights(path, NARROW)
    sound = np.random.default_rng(1).normal(0, 0.1, (1, 48_128)).astype(np.float32)
    images = log_mel_images(sound)
    assert images.shape == (1, 187, 96)
    outputs = jax.jit(network)(weights, images)
    plain = {layer: {k: np.asarray(v, np.float64) for k, v in w.items()} for layer, w in weights.items()}
    penultimate, tags = numpy_musicnn(plain, images[0].astype(np.float64))
    assert penultimate.std() > 0.1
    np.testing.assert_allclose(outputs.penultimate[0], penultimate, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(outputs.tags[0], tags, rtol=1e-3, atol=2e-3)
    embedding = make("musicnn", path, NARROW)
    np.testing.assert_allclose(embedding.embed(sound), outputs.penultimate, rtol=1e-3, atol=1e-3)
    assert embedding.window == 48_128


def test_shapes_and_the_number_of_parameters():
    weights = {
        layer: {k: jax.ShapeDtypeStruct(shape, np.float32) for k, shape in variables.items()}
        for layer, variables in shapes().items()
    }
    assert sum(leaf.size for leaf in jax.tree.leaves(weights)) == 792_079  # as many as are published
    assert weights["dense"]["kernel"].shape == (1506, 200)  # maximum and mean of 753 channels
    outputs = jax.eval_shape(network, weights, jax.ShapeDtypeStruct((3, 187, 96), np.float32))
    assert (outputs.penultimate.shape, outputs.tags.shape) == ((3, 200), (3, 50))


def test_images_are_those_of_librosa_between_the_ends():
    sound = np.random.default_rng(2).normal(0, 0.1, 48_128).astype(np.float32)
    # librosa's own mel spectrogram compiles for half a minute, so only its filters are used.
    filters = librosa.filters.mel(sr=16_000, n_fft=512, n_mels=96)
    hann = np.hanning(513)[:-1]
    for frame in (0, 100, 186):
        power = np.abs(np.fft.rfft(hann * sound[256 * frame : 256 * frame + 512])) ** 2
        expected = np.log10(1 + 10_000 * filters @ power)
        np.testing.assert_allclose(log_mel_images(sound[None])[0, frame], expected, rtol=1e-4, atol=1e-4)


def test_a_file_with_a_gap(tmp_path):
    path = random_file(tmp_path / "weights.npz", skip=("dense", "bias"))
    with pytest.raises(Ddx7Error, match=r"weights.npz: found nothing for dense/bias of MusiCNN, shape \(200,\)"):
        load_weights(path, NARROW)
    with pytest.raises(Ddx7Error, match=r"weights.npz: found shape \(7, 38, 1, 4\) for conv2d/kernel of MusiCNN"):
        load_weights(path)


def test_embeddings_tell_instruments_apart(shared):
    """With the published weights, ten seconds are nearer to more of that player than to another instrument."""
    embedding = load_embedding("musicnn", shared / "embeddings/musicnn_msd.npz")
    sets = {}
    for instrument in ("trumpet", "violin"):
        files = [shared / "audio" / instrument / "phrase" / f"urmp_ddx7_ref_{instrument}_{k}.flac" for k in (0, 1)]
        clips = [read_audio(file, sample_rate=16_000).samples[: 10 * 16_000] for file in files]
        sets[instrument] = [embed_set([clip], embedding, sample_rate=16_000).values for clip in clips]
    same = [kad(*sets[instrument]) for instrument in sets]
    other = [kad(sets["trumpet"][0], sets["violin"][1]), kad(sets["violin"][0], sets["trumpet"][1])]
    assert max(same) < 0.5 * min(other)
