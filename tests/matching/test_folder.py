import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from matplotlib.image import imread

import ddx7
from ddx7.audio import analyse_note, log_mel_distance
from ddx7.errors import Ddx7Error
from ddx7.matching.folder import match_files, match_to_dict, write_match
from ddx7.matching.objective import NoteEvent
from ddx7.matching.result import LibraryHit, Match, MatchReport, Stage
from ddx7.voice import Bank, Voice, init_voice

RATE = 44_100
NAMES = {"horn.syx", "horn_bank.syx", "target.wav", "match.wav", "compare.png", "notes.mid", "match.json"}
BIT = 2.0**-23  # of a 24-bit file
REPORT = MatchReport(
    seed=0,
    seconds=30.0,
    elapsed_s=1.5,
    renders=2,
    late=False,
    proposals=256,
    stages=(Stage("compiling", 0.0, 0.5, 0, None), Stage("drawing", 0.5, 1.5, 2, 3.25)),
    sample_rate=44_100,
    search_rate=22_050,
    cut=False,
    from_s=0.0,
    to_s=0.5,
    scored_notes=(0,),
    library=(LibraryHit("MINE (own.syx, voice 1)", 4.5),),
    profile="dexed",
)


@pytest.fixture(scope="module")
def match() -> Match:
    """A pure tone as target; the same tone, and one with three carriers, as candidates."""
    pure = init_voice().renamed("PURE")
    loud = replace(pure.operators[0], output_level=99)
    rich = replace(
        pure,
        algorithm=32,
        operators=(loud, replace(loud, coarse=2), replace(loud, coarse=3)) + (pure.operators[5],) * 3,
    )
    target, *audio = ddx7.render([pure, pure, rich], 60, 100, 0.3, 0.5, RATE)
    return Match(
        voices=Bank([pure, rich.renamed("RICH")]),
        distances=tuple(log_mel_distance(target, sound, RATE) for sound in audio),
        perceptual_distances=(0.0, 6.5),
        audio=audio[1],
        target=target,
        sample_rate=RATE,
        notes=(analyse_note(target, RATE),),
        events=(NoteEvent(60, 100, 0.3),),
        strongest=0,
        differences=("noise missing",),
        report=REPORT,
    )


