"""``ddx7 vary``, ``morph`` and ``nearest``."""

import json
from pathlib import Path

import pytest
import soundfile
from running import Run

import ddx7
from ddx7.voice import Voice


def test_vary_writes_a_bank_and_its_sound(run: Run, bank: Path, tmp_path: Path, voices: list[Voice]) -> None:
    out = tmp_path / "made.syx"
    outcome = run("vary", bank, "--name", "e.piano", "--count", 3, "--lock", "ratios, algorithm", "-o", out)
    assert outcome.code == 0
    assert outcome.out.splitlines() == [str(out), str(out.with_suffix(".wav")), str(out.with_suffix(".png"))]
    written = ddx7.load(out)
    names = {voice.name for voice in written[:3]}
    assert len(names) == 3
    assert all(name.startswith("E.PI ") for name in names)
    assert written[0].algorithm == voices[2].algorithm
    assert soundfile.info(out.with_suffix(".wav")).duration == pytest.approx(6)
    assert run("vary", bank, "--index", 1, "-o", out).code == 1  # exists already


def test_vary_for_eight_modules(run: Run, single: Path, tmp_path: Path, voices: list[Voice]) -> None:
    assert run("vary", single, "--layout", "tx816", "-o", tmp_path / "tx").code == 0
    files = sorted((tmp_path / "tx").iterdir())
    assert len(files) == 8
    assert ddx7.load(files[0])[0] == voices[2]
    assert len({path.read_bytes() for path in files}) == 8


def test_vary_for_a_minidexed(run: Run, single: Path, tmp_path: Path, voices: list[Voice]) -> None:
    outcome = run("vary", single, "--layout", "minidexed", "-o", tmp_path / "card")
    assert outcome.code == 0
    bank, performance, sound, picture = map(Path, outcome.out.splitlines())
    assert [path.relative_to(tmp_path).as_posix() for path in (bank, performance, sound, picture)] == [
        "card/sysex/voice/000001_E_PIANO.syx",
        "card/performance/000001_E_PIANO.ini",
        "card.wav",
        "card.png",
    ]
    written = ddx7.load(performance)
    assert written[0] == voices[2]
    assert len(set(written)) == 8
    assert list(written) == list(ddx7.load(bank))[:8]
    assert len(set(performance.read_text().splitlines()) & {f"MIDIChannel{n}=1" for n in range(1, 9)}) == 8
    assert run("vary", single, "--layout", "minidexed", "-o", tmp_path / "card.syx").code == 2
    back = tmp_path / "back.syx"
    assert run("convert", performance, "-o", back).code == 0
    assert ddx7.load(back)[:8] == written[:]


def test_vary_asks_which_voice(run: Run, bank: Path, tmp_path: Path) -> None:
    outcome = run("vary", bank, "-o", tmp_path / "made.syx")
    assert outcome.code == 2
    assert "found 32 voices (1 BRASS  1, 2 BRASS  2," in outcome.err
    assert run("vary", bank, "--name", "BRASS", "-o", tmp_path / "made.syx").code == 2
    assert run("vary", bank, "--index", 1, "-o", tmp_path / "made.wav").code == 2
    assert not list(tmp_path.glob("made*"))


def test_morph_writes_the_steps(run: Run, bank: Path, single: Path, tmp_path: Path, voices: list[Voice]) -> None:
    out = tmp_path / "steps.syx"
    assert run("morph", f"{bank}:4", single, "--steps", 3, "-o", out).code == 0
    written = ddx7.load(out)
    assert (written[0], written[2]) == (voices[3], voices[2])
    assert written[1] not in (voices[3], voices[2])
    again = tmp_path / "again.syx"
    assert run("morph", f"{bank}:4", single, "--steps", 3, "--through", "hybrids", "-o", again).code == 0
    assert {ddx7.load(again)[1].algorithm} <= {voices[3].algorithm, voices[2].algorithm}
    assert run("morph", f"{bank}:4", single, "--through", "space", "-o", tmp_path / "other.syx").code == 2
    assert run("morph", f"{bank}:40", single, "-o", tmp_path / "other.syx").code == 1
    wrong = run("morph", f"{bank}:x", single, "-o", tmp_path / "other.syx")
    assert wrong.code == 2
    assert f"{bank}:x: found 'x' after the colon, wanted the number of a voice in {bank}" in wrong.err


def test_nearest_finds_the_voice_itself_first(
    run: Run, bank: Path, single: Path, tmp_path: Path, voices: list[Voice]
) -> None:
    outcome = run("nearest", single, "--library", bank, "--count", 2, "--json")
    assert outcome.code == 0
    found = json.loads(outcome.out)["nearest"]
    assert len(found) == 2
    itself = {"distance": 0.0, "distance_db": 0.0, "name": "E.PIANO", "file": "bank.syx", "index": 3}
    assert found[0] == itself | {"algorithm": voices[2].algorithm, "voice": "E.PIANO (bank.syx, voice 3)"}
    assert found[1]["distance"] > 0
    chosen = run("nearest", f"{bank}:3", "--library", bank, "--count", 1)
    assert chosen.out == "  0.0  very close  E.PIANO (bank.syx, voice 3), log-mel 0.0 dB\n"
    assert chosen.err.count("log-mel: mean difference") == 1
    assert run("nearest", f"{bank}:3", "--index", 3, "--library", bank).code == 2
    assert run("nearest", f"{bank}:99", "--library", bank).code == 1
    sound = tmp_path / "sound.wav"
    run("render", single, "-o", sound)
    assert run("nearest", sound, "--library", bank, "--index", 1).code == 2
    assert run("nearest", sound, "--library", tmp_path / "none").code == 1
