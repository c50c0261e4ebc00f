import csv
import json
from collections.abc import Sequence
from dataclasses import astuple

import numpy as np
import pytest

from ddx7.audio import Note, analyse_note, find_notes, hz_to_midi, midi_to_hz, read_audio
from ddx7.audio.contour import CHUNK, HOP_S, pitch_contour
from ddx7.errors import AudioError

RATE = 44_100
MELODY = (60, 64, 67, 65, 72, 71)


def gliding(note: np.ndarray) -> np.ndarray:
    """A tone whose pitch follows fractional MIDI notes [time], without attacks."""
    phase = 2 * np.pi * np.cumsum(midi_to_hz(note)) / RATE
    return 0.2 * sum(np.sin(k * phase) / k for k in range(1, 9))


def steps(notes: Sequence[float], seconds: float) -> np.ndarray:
    return np.repeat(np.asarray(notes, float), round(seconds * RATE))


def midi_notes(notes: Sequence[Note]) -> list[int]:
    return [note.note for note in notes]


def onsets(notes: Sequence[Note]) -> list[float]:
    return [note.onset_s for note in notes]


@pytest.mark.parametrize("gap_s", [0.0, 0.05, 0.3])
@pytest.mark.parametrize("decay_per_s", [0.0, 8.0])
def test_struck_notes(tone, gap_s, decay_per_s):
    gap = np.zeros(round(gap_s * RATE))
    sounds = [tone(float(midi_to_hz(n)), decay_per_s=decay_per_s, seconds=0.3) for n in MELODY]
    notes = find_notes(np.concatenate([part for sound in sounds for part in (gap, sound)]), RATE)
    assert midi_notes(notes) == list(MELODY)
    np.testing.assert_allclose(onsets(notes), gap_s + np.arange(6) * (0.3 + gap_s), atol=0.03)
    assert all(note.confidence > 0.8 for note in notes)
    assert all(0.2 < note.gate_s <= note.duration_s < 0.34 + gap_s for note in notes)


@pytest.mark.parametrize("semitones", [1, 2, 7, 12])
@pytest.mark.parametrize("seconds", [0.2, 0.4])
def test_slurred_notes(semitones, seconds):
    melody = [62, 62 + semitones, 62 - semitones, 62]
    notes = find_notes(gliding(steps(melody, seconds)), RATE)
    assert midi_notes(notes) == melody
    np.testing.assert_allclose(onsets(notes), seconds * np.arange(4), atol=0.04)


@pytest.mark.parametrize("decay_per_s", [4.0, 12.0])
def test_one_pitch_struck_again(tone, decay_per_s):
    notes = find_notes(np.tile(tone(330, decay_per_s=decay_per_s, seconds=0.5), 4), RATE)
    assert midi_notes(notes) == [64] * 4
    np.testing.assert_allclose(onsets(notes), 0.5 * np.arange(4), atol=0.03)


@pytest.mark.parametrize("rate_hz", [5.0, 7.0])
@pytest.mark.parametrize("depth", [0.3, 0.5, 0.8])
def test_vibrato_is_one_note(depth, rate_hz):
    t = np.arange(3 * RATE) / RATE
    (note,) = find_notes(gliding(69 + depth * np.sin(2 * np.pi * rate_hz * t)), RATE)
    assert abs(hz_to_midi(note.f0_hz) - 69) < depth + 0.1


@pytest.mark.parametrize("depth", [0.0, 0.5, 0.85])
def test_tremolo_is_one_note(tone, depth):
    sound = tone(220.0, decay_per_s=0.0, seconds=3.0)
    sound = sound * (1 - depth * (0.5 + 0.5 * np.cos(2 * np.pi * 5 * np.arange(len(sound)) / RATE)))
    assert midi_notes(find_notes(sound, RATE)) == [57]


