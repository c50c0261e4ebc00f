import csv

import numpy as np
import pytest
import soundfile
from melodies import RATE, melody

from ddx7.audio.features import HOP
from ddx7.errors import Ddx7Error
from ddx7.resynthesis import recordings
from ddx7.resynthesis.dataset import load_segments
from ddx7.resynthesis.recordings import find_recordings


def write_index(folder, rows):
    with (folder / "index.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file", "instrument", "split", "source_repo", "source_path"), *rows])


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


def test_silence_at_the_ends_of_a_single_recording_is_not_held_out(tmp_path):
    noise = np.random.default_rng(0).normal(0, 1e-4, 20 * RATE).astype(np.float32)
    soundfile.write(tmp_path / "solo.wav", np.concatenate([noise[: 5 * RATE], melody(0, 24.0), noise]), RATE)
    (_, learn), (_, held_out) = [(s.split, (s.start_s, s.stop_s)) for s in find_recordings(tmp_path / "solo.wav")]
    # A second of silence stays at each end, from 4 s to 30 s: the last eighth of it has sound.
    assert learn == pytest.approx((4.0, 24.75), abs=0.1)
    assert held_out == pytest.approx((26.75, 30.0), abs=0.1)
    segments, _ = load_segments(find_recordings(tmp_path), "valid", cache=tmp_path / "cache", extractor="yin")
    assert sum(s.n_frames for s in segments) * HOP / RATE > 2


def test_a_long_recording_is_read_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(recordings, "MAX_PART_S", 2.5)
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


def test_a_single_recording_that_is_too_short_to_split_is_refused(tmp_path):
    soundfile.write(tmp_path / "short.wav", melody(0, 1.0), RATE)
    with pytest.raises(Ddx7Error, match=r"short\.wav: found 1\.0 s of sound, wanted at least 8 s"):
        find_recordings(tmp_path / "short.wav")
