"""Damaged MIDI files: chunk by chunk and event by event, with true and false counts, lengths and contents."""

import struct
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from ddx7.engine.midi_file import MAX_DURATION_S, read_midi
from ddx7.errors import Ddx7Error
from fuzzing.reader import DamagedFile, Outcome, Reader, one_sentence


class MidiTruth(NamedTuple):
    """What a file holds.

    Attributes:
      notes: number of notes by channel and note, where the damage leaves all events readable; otherwise None.
      is_damaged: whether a remark is due.
    """

    notes: Counter[tuple[int, int]] | None
    is_damaged: bool


class Event(NamedTuple):
    """An event with its wait, the notes that begin in it, and whether it is a fault."""

    data: bytes
    notes: tuple[tuple[int, int], ...] = ()
    is_fault: bool = False


def number(value: int) -> bytes:
    """A number of variable length."""
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(value & 0x7F | 0x80)
    return bytes(reversed(digits))


def _note(channel: int, note: int, velocity: int, length: int) -> Event:
    return Event(
        bytes([0, 0x90 | channel, note, velocity]) + number(length) + bytes([0x80 | channel, note, 0]),
        ((channel + 1, note),),
    )


def _meta(kind: int, content: bytes, *, is_fault: bool = False) -> Event:
    return Event(bytes([0, 0xFF, kind]) + number(len(content)) + content, (), is_fault)


_CHANNELS, _BYTES = st.integers(0, 15), st.integers(0, 127)
_NOTES = st.builds(_note, _CHANNELS, _BYTES, st.integers(1, 127), st.integers(1, 2000))
_GOOD = st.one_of(
    _NOTES,
    _NOTES,
    st.builds(lambda c, a, b: Event(bytes([0, 0xB0 | c, a, b])), _CHANNELS, st.integers(0, 95), _BYTES),
    st.builds(lambda c, a: Event(bytes([0, 0xC0 | c, a])), _CHANNELS, _BYTES),
    st.builds(lambda c, a, b: Event(bytes([0, 0xE0 | c, a, b])), _CHANNELS, _BYTES, _BYTES),
    st.builds(_meta, st.sampled_from([1, 2, 3, 5, 0x7F]), st.binary(max_size=200)),
    st.builds(lambda tempo: _meta(0x51, tempo.to_bytes(3)), st.integers(1000, 2_000_000)),
    st.builds(lambda data: Event(b"\0\xf0" + number(len(data) + 1) + data + b"\xf7"), st.binary(max_size=300)),
)
_BAD = st.one_of(
    st.builds(
        lambda content: _meta(0x51, content, is_fault=len(content) != 3 or not any(content)), st.binary(max_size=5)
    ),
    st.builds(lambda content: _meta(0x58, content, is_fault=True), st.binary(max_size=3)),
    st.builds(lambda content: _meta(0x59, content, is_fault=True), st.binary(max_size=1)),
    st.just(_meta(0x59, b"\x08\x00", is_fault=True)),
    st.just(_meta(0x54, b"\xff\0\0\0\0", is_fault=True)),
    st.just(Event(b"\0\xf8", (), True)),
)


@st.composite
def chunked_files(draw: st.DrawFn) -> DamagedFile:
    """Files whose events are all there, between counts, lengths and chunks that may lie."""
    faults = draw(st.booleans())
    tracks = draw(st.lists(st.lists(st.one_of(_GOOD, _BAD) if faults else _GOOD, max_size=12), min_size=1, max_size=4))
    lies = draw(st.booleans()) if faults else False
    count = draw(st.integers(0, 40)) if lies else len(tracks)
    division = draw(st.sampled_from([96, 480, 1, 32767, 0xE728, 0xE250]))
    file = b"MThd" + struct.pack(">IHHH", 6, 1 if len(tracks) > 1 else 0, count, division)
    is_damaged = count != len(tracks) or any(event.is_fault for track in tracks for event in track)
    for track in tracks:
        content = b"".join(event.data for event in track) + b"\0\xff\x2f\0"
        # At most the bytes of an end of track too short: before that, events follow a whole chunk.
        wrong = draw(st.integers(-4, 3000)) if lies else 0
        if lies and draw(st.booleans()):
            file += draw(st.sampled_from([b"XFIH", b"CASM", b"____"])) + struct.pack(">I", 5) + b"abcde"
            is_damaged = True
        file += b"MTrk" + struct.pack(">I", max(len(content) + wrong, 0)) + content
        is_damaged |= wrong != 0
    if lies and draw(st.booleans()):
        file = b"junk" * draw(st.integers(1, 50)) + file
        is_damaged = True
    notes = Counter(note for track in tracks for event in track for note in event.notes)
    return DamagedFile(file, MidiTruth(notes, is_damaged))


@st.composite
def broken_files(draw: st.DrawFn) -> DamagedFile:
    """Files with bytes overwritten, removed, repeated or cut off."""
    data = bytearray(draw(chunked_files()).data)
    rng = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    for _ in range(draw(st.integers(1, 5))):
        at = int(rng.integers(len(data) + 1))
        match draw(st.sampled_from(["set", "delete", "repeat", "cut"])):
            case "set":
                new = draw(st.binary(min_size=1, max_size=6))
                data[at : at + len(new)] = new
            case "delete":
                del data[at : at + draw(st.integers(1, 60))]
            case "repeat":
                data[at:at] = data[at : at + draw(st.integers(1, 300))]
            case _:
                del data[at:]
    return DamagedFile(bytes(data), MidiTruth(None, is_damaged=False))


def read(path: Path, file: DamagedFile) -> Outcome:
    """Read a MIDI file as `ddx7 render --midi` does."""
    truth: MidiTruth = file.truth
    try:
        found = read_midi(path)
    except Ddx7Error as error:
        one_sentence(error, path)
        if truth.notes:
            raise AssertionError(f"refused although {truth.notes.total()} notes are there") from error
        return "refused"
    onsets = [note.onset_s for note in found.notes]
    assert found.notes
    assert onsets == sorted(onsets)
    assert all(0 <= n.onset_s <= n.release_s <= found.duration_s <= MAX_DURATION_S for n in found.notes)
    assert all(0 <= n.note <= 127 and 1 <= n.velocity <= 127 and n.channel >= 1 for n in found.notes)
    assert all(remark and "\n" not in remark for remark in found.repairs)
    late = any("left out" in remark for remark in found.repairs)
    if truth.notes is not None and not late:
        assert Counter((n.channel, n.note) for n in found.notes) == truth.notes, "not the notes that are there"
    assert found.repairs or not truth.is_damaged, "nothing is said of the damage"
    return "remarked" if found.repairs else "whole"


READERS = (
    Reader("midi-chunks", ".mid", chunked_files(), read),
    Reader("midi-broken", ".mid", broken_files(), read),
)
