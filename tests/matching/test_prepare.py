"""Decoding, and the segmentation hypotheses of a recording."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile

import ddx7
from ddx7.audio import analyse_note, find_notes
from ddx7.errors import AudioError
from ddx7.matching.prepare import LONGEST_S, prepare, read_excerpt
from ddx7.matching.target import RATE
from ddx7.voice import Operator, Voice


def slow_release() -> np.ndarray:
    slow = Operator(output_level=99, rates=(99, 99, 99, 36))
    return ddx7.render(Voice(operators=(slow, slow, *Voice().operators[2:])), note=57, gate=1.0, duration=2.0)


def test_a_file_and_its_samples_give_the_same_excerpt(tmp_path):
    sound = np.random.default_rng(0).normal(0, 0.1, 1000).astype(np.float32)
    soundfile.write(tmp_path / "horn.wav", sound, 8000, subtype="FLOAT")
    from_file, from_samples = read_excerpt(tmp_path / "horn.wav"), read_excerpt((sound, 8000))
    np.testing.assert_array_equal(from_file.samples, sound)
    np.testing.assert_array_equal(from_samples.samples, sound)
    assert (from_file.name, from_samples.name) == ("horn", "MATCH")
    assert (from_file.sample_rate, from_file.start_s, from_file.end_s, from_file.cut) == (8000, 0.0, 0.125, False)


def test_of_a_long_recording_the_loudest_minute_is_kept():
    samples = np.full(100 * 100, 0.1, np.float32)
    samples[3000:9000] = 0.9
    excerpt = read_excerpt((samples, 100))
    assert (excerpt.start_s, excerpt.end_s, excerpt.cut) == (30.0, 30.0 + LONGEST_S, True)
    assert (excerpt.samples == np.float32(0.9)).all()


def test_samples_that_are_no_recording_are_refused():
    for samples in (np.full(1000, np.nan, np.float32), np.ones((2, 1000), np.float32)):
        with pytest.raises(AudioError, match="finite samples"):
            read_excerpt((samples, RATE))


def test_one_note_has_a_hypothesis_for_each_of_its_gates():
    sound = slow_release()
    note = analyse_note(sound, RATE)
    assert note.other_gates_s
    hypotheses = prepare(read_excerpt((sound, RATE))).hypotheses
    gates_s = [note.gate_s, *note.other_gates_s]
    assert [target.notes[0].gate_s for target in hypotheses] == gates_s
    assert [target.events[0].gate_s for target in hypotheses] == [min(gate_s, 4.0) for gate_s in gates_s]
    assert all(target.sound is hypotheses[0].sound for target in hypotheses)


def test_a_short_phrase_may_be_one_note_and_a_long_one_may_not(phrase):
    assert [len(target.notes) for target in prepare(read_excerpt((phrase, RATE))).hypotheses[:2]] == [3, 1]
    long = np.concatenate([np.pad(phrase, (0, RATE // 2))] * 2)
    assert len(find_notes(long, RATE)) == 6
    assert [len(target.notes) for target in prepare(read_excerpt((long, RATE))).hypotheses] == [6]


def test_the_profile_reaches_the_targets(note):
    from ddx7.engine import HARDWARE

    assert prepare(read_excerpt((note, RATE)), HARDWARE).hypotheses[0].profile == HARDWARE


def test_a_glide_may_be_one_note():
    carrier = Operator(output_level=99, rates=(99, 99, 99, 60))
    voice = Voice(operators=(carrier, *[Operator(output_level=0)] * 5))
    falling = replace(voice, pitch_levels=(30, 30, 30, 50), pitch_rates=(30, 99, 99, 99))
    sound = ddx7.render(falling, note=57, gate=2.0, duration=2.5)
    counts = [len(target.notes) for target in prepare(read_excerpt((sound, RATE))).hypotheses]
    assert counts[0] >= 3
    assert set(counts[1:]) == {1}


def test_an_excerpt_tells_how_its_file_was_decoded(tmp_path, note):
    stereo = np.stack([note, -note], axis=1)
    soundfile.write(tmp_path / "horn.wav", stereo, RATE, subtype="FLOAT")
    excerpt = read_excerpt(tmp_path / "horn.wav")
    assert excerpt.decoding.channel == "left channel"
    assert "upside down" in excerpt.decoding.remarks[0]
    assert read_excerpt((note, RATE)).decoding is None


def test_samples_of_dither_are_refused():
    dither = np.random.default_rng(0).integers(-1, 2, RATE) / 32768
    with pytest.raises(AudioError, match=r"found only silence in 1\.00 s"):
        read_excerpt((dither, RATE))
