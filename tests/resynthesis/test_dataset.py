import csv

import numpy as np
import pytest
import soundfile
from melodies import RATE, melody

from ddx7.audio.features import HOP, FrameFeatures
from ddx7.errors import Ddx7Error
from ddx7.resynthesis.dataset import (
    Segment,
    crop,
    cut_segments,
    draw_batch,
    find_recordings,
    leaking_split,
    load_segments,
)


def piece(frames: int, name: str = "a") -> Segment:
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


def test_nothing_to_learn_from_is_said(tmp_path):
    with pytest.raises(Ddx7Error, match="no such folder"):
        find_recordings(tmp_path / "nowhere")
    with pytest.raises(Ddx7Error, match="found 0 recordings"):
        find_recordings(tmp_path)


def test_recordings_become_pieces_and_what_is_dropped_is_counted(folder):
    x = np.concatenate([melody(7, 1.0), np.zeros(RATE), melody(8, 1.0), np.zeros(RATE // 2), 0.5 * np.ones(800)])
    soundfile.write(folder / "gaps.wav", x, RATE)
    (folder / "broken.wav").write_bytes(b"RIFF")
    sources = [s._replace(split="train") for s in find_recordings(folder)]
    seen: list[tuple[int, int]] = []
    pieces, report = load_segments(
        sources, "train", cache=folder / "cache", extractor="yin", progress=lambda *x: seen.append(x)
    )
    of_gaps = [p for p in pieces if p.name == "gaps.wav"]
    assert len(of_gaps) == 2
    assert all(abs(p.n_frames * HOP / RATE - 1.0) < 0.15 for p in of_gaps)
    assert report.recordings == 5
    assert "broken.wav" in report.unread[0]
    assert 1.0 < report.silent_s < 1.7
    assert report.kept_s == pytest.approx(sum(p.n_frames for p in pieces) * HOP / RATE)
    assert seen[-1] == (6, 6)
    assert "1 files could not be read" in str(report)


def test_noise_has_no_pitch_to_learn():
    rng = np.random.default_rng(0)
    noise = FrameFeatures(np.full(500, 100.0, "f"), np.full(500, 0.2, "f"), np.full(500, -20.0, "f"))
    [(fate, _)] = cut_segments("noise", rng.normal(size=500 * HOP), noise, RATE)
    assert fate == "unclear"


def test_a_crop_is_where_it_says_and_silence_beyond():
    inner = crop(piece(20), 5, 10, 3)
    np.testing.assert_array_equal(inner.f0_hz, np.arange(3, 16))  # frames 2 to 14, named from 1
    np.testing.assert_array_equal(inner.audio[::HOP], np.arange(6, 16))
    early = crop(piece(20), -4, 10, 2)
    np.testing.assert_array_equal(early.audio[::HOP], [0, 0, 0, 0, 1, 2, 3, 4, 5, 6])
    np.testing.assert_array_equal(early.loudness_db, [-80] * 6 + [-20] * 6)
    assert early.f0_hz[0] == 1


def test_batches_hang_on_chance_alone_and_long_pieces_are_cropped_more_often():
    pieces = [piece(300, "long"), piece(100, "short")]
    draws = [draw_batch(pieces, 8, 32, 4, np.random.default_rng([1, k])) for k in range(60)]
    again = draw_batch(pieces, 8, 32, 4, np.random.default_rng([1, 0]))
    np.testing.assert_array_equal(draws[0].audio, again.audio)
    assert draws[0].f0_hz.shape == (8, 36)
    from_long = np.mean([b.f0_hz.max(axis=1) > 100 for b in draws])
    assert 0.4 < from_long < 0.8  # two thirds of the long piece lie beyond 100, of three quarters of the crops


def test_the_leaking_split_leaks():
    train, valid = leaking_split([piece(4000, "a"), piece(4000, "b")], seed=0)
    assert {p.name for p in train} & {p.name for p in valid}
    assert sum(p.n_frames for p in [*train, *valid]) == 8000
