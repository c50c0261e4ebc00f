from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile
from running import BANK_NAMES, Run

import ddx7
from ddx7.engine.midi import render_midi
from ddx7.voice import Voice, init_voice, load, save

CEILING = 10 ** (-1 / 20)
BIT = 2.0**-23  # of a 24-bit file


def samples_of(path: str | Path) -> np.ndarray:
    samples, rate = soundfile.read(path, dtype="float64")
    assert rate == 44100
    return samples


@pytest.fixture
def sine(tmp_path: Path) -> Path:
    return save(init_voice(), tmp_path / "sine.syx")[0]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def song(tmp_path: Path) -> Path:
    track = mido.MidiTrack()
    for program, note in ((1, 60), (0, 64)):
        track.append(mido.Message("program_change", program=program))
        track.append(mido.Message("note_on", note=note, velocity=100))
        track.append(mido.Message("note_off", note=note, time=200))
    mido.MidiFile(tracks=[track], type=0).save(tmp_path / "song.mid")
    return tmp_path / "song.mid"


def test_a_voice_becomes_a_file_of_its_name(run: Run, single: Path, voices: list[Voice], here: Path) -> None:
    outcome = run("render", single)
    assert (outcome.code, outcome.out, outcome.err) == (0, "E.PIANO.wav\n", "")
    sound = samples_of(here / "E.PIANO.wav")
    alone = ddx7.render(voices[2], 60, 100, 1.0, 11.0)
    assert 44100 <= len(sound) < 11 * 44100
    assert np.abs(sound - alone[: len(sound)]).max() <= BIT
    assert not alone[len(sound) :].any()


def test_velocity_gate_duration_and_rate(run: Run, single: Path, voices: list[Voice], tmp_path: Path) -> None:
    words = ("--velocity", 40, "--gate", 0.2, "--duration", 0.7, "--sample-rate", 22050)
    outcome = run("render", single, "-o", tmp_path / "out.flac", *words)
    assert (outcome.code, outcome.out) == (0, f"{tmp_path / 'out.flac'}\n")
    sound, rate = soundfile.read(tmp_path / "out.flac")
    assert (rate, len(sound)) == (22050, 15435)
    expected = ddx7.render(voices[2], 60, 40, 0.2, 0.7, 22050)
    before_fade = len(sound) - 441
    assert np.abs(sound - expected)[:before_fade].max() <= BIT


@pytest.mark.parametrize("duration", [0.4, 3.0])
def test_duration_is_exact(run: Run, sine: Path, tmp_path: Path, duration: float) -> None:
    run("render", sine, "--duration", duration, "-o", tmp_path / "out.wav")
    sound = samples_of(tmp_path / "out.wav")
    expected = ddx7.render(init_voice(), 60, 100, 1.0, duration)
    assert np.abs(sound - expected).max() <= BIT


@pytest.mark.parametrize(
    ("words", "notes"),
    [
        (("--note", "C3"), [60]),
        (("--note", "f#4"), [78]),
        (("--note", "Bb-2"), [10]),
        (("--note", "G8"), [127]),
        (("--notes", "60,64, 67"), [60, 64, 67]),
        (("--notes", "C3,Eb3,67"), [60, 63, 67]),
    ],
)
def test_notes_and_chords(run: Run, sine: Path, tmp_path: Path, words: tuple[str, str], notes: list[int]) -> None:
    assert run("render", sine, "--gate", 0.2, *words, "-o", tmp_path / "out.wav").code == 0
    sound = samples_of(tmp_path / "out.wav")
    expected = sum(ddx7.render(init_voice(), note, 100, 0.2, len(sound) / 44100) for note in notes)
    assert np.abs(sound - expected).max() <= 2 * BIT


@pytest.mark.parametrize("note", ["x", "128", "-1", "G#8", "H3", "C", "", "60,", "3.5"])
def test_no_such_note(run: Run, sine: Path, here: Path, note: str) -> None:
    outcome = run("render", sine, f"--note={note}")
    assert (outcome.code, outcome.out) == (2, "")
    assert "wanted 0 to 127 or C-2 to G8" in outcome.err
    assert not list(here.iterdir())


def test_stems_are_the_operators_of_the_sound(run: Run, single: Path, voices: list[Voice], here: Path) -> None:
    outcome = run("render", single, "--stems", "--notes", "60,64", "--gate", 0.2, "--duration", 0.4)
    names = ["E.PIANO.wav", *(f"E.PIANO op{n}.wav" for n in range(1, 7))]
    assert (outcome.code, outcome.out.splitlines()) == (0, names)
    whole, *stems = (samples_of(here / name) for name in names)
    alone = [ddx7.render(voices[2], note, 100, 0.2, 0.4, operators=True) for note in (60, 64)]
    for stem, expected in zip(stems, sum(alone), strict=True):
        held = slice(8820)  # a modulator stops with the last carrier
        assert np.abs(stem - expected)[held].max() <= BIT
    carriers = ddx7.voice.algorithms.ALGORITHMS[voices[2].algorithm - 1].carriers
    assert np.abs(sum(stems[operator - 1] for operator in carriers) - whole).max() <= 7 * BIT
    assert run("render", single, "--stems").code == 1  # they are there


