"""Decoding, and the segmentation hypotheses of a recording."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile

import ddx7
from ddx7.audio import analyse_note, find_notes, midi_bytes
from ddx7.errors import AudioError, Ddx7Error
from ddx7.matching.prepare import LONGEST_S, prepare, read_excerpt
from ddx7.matching.segmentation import note_source
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


def test_steady_different_pitches_are_a_phrase_however_short(phrase):
    prepared = prepare(read_excerpt((phrase, RATE)))
    assert prepared.read_as == "phrase"
    assert [len(target.notes) for target in prepared.hypotheses] == [3]


def test_the_user_says_how_many_notes_there_are(phrase):
    one = prepare(read_excerpt((phrase, RATE)), notes="one")
    assert {len(target.notes) for target in one.hypotheses} == {1}
    many = prepare(read_excerpt((phrase, RATE)), notes="many")
    assert [len(target.notes) for target in many.hypotheses] == [3]
    assert one.read_as == many.read_as == "told"


@pytest.mark.unchecked
def test_given_notes_are_the_notes(phrase):
    found = find_notes(phrase, RATE)
    [target] = prepare(read_excerpt((phrase, RATE)), notes=found[1:]).hypotheses
    assert [event.note for event in target.events] == [62, 67]
    with pytest.raises(Ddx7Error, match="wanted notes within the"):
        prepare(read_excerpt((phrase[: RATE // 2], RATE)), notes=found[1:])
    with pytest.raises(Ddx7Error, match="wanted one of auto, one, many"):
        prepare(read_excerpt((phrase, RATE)), notes="some")


def test_note_and_velocity_can_be_told(phrase, note):
    [target] = prepare(read_excerpt((phrase, RATE)), note=43, velocity=64).hypotheses
    assert [event.note for event in target.events] == [43, 50, 55]  # the strongest is the first
    assert max(event.velocity for event in target.events) == 64
    target, *_ = prepare(read_excerpt((note, RATE)), note=69).hypotheses
    assert target.events[0].note == 69
    assert abs(target.cents) < 20  # an octave is no mistuning
    with pytest.raises(Ddx7Error, match="note: found 128, wanted 0 to 127"):
        prepare(read_excerpt((note, RATE)), note=128)


def test_a_midi_file_of_notes_is_measured_in_the_recording(phrase, tmp_path):
    found = find_notes(phrase, RATE)
    path = tmp_path / "notes.mid"
    path.write_bytes(midi_bytes(found[:2], [90, 50]))
    notes = note_source(path, phrase, RATE)
    [target] = prepare(read_excerpt((phrase, RATE)), notes=notes).hypotheses
    assert [(event.note, event.velocity) for event in target.events] == [(55, 90), (62, 50)]
    assert [n.onset_s for n in notes] == pytest.approx([n.onset_s for n in found[:2]], abs=0.002)
    with pytest.raises(Ddx7Error, match=r"wanted one of auto, one, many, notes, or a \.mid file"):
        note_source("notes.txt", phrase, RATE)


def test_a_part_of_a_recording_is_read(phrase):
    excerpt = read_excerpt((phrase, RATE), start_s=0.6, end_s=1.2)
    assert (excerpt.start_s, excerpt.cut) == (pytest.approx(0.6, abs=1e-4), False)
    np.testing.assert_array_equal(excerpt.samples, phrase[round(0.6 * RATE) : round(1.2 * RATE)])
    for start_s, end_s in ((1.0, 0.5), (-1.0, 2.0), (9.0, 10.0)):
        with pytest.raises(Ddx7Error, match="wanted a part of the"):
            read_excerpt((phrase, RATE), start_s=start_s, end_s=end_s)


MELODY = (50, 53, 50, 52)


@pytest.mark.parametrize("wave", [3, 5])  # square, sample and hold
@pytest.mark.parametrize("speed", [20, 50])
def test_steps_of_an_lfo_may_be_one_note(bright, wave, speed):
    trilling = replace(bright, lfo_wave=wave, lfo_speed=speed, lfo_pitch_depth=60, pitch_mod_sensitivity=4)
    sound = ddx7.render(trilling, note=57, gate=1.9, duration=2.3)
    counts = [len(target.notes) for target in prepare(read_excerpt((sound, RATE))).hypotheses]
    assert counts[-1] == 1


def test_a_melody_of_four_steady_pitches_stays_one(bright):
    sound = ddx7.render(bright, note=MELODY, gate=0.55, duration=0.65).reshape(-1)
    [target] = prepare(read_excerpt((sound, RATE))).hypotheses
    assert [event.note for event in target.events] == list(MELODY)


def test_an_echo_is_remarked_on_and_a_repeated_note_is_not(bright):
    note = ddx7.render(bright, note=60, gate=0.15, duration=0.25)

    def repeated(*gains):
        sound = np.zeros(round(0.35 * len(gains) * RATE), np.float32)
        for k, gain in enumerate(gains):
            start = round(0.35 * k * RATE)
            sound[start : start + len(note)] += gain * note
        return prepare(read_excerpt((np.concatenate([np.zeros(RATE // 2, np.float32), sound]), RATE))).remarks

    [remark] = repeated(1.0, 0.5, 0.25, 0.125)
    assert remark.kind == "echo"
    assert "every 0.35 s, 6 dB softer each time" in remark.text
    assert remark.text.endswith(("(--end 0.84)", "(--end 0.85)", "(--end 0.86)"))
    assert repeated(1.0, 0.9, 1.0, 0.5) == ()


def test_chords_and_drums_are_remarked_on(bright):
    chord = ddx7.render(bright, note=(60, 64, 67), gate=0.5, duration=0.7).sum(axis=0)
    [remark] = prepare(read_excerpt((chord, RATE))).remarks
    assert remark.kind == "chord"
    assert "MIDI notes 60, 64, 67" in remark.text
    rng = np.random.default_rng(0)
    drum = (rng.normal(0, 0.2, RATE // 2) * np.exp(-12 * np.arange(RATE // 2) / RATE)).astype(np.float32)
    [remark] = prepare(read_excerpt((drum, RATE))).remarks
    assert (remark.kind, "one hit" in remark.text) == ("no pitch", True)


BAR = (1.0, 2.756, 5.404), (0.5, 0.3, 0.15), (3.0, 8.0, 15.0)  # partials, their levels and decays
CHURCH_BELL = (0.5, 1.0, 1.19, 1.5, 2.0, 2.76), (0.4, 0.3, 0.4, 0.2, 0.3, 0.2), (1.0, 2.0, 2.5, 3.0, 4.0, 6.0)


@pytest.mark.parametrize("strike_hz", [440.0, 880.0, 1480.0])
@pytest.mark.parametrize("partials", [BAR, CHURCH_BELL])
def test_bells_and_struck_bars_are_not_called_drums_or_noise(partials, strike_hz):
    t = np.arange(RATE) / RATE
    modes = zip(*partials, strict=True)
    sound = sum(level * np.exp(-decay * t) * np.sin(2 * np.pi * ratio * strike_hz * t) for ratio, level, decay in modes)
    for remark in prepare(read_excerpt((np.asarray(sound, np.float32), RATE))).remarks:
        assert "bell" in remark.text
        assert "noise" not in remark.text


def test_noise_is_no_chord_and_neither_are_partials_far_apart():
    rng = np.random.default_rng(0)
    for noise in (rng.normal(0, 0.1, RATE), np.cumsum(rng.normal(0, 0.01, RATE))):
        remarks = prepare(read_excerpt((noise.astype(np.float32), RATE))).remarks
        assert [remark.kind for remark in remarks if remark.kind == "chord"] == []
    t = np.arange(RATE) / RATE

    def tone(f0_hz):
        return sum(np.sin(2 * np.pi * k * f0_hz * t) / k for k in range(1, 4))

    bar = 0.2 * (tone(784.0) + 0.6 * tone(5.4 * 784.0)) * np.exp(-3 * t)
    assert "chord" not in {remark.kind for remark in prepare(read_excerpt((bar.astype(np.float32), RATE))).remarks}


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
