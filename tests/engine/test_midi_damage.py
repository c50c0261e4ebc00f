"""Damaged Standard MIDI Files, built byte by byte: what is there is read, with one remark for each kind of repair."""

import struct
from pathlib import Path

import mido
import numpy as np
import pytest

from ddx7.engine.midi import read_midi, render_midi
from ddx7.engine.midi_performance import MidiPerformance
from ddx7.errors import Ddx7Error
from ddx7.voice import init_voice

TICKS = 100  # a beat; with the default tempo a tick is 5 ms


def number(value: int) -> bytes:
    """A number of variable length."""
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(value & 0x7F | 0x80)
    return bytes(reversed(digits))


def event(wait: int, *data: int) -> bytes:
    return number(wait) + bytes(data)


def melody(*notes: int, channel: int = 1) -> bytes:
    """Notes of one second each, without an end of track."""
    return b"".join(event(0, 0x8F + channel, n, 90) + event(200, 0x7F + channel, n, 64) for n in notes)


END = event(0, 0xFF, 0x2F, 0)


def chunk(name: bytes, content: bytes, *, more: int = 0) -> bytes:
    return name + struct.pack(">I", len(content) + more) + content


def header(kind: int = 1, n_tracks: int = 1, division: int = TICKS) -> bytes:
    return b"MThd" + struct.pack(">IHHH", 6, kind, n_tracks, division & 0xFFFF)


def file(*tracks: bytes, **head: int) -> bytes:
    return header(**{"n_tracks": len(tracks), **head}) + b"".join(chunk(b"MTrk", track) for track in tracks)


@pytest.fixture
def read(tmp_path: Path):
    def reads(data: bytes) -> MidiPerformance:
        (tmp_path / "x.mid").write_bytes(data)
        return read_midi(tmp_path / "x.mid")

    return reads


def gates(found: MidiPerformance) -> list[tuple[int, float, float]]:
    return [(note.note, round(note.onset_s, 6), round(note.release_s, 6)) for note in found.notes]


MELODY = [(50, 0.0, 1.0), (52, 1.0, 2.0), (54, 2.0, 3.0)]
NOTES = melody(50, 52, 54)
WHOLE = file(NOTES + END)


def test_a_whole_file_needs_no_remark(read) -> None:
    assert (gates(read(WHOLE)), read(WHOLE).repairs) == (MELODY, ())


@pytest.mark.parametrize(
    ("data", "remark"),
    [
        pytest.param(file(NOTES + END, n_tracks=0), "counts another number", id="header counts none"),
        pytest.param(file(NOTES + END, n_tracks=40), "counts another number", id="header counts 40"),
        pytest.param(event(0, 0xFF, 0x59, 2, 0xF7, 1), "meta event", id="9 flats"),
        pytest.param(event(0, 0xFF, 0x59, 1, 0), "meta event", id="short key signature"),
        pytest.param(event(0, 0xFF, 0x58, 3, 4, 2, 24), "meta event", id="short time signature"),
        pytest.param(event(0, 0xFF, 0x58, 0), "meta event", id="empty time signature"),
        pytest.param(event(0, 0xFF, 0x54, 5, 25, 60, 60, 99, 255), "meta event", id="SMPTE offset"),
        pytest.param(event(0, 0xFF, 0x51, 3, 0, 0, 0), "meta event", id="tempo of no time"),
        pytest.param(event(0, 0xFF, 0x51, 2, 9, 9), "meta event", id="short tempo"),
        pytest.param(event(0, 0xFF, 0x51, 4, 0, 9, 9, 9), "meta event", id="long tempo"),
        pytest.param(event(0, 0xFF, 0x21, 2, 0, 0), "meta event", id="long port"),
        pytest.param(event(0, 0xFF, 0x03, 0x7F) + b"My song", "meta event", id="text too long"),
        pytest.param(event(0, 0xF8) + event(0, 0xF1, 5), "belong to no event", id="system messages"),
        pytest.param(header() + chunk(b"MTrk", NOTES + END, more=7), "length of 1 track", id="length too long"),
        pytest.param(header() + chunk(b"MTrk", NOTES + END, more=-9), "length of 1 track", id="length too short"),
        pytest.param(header() + chunk(b"MTrk", NOTES + END, more=10**9), "length of 1 track", id="huge length"),
        pytest.param(header() + chunk(b"XFKM", b"\x01") + chunk(b"MTrk", NOTES + END), "no track", id="foreign first"),
        pytest.param(WHOLE + chunk(b"CASM", b"abc"), "no track", id="foreign last"),
        pytest.param(WHOLE + b"\x1a junk", "outside", id="junk behind"),
        pytest.param(b"HTTP/1.0 200\r\n\r\n" + WHOLE, "before the header", id="junk before"),
        pytest.param(header(kind=7) + WHOLE[14:], "type is unknown", id="type 7"),
        pytest.param(WHOLE.replace(b"MTrk", b"MTrK"), "name of 1 track", id="misspelt track"),
        pytest.param(file(NOTES), "no end-of-track", id="no end of track"),
        pytest.param(WHOLE[:-2], "cut short", id="end of track cut"),
        pytest.param(WHOLE + WHOLE, "second MIDI file", id="two files"),
        pytest.param(file(melody(50) + END + melody(52, 54) + END), "end-of-track event inside", id="early end"),
        pytest.param(file(NOTES + END + b"\x55" * 9), "outside", id="junk in the chunk"),
        pytest.param(file(b"\x00\x90\x32\xda" + NOTES[4:] + END), "above 127", id="velocity above 127"),
        pytest.param(file(event(0, 0x12, 0x13) + NOTES[1:] + END), "belong to no event", id="data first"),
    ],
)
def test_each_fault_costs_one_remark_and_no_note(read, data: bytes, remark: str) -> None:
    if not data.startswith((b"M", b"H")):
        data = file(data + NOTES + END)
    found = read(data)
    assert gates(found) == MELODY
    (repair,) = found.repairs
    assert remark in repair


