import json
from pathlib import Path

import pytest
from running import BANK_NAMES, Run

from ddx7.voice import Operator, Voice, init_voice, load, save


def titles(out: str) -> list[str]:
    """Names of the voices whose sheets were printed."""
    lines = out.splitlines()
    return [lines[k - 2].split("  voice")[0] for k, line in enumerate(lines) if line.startswith("Algorithm")]


def test_a_bank_prints_as_a_numbered_list(run: Run, bank: Path, voices: list[Voice]) -> None:
    outcome = run("show", bank)
    assert (outcome.code, outcome.err) == (0, "")
    heading, *rows = outcome.out.splitlines()
    assert heading.split() == ["No", "name", "alg", "fb", "findings"]
    assert len(rows) == 32
    for number, (row, voice) in enumerate(zip(rows, voices, strict=True), start=1):
        assert row == f"{number:2}  {voice.name:10}  {voice.algorithm:3}  {voice.feedback:2}"


def test_a_single_voice_prints_in_full(run: Run, single: Path) -> None:
    outcome = run("show", single)
    assert titles(outcome.out) == [f"{BANK_NAMES[2]}  {single}"]
    assert outcome.out.splitlines()[-1].startswith(" 6 ")


@pytest.mark.parametrize(
    ("numbers", "expected"), [("1", [1]), ("3,1", [3, 1]), ("30-32", [30, 31, 32]), ("5-3, 9", [5, 4, 3, 9])]
)
def test_choosing_by_number(run: Run, bank: Path, numbers: str, expected: list[int]) -> None:
    outcome = run("show", bank, "--index", numbers)
    assert titles(outcome.out) == [BANK_NAMES[n - 1] for n in expected]
    assert f"voice {expected[0]} of 32 in {bank}" in outcome.out


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tub bells", ["TUB BELLS"]),
        ("brass", ["BRASS  1", "BRASS  2"]),
        ("brass 2", ["BRASS  2"]),  # however many spaces there are
        ("voice 3", ["VOICE 30", "VOICE 31", "VOICE 32"]),
        ("VOICE 5", ["VOICE 5"]),  # the whole name wins
    ],
)
def test_choosing_by_name(run: Run, bank: Path, text: str, expected: list[str]) -> None:
    assert titles(run("show", bank, "--name", text).out) == expected


def test_all_prints_everything_in_full(run: Run, bank: Path) -> None:
    assert titles(run("show", bank, "--all").out) == BANK_NAMES


@pytest.mark.parametrize("number", ["0", "33", "1,40"])
def test_no_such_number(run: Run, bank: Path, number: str) -> None:
    outcome = run("show", bank, "--index", number)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == f"ddx7: {bank}: there is no voice {number[-2:]}, wanted 1 to 32\n".replace("1,", "")


def test_a_colon_and_a_number_choose_a_voice(run: Run, bank: Path, tmp_path: Path) -> None:
    assert run("show", f"{bank}:3").out == run("show", bank, "--index", 3).out
    sound = tmp_path / "third.wav"
    assert run("render", f"{bank}:3", "--gate", 0.1, "--duration", 0.2, "-o", sound).code == 0
    assert sound.exists()
    outcome = run("show", f"{bank}:33")
    assert (outcome.code, outcome.err) == (1, f"ddx7: {bank}: there is no voice 33, wanted 1 to 32\n")
    assert run("show", f"{bank}:three").code == 2


def test_no_such_name_suggests_the_nearest(run: Run, bank: Path) -> None:
    outcome = run("show", bank, "--name", "e.paino")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == f"ddx7: {bank}: no voice has 'e.paino' in its name; the nearest are 'E.PIANO'\n"


@pytest.mark.parametrize(
    "words",
    [("--index", "x"), ("--index", "1-"), ("--index", "1", "--all"), ("--name", "a", "--all"), ("--note", "61")],
)
def test_wrong_usage(run: Run, bank: Path, words: tuple[str, ...]) -> None:
    outcome = run("show", bank, *words)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("ddx7: ")


