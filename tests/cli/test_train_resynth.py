"""``ddx7 train resynth`` with a model that trains in seconds."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from melodies import RATE, melody
from running import Run

from ddx7.resynthesis import configs, load
from ddx7.resynthesis.tcn import TcnSize

pytestmark = pytest.mark.usefixtures("quickly_compiled")


@pytest.fixture
def solo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A single recording; all configurations are tiny."""
    original = configs.get_config

    def tiny(name: str, instrument: str) -> configs.ResynthesisConfig:
        config = original(name, instrument)
        model = replace(config.model, decoder=TcnSize(4, 3, (1,), "all", 0.0), reverb_s=0.0)
        training = replace(
            config.training, steps=2, batch=2, frames=24, context_frames=4, windows=(256, 64), mel_weight=0.0
        )
        return configs.ResynthesisConfig(model, training)

    monkeypatch.setattr(configs, "get_config", tiny)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    soundfile.write(tmp_path / "solo.wav", melody(0, 16.0), RATE)
    return tmp_path / "solo.wav"


def test_a_single_recording_becomes_an_instrument(run: Run, solo: Path, tmp_path: Path) -> None:
    words = ["train", "resynth", solo, "--instrument", "flute", "--f0", "yin", "-o", tmp_path / "run"]
    done = run(*words)
    assert done.code == 0, done.err
    path = tmp_path / "run" / "flute.safetensors"
    assert done.out.splitlines() == [str(path), str(path.with_suffix(".json"))]
    instrument = load(path)
    assert {"what", "command", "data", "range", "step", "loss", "held_out", "best"} <= instrument.card.keys()
    assert instrument.card["data"][1].startswith("valid: 1 recordings")
    assert np.isfinite(instrument(np.full(8, 300.0), np.full(8, -20.0))).all()
    # A finished run gives its result again; another instrument is refused in one sentence.
    assert run(*words).code == 0
    words[4] = "violin"
    refused = run(*words)
    assert refused.code == 1
    last = refused.err.splitlines()[-1]
    assert "holds another run (data.instrument: found 'flute', wanted 'violin')" in last
    bound = json.loads((tmp_path / "run" / "settings.json").read_text())
    assert bound["data"]["extractor"] == "yin"


# By default the test above trains an instrument, and `resynthesis/test_training.py` proves how a run is resumed.
@pytest.mark.slow
def test_minutes_become_steps_and_weights_begin_another_run(run: Run, solo: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("ddx7.resynthesis.training._SHARE_FOR_STEPS", 1e-4)
    words = ["train", "resynth", solo, "--instrument", "flute", "--f0", "yin", "-o", tmp_path / "run", "--minutes", "2"]
    done = run(*words)
    assert done.code == 0, done.err
    steps = json.loads((tmp_path / "run" / "steps.json").read_text())["steps"]
    assert f"{steps:,} step{'s fit' if steps > 1 else ' fits'} into 2 minutes" in done.err
    assert "so few do not teach an instrument; give it time for 250 steps at least" in done.err
    first = load(tmp_path / "run" / "flute.safetensors")
    assert first.card["step"] == steps
    again = [*words[:8], tmp_path / "again", "--steps", "1", "--from", tmp_path / "run" / "flute.safetensors"]
    done = run(*again)
    assert done.code == 0, done.err
    second = load(tmp_path / "again" / "flute.safetensors")
    assert second.card["start"] == str(tmp_path / "run" / "flute.safetensors")
    kernels = [i.params["decoder"]["block0_0"]["direction"] for i in (first, second)]
    assert np.abs(kernels[0] - kernels[1]).max() < 1e-2  # one step away
    # The base of the package is the default, unless the model is another one or none is wanted.
    assert "start" not in first.card
    monkeypatch.setattr(configs, "BASE", str(tmp_path / "run" / "flute.safetensors"))
    for words, start in (([], configs.BASE), (["--from", "none"], None)):
        folder = tmp_path / f"from {start is not None}"
        done = run(*again[:8], folder, "--steps", "1", *words)
        assert done.code == 0, done.err
        assert load(folder / "flute.safetensors").card.get("start") == start


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--processes", "2"], 2, "wanted --distributed HOST:PORT with them"),
        (["--distributed", "localhost:1234"], 2, "found process 0 of 1, wanted --processes 2 or more"),
        (["--distributed", "here", "--processes", "2"], 2, "found 'here', wanted HOST:PORT of process 0"),
        (["--minutes", "0"], 2, "--minutes: found 0, wanted a time above 0"),
        (["--minutes", "1", "--steps", "5"], 2, "--minutes: wanted no --steps beside it"),
        (["--steps", "0"], 2, "--steps: found 0, wanted at least 1"),
        (["--config", "ours"], 2, "--config: found 'ours', wanted fm-tcn"),
    ],
)
def test_wrong_options_give_one_line(run: Run, tmp_path: Path, words: list[str], code: int, message: str) -> None:
    done = run("train", "resynth", tmp_path, "-o", tmp_path / "run", *words)
    assert done.code == code
    assert message in done.err
    assert done.err.count("\n") == 1
