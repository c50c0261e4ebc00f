import librosa
import numpy as np
import pytest
from safetensors.numpy import save_file

from ddx7.audio.metrics import EMBEDDINGS, load_embedding
from ddx7.audio.metrics.embeddings import log_pca
from ddx7.audio.metrics.windows import cut
from ddx7.errors import Ddx7Error

RATE = 16_000


def test_logmel_follows_its_definition():
    sound = np.random.default_rng(0).normal(0, 0.1, (70, RATE)).astype(np.float32)  # more than one batch
    sound[1] = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    embedding = load_embedding("logmel")
    assert (embedding.sample_rate, embedding.window, embedding.hop) == (RATE, RATE, RATE // 2)
    result = embedding.embed(sound)
    filters = librosa.filters.mel(sr=RATE, n_fft=1024, n_mels=32, fmin=60, fmax=7600).astype(np.float64)
    hann = np.hanning(1025)[:-1]
    for row in (0, 1, 69):
        levels = []
        for start in range(0, RATE - 1023, 256):
            power = np.abs(2 / hann.sum() * np.fft.rfft(hann * sound[row, start : start + 1024])) ** 2
            levels.append(10 * np.log10(RATE / 1024 * filters @ power + 1e-8))
        expected = np.concatenate([np.mean(levels, axis=0), np.std(levels, axis=0)])
        assert result.shape == (70, embedding.dimension) == (70, 64)
        np.testing.assert_allclose(result[row], expected, rtol=1e-4, atol=1e-3)
    assert load_embedding("logmel").embed(np.zeros((1, RATE), np.float32))[0, :32] == pytest.approx(-80)
    assert load_embedding("logmel").embed(sound[:0]).shape == (0, 64)


def test_windows_are_whole_and_hold_sound():
    sound = np.random.default_rng(0).normal(0, 0.1, 1000).astype(np.float32)
    sound[400:700] *= 1e-3
    padded = np.concatenate([np.zeros(37), sound, np.full(90, 1e-6)]).astype(np.float32)
    pieces = cut(padded, 100, 50)
    audible = [k for k in range(0, 901, 50) if not 400 <= k <= 600]
    np.testing.assert_array_equal(pieces.windows, [sound[k : k + 100] for k in audible])
    assert pieces.n_silent == 5
    assert (pieces.padding_samples, pieces.too_short) == (127, False)


def test_silence_is_forty_decibels_below_the_loudest():
    sound = np.ones(300, np.float32)
    sound[100:200], sound[200:] = 10 ** (-39 / 20), 10 ** (-41 / 20)
    assert (len(cut(sound, 100, 100).windows), cut(sound, 100, 100).n_silent) == (2, 1)
    # The embedded sound may be scaled; silence is decided at the original level.
    assert cut(1000 * sound, 100, 100, sound).n_silent == 1


@pytest.mark.parametrize(("before", "after"), [(10, 0), (0, 10), (6, 4), (200, 300)])
def test_a_clip_of_one_window_may_begin_and_end_at_zero(before, after):
    sound = np.concatenate([np.zeros(before), np.ones(9990), np.zeros(after)]).astype(np.float32)
    pieces = cut(sound, 10_000, 5_000)
    assert (pieces.windows.sum(), pieces.padding_samples, pieces.too_short) == (9990, before + after - 10, False)
    assert pieces.windows.shape == (1, 10_000)
    assert cut(np.delete(sound, before), 10_000, 5_000).too_short  # one sample less is more than padding may fill


def test_clips_without_a_window():
    for sound in (np.ones(99), np.concatenate([np.ones(99), np.zeros(50)]), np.zeros(500), np.zeros(0)):
        pieces = cut(sound.astype(np.float32), 100, 50)
        assert (pieces.windows.shape, pieces.too_short) == ((0, 100), True)
    assert len(cut(np.ones(100, np.float32), 100, 50).windows) == 1


def test_log_pca_keeps_the_components_of_largest_variance():
    rng = np.random.default_rng(0)
    logs = rng.normal(size=(60, 3)) * [5.0, 2.0, 0.1] @ np.linalg.qr(rng.normal(size=(3, 3)))[0] + 20
    project = log_pca(2)(np.expm1(logs))
    result = project(np.expm1(logs))
    eigenvalues = np.linalg.eigvalsh(np.cov(logs, rowvar=False))[::-1]
    np.testing.assert_allclose(np.cov(result, rowvar=False), np.diag(eigenvalues[:2]), atol=1e-6)
    np.testing.assert_allclose(result.mean(axis=0), 0, atol=1e-6)
    moved = project(np.expm1(logs + 1)) - result  # fitted once, the other set does not move the axes
    np.testing.assert_allclose(moved, np.broadcast_to(moved[0], moved.shape), atol=1e-6)
    with pytest.raises(Ddx7Error, match="64 principal components of 64 windows"):
        log_pca(64)(np.ones((64, 100)))


def test_wrong_names_and_weights_are_refused(tmp_path):
    with pytest.raises(Ddx7Error, match="embedding: found 'clap', wanted one of logmel, vggish"):
        load_embedding("clap")
    some = tmp_path / "some.npz"
    np.savez(some, conv=np.ones(3))
    with pytest.raises(Ddx7Error, match="no weights are wanted"):
        load_embedding("logmel", some)
    for name in set(EMBEDDINGS) - {"logmel"}:
        with pytest.raises(Ddx7Error, match="weights: found none for the embedding"):
            load_embedding(name)
        with pytest.raises(Ddx7Error, match="there is no such file"):
            load_embedding(name, tmp_path / "none")
    for name in ("vggish", "musicnn"):
        with pytest.raises(Ddx7Error, match=r"some.npz: .*found"):
            load_embedding(name, some)
        text = tmp_path / "text.npz"
        text.write_text("not an archive")
        with pytest.raises(Ddx7Error, match=r"text.npz: cannot be read"):
            load_embedding(name, text)
    save_file({"conv1/kernel": np.zeros(3, np.float32)}, tmp_path / "half.safetensors")
    with pytest.raises(Ddx7Error, match=r"half.safetensors: found no conv1/bias"):
        load_embedding("vggish", tmp_path / "half.safetensors")