def test_a_glide_is_few_notes():
    notes = find_notes(gliding(np.concatenate([np.full(RATE, 60.0), np.linspace(60, 64, RATE // 5)])), RATE)
    assert notes[0].note == 60
    assert len(notes) <= 3


def test_a_trill_alternates_between_its_two_notes():
    notes = find_notes(gliding(np.tile(steps([67, 69], 0.12), 10)), RATE)
    assert midi_notes(notes) == [67, 69] * 10
    fast = find_notes(gliding(np.tile(steps([67, 69], 0.06), 20)), RATE)
    assert len(fast) <= 40
    assert set(midi_notes(fast)) <= {67, 68, 69}


@pytest.mark.parametrize("noise", [0.0, 1e-4])
def test_a_single_note_equals_its_own_analysis(tone, noise):
    sound = np.concatenate([np.zeros(RATE // 3), tone(196, decay_per_s=2), np.zeros(RATE // 2)])
    sound = sound + np.random.default_rng(0).normal(0, noise, len(sound))
    assert find_notes(sound, RATE) == (analyse_note(sound, RATE),)


def test_breath_and_echo_are_no_notes(tone):
    rng, breath_s = np.random.default_rng(0), 0.2
    sounds = [tone(f0_hz, decay_per_s=1.0, seconds=0.6) for f0_hz in (262, 330)]
    breath = 0.005 * rng.normal(0, 1, round(breath_s * RATE))
    sound = np.concatenate([sounds[0], breath, sounds[1], np.zeros(RATE)])
    late = round(0.9 * RATE)
    sound[late:] += 0.03 * sound[:-late]
    assert midi_notes(find_notes(sound, RATE)) == [60, 64]


def test_rumble_is_no_note(tone):
    t = np.arange(2 * RATE) / RATE
    sound = np.concatenate([np.zeros(RATE // 2), tone(440, decay_per_s=0.5)]) + 0.05 * np.sin(2 * np.pi * 15 * t)
    (note,) = find_notes(sound, RATE)
    assert note.note == 69
    assert note.onset_s == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("sound", ["chord", "noise", "drum", "click"])
def test_sounds_without_one_clear_pitch_have_low_confidence(tone, sound):
    rng = np.random.default_rng(0)
    t = np.arange(RATE) / RATE
    recording = {
        "chord": sum(tone(float(midi_to_hz(n)), seconds=1.0) for n in (60, 63, 66, 71)),
        "noise": rng.normal(0, 0.1, RATE),
        "drum": rng.normal(0, 0.1, RATE) * np.exp(-20 * t),
        "click": np.eye(1, RATE, 100)[0],
    }[sound]
    (note,) = find_notes(recording, RATE)
    assert note.confidence < 0.45


@pytest.mark.parametrize("length", [0, 10, RATE])
def test_silence_is_refused(length):
    with pytest.raises(AudioError, match="only silence"):
        find_notes(np.zeros(length), RATE)


@pytest.mark.parametrize("length", [1, 3, 100, 300])
def test_too_little_sound_is_refused(length):
    with pytest.raises(AudioError, match="at least 10 ms"):
        find_notes(np.ones(length), RATE)


@pytest.mark.parametrize("sample_rate", [8_000, 16_000, 96_000])
def test_every_rate(tone, sample_rate):
    sounds = [tone(float(midi_to_hz(n)), seconds=0.3, sample_rate=sample_rate) for n in MELODY]
    assert midi_notes(find_notes(np.concatenate(sounds), sample_rate)) == list(MELODY)


def test_a_recording_longer_than_one_chunk(tone):
    sound = np.tile(np.concatenate([tone(float(midi_to_hz(n)), seconds=0.5) for n in MELODY[:5]]), 6)
    assert len(sound) / RATE > CHUNK * HOP_S
    assert midi_notes(find_notes(sound, RATE)) == list(MELODY[:5]) * 6


def test_the_contour_stays_when_a_frame_fits_an_octave_below_as_well():
    contour = pitch_contour(gliding(steps([60, 72, 60], 0.5)), RATE)
    np.testing.assert_allclose(contour[[20, 70, 120]], [60, 72, 60], atol=0.13)
    assert np.count_nonzero(np.diff(contour)) == 2


@pytest.mark.parametrize("step", [6, pytest.param(1, marks=pytest.mark.slow)])
def test_single_notes_are_one_note(shared, step):
    folder = shared / "audio"
    with (folder / "oneshots/index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    paths = [folder / row["file_44k"] for row in rows if "vital_pluck_1" in row["file_44k"]]
    paths += [folder / row["file_44k"] for row in rows if "vital_pluck_1" not in row["file_44k"]][::step]
    paths += sorted(folder.glob("*/note/*.flac"))[:: 16 * step]
    several = {}
    for path in paths:
        recording = read_audio(path)
        notes = find_notes(recording.samples, recording.sample_rate)
        if len(notes) > 1:
            several[path.stem] = len(notes)
        else:
            assert astuple(notes[0]) == astuple(analyse_note(recording.samples, recording.sample_rate)), path.stem
    assert len(paths) > 45 // step
    assert several == {"vital_pluck_1": 9}  # a melody


@pytest.mark.parametrize("name", ["violin/sampled-phrase/sp_ode", "trumpet/sampled-phrase/sf2_gen03"])
def test_phrases_agree_with_their_scores(shared, name):
    scores = (
        json.loads(line)
        for kind in ("sampled", "sf2")
        for line in (shared / f"audio/{kind}_phrase_scores.jsonl").read_text().splitlines()
    )
    score = next(s["notes"] for s in scores if s["file"] == f"{name}.flac")
    recording = read_audio(shared / f"audio/{name}.flac")
    result = {(round(float(hz_to_midi(n.f0_hz))), n.onset_s) for n in find_notes(recording.samples, 16_000)}
    hits = sum(any(n == expected and abs(s - onset_s) <= 0.05 for n, s in result) for onset_s, _, expected, *_ in score)
    assert hits >= 0.85 * len(score)
    assert len(result) <= 1.05 * len(score)
