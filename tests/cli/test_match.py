import json
import math
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from running import Run

import ddx7
from ddx7.audio import Note
from ddx7.cli.match_task import remarks
from ddx7.cli.searching import watched
from ddx7.matching.objective import NoteEvent
from ddx7.matching.quality import describe, match_quality, same_instrument_share
from ddx7.matching.result import Match, MatchReport, Progress
from ddx7.voice import Bank, init_voice

RATE = 44_100
NAMES = {"tone.syx", "tone_bank.syx", "target.wav", "match.wav", "compare.png", "notes.mid", "match.json"}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def a_match(distance: float, pitch_confidence: float = 1.0, *, interrupted: bool = False) -> Match:
    note = Note(0.0, 0.1, 0.1, 261.63, 60, 0.0, pitch_confidence, -20.0, -17.0)
    sound = np.ones(10, np.float32)
    report = MatchReport(0, 1.0, 1.0, 1, False, 0, (), RATE, 22_050, False, 0.0, 0.1, (0,), (), "dexed")
    return Match(
        voices=Bank([init_voice()]),
        distances=(distance + 1,),
        perceptual_distances=(distance,),
        audio=sound,
        target=sound,
        sample_rate=RATE,
        notes=(note,),
        events=(NoteEvent(60, 100, 0.1),),
        strongest=0,
        differences=("noise missing",),
        report=report,
        interrupted=interrupted,
    )


