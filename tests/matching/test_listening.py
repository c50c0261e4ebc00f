"""Listening tests over match folders: the sounds of the page, and the statistics of the answers."""

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ddx7.audio.files import write_audio
from ddx7.errors import Ddx7Error
from ddx7.matching.listening import listening_page, low_anchor, read_trials, summarise_answers

RATE = 22_050


def match_folder(path: Path, level: float, seed: int = 0) -> Path:
    rng = np.random.default_rng(seed)
    path.mkdir(parents=True)
    write_audio(path / "target.wav", 0.1 * rng.uniform(-1, 1, RATE // 4), RATE)
    write_audio(path / "match.wav", level * rng.uniform(-1, 1, RATE // 3), RATE)
    return path


@pytest.fixture
def systems(tmp_path: Path) -> list[Path]:
    for system, level in (("ours", 0.02), ("theirs", 0.9)):
        for k, name in enumerate(("flute", "horn", system)):
            match_folder(tmp_path / system / name, level, k)
    return [tmp_path / "ours", tmp_path / "theirs"]


def content(page: str) -> dict:
    [text] = re.findall(r'<script id="trials" type="application/json">(.*?)</script>', page)
    return json.loads(text)


def decoded(sound: str) -> np.ndarray:
    return soundfile.read(io.BytesIO(base64.b64decode(sound)))[0]


def rms(x: np.ndarray) -> float:
    return float(np.sqrt(np.mean(x**2)))


def test_systems_are_compared_on_the_recordings_that_all_have(systems):
    trials = read_trials(systems)
    assert [trial.name for trial in trials] == ["flute", "horn"]
    assert [list(trial.estimates) for trial in trials] == [["ours", "theirs"]] * 2
    [alone] = read_trials([systems[0] / "horn"])
    assert (alone.name, list(alone.estimates)) == ("horn", ["horn"])
    [pair] = read_trials([systems[0] / "ours", systems[1] / "theirs"])  # matches of one recording
    assert list(pair.estimates) == ["ours", "theirs"]
    apart = read_trials([systems[0] / "horn", systems[0] / "flute"])
    assert [(trial.name, list(trial.estimates)) for trial in apart] == [("horn", ["match"]), ("flute", ["match"])]


def test_all_sounds_of_a_trial_have_one_level_and_none_clips(systems):
    for trial in content(listening_page(read_trials(systems)))["trials"]:
        assert [s["kind"] for s in trial["stimuli"]] == ["reference", "anchor", "system", "system"]
        assert trial["stimuli"][0]["sound"] == trial["target"]
        sounds = [decoded(s["sound"]) for s in trial["stimuli"]]
        assert np.ptp([20 * np.log10(rms(x)) for x in sounds]) < 0.01
        assert 0.85 < max(np.abs(x).max() for x in sounds) < 0.91


def test_the_low_anchor_ends_at_3500_hertz():
    time = np.arange(RATE) / RATE
    low, high = np.sin(2 * np.pi * 1000 * time), np.sin(2 * np.pi * 5000 * time)
    assert rms((low_anchor(low + high, RATE) - low)[2000:-2000]) < 0.01


def test_folders_without_matches_and_silence_are_refused(tmp_path, systems):
    with pytest.raises(Ddx7Error, match=r"found no target\.wav with match\.wav"):
        read_trials([tmp_path])
    match_folder(tmp_path / "other" / "viola", 0.1)
    match_folder(tmp_path / "other" / "harp", 0.1)
    with pytest.raises(Ddx7Error, match="none of its matches has the name"):
        read_trials([systems[0], tmp_path / "other"])
    with pytest.raises(Ddx7Error, match="horn: found the folder twice"):
        read_trials([systems[0] / "horn", systems[1] / "flute", systems[0] / "." / "horn"])
    [trial] = read_trials([systems[0] / "horn"])
    with pytest.raises(Ddx7Error, match="horn: one of the sounds is silent"):
        listening_page([trial._replace(estimates={"ours": np.zeros(500)})])


def saved(path: Path, reference: float, ours: float, page: str = "p") -> Path:
    ratings = [
        {"trial": trial, "stimulus": name, "kind": kind, "score": score}
        for trial in ("flute", "horn")
        for name, kind, score in (("hidden reference", "reference", reference), ("ours", "system", ours))
    ]
    abx = [{"trial": "flute", "stimulus": "ours", "correct": True}, {"trial": "horn", "stimulus": "ours", "correct": 0}]
    path.write_text(json.dumps({"format": "ddx7-listening-test", "page": page, "ratings": ratings, "abx": abx}))
    return path


def test_answers_are_summarised_and_listeners_who_miss_the_reference_set_aside(tmp_path):
    files = [saved(tmp_path / f"{k}.json", 100, ours) for k, ours in enumerate((40, 60, 80))]
    found = summarise_answers([*files, saved(tmp_path / "deaf.json", 50, 0)])
    assert (found.n_listeners, found.n_set_aside) == (3, 1)
    reference, ours = found.systems
    assert (reference.name, reference.mean, reference.low, reference.high) == ("hidden reference", 100, 100, 100)
    assert (ours.name, ours.mean, ours.n_ratings, ours.n_correct, ours.n_abx) == ("ours", 60, 6, 3, 6)
    # Of 27 equally likely draws of three listeners one has a mean of 40 and one of 80.
    assert (ours.low, ours.high) == (40, 80)


def test_other_files_are_no_answers(tmp_path):
    other = tmp_path / "match.json"
    other.write_text('{"format": "else"}')
    with pytest.raises(Ddx7Error, match=r"match.json: found no answers"):
        summarise_answers([other])
    with pytest.raises(Ddx7Error, match="2 different pages"):
        summarise_answers([saved(tmp_path / "a.json", 100, 50), saved(tmp_path / "b.json", 100, 50, page="q")])