@pytest.mark.parametrize("text", [b"caf\xe9", "日本".encode("shift-jis"), b"\xff\xfe\x00", b""])
def test_text_in_any_encoding_is_no_fault(read, text: bytes) -> None:
    for kind in (0x01, 0x03, 0x05, 0x7F):
        found = read(file(event(0, 0xFF, kind) + number(len(text)) + text + NOTES + END))
        assert (gates(found), found.repairs) == (MELODY, ())


def test_every_track_is_read_whatever_the_header_counts(read) -> None:
    tracks = [melody(40 + k, channel=k + 1) + END for k in range(5)]
    found = read(file(*tracks, n_tracks=2))
    assert sorted((note.channel, note.note) for note in found.notes) == [(k + 1, 40 + k) for k in range(5)]
    assert found.repairs == ("the header counts another number of tracks than the 5 that are there",)


def test_a_wrong_length_does_not_hide_the_next_track(read) -> None:
    for more in (-5, 3, 200, 10**6):
        data = header(n_tracks=2) + chunk(b"MTrk", melody(40) + END, more=more) + chunk(b"MTrk", melody(70) + END)
        assert sorted(note.note for note in read(data).notes) == [40, 70], more


def test_a_wrong_length_that_ends_with_another_chunk_by_chance_hides_no_track(read) -> None:
    rest = chunk(b"XFIH", b"abcde") + chunk(b"MTrk", melody(70) + END)
    for hidden in (rest, rest + chunk(b"MTrk", melody(80) + END)):
        data = header(n_tracks=1) + chunk(b"MTrk", melody(40) + END, more=len(hidden)) + hidden
        found = read(data)
        assert sorted(note.note for note in found.notes) == [40, 70, 80][: 1 + hidden.count(b"MTrk")]
        assert "the length of 1 track is wrong" in found.repairs


@pytest.mark.parametrize("fault", [b"", event(0, 0xFF, 0x51, 0)], ids=["sound", "with a bad tempo"])
@pytest.mark.parametrize("words", [b"x MTrk y", b"MTrk\0"])
def test_a_text_that_reads_like_a_chunk_ends_no_track_whose_length_is_wrong(read, fault: bytes, words: bytes) -> None:
    text = event(0, 0xFF, 0x01, len(words)) + words
    found = read(header() + chunk(b"MTrk", melody(40) + text + fault + melody(50) + END, more=7))
    assert [note.note for note in found.notes] == [40, 50]