@pytest.mark.parametrize("effort", [("--fast",), pytest.param(("--seconds", 1), marks=pytest.mark.slow)])
def test_a_recording_becomes_a_folder(run: Run, tone: Path, out: Path, effort: tuple[object, ...]) -> None:
    outcome = run("match", tone, "-o", out, *effort, "--candidates", 3, "--name", "tone")
    assert outcome.code == 0
    assert outcome.out.splitlines() == [str(out / name) for name in sorted(NAMES, key=outcome.out.index)]
    assert {path.name for path in out.iterdir()} == NAMES
    data = json.loads((out / "match.json").read_text())
    assert len(data["candidates"]) == 3
    assert (data["key"], data["interrupted"]) == (69, False)
    near = [data["candidates"][0][key] for key in ("distance", "distance_db")]
    assert f"tone: {describe(*near, data['differences'])}\n" in outcome.err
    assert f"play A3 (MIDI note 69) at velocity {data['velocity']}" in outcome.err
    stages = [line for line in outcome.err.splitlines() if "voices rendered" in line]
    assert stages
    assert len(stages) < 10  # a line for a stage, not for every step
    assert [voice.name for voice in ddx7.load(out / "tone_bank.syx")[:1]] == ["TONE"]


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_interrupt_keeps_the_best(tone: Path, out: Path) -> None:
    # Tests that run in the background of a shell, or in workers, may ignore SIGINT, and so would what they start.
    hearing = "import signal, ddx7.cli; signal.signal(signal.SIGINT, signal.default_int_handler); exit(ddx7.cli.main())"
    command = [sys.executable, "-c", hearing, "match", str(tone), "-o", str(out), "--seconds", "600"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if "best" in line:
                break
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert {path.name for path in out.iterdir()} == NAMES
    assert len(printed.splitlines()) == len(NAMES)
    assert "tone: stopped early; this is the best match so far" in said.splitlines()
    assert json.loads((out / "match.json").read_text())["interrupted"]


def test_several_recordings_get_a_folder_each_and_json_tells_them_apart(run: Run, tone: Path, out: Path) -> None:
    folder, other = tone.with_name("takes"), tone.with_name("takes") / "other.flac"
    folder.mkdir()
    soundfile.write(other, soundfile.read(tone)[0], RATE)
    (folder / "broken.wav").write_bytes(b"remember the milk")
    soundfile.write(folder / "click.wav", np.hanning(200), RATE)  # no note
    outcome = run("match", tone, folder, "-o", out, "--fast", "--json")
    together = ddx7.load(out / "bank.syx")
    assert [voice.name for voice in together[:2]] == ["TONE", "OTHER"]
    assert outcome.code == 1
    data = json.loads(outcome.out)
    matches = data["matches"]
    # What fails does not end the others; it is named when it is found, and again at the end.
    assert [str(folder / name) in line for name, line in zip(("broken", "click"), data["failures"], strict=True)]
    lines = outcome.err.splitlines()
    assert lines[0].startswith(f"ddx7: {folder / 'broken.wav'}: cannot be decoded as sound")
    assert lines[-3:] == ["2 of 4 recordings failed:", *(f"  {failure}" for failure in data["failures"])]
    assert {path.name for path in out.iterdir()} == {"tone", "other", "bank.syx"}
    assert [match["recording"] for match in matches] == [str(tone), str(other)]
    for match, stem in zip(matches, ("tone", "other"), strict=True):
        assert {Path(path).parent for path in match["files"]} == {out / stem}
        assert {Path(path) for path in match["files"]} == set((out / stem).iterdir())
        assert (out / stem / f"{stem}.syx").exists()
        assert match["distances"][0] <= 1.2 * min(match["distances"])
        assert len(match["distances_db"]) == len(match["distances"])
        assert match["verdict"] == match_quality(match["distances"][0])
        assert match["confidence"] == round(same_instrument_share(match["distances"][0]), 3)
        assert (match["key"], match["interrupted"]) == (69, False)


@pytest.mark.parametrize("other", ["--fast", "--best"])
def test_a_time_and_another_effort_are_not_given_at_once(run: Run, tone: Path, out: Path, other: str) -> None:
    outcome = run("match", tone, "-o", out, other, "--seconds", 30)
    assert outcome.code == 2
    assert f"{other} and --seconds exclude each other" in outcome.err
    assert not out.exists()


def test_existing_files_are_refused_before_the_search(run: Run, tone: Path, out: Path) -> None:
    out.mkdir()
    (out / "match.json").write_text("mine")
    outcome = run("match", tone, "-o", out, "--seconds", 1000)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == f"ddx7: {out / 'match.json'}: exists already; --force, or force=True in Python, replaces it\n"
    assert [path.read_text() for path in out.iterdir()] == ["mine"]


def test_a_file_where_a_folder_is_wanted(run: Run, tone: Path) -> None:
    outcome = run("match", tone, "-o", tone / "out", "--seconds", 1000)
    assert outcome.code == 1
    assert outcome.err == f"ddx7: {tone}: found a file, wanted a folder to write to\n"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "no such file"),
        (b"", "the file is empty"),
        (b"remember the milk", "cannot be decoded as sound"),
        (np.zeros(RATE), "found only silence in 1.00 s"),
    ],
)
def test_what_is_no_sound_gets_one_sentence(run: Run, tone: Path, out: Path, content, says: str) -> None:
    path = tone.with_name("wrong.wav")
    if isinstance(content, np.ndarray):
        soundfile.write(path, content, RATE)
    elif content is not None:
        path.write_bytes(content)
    outcome = run("match", path, "-o", out, "--seconds", 1000)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith(f"ddx7: {path}: ")
    assert says in outcome.err
    assert outcome.err.count("\n") == 1
    assert not out.exists()


def test_what_is_no_note_names_the_file(run: Run, tone: Path, out: Path) -> None:
    path = tone.with_name("click.wav")
    soundfile.write(path, np.hanning(200), RATE)  # 5 ms
    outcome = run("match", path, "-o", out, "--seconds", 1000)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith(f"ddx7: {path}: found 4.")
    assert outcome.err.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "found no recordings to match"),
        (("a.wav", "b.wav", "--name", "x"), "--name is for one recording"),
        (("one/horn.wav", "two/Horn.flac"), "several recordings are called horn"),
    ],
)
def test_arguments_that_make_no_sense_together(run: Run, out: Path, words: tuple[str, ...], says: str) -> None:
    outcome = run("match", *words, "-o", out)
    assert (outcome.code, outcome.out) == (2, "")
    assert says in outcome.err


