import json
import os
import zipfile
from pathlib import Path

import pytest
from running import Outcome, Run

from ddx7.voice import Operator, Voice, load, save

SILENT = Voice(name="SILENT", operators=(Operator(),) * 6)


@pytest.fixture
def tree(bank: Path, single: Path, not_a_voice: Path, tmp_path: Path) -> Path:
    """A folder as people have them: two good files, a damaged one, a silent voice in a zip, and what is no voice."""
    folder = tmp_path / "tree"
    (folder / "deep" / "deeper").mkdir(parents=True)
    (folder / "__MACOSX").mkdir()
    bank.rename(folder / "bank.syx")
    single.rename(folder / "deep" / "deeper" / "single.SYX")
    not_a_voice.rename(folder / "notes.syx")
    damaged = bytearray((folder / "bank.syx").read_bytes())
    damaged[-2] ^= 1
    (folder / "deep" / "damaged.syx").write_bytes(damaged)
    (folder / "readme.txt").write_text("not read")
    (folder / "._bank.syx").write_bytes(b"\x00\x05\x16\x07")
    (folder / "__MACOSX" / "bank.syx").write_bytes(b"\x00\x05\x16\x07")
    silent = save(SILENT, tmp_path / "silent.syx")[0]
    with zipfile.ZipFile(folder / "silent.zip", "w") as archive:
        archive.write(silent, "silent.syx")
    return folder


def lines_and_summary(outcome: Outcome) -> tuple[list[str], dict[str, int]]:
    problems, _, summary = outcome.out.rpartition("\n\n") if "\n\n" in outcome.out else ("", "", outcome.out)
    rows = [line.split(maxsplit=1) for line in summary.splitlines()]
    return problems.splitlines(), {label: int(count.replace(",", "")) for count, label in rows}


def test_a_folder_is_searched_and_summed_up(run: Run, tree: Path) -> None:
    outcome = run("check", tree)
    problems, summary = lines_and_summary(outcome)
    assert (outcome.code, outcome.err) == (0, "")
    assert [line.removeprefix(f"{tree}{os.sep}").split(",")[0] for line in problems] == [
        "deep/damaged.syx: voices 1-32: the checksum is " + problems[0].split("is ")[1][:2],
        "notes.syx: found text",
        "silent.zip: voice 1 'SILENT': no carrier can be heard: operators 1",
    ]
    assert summary == {
        "files read": 4,
        "with repairs or skipped parts": 1,
        "files refused": 1,
        "found text": 1,
        "files of other kinds skipped": 1,
        "voices": 66,
        "silent": 1,
    }


def test_json_has_the_same_content(run: Run, tree: Path) -> None:
    content = json.loads(run("check", tree, "--json").out)
    assert content["summary"] == {
        "files": 5,
        "files_read": 4,
        "files_repaired": 1,
        "files_refused": {"found text": 1},
        "files_of_other_kinds": 1,
        "voices": 66,
        "findings": {"silent": 1},
    }
    by_name = {Path(file["path"]).name: file for file in content["files"]}
    assert by_name["notes.syx"]["refused"] == "found text"
    assert by_name["bank.syx"] == {
        "path": str(tree / "bank.syx"),
        "refused": None,
        "skipped": None,
        "voices": 32,
        "repairs": [],
        "findings": [],
    }
    (finding,) = by_name["silent.zip"]["findings"]
    assert (finding["voice"], finding["name"], finding["code"]) == (1, "SILENT", "silent")


def test_clean_files_leave_only_the_summary(run: Run, bank: Path, single: Path) -> None:
    outcome = run("check", bank, single, "--strict")
    assert outcome.code == 0
    assert lines_and_summary(outcome) == (
        [],
        {
            "files read": 2,
            "with repairs or skipped parts": 0,
            "files refused": 0,
            "files of other kinds skipped": 0,
            "voices": 33,
        },
    )


