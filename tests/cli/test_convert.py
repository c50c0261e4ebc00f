import json
import zipfile
from pathlib import Path

import pytest
from running import BANK_NAMES, Run

from ddx7.voice import Voice, init_voice, load, save, to_bytes


def test_a_clean_bank_stays_byte_for_byte(run: Run, bank: Path, tmp_path: Path) -> None:
    outcome = run("convert", bank, "-o", tmp_path / "copy.syx")
    assert (outcome.code, outcome.out) == (0, f"{tmp_path / 'copy.syx'}\n")
    assert outcome.err == "32 voices from 1 file to 1 file\n"
    assert (tmp_path / "copy.syx").read_bytes() == bank.read_bytes()


def test_bank_to_singles_and_back(run: Run, bank: Path, voices: list[Voice], tmp_path: Path) -> None:
    apart = run("convert", bank, "--singles", "-o", tmp_path / "apart")
    files = [Path(line) for line in apart.out.splitlines()]
    assert [file.name for file in files] == [f"{n:02} {name}.syx" for n, name in enumerate(BANK_NAMES, start=1)]
    assert [file.read_bytes() for file in files] == [to_bytes(voice) for voice in voices]
    together = run("convert", *files, "-o", tmp_path / "together.syx")
    assert together.code == 0
    assert (tmp_path / "together.syx").read_bytes() == bank.read_bytes()


def test_names_that_no_disk_can_hold(run: Run, tmp_path: Path) -> None:
    path = save([init_voice().renamed(name) for name in ("A/B:C*", "..", "", "→¥←")], tmp_path / "odd.syx")[0]
    outcome = run("convert", path, "--singles", "--select", "1-4", "-o", tmp_path / "apart")
    names = [Path(line).name for line in outcome.out.splitlines()]
    assert names == ["01 A_B_C_.syx", "02 voice.syx", "03 voice.syx", "04 ___.syx"]
    assert all((tmp_path / "apart" / name).is_file() for name in names)


