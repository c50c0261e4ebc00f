import numpy as np
import pytest
import soundfile
from melodies import RATE, melody

from ddx7.audio.features import HOP, FrameFeatures
from ddx7.resynthesis.dataset import (
    Segment,
    crop,
    cut_segments,
    draw_batch,
    leaking_split,
    load_segments,
)
from ddx7.resynthesis.recordings import find_recordings


def segment(frames: int, name: str = "a") -> Segment:
    f0_hz = np.arange(frames, dtype=np.float32) + 1
    samples = np.repeat(f0_hz, HOP)
    return Segment(name, samples, FrameFeatures(f0_hz, np.ones(frames, np.float32), np.zeros(frames, np.float32) - 20))


def test_recordings_become_segments_and_the_report_counts_dropped_seconds(folder):
    x = np.concatenate([melody(7, 1.0), np.zeros(4 * RATE), melody(8, 1.0), np.zeros(4 * RATE), 0.5 * np.ones(80)])
    soundfile.write(folder / "gaps.wav", x, RATE)
    (folder / "broken.wav").write_bytes(b"RIFF")
    sources = [s._replace(split="train") for s in find_recordings(folder)]
    seen: list[tuple[int, int]] = []
    segments, report = load_segments(
        sources, "train", cache=folder / "cache", extractor="yin", progress=lambda *x: seen.append(x)
    )
    of_gaps = [p for p in segments if p.name == "gaps.wav"]
    assert len(of_gaps) == 2
    assert [p.n_frames * HOP / RATE for p in of_gaps] == pytest.approx([1.5, 2.0], abs=0.15)  # half a second around
    assert report.recordings == 5
    assert "broken.wav" in report.unread[0]
    assert 5.0 < report.silent_s < 7.0
    assert report.kept_s == pytest.approx(sum(p.n_frames for p in segments) * HOP / RATE)
    assert seen[-1] == (6, 6)
    assert "1 files could not be read" in str(report)


def test_rests_of_a_phrase_stay(folder):
    x = np.concatenate([melody(7, 1.0), np.zeros(2 * RATE), melody(8, 1.0)])
    soundfile.write(folder / "rest.wav", x, RATE)
    sources = [s._replace(split="train") for s in find_recordings(folder)]
    segments, _ = load_segments(sources, "train", extractor="yin")
    [phrase] = [p for p in segments if p.name == "rest.wav"]
    assert phrase.n_frames == len(x) // HOP


def test_one_gain_keeps_the_dynamics_of_a_corpus(folder):
    for path, level in zip(sorted(folder.iterdir()), (0.5, 0.05, 0.1, 0.2), strict=True):
        soundfile.write(path, level * melody(0, 1.0) / np.abs(melody(0, 1.0)).max(), RATE, subtype="FLOAT")
    sources = [s._replace(split="train") for s in find_recordings(folder)]
    segments, report = load_segments(sources, "train", extractor="yin")
    assert report.gain == pytest.approx(2, rel=1e-4)
    np.testing.assert_allclose([np.abs(p.samples).max() for p in segments], [1, 0.1, 0.2, 0.4], rtol=1e-3)
    loudness_db = [p.features.loudness_db.max() for p in segments]
    np.testing.assert_allclose(np.array(loudness_db) - loudness_db[0], [0, -20, -13.98, -7.96], atol=0.1)
    # Another split takes the same gain.
    [half, *_], again = load_segments(sources, "train", extractor="yin", gain=1.0)
    assert (again.gain, np.abs(half.samples).max()) == (1.0, pytest.approx(0.5, rel=1e-4))


def test_noise_has_no_pitch_to_learn():
    rng = np.random.default_rng(0)
    noise = FrameFeatures(np.full(500, 100.0, "f"), np.full(500, 0.2, "f"), np.full(500, -20.0, "f"))
    [(fate, _)] = cut_segments("noise", rng.normal(size=500 * HOP), noise, RATE)
    assert fate == "unclear"


def test_a_crop_has_silence_beyond_the_segment():
    inner = crop(segment(20), 5, 10, 3)
    np.testing.assert_array_equal(inner.f0_hz, np.arange(3, 16))  # frames 2 to 14, named from 1
    np.testing.assert_array_equal(inner.audio[::HOP], np.arange(6, 16))
    early = crop(segment(20), -4, 10, 2)
    np.testing.assert_array_equal(early.audio[::HOP], [0, 0, 0, 0, 1, 2, 3, 4, 5, 6])
    np.testing.assert_array_equal(early.loudness_db, [-80] * 6 + [-20] * 6)
    assert early.f0_hz[0] == 1


def test_batches_depend_on_the_generator_alone_and_long_segments_come_more_often():
    segments = [segment(300, "long"), segment(100, "short")]
    draws = [draw_batch(segments, 8, 32, 4, np.random.default_rng([1, k])) for k in range(60)]
    again = draw_batch(segments, 8, 32, 4, np.random.default_rng([1, 0]))
    np.testing.assert_array_equal(draws[0].audio, again.audio)
    assert draws[0].f0_hz.shape == (8, 36)
    from_long = np.mean([b.f0_hz.max(axis=1) > 100 for b in draws])
    assert 0.4 < from_long < 0.8  # two thirds of the long segment lie beyond 100, of three quarters of the crops


def test_the_leaking_split_leaks():
    train, valid = leaking_split([segment(4000, "a"), segment(4000, "b")], seed=0)
    assert {p.name for p in train} & {p.name for p in valid}
    assert sum(p.n_frames for p in [*train, *valid]) == 8000


def test_features_are_cached_for_all_runs_of_a_user(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    sources = find_recordings(folder)
    load_segments(sources, "train", extractor="yin")
    cached = {path.name for path in (tmp_path / "home" / "ddx7" / "features").iterdir()}
    assert len(cached) == sum(source.split == "train" for source in sources)
    monkeypatch.setattr("ddx7.audio.features.extract", None)  # a second run must not need it
    load_segments(sources, "train", extractor="yin")