def test_several_voices_become_files_numbered_as_in_the_bank(
    run: Run, bank: Path, voices: list[Voice], here: Path
) -> None:
    outcome = run("render", bank, "--index", "9,1-2,1", "--duration", 0.3)
    names = ["bank/09 VOICE 9.wav", "bank/01 BRASS  1.wav", "bank/02 BRASS  2.wav"]
    assert [line.replace("\\", "/") for line in outcome.out.splitlines()] == names
    for name, voice in zip(names, (voices[8], voices[0], voices[1]), strict=True):
        expected = ddx7.render(voice, 60, 100, 1.0, 0.3)
        assert np.abs(samples_of(here / name) - expected).max() <= BIT


def test_several_voices_in_turn(run: Run, bank: Path, voices: list[Voice], tmp_path: Path) -> None:
    outcome = run("render", bank, "--name", "brass", "--duration", 0.3, "-o", tmp_path / "all.wav")
    assert outcome.out == f"{tmp_path / 'all.wav'}\n"
    expected = np.concatenate([ddx7.render(voice, 60, 100, 1.0, 0.3) for voice in voices[:2]])
    assert np.abs(samples_of(tmp_path / "all.wav") - expected).max() <= BIT


def test_all_voices_into_a_folder(run: Run, bank: Path, tmp_path: Path) -> None:
    outcome = run("render", bank, "--all", "--gate", 0.02, "--duration", 0.05, "-o", tmp_path / "sounds")
    written = [Path(line) for line in outcome.out.splitlines()]
    assert [path.name for path in written] == [f"{n:02} {name}.wav" for n, name in enumerate(BANK_NAMES, start=1)]
    assert {path.parent for path in written} == {tmp_path / "sounds"}
    assert all(len(samples_of(path)) == 2205 for path in written)


def test_a_bank_needs_a_choice(run: Run, bank: Path, here: Path) -> None:
    outcome = run("render", bank)
    assert (outcome.code, outcome.out) == (2, "")
    assert f"{bank} holds 32 voices; choose with --index, --name or --all" in outcome.err


def test_a_midi_file_takes_its_voices_from_the_bank(
    run: Run, bank: Path, song: Path, voices: list[Voice], here: Path
) -> None:
    outcome = run("render", bank, "--midi", song)
    assert (outcome.code, outcome.out, outcome.err) == (0, "song.wav\n", "")
    expected = render_midi(song, voices)
    assert np.abs(samples_of(here / "song.wav") - expected).max() <= BIT
    run("render", bank, "--midi", song, "--index", "2,1", "-o", "swapped.wav")
    expected = render_midi(song, [voices[1], voices[0]])
    assert np.abs(samples_of(here / "swapped.wav") - expected).max() <= BIT


def test_a_sound_that_is_too_loud_is_scaled_down_with_a_note(run: Run, sine: Path, tmp_path: Path) -> None:
    chord = ",".join(["60"] * 12)
    outcome = run("render", sine, "--notes", chord, "--gate", 0.1, "-o", tmp_path / "loud.wav")
    sound = samples_of(tmp_path / "loud.wav")
    alone = ddx7.render(init_voice(), 60, 100, 0.1, len(sound) / 44100)
    assert np.abs(sound).max() == pytest.approx(CEILING, abs=2 * BIT)
    gain = CEILING / (12 * np.abs(alone).max())
    np.testing.assert_allclose(sound, 12 * gain * alone, atol=1e-6)
    assert outcome.err == f"{tmp_path / 'loud.wav'}: scaled down by {-20 * np.log10(gain):.1f} dB to peak at -1 dBFS\n"


@pytest.mark.parametrize("option", ["--normalise", "--normalize"])
@pytest.mark.parametrize("n_keys", [1, 12])
def test_normalised(run: Run, sine: Path, tmp_path: Path, option: str, n_keys: int) -> None:
    outcome = run("render", sine, "--notes", ",".join(["60"] * n_keys), "--gate", 0.1, option, "-o", tmp_path / "n.wav")
    assert (outcome.code, outcome.err) == (0, "")
    assert np.abs(samples_of(tmp_path / "n.wav")).max() == pytest.approx(CEILING, abs=2 * BIT)


@pytest.mark.parametrize("words", [(), ("--normalise",)])
def test_a_silent_voice_is_written_with_a_note(run: Run, tmp_path: Path, words: tuple[str, ...]) -> None:
    silent = replace(init_voice(), operators=(replace(init_voice().operators[0], output_level=0),) * 6)
    path = save(silent, tmp_path / "silent.syx")[0]
    outcome = run("render", path, "-o", tmp_path / "silent.wav", *words)
    assert outcome.code == 0
    assert outcome.err.endswith("silent.wav: the sound is silent\n")
    sound = samples_of(tmp_path / "silent.wav")
    assert len(sound) == 44100
    assert not sound.any()