@pytest.mark.parametrize("kind", ["raw", "zip"])
def test_raw_bytes_and_zips_become_a_clean_bank(run: Run, bank: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"source.{kind}"
    if kind == "raw":
        path.write_bytes(bank.read_bytes()[6:-2])
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(bank, "a folder/bank.syx")
    outcome = run("convert", path, "-o", tmp_path / "clean.syx")
    assert outcome.code == 0
    assert ("no SysEx header" in outcome.err) == (kind == "raw")
    assert (tmp_path / "clean.syx").read_bytes() == bank.read_bytes()


def test_json_both_ways(run: Run, bank: Path, voices: list[Voice], tmp_path: Path) -> None:
    assert run("convert", bank, "-o", tmp_path / "bank.json").code == 0
    content = json.loads((tmp_path / "bank.json").read_text())
    assert [voice["name"] for voice in content["voices"]] == BANK_NAMES
    assert list(load(tmp_path / "bank.json")) == voices
    assert run("convert", tmp_path / "bank.json", "-o", tmp_path / "back.syx").code == 0
    assert (tmp_path / "back.syx").read_bytes() == bank.read_bytes()


def test_a_folder_gets_one_file_per_input(run: Run, bank: Path, single: Path, tmp_path: Path) -> None:
    outcome = run("convert", bank, single, "--format", "json", "-o", tmp_path / "out")
    assert outcome.out.splitlines() == [str(tmp_path / "out" / name) for name in ("bank.json", "single.json")]
    assert list(load(tmp_path / "out" / "single.json")) == list(load(single))


def test_more_than_32_voices_become_several_numbered_banks(run: Run, bank: Path, single: Path, tmp_path: Path) -> None:
    outcome = run("convert", bank, bank, single, "-o", tmp_path / "all.syx")
    files = [tmp_path / f"all_{n}.syx" for n in (1, 2, 3)]
    assert outcome.out.splitlines() == [str(file) for file in files]
    assert outcome.err == "65 voices from 3 files to 3 files\n"
    assert [file.stat().st_size for file in files] == [4104] * 3
    assert load(files[2])[0] == load(single)[0]


def test_one_voice_is_163_bytes_unless_a_bank_is_asked_for(run: Run, single: Path, tmp_path: Path) -> None:
    run("convert", single, "-o", tmp_path / "one.syx")
    run("convert", single, "--bank", "-o", tmp_path / "bank.syx")
    assert (tmp_path / "one.syx").stat().st_size == 163
    assert list(load(tmp_path / "bank.syx"))[:2] == [load(single)[0], init_voice()]


@pytest.mark.parametrize("option", ["--index", "--select"])
def test_choosing_voices(run: Run, bank: Path, voices: list[Voice], tmp_path: Path, option: str) -> None:
    outcome = run("convert", bank, option, "9,1-3", "-o", tmp_path / "some.syx")
    assert outcome.err.startswith("4 voices")
    assert list(load(tmp_path / "some.syx"))[:5] == [voices[8], *voices[:3], init_voice()]


def test_a_number_after_the_name_chooses_a_voice_of_each_file(
    run: Run, bank: Path, single: Path, voices: list[Voice], tmp_path: Path
) -> None:
    assert run("convert", f"{bank}:9", "-o", tmp_path / "one.syx").code == 0
    assert list(load(tmp_path / "one.syx")) == [voices[8]]
    run("convert", f"{bank}:9", single, f"{bank}:2", "-o", tmp_path / "three.syx")
    assert list(load(tmp_path / "three.syx"))[:4] == [voices[8], voices[2], voices[1], init_voice()]
    run("convert", f"{bank}:9", "-o", tmp_path / "folder")
    assert list(load(tmp_path / "folder" / "bank.syx")) == [voices[8]]
    outcome = run("convert", f"{bank}:33", "-o", tmp_path / "no.syx")
    assert (outcome.code, outcome.err) == (1, f"ddx7: {bank}: there is no voice 33, wanted 1 to 32\n")


@pytest.mark.parametrize(
    ("target", "numbers", "expected"),
    [
        ("volca", "1-3", ["01_BRASS_1.syx", "02_BRASS_2.syx", "03_E_PIANO.syx"]),
        ("tx816", "1-2", ["1_BRASS_1.syx", "2_BRASS_2.syx"]),
        ("minidexed", "1-2", ["000001_BRASS_1.syx", "000001_BRASS_1.ini"]),
    ],
)
def test_other_instruments(
    run: Run, bank: Path, tmp_path: Path, target: str, numbers: str, expected: list[str]
) -> None:
    outcome = run("convert", bank, "--target", target, "--index", numbers, "-o", tmp_path / target)
    files = [Path(line) for line in outcome.out.splitlines()]
    assert [file.name for file in files] == expected
    assert all(file.is_file() and file.is_relative_to(tmp_path / target) for file in files)


def test_empty_places_of_a_bank_are_no_files_for_the_volca(run: Run, voices: list[Voice], tmp_path: Path) -> None:
    save(voices[:3], tmp_path / "some.syx")
    outcome = run("convert", tmp_path / "some.syx", "--target", "volca", "-o", tmp_path / "volca")
    assert [Path(line).name for line in outcome.out.splitlines()] == [
        "01_BRASS_1.syx",
        "02_BRASS_2.syx",
        "03_E_PIANO.syx",
    ]
    assert "29 places at the end hold INIT VOICE and are left out" in outcome.err


@pytest.mark.parametrize("target", ["volca", "tx816", "minidexed"])
def test_a_folder_is_not_named_like_a_file(run: Run, bank: Path, tmp_path: Path, target: str) -> None:
    out = tmp_path / "x.syx"
    outcome = run("convert", bank, "--target", target, "--index", "1-2", "-o", out)
    assert (outcome.code, out.exists()) == (1, False)
    assert f"{out}: found the name of a file, wanted that of a folder; {target} takes 2 files, such as" in outcome.err


def test_one_voice_for_the_volca_is_a_file_with_all_operators_on(run: Run, single: Path, tmp_path: Path) -> None:
    assert run("convert", single, "--target", "volca", "-o", tmp_path / "volca.syx").code == 0
    assert (tmp_path / "volca.syx").read_bytes()[-2] == 0x7F


@pytest.mark.parametrize("words", [(), ("--singles",), ("--format", "json")])
def test_nothing_is_replaced_unless_forced(run: Run, bank: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    out = tmp_path / "out" if words[:1] == ("--singles",) else tmp_path / "out.syx"
    written = [Path(line) for line in run("convert", bank, "-o", out, *words).out.splitlines()]
    for path in written[1:]:
        path.unlink()
    written[0].write_bytes(b"mine")
    outcome = run("convert", bank, "-o", out, *words)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith(f"ddx7: {written[0]}: exists already")
    assert written[0].read_bytes() == b"mine"
    assert not any(path.exists() for path in written[1:])
    assert run("convert", bank, "-o", out, "--force", *words).code == 0
    assert len(load(written[0])) == (1 if "--singles" in words else 32)


def test_nothing_is_written_if_any_input_cannot_be_read(
    run: Run, bank: Path, not_a_voice: Path, tmp_path: Path
) -> None:
    outcome = run("convert", bank, not_a_voice, "-o", tmp_path / "out")
    assert (outcome.code, outcome.out) == (1, "")
    assert f"ddx7: {not_a_voice}: found text" in outcome.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("-o", "out.syx"),
        ("{bank}", "{single}", "--index", "1", "-o", "out.syx"),
        ("{bank}", "--singles", "--bank", "-o", "out"),
        ("{bank}", "--target", "tx816", "--singles", "-o", "out"),
        ("{bank}", "--target", "volca", "-o", "out.json"),
        ("{bank}", "{bank}", "-o", "out"),
        ("{bank}", "--index", "one", "-o", "out.syx"),
        ("{bank}:one", "-o", "out.syx"),
    ],
)
def test_wrong_usage(
    run: Run, bank: Path, single: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = run("convert", *(word.format(bank=bank, single=single) for word in words))
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.splitlines()[-1].endswith("(see ddx7 convert --help)")
    assert not list(tmp_path.glob("out*"))


def test_too_many_voices_for_the_instrument(run: Run, bank: Path, tmp_path: Path) -> None:
    outcome = run("convert", bank, "--target", "tx816", "-o", tmp_path / "out")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == "ddx7: TX816: found 32 voices, wanted at most 8, one for each module\n"