def test_padding_of_odd_chunks_is_passed_over(read) -> None:
    first = melody(40) + event(0, 0xFF, 0x01, 2, 65, 65) + END
    assert len(first) % 2 == 1
    found = read(header(n_tracks=2) + chunk(b"MTrk", first) + b"\x00" + chunk(b"MTrk", melody(70) + END))
    assert sorted(note.note for note in found.notes) == [40, 70]


@pytest.mark.parametrize("n_lost", [1, 3, 4, 5, 6, 9, 13])
def test_lost_last_bytes_cost_what_is_lost(read, n_lost: int) -> None:
    found = read(WHOLE[:-n_lost])
    assert [note.note for note in found.notes] == [50, 52, 54][: 3 if n_lost < 13 else 2]
    assert all(0.9 < note.release_s - note.onset_s < 1.1 for note in found.notes)
    assert "1 track is cut short" in found.repairs or (n_lost == 1 and found.repairs)


@pytest.mark.parametrize(
    "wrapped",
    [
        b"RIFF" + struct.pack("<I", len(WHOLE) + 12) + b"RMIDdata" + struct.pack("<I", len(WHOLE)) + WHOLE,
        b"RIFF" + struct.pack("<I", 9) + b"RMIDdata" + bytes(4) + WHOLE + b"LIST\x04\x00\x00\x00INFO",
        b"\x00\x04song" + bytes(122) + WHOLE + bytes(77),
    ],
    ids=["RMID", "RMID with a list", "MacBinary"],
)
def test_wrappers_are_no_fault(read, wrapped: bytes) -> None:
    assert gates(read(wrapped)) == MELODY


def test_a_track_whose_length_is_lost(read) -> None:
    for n in range(1, 8):
        assert gates(read(WHOLE + b"MTrk\0\0\0\0"[:n])) == MELODY


def test_a_lost_header(read) -> None:
    found = read(WHOLE[14:])
    assert [note for note, _, _ in gates(found)] == [50, 52, 54]
    assert found.repairs == ("the header is lost, 480 ticks per beat are assumed",)
    assert gates(read(WHOLE[2:])) == MELODY  # its numbers are still there
    assert gates(read(b"MThd" + struct.pack(">IHHHI", 10, 1, 1, TICKS, 0) + WHOLE[14:])) == MELODY
    found = read(b"MThd" + struct.pack(">IHHH", 99, 1, 1, TICKS) + WHOLE[14:])
    assert (gates(found), found.repairs) == (MELODY, ("the header's length is wrong",))


@pytest.mark.parametrize("division", [0, -1, (-99 << 8) | 4, -25 << 8])
def test_a_division_that_is_none(read, division: int) -> None:
    found = read(file(NOTES + END, division=division))
    assert gates(found)[0] == (50, 0.0, round(200 / 480 / 2, 6))
    assert "time division" in found.repairs[0]


def test_running_status_goes_on_after_meta_and_sysex_events(read) -> None:
    interrupted = event(0, 0x90, 50, 90) + event(0, 0xFF, 0x01, 1, 65) + event(200, 50, 0)
    interrupted += event(0, 0xF0, 2, 1, 0xF7) + event(0, 52, 90) + event(200, 52, 0)
    found = read(file(interrupted + END))
    assert gates(found) == MELODY[:2]
    assert found.repairs == ("2 events go on with the status before a meta or SysEx event",)


def test_ports_are_told_apart(read) -> None:
    def on(port: bytes, program: int) -> bytes:
        return port + event(0, 0xC2, program) + melody(60, channel=3) + END

    by_number = [event(0, 0xFF, 0x21, 1, port) for port in (4, 9, 4)]
    by_name = [event(0, 0xFF, 0x09, 1, port) for port in b"aba"]
    for ports in (by_number, by_name):
        found = read(file(*(on(port, k) for k, port in enumerate(ports)), on(b"", 7)))
        assert sorted({(note.channel, note.program) for note in found.notes})[-1] == (35, 7)
        assert {note.channel for note in found.notes} == {3, 19, 35}


def test_one_port_alone_has_the_usual_channels(read) -> None:
    assert [n.channel for n in read(file(event(0, 0xFF, 0x21, 1, 5) + melody(60, channel=16) + END)).notes] == [16]


def test_mido_tells_ports_apart_too() -> None:
    tracks = [
        mido.MidiTrack([mido.MetaMessage("midi_port", port=p), mido.Message("note_on", note=60 + p, time=5)])
        for p in (0, 1)
    ]
    assert [(n.note, n.channel) for n in read_midi(mido.MidiFile(tracks=tracks)).notes] == [(60, 1), (61, 17)]


