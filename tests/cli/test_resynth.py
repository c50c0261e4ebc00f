import json

import jax
import mido
import numpy as np
import pytest
import soundfile
from playing import quick_jit

from ddx7.resynthesis import Instrument, save
from ddx7.resynthesis.fm import FmSynth
from ddx7.resynthesis.model import ResynthesisModel
from ddx7.resynthesis.structure import SHALLOW_STRUCTURES
from ddx7.resynthesis.tcn import TcnSize

RATE = 16_000


@pytest.fixture
def kazoo(tmp_path):
    """Weights of an untrained instrument, and a recording of one note."""
    model = ResynthesisModel(FmSynth(SHALLOW_STRUCTURES["flute"]), TcnSize(8, 3, (1, 2), "all", 0.0))
    card = {"what": "a kazoo", "range": {"lowest_note": 50.0, "highest_note": 80.0, "loud_db": -12.0}}
    save(tmp_path / "kazoo.safetensors", Instrument(model, quick_jit(model.init)(jax.random.key(0)), card))
    t = np.arange(RATE) / RATE
    soundfile.write(tmp_path / "note.wav", 0.5 * np.sin(2 * np.pi * 330 * t) + 0.2 * np.sin(4 * np.pi * 330 * t), RATE)
    return tmp_path


def test_help_comes_from_the_fields(run):
    done = run("resynth", "--help")
    assert done.code == 0
    for word in ("--transpose", "--mod-index", "--attack", "--level", "--ratio", "--reverb", "--model"):
        assert word in done.out


def test_a_recording_becomes_a_folder(run, kazoo):
    words = ["resynth", kazoo / "note.wav", "--model", kazoo / "kazoo.safetensors", "--f0", "yin", "-o", kazoo / "out"]
    done = run(*words, "--transpose", "12", "--level", "1=-6", "--json")
    assert done.code == 0, done.err
    [report] = json.loads(done.out)["resyntheses"]
    assert report["levels_db"][0] == -6
    sound, rate = soundfile.read(kazoo / "out" / "note.wav")
    assert (len(sound), rate) == (RATE, RATE)
    assert 0.01 < np.abs(sound).max() <= 1
    assert (kazoo / "out" / "note.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((kazoo / "out" / "note.json").read_text()) == report
    # No file is overwritten without --force.
    again = run(*words)
    assert again.code == 1
    assert "exists already" in again.err


def test_a_midi_file_is_played(run, kazoo):
    file = mido.MidiFile()
    file.tracks.append(mido.MidiTrack([mido.Message("note_on", note=60), mido.Message("note_off", note=60, time=240)]))
    file.save(kazoo / "tune.mid")
    words = ["resynth", "--midi", kazoo / "tune.mid", "--model", kazoo / "kazoo.safetensors", "-o", kazoo / "out"]
    done = run(*words, "--json", "--vibrato", "0", "--attack", "0.1")
    assert done.code == 0, done.err
    [report] = json.loads(done.out)["resyntheses"]
    assert report["played_notes"] == 1
    assert report["style"]["attack_s"] == 0.1
    sound, rate = soundfile.read(kazoo / "out" / "tune.wav")
    assert rate == 44_100
    assert np.abs(sound[2000:10_000]).max() > 0.001
    assert (kazoo / "out" / "tune.png").read_bytes().startswith(b"\x89PNG")
    assert run(*words, "--channel", "2", "--force").code == 2
    both = run(*words, kazoo / "note.wav")
    assert both.code == 2
    assert "wanted either" in both.err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--model", "ukulele"], 1, "no such instrument, wanted"),
        (["--level", "7=3"], 2, "wanted an operator and a number, as in 2=-6"),
        (["--mod-index", "0"], 2, "wanted a factor above 0"),
        (["--reverb", "-1"], 2, "wanted 0 (dry) to 10"),
        (["--room", "0"], 2, "--room is now --reverb"),
        (["--attack", "11"], 2, "wanted 0 to 10"),
    ],
)
def test_a_wrong_argument_gives_one_line(run, kazoo, words, code, message):
    model = [] if "--model" in words else ["--model", kazoo / "kazoo.safetensors"]
    done = run("resynth", kazoo / "note.wav", "--f0", "yin", "-o", kazoo / "out", *model, *words)
    assert done.code == code
    assert message in done.err
    assert done.err.count("\n") == 1


def test_of_a_long_recording_the_beginning_is_played(run, kazoo, monkeypatch):
    monkeypatch.setattr("ddx7.cli.resynth._MAX_S", 0.5)
    words = ["resynth", kazoo / "note.wav", "--model", kazoo / "kazoo.safetensors", "--f0", "yin", "-o", kazoo / "out"]
    done = run(*words)
    assert done.code == 0, done.err
    assert "note.wav: lasts 1 s, only the first 0 s are used" in done.err
    assert soundfile.info(kazoo / "out" / "note.wav").frames == RATE // 2


def test_the_sound_has_the_rate_and_the_length_of_the_recording(run, kazoo):
    t = np.arange(44_100) / 44_100
    soundfile.write(kazoo / "fine.wav", 0.5 * np.sin(2 * np.pi * 330 * t), 44_100)
    words = ["resynth", kazoo / "fine.wav", "--model", kazoo / "kazoo.safetensors", "--f0", "yin", "-o", kazoo / "out"]
    done = run(*words, "--json")
    assert done.code == 0, done.err
    info = soundfile.info(kazoo / "out" / "fine.wav")
    assert (info.samplerate, info.frames) == (44_100, 44_100)
    [report] = json.loads(done.out)["resyntheses"]
    assert (report["sample_rate"], report["instrument_sample_rate"]) == (44_100, RATE)


def test_what_was_done_to_the_recording_is_told(run, kazoo):
    t = np.arange(2 * RATE) / RATE
    note = 0.5 * np.sin(2 * np.pi * 330 * t) * (t < 1) + 0.5 * np.sin(2 * np.pi * 6000 * t) * (t >= 1)
    path = kazoo / "upside down.wav"
    soundfile.write(path, np.stack([note, -note], axis=1), RATE, subtype="PCM_24")
    path.write_bytes(path.read_bytes()[:-600])  # 100 samples are missing
    words = ["resynth", path, "--model", kazoo / "kazoo.safetensors", "--f0", "yin", "-o", kazoo / "out", "--json"]
    done = run(*words)
    assert done.code == 0, done.err
    assert "announces 32,000 samples, 31,900 are there" in done.err
    assert "only the left channel is used" in done.err
    assert "lie outside 27 to 4,435 Hz, where pitch is followed, and are left silent" in done.err
    [report] = json.loads(done.out)["resyntheses"]
    assert report["decoding"]["channel"] == "left channel"
    assert report["pitch_range_hz"] == [26.7, 4435.0]
    assert report["outside_s"] == pytest.approx(1.0, abs=0.15)
    sound, _ = soundfile.read(kazoo / "out" / f"{report['files'][0].rpartition('/')[2]}")
    assert np.abs(sound[RATE + 4000 :]).max() < 0.1 * np.abs(sound[:RATE]).max()