def test_a_named_file_that_cannot_be_read_fails(run: Run, bank: Path, not_a_voice: Path, tmp_path: Path) -> None:
    missing = tmp_path / "missing.syx"
    outcome = run("check", not_a_voice, bank, missing)
    problems, summary = lines_and_summary(outcome)
    assert outcome.code == 1
    assert problems == [f"{not_a_voice}: found text", f"{missing}: there is no such file"]
    assert outcome.err == f"ddx7: cannot read 2 of the given files: {not_a_voice}, {missing}\n"
    assert summary["files refused"] == 2
    assert summary["voices"] == 32


def test_strict_fails_on_any_fault(run: Run, tree: Path) -> None:
    outcome = run("check", tree, "--strict")
    assert (outcome.code, outcome.err) == (1, "ddx7: found 3 faults, wanted none\n")


def test_notes_are_printed_only_with_their_option(run: Run, tmp_path: Path) -> None:
    path = save(Voice(), tmp_path / "init.syx")[0]
    plain, with_notes = run("check", path, "--strict"), run("check", path, "--strict", "--notes")
    assert plain.code == 0
    assert lines_and_summary(plain)[1]["idle-operators"] == 1
    assert with_notes.code == 1
    assert lines_and_summary(with_notes)[0] == [
        f"{path}: voice 1 'INIT VOICE': operators 2, 3, 4, 5, 6 cannot be heard"
    ]


def test_files_of_other_kinds_are_listed_with_their_kind(run: Run, tree: Path) -> None:
    outcome = run("check", tree, "--notes")
    assert f"{tree / 'readme.txt'}: skipped, text" in lines_and_summary(outcome)[0]
    by_name = {Path(file["path"]).name: file for file in json.loads(run("check", tree, "--json").out)["files"]}
    assert (by_name["readme.txt"]["skipped"], by_name["readme.txt"]["refused"]) == ("text", None)


def test_fix_writes_clean_copies_and_leaves_the_originals(run: Run, tree: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()}
    outcome = run("check", tree, "--fix", tmp_path / "clean")
    assert outcome.code == 0
    assert outcome.err == f"4 copies are in {tmp_path / 'clean'}\n"
    assert {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()} == before
    clean = tmp_path / "clean" / "tree"
    names = ["bank.syx", "deep/damaged.syx", "deep/deeper/single.SYX", "silent.zip.syx"]
    assert sorted(path.relative_to(clean).as_posix() for path in clean.rglob("*") if path.is_file()) == names
    assert (clean / "deep/damaged.syx").read_bytes() == (tree / "bank.syx").read_bytes()
    assert list(load(clean / "silent.zip.syx")) == [SILENT]
    assert run("check", clean).err == ""


def test_fix_replaces_nothing_unless_forced(run: Run, bank: Path, tmp_path: Path) -> None:
    clean = tmp_path / "clean"
    assert run("check", bank, "--fix", clean).code == 0
    outcome = run("check", bank, "--fix", clean)
    assert (outcome.code, outcome.out) == (1, "")
    assert "exists already" in outcome.err
    assert run("check", bank, "--fix", clean, "--force").code == 0


def test_fix_refuses_to_put_two_files_in_one_place(run: Run, bank: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / bank.name
    other.write_bytes(bank.read_bytes())
    outcome = run("check", bank, other, "--fix", tmp_path / "clean")
    assert outcome.code == 2
    assert "would both become" in outcome.err
    assert not (tmp_path / "clean").exists()


def test_a_folder_without_voice_files_is_an_error(run: Run, tmp_path: Path) -> None:
    (tmp_path / "song.txt").touch()
    outcome = run("check", tmp_path)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith(f"ddx7: {tmp_path}: found a folder without voice files (song.txt: an empty file)")


def test_nothing_to_check_is_wrong_usage(run: Run) -> None:
    outcome = run("check")
    assert (outcome.code, outcome.out) == (2, "")


def test_the_odd_files_of_the_wild(run: Run, shared: Path) -> None:
    content = json.loads(run("check", shared / "odd_syx", "--json").out)
    assert content["summary"]["files_read"] == 19
    assert sum(content["summary"]["files_refused"].values()) == 11