@pytest.mark.parametrize("words", [("--seconds", "0"), ("--candidates", "33"), ("--candidates", "0")])
def test_arguments_out_of_range(run: Run, tone: Path, out: Path, words: tuple[str, str]) -> None:
    outcome = run("match", tone, "-o", out, *words)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"ddx7: {words[0]}: found {words[1]}, wanted")


@pytest.mark.parametrize(
    ("distance", "words"),
    [(2.9, "very close"), (3.0, "close"), (6.0, "similar"), (9.0, "far off"), (40.0, "far off")],
)
def test_the_distance_is_put_into_plain_words(distance: float, words: str) -> None:
    assert remarks(a_match(distance)) == [
        f"distance {distance:.1f}, {words} (log-mel {distance + 1:.1f} dB); noise missing",
        "play C3 (MIDI note 60) at velocity 100",
    ]


def test_a_result_that_is_further_than_the_best_of_the_search_says_why() -> None:
    found = a_match(2.7)
    nearer = replace(found, report=replace(found.report, least_distance=2.2))
    assert remarks(nearer)[2] == (
        "the search found a voice at 2.2; among voices about as near, the one nearest by log-mel comes first"
    )
    equal = replace(found, report=replace(found.report, least_distance=2.68))
    assert len(remarks(equal)) == 2


def test_doubts_are_told() -> None:
    assert remarks(a_match(1.0, 0.39, interrupted=True))[2:] == [
        "the recording has no one clear pitch, so the note is a guess",
        "stopped early; this is the best match so far",
    ]


@pytest.mark.slow
def test_the_demo_matches_the_phrase_and_explains_its_files(run: Run, out: Path) -> None:
    outcome = run("demo", "-o", out, "--seconds", 1)
    assert outcome.code == 0
    for path in out.iterdir():
        assert any(line.startswith(f"{path}  ") for line in outcome.out.splitlines())
    assert len(list(out.iterdir())) == 7
    assert f"ddx7 show {out / 'trumpet.syx'}" in outcome.out
    data = json.loads((out / "match.json").read_text())
    assert data["key"] == 70
    assert len(data["notes"]) > 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--midi", "a.mid", "--notes", "one"), "--midi names the notes"),
        (("--note", "H9"), "wanted 0 to 127 or C-2 to G8"),
        (("--velocity", 0), "velocity: found 0, wanted 1 to 127"),
    ],
)
def test_what_is_told_of_the_notes_must_make_sense(
    run: Run, tone: Path, out: Path, options: tuple[object, ...], said: str
) -> None:
    outcome = run("match", tone, "-o", out, *options)
    assert outcome.code == 2
    assert said in outcome.err
    assert not out.exists()


def test_a_note_that_is_told_is_played(run: Run, tone: Path, out: Path) -> None:
    outcome = run("match", tone, "-o", out, "--fast", "--note", "A2", "--velocity", 70, "--start", 0.02, "--end", 0.3)
    assert outcome.code == 0
    data = json.loads((out / "match.json").read_text())
    assert (data["key"], data["velocity"]) == (57, 70)
    assert "play A2 (MIDI note 57) at velocity 70" in outcome.err


def test_lines_of_progress_tell_time_and_count_once_there_are_some(capsys: pytest.CaptureFixture[str]) -> None:
    with watched("horn") as show:
        show(Progress(0.0, 30.0, "proposing voices", 0, math.inf))
        show(Progress(1.5, 30.0, "refining", 512, 3.04))
        show(Progress(2.5, 30.0, "refining", 600, 2.9))
    assert capsys.readouterr().err.splitlines() == [
        "horn: proposing voices",
        "horn: 1.5 s: refining, 512 voices rendered, best distance 3.0",
    ]
