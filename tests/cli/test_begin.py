"""``ddx7 match`` that begins with a voice or with an earlier candidate, and keeps parts of it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from running import Run

import ddx7
from ddx7 import Operator, Voice
from ddx7.voice.sections import part_bytes

RATE = 44_100
OPERATOR = Operator(output_level=90, rates=(90, 50, 50, 60))


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    mine = Voice(
        operators=(OPERATOR, OPERATOR, *Voice().operators[2:]), algorithm=7, feedback=5, lfo_speed=81, name="MINE"
    )
    ddx7.save([Voice(), mine], tmp_path / "mine.syx")
    return tmp_path / "mine.syx"


def test_a_match_begins_with_a_voice_then_with_a_candidate_and_keeps_parts(
    run: Run, tone: Path, bank: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ("match", tone, "-o", out, "--fast", "--candidates", 3)
    first = run(*words, "--start", f"{bank}:2", "--start", 0.01, "--lock", "algorithm, LFO,feedback")
    assert first.code == 0, first.err
    data = json.loads((out / "match.json").read_text())
    assert data["report"]["start"] == "MINE"
    assert data["report"]["lock"] == ["algorithm", "LFO", "feedback"]
    assert data["recording"]["from_s"] == pytest.approx(0.01, abs=1e-4)
    candidates = ddx7.load(out / "tone_bank.syx")[:3]
    assert {(v.algorithm, v.feedback, v.lfo_speed) for v in candidates} == {(7, 5, 81)}

    on = run(*words, "--like", 2, "--lock", "envelopes")
    assert on.code == 0, on.err
    assert {Path(line).parent for line in on.out.splitlines()} == {out / "like-2"}
    envelopes = part_bytes(["envelopes"])
    kept = np.frombuffer(candidates[1].to_vced(), np.uint8)[envelopes]
    for voice in ddx7.load(out / "like-2" / "tone_bank.syx")[:3]:
        np.testing.assert_array_equal(np.frombuffer(voice.to_vced(), np.uint8)[envelopes], kept)
    assert run(*words, "--like", 2).code == 1, "the second one would replace the first"


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--lock", "lfo"), 2, "--lock: found parts to keep and no voice that has them"),
        (("--start", "BANK:2", "--lock", "colour"), 2, "--lock: found colour, wanted some of algorithm"),
        (("--start", "BANK"), 1, "found 32 voices"),
        (("--start", "1", "--start", "2"), 2, "--start: found 1, 2, wanted one time in seconds and one voice at most"),
        (("--start", "none.syx"), 1, "none.syx"),
        (("--like", "two"), 2, "--like: found 'two', wanted the number of a candidate"),
        (("--like", "2"), 1, "found no match.json, wanted the folder of an earlier match"),
        (("--like", "2", "--start", "BANK:2"), 2, "--start and --like name two voices"),
    ],
)
def test_what_is_no_beginning_gets_a_sentence(
    run: Run, tone: Path, bank: Path, tmp_path: Path, options: tuple[str, ...], code: int, said: str
) -> None:
    outcome = run("match", tone, "-o", tmp_path / "out", *(word.replace("BANK", str(bank)) for word in options))
    assert (outcome.code, outcome.out) == (code, "")
    assert said in outcome.err
    assert outcome.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_candidate_that_an_earlier_match_does_not_have(run: Run, tone: Path, tmp_path: Path) -> None:
    voice = replace(Voice(), name="ONE").to_dict()
    (tmp_path / "match.json").write_text(json.dumps({"candidates": [{"voice": voice}]}))
    outcome = run("match", tone, "-o", tmp_path / "out", "--like", f"{tmp_path}:2")
    assert outcome.code == 1
    assert "match.json: there is no candidate 2, wanted 1 to 1" in outcome.err
    (tmp_path / "match.json").write_text("[]")
    assert "found no candidates of a match" in run("match", tone, "-o", tmp_path, "--like", "1").err


# By default `matching/test_together.py` makes one voice of several recordings, and other tests of this file the folder.
@pytest.mark.slow
def test_several_recordings_make_one_voice(run: Run, tmp_path: Path) -> None:
    voice = Voice(operators=(Operator(output_level=99, velocity_sensitivity=4), *Voice().operators[1:]))
    names = ("soft", "loud")
    for name, velocity in zip(names, (60, 120), strict=True):
        soundfile.write(tmp_path / f"{name}.wav", ddx7.render(voice, 57, velocity, 0.25, 0.35, RATE), RATE)
    recordings = [tmp_path / f"{name}.wav" for name in names]
    out = tmp_path / "horn"
    words = ("match", *recordings, "--together", "-o", out, "--fast", "--candidates", 2)
    outcome = run(*words, "--velocity", "60,120")
    assert outcome.code == 0, outcome.err
    assert (out / "horn.syx").exists()
    data = json.loads((out / "match.json").read_text())
    assert data["velocities"] == [60, 120]
    assert [(r["name"], r["velocity"]) for r in data["report"]["recordings"]] == [("soft", 60), ("loud", 120)]
    assert "one voice for 2 recordings, velocities 60 to 120\n" in outcome.err
    assert "horn: a DX7's own keyboard sends velocities up to about 110, the recording has 120" in outcome.err
    assert "horn: soft: A2 at velocity 60, distance" in outcome.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--together",), "--together: found one recording, wanted 2 or more"),
        (("--together", "--start", "0.5"), "--together takes whole recordings"),
        (("--velocity", "40,100"), "--velocity: found 2, wanted one, or several with --together"),
        (("--velocity", "loud"), "velocity: found loud, wanted 1 to 127"),
        (("--note", "C3,E3"), "--note: found 2, wanted one, or several with --together"),
    ],
)
def test_what_makes_no_sense_together(
    run: Run, tone: Path, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    outcome = run("match", tone, "-o", tmp_path / "out", *options)
    assert outcome.code == 2
    assert said in outcome.err
