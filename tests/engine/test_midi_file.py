"""MIDI files as notes and controllers in seconds."""

import random
from pathlib import Path

import mido
import numpy as np
import pytest
from midi_files import bend_range, gates, message, midi

import ddx7
from ddx7.engine import midi_file as score_module
from ddx7.engine.midi import read_midi


def test_notes_and_their_seconds() -> None:
    score = read_midi(midi((0.5, "on", 60, 100), (1.0, "on", 64, 1), (1.25, "off", 60), (2, "on", 64, 0), end_s=3))
    assert gates(score) == [(60, 0.5, 1.25), (64, 1.0, 2.0)]
    assert [note.velocity for note in score.notes] == [100, 1]
    assert score.duration_s == pytest.approx(3.0)


def test_a_tempo_change_moves_what_follows() -> None:
    tempo, notes = mido.MidiTrack(), mido.MidiTrack()
    tempo += [mido.MetaMessage("set_tempo", tempo=1_000_000), mido.MetaMessage("set_tempo", tempo=250_000, time=100)]
    notes += [message("on", 60, 9).copy(time=50), message("off", 60).copy(time=100), message("on", 61, 9)]
    notes += [message("off", 61).copy(time=100)]
    score = read_midi(mido.MidiFile(tracks=[tempo, notes], ticks_per_beat=100, type=1))
    # 100 ticks are 1 s up to tick 100, then 0.25 s.
    assert gates(score) == [(60, 0.5, 1.125), (61, 1.125, 1.375)]


@pytest.mark.parametrize(("frames", "ticks", "tick_s"), [(25, 40, 1e-3), (24, 4, 1 / 96), (29, 8, 1.001 / 240)])
def test_smpte_time(frames: int, ticks: int, tick_s: float) -> None:
    track = mido.MidiTrack([message("on", 60, 9).copy(time=7), message("off", 60).copy(time=20)])
    score = read_midi(mido.MidiFile(tracks=[track], ticks_per_beat=(-frames << 8) | ticks))
    assert gates(score) == [(60, round(7 * tick_s, 9), round(27 * tick_s, 9))]


def test_a_file_and_its_bytes_read_alike(tmp_path: Path) -> None:
    file = midi((0, "on", 60, 100), (0.5, "on", 64, 90), (1, "off", 60), (1, "off", 64))
    file.save(tmp_path / "plain.mid")
    data = (tmp_path / "plain.mid").read_bytes()
    (tmp_path / "riff.rmi").write_bytes(b"RIFF\x00\x00\x00\x00RMIDdata\x00\x00\x00\x00" + data)
    expected = read_midi(file).notes
    assert [read_midi(tmp_path / name).notes for name in ("plain.mid", "riff.rmi")] == [expected] * 2


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([(1, "off", 60), (2, "cc", 64, 0)], (0.0, 2.0), id="pedal"),
        pytest.param([(1, "off", 60), (2, "cc", 64, 63)], (0.0, 2.0), id="pedal half up"),
        pytest.param([(1, "cc", 64, 0), (2, "off", 60)], (0.0, 2.0), id="pedal up first"),
        pytest.param([(1, "off", 60), (2, "cc", 121, 0)], (0.0, 2.0), id="reset lifts the pedal"),
        pytest.param([(1, "off", 60), (2, "cc", 120, 0)], (0.0, 2.0), id="all sound off"),
        pytest.param([(1, "cc", 120, 0), (2, "off", 60)], (0.0, 1.0), id="all sound off, held notes, too"),
        pytest.param([(1, "cc", 123, 0), (2, "cc", 64, 0)], (0.0, 2.0), id="all notes off leaves the pedal"),
        pytest.param([(1, "cc", 64, 0), (2, "cc", 123, 0)], (0.0, 2.0), id="all notes off"),
        pytest.param([(1, "off", 60)], (0.0, 4.0), id="pedal never up"),
        pytest.param([(1, "off", 61)], (0.0, 4.0), id="never let go"),
        pytest.param([(1, "off", 60, {"channel": 2}), (2, "cc", 123, 0, {"channel": 2})], (0.0, 4.0), id="elsewhere"),
    ],
)
def test_when_a_note_under_the_pedal_ends(events: list[tuple], expected: tuple[float, float]) -> None:
    score = read_midi(midi((0, "cc", 64, 127), (0, "on", 60, 100), *events, end_s=4))
    assert gates(score) == [(60, *expected)]


def test_a_note_struck_again_while_held_ends_there_and_the_note_off_ends_the_second() -> None:
    score = read_midi(midi((0, "on", 60, 1), (1, "on", 60, 2), (2, "off", 60), (3, "off", 60), (4, "off", 60)))
    assert [(note.velocity, *gate[1:]) for note, gate in zip(score.notes, gates(score), strict=True)] == [
        (1, 0.0, 1.0),
        (2, 1.0, 2.0),
    ]
    assert score.repairs == (
        "1 note is struck again while it is held: the second note-on ends the first",
        "2 note-offs without notes are ignored",
    )


def test_a_note_off_written_after_the_next_note_on_of_its_time_ends_the_first() -> None:
    score = read_midi(midi((0, "on", 60, 1), (1, "on", 60, 2), (1, "off", 60), (2, "off", 60)))
    assert gates(score) == [(60, 0.0, 1.0), (60, 1.0, 2.0)]


def test_a_note_repeated_under_the_pedal_sounds_twice() -> None:
    score = read_midi(
        midi((0, "cc", 64, 127), (0, "on", 60, 1), (1, "off", 60), (2, "on", 60, 2), (3, "off", 60), (4, "cc", 64, 0))
    )
    assert gates(score) == [(60, 0.0, 4.0), (60, 2.0, 4.0)]


