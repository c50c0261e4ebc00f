import csv

import numpy as np
import pytest
import soundfile
from melodies import RATE, melody

from ddx7.audio.features import HOP, FrameFeatures
from ddx7.errors import Ddx7Error
from ddx7.resynthesis import dataset
from ddx7.resynthesis.dataset import (
    Segment,
    crop,
    cut_segments,
    draw_batch,
    find_recordings,
    leaking_split,
    load_segments,
)


def segment(frames: int, name: str = "a") -> Segment:
    f0_hz = np.arange(frames, dtype=np.float32) + 1
    samples = np.repeat(f0_hz, HOP)
    return Segment(name, samples, FrameFeatures(f0_hz, np.ones(frames, np.float32), np.zeros(frames, np.float32) - 20))


@pytest.fixture
def folder(tmp_path):
    for k in range(4):
        soundfile.write(tmp_path / f"take {k}.wav", melody(k, 1.0), RATE)
    return tmp_path


def test_a_plain_folder_is_split_by_recording(folder):
    found = find_recordings(folder)
    assert [s.path.name for s in found] == [f"take {k}.wav" for k in range(4)]
    assert {s.split for s in found} == {"train", "valid"}
    assert found == find_recordings(folder)


def test_urmp_gives_one_instruments_stems(tmp_path):
    names = ["AuMix_01_Jupiter_vn_vc.wav", "AuSep_1_vn_01_Jupiter.wav", "AuSep_2_vc_01_Jupiter.wav"]
    names += [f"AuSep_1_vn_{k:02}_Piece.wav" for k in range(2, 6)]
    for name in names:
        (tmp_path / name).touch()
    found = {s.path.name for s in find_recordings(tmp_path, "violin")}
    assert found == {n for n in names if "_vn_" in n and n.startswith("AuSep")}


def test_a_list_decides_where_there_is_one(folder):
    rows = [("take 0.wav", "flute", "train"), ("take 1.wav", "flute", "valid"), ("take 2.wav", "oboe", "train")]
    with (folder / "index.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file", "instrument", "split"), *rows])
    assert [(s.path.name, s.split) for s in find_recordings(folder, "flute")] == [(n, s) for n, i, s in rows[:2]]
    with pytest.raises(Ddx7Error, match="found 1 recordings of oboe, none of them in the split 'valid'"):
        find_recordings(folder, "oboe")


def test_missing_recordings_are_named(tmp_path):
    with pytest.raises(Ddx7Error, match="no such folder or file"):
        find_recordings(tmp_path / "nowhere")
    with pytest.raises(Ddx7Error, match="found 0 recordings"):
        find_recordings(tmp_path)


def test_recordings_become_segments_and_the_report_counts_dropped_seconds(folder):
    x = np.concatenate([melody(7, 1.0), np.zeros(RATE), melody(8, 1.0), np.zeros(RATE // 2), 0.5 * np.ones(800)])
    soundfile.write(folder / "gaps.wav", x, RATE)
    (folder / "broken.wav").write_bytes(b"RIFF")
    sources = [s._replace(split="train") for s in find_recordings(folder)]
    seen: list[tuple[int, int]] = []
    segments, report = load_segments(
        sources, "train", cache=folder / "cache", extractor="yin", progress=lambda *x: seen.append(x)
    )
    of_gaps = [p for p in segments if p.name == "gaps.wav"]
    assert len(of_gaps) == 2
    assert all(abs(p.n_frames * HOP / RATE - 1.0) < 0.15 for p in of_gaps)
    assert report.recordings == 5
    assert "broken.wav" in report.unread[0]
    assert 1.0 < report.silent_s < 1.7
    assert report.kept_s == pytest.approx(sum(p.n_frames for p in segments) * HOP / RATE)
    assert seen[-1] == (6, 6)
    assert "1 files could not be read" in str(report)


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


def write_index(folder, rows):
    with (folder / "index.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file", "instrument", "split", "source_repo", "source_path"), *rows])


def test_a_source_in_two_splits_is_refused_unless_allowed(folder):
    rows = [("take 0.wav", "flute", "train", "a", "x.wav"), ("take 1.wav", "flute", "valid", "a", "x.wav")]
    write_index(folder, rows)
    with pytest.raises(Ddx7Error, match=r"the source a x\.wav stands in the splits 'train' and 'valid'"):
        find_recordings(folder, "flute")
    assert len(find_recordings(folder, "flute", allow_leak=True)) == 2
    # The same path in another repository is another source.
    write_index(folder, [rows[0], ("take 1.wav", "flute", "valid", "b", "x.wav")])
    assert len(find_recordings(folder, "flute")) == 2


@pytest.mark.parametrize("as_folder", [False, True])
def test_the_end_of_a_single_recording_is_held_out_after_a_gap(tmp_path, as_folder):
    x = melody(0, 24.0)
    soundfile.write(tmp_path / "solo.wav", x, RATE)
    sources = find_recordings(tmp_path if as_folder else tmp_path / "solo.wav", "flute")
    assert [(s.split, s.start_s, s.stop_s) for s in sources] == [("train", 0.0, 19.0), ("valid", 21.0, 24.0)]
    learn, _ = load_segments(sources, "train", cache=tmp_path / "cache", extractor="yin")
    held_out, _ = load_segments(sources, "valid", cache=tmp_path / "cache", extractor="yin")
    scale = np.abs(x[: 19 * RATE]).max()
    assert sum(s.n_frames for s in learn) * HOP / RATE == pytest.approx(19, abs=1)
    assert 2 < sum(s.n_frames for s in held_out) * HOP / RATE <= 3
    np.testing.assert_allclose(learn[0].samples[:100] * scale, x[:100], atol=1e-3)


def test_a_long_recording_is_read_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(dataset, "MAX_PART_S", 2.5)
    for k in range(2):
        soundfile.write(tmp_path / f"take {k}.wav", melody(k, 2.0 + 4.0 * k), RATE)
    sources = find_recordings(tmp_path)
    parts = [(s.path.name, s.start_s, s.stop_s) for s in sources]
    assert parts[0][:2] == ("take 0.wav", 0.0)
    assert parts[1:] == [("take 1.wav", 0.0, 2.0), ("take 1.wav", 2.0, 4.0), ("take 1.wav", 4.0, 6.0)]
    long_split = sources[-1].split
    segments, report = load_segments(sources, long_split, cache=tmp_path / "cache", extractor="yin")
    assert (report.recordings, report.unread) == (3, ())
    assert sum(s.n_frames for s in segments) * HOP / RATE == pytest.approx(6, abs=0.5)


def test_features_are_cached_for_all_runs_of_a_user(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    sources = find_recordings(folder)
    load_segments(sources, "train", extractor="yin")
    cached = {path.name for path in (tmp_path / "home" / "ddx7" / "features").iterdir()}
    assert len(cached) == sum(source.split == "train" for source in sources)
    monkeypatch.setattr("ddx7.audio.features.extract", None)  # a second run must not need it
    load_segments(sources, "train", extractor="yin")