@pytest.mark.parametrize("words", [(), ("--index", "2-4"), ("--name", "brass")])
def test_json_can_be_read_back_as_the_same_voices(run: Run, bank: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    outcome = run("show", bank, "--json", *words)
    content = json.loads(outcome.out)
    expected = [load(bank)[n - 1] for n in content["numbers"]]
    assert content["file"] == str(bank)
    assert len(expected) == {(): 32, "--index": 3, "--name": 2}[words[0] if words else ()]
    again = tmp_path / "again.json"
    again.write_text(outcome.out)
    assert list(load(again)) == expected


def test_findings_stand_under_the_sheet_and_in_the_list(run: Run, tmp_path: Path) -> None:
    silent = Voice(name="SILENT", operators=(Operator(),) * 6)
    path = save([silent, init_voice()], tmp_path / "two.syx")[0]
    sheet = run("show", path, "--index", 1).out
    assert "error: no carrier can be heard" in sheet
    assert run("show", path).out.splitlines()[1].split() == ["1", "SILENT", "1", "0", "silent"]
    finding = json.loads(run("show", path, "--json", "--index", 1).out)["findings"][0]
    assert (finding["voice"], finding["code"], finding["severity"]) == (1, "silent", "error")


def test_repairs_go_to_stderr(run: Run, bank: Path) -> None:
    data = bytearray(bank.read_bytes())
    data[-2] ^= 1
    bank.write_bytes(data)
    outcome = run("show", bank)
    assert outcome.code == 0
    assert outcome.err.startswith(f"{bank}: voices 1-32: the checksum is")
    assert "checksum" not in outcome.out


def test_many_repairs_are_cut_short(run: Run, bank: Path) -> None:
    data = bytearray(bank.read_bytes())
    for voice in range(32):
        data[6 + 128 * voice] = 127  # R1 of OP6
    bank.write_bytes(data)
    lines = run("show", bank).err.splitlines()
    assert len(lines) == 9
    assert lines[-1].endswith("more; ddx7 check lists all")


@pytest.mark.parametrize("kind", ["missing", "folder", "empty", "text"])
def test_a_wrong_file_gets_one_sentence(run: Run, tmp_path: Path, not_a_voice: Path, kind: str) -> None:
    (tmp_path / "empty").touch()
    path = {"missing": tmp_path / "none", "folder": tmp_path, "empty": tmp_path / "empty", "text": not_a_voice}[kind]
    outcome = run("show", path)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith(f"ddx7: {path}: ")
    assert outcome.err.count("\n") == 1


def test_every_odd_file_is_shown_or_refused_in_a_sentence(run: Run, shared: Path) -> None:
    files = sorted((shared / "odd_syx").glob("*.[sS]*"))
    assert files
    for path in files:
        outcome = run("show", path)
        assert outcome.code in (0, 1)
        assert (outcome.out == "") == (outcome.code == 1)
        assert outcome.code == 0 or (outcome.err.startswith("ddx7: ") and outcome.err.count("\n") == 1)


@pytest.mark.parametrize(("name", "start"), [("v.png", b"\x89PNG"), ("v.SVG", b"<?xml")])
def test_show_writes_a_picture(run: Run, tmp_path: Path, name: str, start: bytes) -> None:
    single = save(init_voice(), tmp_path / "one.syx")[0]
    outcome = run("show", single, "--plot", tmp_path / name)
    assert (outcome.code, outcome.err) == (0, f"figure in {tmp_path / name}\n")
    assert (tmp_path / name).read_bytes().startswith(start)
    assert outcome.out.startswith("INIT VOICE")


def test_show_replaces_no_picture_unless_forced(run: Run, single: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.png"
    path.write_bytes(b"mine")
    outcome = run("show", single, "--plot", path)
    assert (outcome.code, outcome.out, path.read_bytes()) == (1, "", b"mine")
    assert run("show", single, "--plot", path, "--force").code == 0
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("words", "code"), [((), 2), (("--index", "1,2"), 2), (("--index", "1", "--note", "128"), 2)])
def test_show_draws_one_voice_on_a_midi_note(
    run: Run, bank: Path, tmp_path: Path, words: tuple[str, ...], code: int
) -> None:
    outcome = run("show", bank, "--plot", tmp_path / "v.png", *words)
    assert (outcome.code, outcome.out) == (code, "")
    assert outcome.err.startswith("ddx7: ")
    assert not (tmp_path / "v.png").exists()


def test_show_refuses_a_plot_of_another_format(run: Run, single: Path, tmp_path: Path) -> None:
    outcome = run("show", single, "--plot", tmp_path / "v.wav")
    assert outcome.code == 2
    assert "wanted a file that ends in .png, .svg, .pdf" in outcome.err


def test_a_line_break_in_a_file_name_does_not_break_the_error_line(run: Run) -> None:
    outcome = run("show", "bad\nname.syx")
    assert (outcome.code, outcome.err) == (1, "ddx7: bad name.syx: there is no such file\n")