def test_how_long_other_notes_were_held() -> None:
    score = read_midi(
        midi(
            (1, "on", 60, 9),
            (2, "on", 64, 9),
            (3, "off", 60),
            (3, "on", 60, 9, {"channel": 2}),  # another part
            (4, "on", 67, 9),
            (5, "off", 64),
            (5, "off", 67),
            (6, "on", 60, 9),
        )
    )
    assert [(n.channel, n.onset_s, n.legato_s) for n in score.notes] == [
        (1, 1, 0),
        (1, 2, 1),
        (2, 3, 0),
        (1, 4, 3),
        (1, 6, 0),
    ]


def test_controllers_by_channel_and_time() -> None:
    score = read_midi(
        midi(
            *bend_range(0, 12, 50),
            (0, "on", 60, 9),
            (1, "bend", 8191),
            (1, "cc", 1, 10),
            (1, "cc", 2, 20),
            (1, "cc", 4, 30),
            (1, "touch", 40),
            (1, "cc", 7, 50),
            (1, "cc", 11, 60),
            (2, "cc", 121, 0),
            (2, "cc", 6, 5),  # no parameter is chosen any more
            (3, "on", 60, 9, {"channel": 3}),
        )
    )
    names = ("pitch_bend", "bend_range", "wheel", "breath", "foot", "aftertouch", "volume", "expression")
    at = np.array([-1.0, 0.999, 1.0, 2.0, 99.0])
    rows = {name: getattr(score.controllers[1], name).at(at).tolist() for name in names}
    assert rows == {
        "pitch_bend": [8192, 8192, 16383, 8192, 8192],
        "bend_range": [2, 12.5, 12.5, 12.5, 12.5],
        "wheel": [0, 0, 10, 0, 0],
        "breath": [0, 0, 20, 0, 0],
        "foot": [0, 0, 30, 0, 0],
        "aftertouch": [0, 0, 40, 0, 0],
        "volume": [127, 127, 50, 50, 50],
        "expression": [127, 127, 60, 127, 127],
    }
    assert sorted(score.controllers) == [1, 3]
    assert not any(getattr(score.controllers[3], name).moves for name in names)


@pytest.mark.parametrize(("events", "expected"), [(bend_range(0, 96), 24), ([(0, "cc", 99, 0), (0, "cc", 6, 9)], 2)])
def test_bend_range_is_bounded_and_not_taken_from_other_parameters(events: list[tuple], expected: float) -> None:
    controllers = read_midi(midi((0, "cc", 101, 0), (0, "cc", 100, 0), *events, (0, "on", 60, 9))).controllers[1]
    assert controllers.bend_range.at(np.array([1.0])) == expected


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "found 0 bytes without the mark of a MIDI file"),
        (b"remember the milk", "found 17 bytes without"),
        (b"MThd\x00\x00", "found no notes (the header"),
        (
            b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x01\xe0MTrk\x00\x00\x00\x08\x00\x90<",
            "found no notes (1 track is cut short)",
        ),
        (
            b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x01\xe0MTrk\x00\x00\x00\x04\x00\x40\x40\x40",
            "found no notes (3 bytes",
        ),
        (b"MThd\x00\x00\x00\x06\x00\x02\x00\x00\x01\xe0", "found no notes"),
        (b"MThd\x00\x00\x00\x06\x00\x01\x00\x00\x01\xe0", "found no notes"),
        (b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\x00\x00MTrk\x00\x00\x00\x04\x00\xff\x2f\x00", "found no notes"),
        (bytes(score_module.MAX_BYTES + 1), "found more than 1,048,576 bytes"),
    ],
)
def test_a_wrong_file_gets_one_sentence(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "wrong.mid"
    path.write_bytes(data)
    with pytest.raises(ddx7.Ddx7Error) as caught:
        read_midi(path)
    assert str(caught.value).startswith(f"{path}: {says}")
    assert "\n" not in str(caught.value)


def test_no_file_at_all(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.mid"):
        with pytest.raises(ddx7.Ddx7Error, match=r"cannot be read \("):
            read_midi(path)


def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ddx7.Ddx7Error, match="lasts more than 3600 s"):
        read_midi(midi((3601, "on", 60, 9)))
    late = read_midi(midi((0, "on", 60, 9), (1, "off", 60), (3601, "on", 60, 9), (3602, "off", 60)))
    assert gates(late) == [(60, 0.0, 1.0)]
    assert "2 messages after 3,600 s are left out" in late.repairs
    file = midi(*[(0, "on", note, 9) for note in range(60, 64)])
    monkeypatch.setattr(score_module, "MAX_NOTES", 3)
    with pytest.raises(ddx7.Ddx7Error, match="more than 3 notes"):
        read_midi(file)


def test_damaged_files_are_read_or_refused(tmp_path: Path) -> None:
    file = midi(*bend_range(0, 2), (0, "on", 60, 99), (1, "program", 3), (1, "bend", 99), (2, "off", 60), end_s=3)
    file.tracks[0].insert(0, mido.MetaMessage("key_signature", key="Eb"))
    file.tracks[0].insert(0, mido.MetaMessage("track_name", name="piano"))
    file.tracks[0].insert(0, mido.MetaMessage("set_tempo", tempo=400_000))
    path = tmp_path / "damaged.mid"
    file.save(path)
    whole = path.read_bytes()
    dice = random.Random(1983)
    outcomes = set()
    for _ in range(600):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        path.write_bytes(data[: dice.choice([len(data), dice.randrange(len(data))])])
        try:
            score = read_midi(path)
        except ddx7.Ddx7Error:
            outcomes.add("refused")
        else:
            outcomes.add("read")
            assert all(note.onset_s <= note.release_s <= score.duration_s for note in score.notes)
    assert outcomes == {"read", "refused"}