def test_the_folder_holds_voices_and_sounds(match: Match, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "out"
    written = write_match(match, folder, "horn")
    assert written == list(match_files(folder, "horn"))
    assert {path.name for path in folder.iterdir()} == NAMES
    single, bank = (folder / "horn.syx").read_bytes(), (folder / "horn_bank.syx").read_bytes()
    assert (len(single), len(bank)) == (163, 4104)
    assert list(ddx7.load(folder / "horn.syx")) == [match.voices[0]]
    assert list(ddx7.load(folder / "horn_bank.syx")) == [*match.voices, *[init_voice()] * 30]
    gain = 10 ** (-1 / 20) / max(np.abs(match.target).max(), np.abs(match.audio).max())
    for name, expected in (("target", match.target), ("match", match.audio)):
        sound, rate = soundfile.read(folder / f"{name}.wav")
        assert rate == RATE
        np.testing.assert_allclose(sound, gain * expected, atol=2 * BIT)


def test_the_numbers_can_be_read_back(match: Match, tmp_path: Path) -> None:
    write_match(match, tmp_path, "horn")
    data = json.loads((tmp_path / "match.json").read_text())
    assert [Voice.from_dict(candidate["voice"]) for candidate in data["candidates"]] == list(match.voices)
    assert [candidate["distance_db"] for candidate in data["candidates"]] == list(match.distances)
    assert data["candidates"][0]["distance_db"] == 0
    assert (data["key"], data["velocity"], data["report"]["renders"]) == (60, 100, 2)
    assert [(note["note"], note["key"], note["velocity"]) for note in data["notes"]] == [(60, 60, 100)]
    assert [candidate["distance"] for candidate in data["candidates"]] == [0.0, 6.5]
    assert data["confidence"] == match.same_instrument_share == 1.0
    assert data["summary"].startswith("distance 0.0, very close (log-mel 0.0 dB); noise missing")
    assert data["versions"].keys() == {"ddx7", "jax", "numpy"}
    assert data == json.loads(json.dumps(match_to_dict(match)))


def test_the_report_keeps_its_keys(match: Match) -> None:
    assert json.loads(json.dumps(match_to_dict(match)))["report"] == {
        "seed": 0,
        "seconds": 30.0,
        "elapsed_s": 1.5,
        "renders": 2,
        "late": False,
        "proposals": 256,
        "stages": [
            {"stage": "compiling", "start_s": 0.0, "end_s": 0.5, "renders": 0},
            {"stage": "drawing", "start_s": 0.5, "end_s": 1.5, "renders": 2, "distance": 3.25},
        ],
        "sample_rate": 44_100,
        "search_rate": 22_050,
        "cut": False,
        "from_s": 0.0,
        "to_s": 0.5,
        "judged_notes": [0],
        "library": [{"voice": "MINE (own.syx, voice 1)", "distance_db": 4.5}],
        "profile": "dexed",
        "library_unread": "",
        "remarks": [],
        "effort": None,
        "start": "",
        "lock": [],
        "recordings": [],
        "level_distance": 0.0,
        "least_distance": None,
    }


@pytest.mark.parametrize("louder", ["target", "audio"])
def test_both_sounds_are_scaled_together(match: Match, tmp_path: Path, louder: str) -> None:
    loud = replace(match, **{louder: 40 * getattr(match, louder)})
    write_match(loud, tmp_path, "horn")
    target, audio = (soundfile.read(tmp_path / f"{name}.wav")[0] for name in ("target", "match"))
    assert max(np.abs(target).max(), np.abs(audio).max()) == pytest.approx(10 ** (-1 / 20), abs=2 * BIT)
    ratio = np.sqrt(np.mean(audio**2) / np.mean(target**2))
    assert ratio == pytest.approx(np.sqrt(np.mean(loud.audio**2) / np.mean(loud.target**2)), rel=1e-4)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_nothing_is_replaced_unasked(match: Match, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"mine")
    with pytest.raises(Ddx7Error, match="exists already"):
        write_match(match, tmp_path, "horn")
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"mine"


def test_all_is_replaced_if_forced(match: Match, tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / name).write_bytes(b"mine")
    write_match(match, tmp_path, "horn", force=True)
    assert {path.name for path in tmp_path.iterdir()} == NAMES
    assert all(path.read_bytes() != b"mine" for path in tmp_path.iterdir())


def test_a_report_that_is_no_json_is_refused_before_anything_is_written(match: Match, tmp_path: Path) -> None:
    with pytest.raises(Ddx7Error, match="report is not JSON-ready"):
        write_match(replace(match, report=replace(REPORT, elapsed_s=float("nan"))), tmp_path, "horn")
    assert not list(tmp_path.iterdir())


def test_the_figure_has_the_promised_size(match: Match, tmp_path: Path) -> None:
    write_match(match, tmp_path, "horn")
    assert imread(tmp_path / "compare.png").shape[:2] == (800, 1200)


def test_a_quiet_recording_is_written_loud_enough_to_hear(match: Match, tmp_path: Path) -> None:
    quiet = replace(match, target=1e-4 * match.target, audio=0.5e-4 * match.audio)
    files = write_match(quiet, tmp_path, "horn")
    target, audio = (soundfile.read(files[k])[0] for k in (2, 3))
    assert max(np.abs(target).max(), np.abs(audio).max()) == pytest.approx(10 ** (-1 / 20), rel=1e-4)
    assert np.corrcoef(target, match.target)[0, 1] > 0.9999  # nothing is lost in the rounding


def test_a_match_prints_in_one_line_and_shows_both_sounds(match: Match) -> None:
    assert repr(match) == "<Match PURE: distance 0.0, very close; 2 candidates, 1 notes, 0.5 s>"
    html = match._repr_html_()
    assert (html.count("<img"), html.count("<audio")) == (1, 2)
