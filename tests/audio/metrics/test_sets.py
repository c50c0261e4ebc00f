import dataclasses
import json

import numpy as np
import pytest
import soundfile

from ddx7.audio.metrics import (
    embed_set,
    fad,
    fad_infinity,
    kad,
    load_embedding,
    score_embedded,
    score_sets,
)
from ddx7.errors import AudioError, Ddx7Error

RATE = 16_000


def melody(tone, seed, brightness):
    """Notes of one additive instrument; the lower the brightness the darker. Three seconds, none of them padding."""
    rng = np.random.default_rng(seed)
    partials = {float(k): float(np.exp(-(k - 1) / brightness)) for k in range(1, 13)}
    notes = 220 * 2 ** (rng.integers(0, 18, 7) / 12)
    sound = np.concatenate([tone(f0, partials, seconds=0.5, sample_rate=RATE) * rng.uniform(0.5, 1) for f0 in notes])
    return sound[100 : 100 + 3 * RATE].astype(np.float32)


@pytest.fixture(scope="module")
def bright(tone):
    return [melody(tone, seed, 6.0) for seed in range(40)]


@pytest.fixture(scope="module")
def dark(tone):
    return [melody(tone, seed, 1.0) for seed in range(100, 120)]


def test_scores_tell_instruments_apart_and_name_their_data(bright, dark):
    same = score_sets(bright[:20], bright[20:], sample_rate=RATE, reference_name="bright")
    other = score_sets(bright[:20], dark, sample_rate=RATE, reference_name="bright")
    for metric in ("fad", "fad_infinity", "kad"):
        mine, yours = getattr(same, metric), getattr(other, metric)
        assert yours.value > 5 * max(mine.value, 0.1)
        assert (mine.n, mine.n_reference, mine.embedding, mine.dimension) == (100, 100, "logmel", 64)
        assert mine.reference == "bright"
    assert [same.fad.metric, same.fad_infinity.metric, same.kad.metric] == ["FAD", "FAD-inf", "KAD"]
    assert same.fad.notes == ()
    assert same.fad_infinity.notes[0].startswith("extrapolated along a line of R² ")
    assert str(same.kad) == f"KAD {same.kad.value:.3f} (n = 100, 100 of bright, logmel, d = 64)"
    with pytest.raises(dataclasses.FrozenInstanceError):
        same.fad.value = 0.0
    assert json.loads(json.dumps(same.to_dict()))["fad"]["value"] == same.fad.value


def test_scores_are_those_of_the_embeddings(bright, dark):
    embedding = load_embedding("logmel")
    expected, result = (embed_set(clips, embedding, sample_rate=RATE) for clips in (bright[:20], dark))
    assert (expected.n_clips, expected.values.shape) == (20, (100, 64))
    first = embedding.embed(np.stack([bright[0][k : k + RATE] for k in range(0, 2 * RATE + 1, RATE // 2)]))
    np.testing.assert_allclose(expected.values[:5], first, rtol=1e-6)
    scores = score_embedded(expected, result, embedding, seed=3)
    assert scores.fad.value == fad(expected.values, result.values)
    assert scores.fad_infinity.value == fad_infinity(expected.values, result.values, seed=3).value
    assert scores.kad.value == kad(expected.values, result.values)


def test_omitted_sound_is_reported(bright):
    gap = np.concatenate([bright[0], np.zeros(2 * RATE, np.float32), bright[1]])
    padded = np.concatenate([gap, np.zeros(RATE, np.float32)])
    clips = [padded, bright[2][:9000]]
    # The reference begins at zero, as most sounds do, which is not reported.
    reference = [np.concatenate([np.zeros(1, np.float32), clip]) for clip in bright[:20]]
    scores = score_sets(reference, clips, sample_rate=RATE)
    left_out = ("1.0 s of padding left out of the test", "3 silent windows left out of the test")
    too_short = "1 clip shorter than 1.00 s left out of the test"
    assert scores.kad.notes == (*left_out, too_short)
    assert scores.fad.notes[0] == "the test has 12 windows in 64 dimensions, its covariance is singular"
    assert scores.fad.notes[1:] == scores.kad.notes
    # Notes on all three figures are printed once.
    lines = str(scores).splitlines()
    assert lines[3:] == list(scores.kad.notes)
    assert "singular" in lines[0]
    assert lines[2] == f"KAD {scores.kad.value:.3f} (n = 12, 100 of reference, logmel, d = 64)"
    # Padding changes nothing but the note.
    bare = score_sets(bright[:20], [gap, bright[2][:9000]], sample_rate=RATE)
    assert bare.fad.value == scores.fad.value
    assert bare.kad.notes == scores.kad.notes[1:]


def test_files_arrays_and_the_cache_give_the_same(bright, tmp_path):
    assert any(np.signbit(clip[clip == 0]).any() for clip in bright[:6])  # files do not keep the sign of minus zeros
    paths = []
    for k, clip in enumerate(bright[:6]):
        paths.append(tmp_path / f"{k}.wav")
        soundfile.write(paths[-1], clip, RATE, subtype="FLOAT")
    embedding = load_embedding("logmel")
    calls = []

    def counted(windows):
        calls.append(len(windows))
        return load_embedding("logmel").embed(windows)

    counting = dataclasses.replace(embedding, embed=counted)
    expected = embed_set(bright[:6], embedding, sample_rate=RATE).values
    for source in (paths, paths, bright[:6]):
        result = embed_set(source, counting, sample_rate=RATE, cache=tmp_path / "cache").values
        np.testing.assert_array_equal(result, expected)
    assert calls == [5] * 6
    other = dataclasses.replace(counting, identity="another")
    embed_set(paths[:1], other, cache=tmp_path / "cache")
    assert len(calls) == 7


def test_arrays_are_resampled(bright):
    from ddx7.audio import resample

    embedding = load_embedding("logmel")
    at_44 = [resample(clip, RATE, 44_100) for clip in bright[:2]]
    result = embed_set(at_44, embedding, sample_rate=44_100).values
    assert np.abs(result - embed_set(bright[:2], embedding, sample_rate=RATE).values).mean() < 0.3


def test_a_projection_is_fitted_on_the_reference_alone(bright, dark):
    fitted = []

    def fit(values):
        fitted.append(values)
        return lambda x: x[:, :3]

    embedding = dataclasses.replace(load_embedding("logmel"), dimension=3, fit_projection=fit)
    expected, result = (embed_set(clips, embedding, sample_rate=RATE) for clips in (bright[:4], dark[:4]))
    scores = score_embedded(expected, result, embedding)
    assert len(fitted) == 1
    assert fitted[0] is expected.values
    assert scores.fad.value == fad(expected.values[:, :3], result.values[:, :3])
    assert scores.fad.notes == ()  # 20 windows are enough for three dimensions


def test_sets_that_cannot_be_embedded(bright):
    with pytest.raises(
        AudioError, match=r"^reference: found no clip that is long enough \(1 too short\), logmel needs"
    ):
        score_sets([bright[0][:9000]], bright, sample_rate=RATE)
    with pytest.raises(Ddx7Error, match="sample_rate is wanted"):
        score_sets(bright, bright)
    with pytest.raises(Ddx7Error, match=r"a clip of shape \(2, 9\)"):
        score_sets([np.ones((2, 9))], bright, sample_rate=RATE)
