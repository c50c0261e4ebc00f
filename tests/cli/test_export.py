"""``ddx7 export``."""

import json
from pathlib import Path

import jax
import numpy as np
import pytest
import soundfile
from playing import quick_jit
from running import Run

import ddx7
from ddx7.cli import main
from ddx7.resynthesis.fm import FmSynth
from ddx7.resynthesis.hpn import HpnSynth
from ddx7.resynthesis.instrument import Instrument, save
from ddx7.resynthesis.model import ResynthesisModel
from ddx7.resynthesis.rnn import RnnSize
from ddx7.resynthesis.structure import PAPER, from_voice
from ddx7.resynthesis.tcn import TcnSize

RANGE = {"lowest_note": 60.0, "highest_note": 66.0, "loud_db": -10.0}


def _saved(path: Path, model: ResynthesisModel) -> Path:
    save(path, Instrument(model, quick_jit(model.init)(jax.random.key(0)), {"what": "a test", "range": RANGE}))
    return path


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instrument of two operators that has learned nothing."""
    path = tmp_path_factory.mktemp("models") / "tiny.safetensors"
    return _saved(path, ResynthesisModel(FmSynth(from_voice(PAPER["2"], 2.0)), TcnSize(channels=8, dilations=(1, 2))))


@pytest.fixture(scope="module")
def folder(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command writes from nowhere."""
    folder = tmp_path_factory.mktemp("out")
    assert main(["export", str(tiny), "-o", str(folder / "voice.syx")]) == 0
    return folder


def test_export_writes_a_voice_its_sound_its_picture_and_a_report(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == ["voice.json", "voice.png", "voice.syx", "voice.wav"]
    assert (folder / "voice.syx").stat().st_size == 163
    voice = ddx7.load(folder / "voice.syx")[0]
    assert voice.name == "TINY"
    assert voice.algorithm == PAPER["2"].algorithm
    assert all(operator.levels[3] == 0 for operator in voice.operators)
    report = json.loads((folder / "voice.json").read_text())
    assert report["voice"] == voice.to_dict()
    notes = report["fitted"]["notes"]
    assert report["fitted"]["distance_db"] == pytest.approx(np.mean([n["distance_db"] for n in notes]), abs=0.06)
    assert {n["velocity"] for n in notes} == {100, 71, 50, 35}
    assert report["fitted"]["wet_db"] == report["fitted"]["distance_db"]  # this one has no reverb
    assert report["fitted"]["panel"]["envelope_cosine"] > 0.5
    assert (folder / "voice.png").read_bytes()[:4] == b"\x89PNG"
    sound, rate = soundfile.read(folder / "voice.wav")
    assert rate == 44100
    # Twice the phrase, half a second between; both halves sound.
    half = (len(sound) - rate // 2) // 2
    assert half / rate == pytest.approx(1.4 * len(report["phrase"]["notes"]), rel=0.01)
    assert min(np.abs(sound[:half]).max(), np.abs(sound[-half:]).max()) > 0.01


# By default the test above fits the notes over the whole range, by the same search.
@pytest.mark.slow
def test_export_fits_a_recording(run: Run, tiny: Path, tmp_path: Path, folder: Path) -> None:
    recording = tmp_path / "take.wav"
    sound = ddx7.render(ddx7.load(folder / "voice.syx")[0], [60, 64], 100, 0.3, 0.5).reshape(-1)
    soundfile.write(recording, sound, 44100)
    before = recording.read_bytes()
    assert run("export", tiny, "--recording", recording, "-o", tmp_path / "take.syx", "--force").code == 2
    assert recording.read_bytes() == before  # not written over
    out = tmp_path / "made.syx"
    outcome = run("export", tiny, "--recording", recording, "--name", "SOLO", "-o", out, "--json")
    assert outcome.code == 0, outcome.err
    report = json.loads(outcome.out)
    assert report == json.loads(out.with_suffix(".json").read_text())
    names = {"recording_db", "recording_full_db", "instrument_recording_db", "instrument_recording_wet_db", "wet_db"}
    assert names <= report["fitted"].keys()
    assert ddx7.load(out)[0].name == "SOLO"


def test_export_refuses(run: Run, tiny: Path, folder: Path, tmp_path: Path) -> None:
    assert run("export", tiny, "-o", folder / "voice.syx").code == 1  # there already
    assert run("export", tiny, "-o", tmp_path / "voice.wav").code == 2
    assert run("export", tiny, "-o", tmp_path / "a.syx", "--attack", "-1").code == 2
    for minutes in ("0", "-1"):
        outcome = run("export", tiny, "-o", tmp_path / "a.syx", "--minutes", minutes)
        assert outcome.code == 2
        assert f"--minutes: found {minutes}, wanted a time above 0" in outcome.err
    outcome = run("export", tiny, "-o", tmp_path / "a.syx", "--name", "ELEVEN CHAR")
    assert outcome.code == 1
    assert "playing" not in outcome.err  # told before the work
    outcome = run("export", tmp_path / "absent.flac", "-o", tmp_path / "a.syx")
    assert outcome.code == 1
    assert "absent.flac" in outcome.err
    noise = _saved(tmp_path / "noise.safetensors", ResynthesisModel(HpnSynth(), RnnSize(hidden=4, layers=1)))
    outcome = run("export", noise, "-o", tmp_path / "a.syx")
    assert outcome.code == 1
    assert "harmonics and noise" in outcome.err
    assert not list(tmp_path.glob("a[.-]*"))


@pytest.mark.slow  # it learns
def test_export_of_a_solo_learns_an_instrument_first(run: Run, folder: Path, tmp_path: Path) -> None:
    sound = ddx7.render(ddx7.load(folder / "voice.syx")[0], list(range(60, 72)), 100, 0.8, 1.0).reshape(-1)
    soundfile.write(tmp_path / "solo.wav", sound, 44100)
    outcome = run("export", tmp_path / "solo.wav", "-o", tmp_path / "solo voice.syx", "--minutes", "0.5", "--json")
    assert outcome.code == 0, outcome.err
    report = json.loads(outcome.out)
    assert report["recording"] == str(tmp_path / "solo.wav")
    assert report["voice"]["name"] == "SOLO"
    assert (tmp_path / "solo voice-instrument" / "fm-tcn.safetensors").exists()