def test_nothing_is_replaced_unless_forced(run: Run, bank: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "02 BRASS  2.wav").write_bytes(b"mine")
    words = ("render", bank, "--index", "1-2", "--duration", 0.1, "-o", folder)
    outcome = run(*words)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith(f"ddx7: {folder / '02 BRASS  2.wav'}: exists already")
    assert [path.name for path in folder.iterdir()] == ["02 BRASS  2.wav"]
    assert run(*words, "--force").code == 0
    assert len(samples_of(folder / "02 BRASS  2.wav")) == 4410


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--index", "1", "--all"), "exclude each other"),
        (("--all", "--stems", "-o", "out.wav"), "--stems needs one voice for each file"),
        (("--midi", "{song}", "--stems"), "--stems needs one voice for each file"),
        (("--index", "1", "-o", "out.mp3"), "wanted a .wav or .flac file or a folder"),
        (("--midi", "{song}", "--gate", "2"), "--midi has its own notes and excludes --gate"),
        (("--midi", "{song}", "--note", "61", "--velocity", "1"), "excludes --note, --velocity"),
        (("--all", "-o", "taken"), "taken: found a file, wanted a folder for 32 sounds"),
        (("--index", 1, "--velocity", 0), "--velocity: found 0, wanted 1 to 127"),
        (("--index", 1, "--gate", -1), "--gate: found -1"),
        (("--index", 1, "--duration", 0), "--duration: found 0, wanted more than 0"),
        (("--index", 1, "--duration", "nan"), "--duration: found nan"),
        (("--index", 1, "--sample-rate", 4000), "--sample-rate: found 4000"),
    ],
)
def test_wrong_usage(run: Run, bank: Path, song: Path, here: Path, words: tuple[str, ...], message: str) -> None:
    (here / "taken").write_bytes(b"mine")
    outcome = run("render", bank, *(str(word).format(song=song) for word in words))
    assert (outcome.code, outcome.out) == (2, "")
    assert message in outcome.err
    assert [path.name for path in here.iterdir()] == ["taken"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--midi", "{not_a_voice}"), "found 17 bytes without the mark of a MIDI file"),
        (("--midi", "{none}"), "cannot be read"),
        (("--index", 2), "there is no voice 2"),
    ],
)
def test_what_cannot_be_played_gets_one_sentence(
    run: Run, single: Path, not_a_voice: Path, here: Path, words: tuple, message: str
) -> None:
    places = {"not_a_voice": not_a_voice, "none": here / "none.mid"}
    outcome = run("render", single, *(str(word).format(**places) for word in words))
    assert (outcome.code, outcome.out) == (1, "")
    assert message in outcome.err
    assert outcome.err.startswith("ddx7: ")
    assert outcome.err.count("\n") == 1
    assert not list(here.iterdir())


def test_repairs_go_to_stderr(run: Run, bank: Path, here: Path) -> None:
    data = bytearray(bank.read_bytes())
    data[-2] ^= 1
    bank.write_bytes(data)
    outcome = run("render", bank, "--index", 3, "--duration", 0.1)
    assert outcome.out == f"{load(bank)[2].name}.wav\n"
    assert outcome.err.startswith(f"{bank}: voices 1-32: the checksum is")


def test_the_sound_of_the_machine(run: Run, single: Path, voices: list[Voice], tmp_path: Path) -> None:
    outcome = run("render", single, "-o", tmp_path / "out.wav", "--duration", 0.5, "--profile", "hardware")
    assert outcome.code == 0
    sound = samples_of(tmp_path / "out.wav")
    machine, dexed = (ddx7.render(voices[2], gate=1.0, duration=0.5, profile=p) for p in ("hardware", "dexed"))
    start = slice(20_000)  # the rest is faded out
    assert np.abs(sound[start] - machine[start]).max() <= BIT
    assert np.abs(sound[start] - dexed[start]).max() > 100 * BIT


def test_the_sound_of_the_machine_with_its_converter(run: Run, sine: Path, tmp_path: Path) -> None:
    outcome = run("render", sine, "-o", tmp_path / "out.wav", "--duration", 0.2, "--profile", "hardware+dac")
    assert outcome.code == 0
    expected = ddx7.render(init_voice(), duration=0.2, profile="hardware+dac")
    start = slice(8_000)  # the rest is faded out
    assert np.abs(samples_of(tmp_path / "out.wav")[start] - expected[start]).max() <= BIT


def test_an_unknown_profile_is_a_usage_error(run: Run, single: Path) -> None:
    outcome = run("render", single, "--profile", "dx9")
    assert outcome.code == 2
    assert "hardware" in outcome.err
