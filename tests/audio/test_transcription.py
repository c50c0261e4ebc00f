import io
from dataclasses import replace

import mido
import pytest

from ddx7.audio import Note, midi_bytes, velocities
from ddx7.engine.midi import read_midi

NOTE = Note(0.0, 0.5, 0.6, 440.0, 69, 0.0, 1.0, -20.0, -10.0)


def note(number: int, onset_s: float, gate_s: float) -> Note:
    return replace(NOTE, note=number, onset_s=onset_s, gate_s=gate_s)


def played(data: bytes) -> list[tuple[int, int, float, float]]:
    score = read_midi(mido.MidiFile(file=io.BytesIO(data)))
    return [(n.note, n.velocity, round(n.onset_s, 3), round(n.release_s, 3)) for n in score.notes]


def test_notes_are_read_back_with_their_onsets_and_gates():
    notes = [note(60, 0.25, 0.5), note(64, 0.7, 0.25), note(72, 12.3, 4.0)]  # the first two overlap
    assert played(midi_bytes(notes, [100, 1, 127])) == [
        (60, 100, 0.25, 0.75),
        (64, 1, 0.7, 0.95),
        (72, 127, 12.3, 16.3),
    ]


def test_the_file_is_of_format_0_at_120_beats_a_minute():
    file = mido.MidiFile(file=io.BytesIO(midi_bytes([NOTE], [64])))
    assert (file.type, len(file.tracks)) == (0, 1)
    assert file.ticks_per_beat >= 480
    assert [m.tempo for m in file if m.type == "set_tempo"] == [500_000]


def test_a_note_is_released_before_it_begins_again():
    notes = [note(60, 0.0, 2.0), note(60, 0.5, 1.0), note(60, 1.5, 0.25)]
    expected = [(60, 90, 0.0, 0.5), (60, 80, 0.5, 1.5), (60, 70, 1.5, 1.75)]
    assert played(midi_bytes(notes, [90, 80, 70])) == expected
    assert played(midi_bytes(notes[::-1], [70, 80, 90])) == expected


def test_a_note_without_length_lasts_one_tick():
    (number, velocity, onset_s, release_s), *others = played(midi_bytes([note(60, 1.0, 0.0)], [50]))
    assert (number, velocity, onset_s, others) == (60, 50, 1.0, [])
    assert 1.0 < release_s < 1.003


@pytest.mark.parametrize(("number", "nearest"), [(-3, 0), (130, 127)])
def test_notes_outside_the_range_of_midi_become_the_nearest(number, nearest):
    assert played(midi_bytes([note(number, 0.0, 1.0)], [64])) == [(nearest, 64, 0.0, 1.0)]


def test_every_note_needs_its_velocity():
    with pytest.raises(ValueError, match="zip"):
        midi_bytes([NOTE, NOTE], [64])


def test_velocities_follow_the_square_law():
    # 12.04 dB are a factor of 4 in amplitude, 2 in velocity; 40 dB a factor of 10; -90 dB is less than one step.
    notes = [replace(NOTE, loudness_db=level) for level in (-8.0, -20.04, -48.0, -98.0)]
    assert velocities(notes) == (100, 50, 10, 1)
    assert velocities(notes, loudest=127) == (127, 64, 13, 1)
    assert velocities([]) == ()
