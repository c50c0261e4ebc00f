from pathlib import Path

import pytest
from lookalikes import bank, random_voices, single

from ddx7.errors import Ddx7Error
from ddx7.voice import Bank, Voice, load, save

VCEDS = random_voices(70, seed=31)
VOICES = [Voice.from_vced(vced).renamed(f"V {n}/*") for n, vced in enumerate(VCEDS)]
NAMED = [voice.to_vced() for voice in VOICES]


def names(paths: list[Path], folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in paths]


def test_dx7_single_and_bank(tmp_path):
    assert save(VOICES[0], tmp_path / "one.syx") == [tmp_path / "one.syx"]
    assert (tmp_path / "one.syx").read_bytes() == single(NAMED[0])
    assert save(Bank(VOICES[:32]), str(tmp_path / "sub/all.syx")) == [tmp_path / "sub/all.syx"]
    assert (tmp_path / "sub/all.syx").read_bytes() == bank(NAMED[:32])


def test_dx7_more_than_a_bank_is_numbered(tmp_path):
    paths = save(VOICES, tmp_path / "pads.v2.syx")
    assert names(paths, tmp_path) == ["pads.v2_1.syx", "pads.v2_2.syx", "pads.v2_3.syx"]
    assert [voice for path in paths for voice in load(path)][:70] == VOICES
    assert load(paths[2])[6:] == Bank([Voice()] * 26)


def test_volca(tmp_path):
    assert save(VOICES[0], tmp_path / "one.syx", target="volca") == [tmp_path / "one.syx"]
    paths = save(VOICES[:2], tmp_path / "all", target="volca")
    assert names(paths, tmp_path) == ["all/01_V_0.syx", "all/02_V_1.syx"]
    assert paths[1].read_bytes() == single(NAMED[1], tail=b"\x7f")
    assert [load(path)[0] for path in paths] == VOICES[:2]


def test_tx816(tmp_path):
    paths = save(VOICES[:8], tmp_path / "rack", target="tx816")
    assert names(paths, tmp_path)[7] == "rack/8_V_7.syx"
    for n, path in enumerate(paths):
        assert path.read_bytes() == single(NAMED[n], device=n)
    with pytest.raises(Ddx7Error, match="found 9 voices"):
        save(VOICES[:9], tmp_path / "rack2", target="tx816")
    assert not (tmp_path / "rack2").exists()


def test_minidexed_bank_and_performance(tmp_path):
    paths = save(VOICES[:8], tmp_path, target="minidexed", name="Warm pads, very wide")
    assert names(paths, tmp_path) == ["sysex/voice/000001_Warm_pads_very.syx", "performance/000001_Warm_pads_very.ini"]
    assert list(load(paths[0]))[:8] == VOICES[:8]
    assert len(paths[1].name) < 26
    settings = dict(line.split("=") for line in paths[1].read_text().splitlines())
    for n in range(1, 9):
        data = bytes.fromhex(settings[f"VoiceData{n}"])
        assert data == NAMED[n - 1] + b"\x3f"
        assert (settings[f"MIDIChannel{n}"], settings[f"VoiceNumber{n}"]) == (str(n), str(n))
        assert settings[f"BankNumber{n}"] == "0"


def test_minidexed_performance_of_two_voices_switches_the_rest_off(tmp_path):
    _, performance = save(VOICES[:2], tmp_path, target="minidexed")
    lines = performance.read_text().splitlines()
    assert [f"MIDIChannel{n}=0" in lines for n in range(1, 9)] == [False] * 2 + [True] * 6
    assert performance.name == "000001_V_0.ini"


def test_minidexed_numbers_go_on_after_those_on_the_card(tmp_path):
    voice_folder = tmp_path / "sysex" / "voice"
    (voice_folder / "more").mkdir(parents=True)
    for name in ("000007_x.syx", "more/000009_y.syx", "notes.txt", "99_z.txt"):
        (voice_folder / name).write_bytes(b"kept")
    paths = save(VOICES, tmp_path, target="minidexed", name="big")
    assert names(paths, voice_folder) == ["000010_big_1.syx", "000011_big_2.syx", "000012_big_3.syx"]
    with pytest.raises(Ddx7Error, match="exists already"):
        save(VOICES[:40], tmp_path, target="minidexed", name="big")
    again = save(VOICES[30:], tmp_path, target="minidexed", name="big", force=True)
    assert again == paths[:2]
    assert load(paths[0])[0] == VOICES[30]
    assert (voice_folder / "000007_x.syx").read_bytes() == b"kept"


def test_minidexed_has_an_end(tmp_path):
    folder = tmp_path / "sysex" / "voice"
    folder.mkdir(parents=True)
    (folder / "016384_last.syx").write_bytes(b"")
    with pytest.raises(Ddx7Error, match="no free number"):
        save(VOICES[:2], tmp_path, target="minidexed")


def test_one_file_in_the_way_stops_all(tmp_path):
    folder = tmp_path / "all"
    folder.mkdir()
    (folder / "02_V_1.syx").write_bytes(b"mine")
    with pytest.raises(Ddx7Error, match=r"02_V_1\.syx: exists already"):
        save(VOICES[:3], folder, target="volca")
    assert [path.name for path in folder.iterdir()] == ["02_V_1.syx"]
    assert (folder / "02_V_1.syx").read_bytes() == b"mine"
    save(VOICES[:3], folder, target="volca", force=True)
    assert (folder / "02_V_1.syx").read_bytes() == single(NAMED[1], tail=b"\x7f")


def test_names_that_are_no_file_names(tmp_path):
    voices = [Voice(name="../../x"), Voice(name=""), Voice(name="¥→←"), Voice(name="CON")]
    paths = save(voices, tmp_path, target="volca")
    assert names(paths, tmp_path) == ["01_x.syx", "02_VOICE.syx", "03_VOICE.syx", "04_CON.syx"]


@pytest.mark.parametrize(
    ("voices", "target", "words"), [([], "dx7", "no voices"), (VOICES, "fm8", "target: found 'fm8'")]
)
def test_what_cannot_be_saved(tmp_path, voices, target, words):
    with pytest.raises(Ddx7Error, match=words):
        save(voices, tmp_path / "x.syx", target=target)
    assert list(tmp_path.iterdir()) == []