def test_the_tracks_of_type_2_follow_one_another(read) -> None:
    fast = event(0, 0xFF, 0x51, 3, *(250_000).to_bytes(3))
    found = read(file(fast + melody(50) + END, melody(52) + event(100, 0xFF, 0x2F, 0), melody(54) + END, kind=2))
    assert gates(found) == [(50, 0.0, 0.5), (52, 0.5, 1.5), (54, 2.0, 3.0)]
    assert "type 2" in found.repairs[0]


def test_a_late_end_of_track_leaves_no_silence(read) -> None:
    found = read(file(NOTES + event(600_000, 0xFF, 0x2F, 0)))  # 50 minutes
    assert (gates(found), found.duration_s) == (MELODY, 3.0)
    assert "silence is left out" in found.repairs[0]
    assert len(render_midi(found, init_voice())) < 5 * 44_100
    assert read(file(NOTES + event(400, 0xFF, 0x2F, 0))).duration_s == pytest.approx(5.0)  # a bar's rest stays


def test_a_huge_wait_within_the_music_is_kept_up_to_the_limit(read) -> None:
    later = event(2 * 600_000, 0xFF, 0x01, 0)
    found = read(file(NOTES + later + melody(60) + END))
    assert gates(found) == MELODY
    assert "2 messages after 3,600 s are left out" in found.repairs
    with pytest.raises(Ddx7Error, match="before its first note"):
        read(file(later + NOTES + END))


def test_stuck_notes_end_with_the_file_or_soon_after_its_last_message(read) -> None:
    stuck = event(0, 0x90, 40, 90) + NOTES
    assert (40, 0.0, 5.0) in gates(read(file(stuck + event(400, 0xFF, 0x2F, 0))))
    assert (40, 0.0, 8.0) in gates(read(file(stuck + event(600_000, 0xFF, 0x2F, 0))))
    assert (40, 0.0, 4.0) in gates(read(file(stuck)))
    assert "1 note has no note-off and ends with the file" in read(file(stuck + END)).repairs


@pytest.mark.parametrize("before", [b"", NOTES])
def test_stuck_notes_that_begin_where_the_file_ends_sound_for_a_second(read, before: bytes) -> None:
    found = read(file(before + event(0, 0x90, 40, 90) + event(0, 0x90, 47, 90) + END))
    onset_s = 3.0 if before else 0.0
    assert gates(found)[-2:] == [(40, onset_s, onset_s + 1), (47, onset_s, onset_s + 1)]
    assert "2 notes have no note-off and end with the file" in found.repairs


def test_notes_of_no_length_alone_are_refused(read) -> None:
    with pytest.raises(Ddx7Error, match="only notes of no length"):
        read(file(event(0, 0x90, 50, 90) + event(0, 0x80, 50, 0) + END))


def test_note_offs_without_notes_and_notes_of_no_length(read) -> None:
    found = read(file(event(0, 0x80, 33, 0) + event(0, 0x90, 50, 90) + event(0, 0x80, 50, 0) + melody(52) + END))
    assert gates(found) == [(50, 0.0, 0.0), (52, 0.0, 1.0)]
    assert found.repairs == ("1 note-off without a note is ignored",)
    assert np.isfinite(render_midi(found, init_voice())).all()


def test_the_inputs_of_bug_reports(shared: Path) -> None:
    folder = shared / "bug_inputs"
    four = ("keysig_8_sharps", "timesig_2_bytes", "smpte_offset_ff", "tracklen_3_too_long", "alien_chunk")
    four += ("header_says_8_tracks_has_2", "last_9_bytes_lost")
    for name in four:
        found = read_midi(folder / f"{name}.mid")
        assert len(found.notes) == 4, name
        assert found.repairs, name
    assert len(read_midi(folder / "ntrks_1_but_3_tracks.mid").notes) == 12
    assert {n.channel for n in read_midi(folder / "two_ports_same_channel.mid").notes} == {1, 17}
    assert max(n.release_s for n in read_midi(folder / "doubled_note_on.mid").notes if n.note == 60) == 0.5
    assert read_midi(folder / "eot_50_minutes_late.mid").duration_s == 2.0
