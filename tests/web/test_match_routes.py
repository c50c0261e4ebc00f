"""Requests of the view "match": notes of a region, corrected notes, and searches that are refused with a sentence."""

import io

import numpy as np
import pytest
import soundfile

from ddx7 import Voice
from ddx7.web.match_job import Curve
from ddx7.web.notes import corrected_notes
from ddx7.web.sounds import Sound

RATE = 22_050
VCED = list(Voice().to_vced())


def two_notes():
    """A at 220 Hz from 0.1 s and C sharp at 277.18 Hz from 0.9 s, 0.5 s each."""
    samples = np.zeros(round(1.6 * RATE))
    for onset_s, hz in ((0.1, 220.0), (0.9, 277.18)):
        t = np.arange(round(0.5 * RATE)) / RATE
        tone = sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 6)) * np.exp(-3 * t)
        begin = round(onset_s * RATE)
        samples[begin : begin + len(tone)] = 0.3 * tone
    return samples.astype(np.float32)


@pytest.fixture
def sound(client, session):
    buffer = io.BytesIO()
    soundfile.write(buffer, two_notes(), RATE, format="WAV", subtype="FLOAT")
    return client.post(f"{session}/sounds?name=two.wav", content=buffer.getvalue()).json()["id"]


def test_notes_of_a_recording_and_of_a_region(client, session, sound):
    notes = client.post(f"{session}/sounds/{sound}/notes", json={}).json()["notes"]
    assert [note["note"] for note in notes] == [57, 61]
    assert [note["onset_s"] for note in notes] == pytest.approx([0.1, 0.9], abs=0.03)
    [second] = client.post(f"{session}/sounds/{sound}/notes", json={"start_s": 0.8}).json()["notes"]
    assert second["note"] == 61
    assert second["onset_s"] == pytest.approx(0.9, abs=0.03)


def test_corrected_notes_are_measured_where_they_stand():
    sound = Sound(two_notes(), RATE)
    data = {"notes": [{"onset_s": 0.9, "gate_s": 0.3, "note": 49}, {"onset_s": 0.1, "gate_s": 0.4, "note": 57}]}
    first, second = corrected_notes(data, sound, 0.0)
    assert (first.onset_s, first.gate_s, first.note) == (0.1, 0.4, 57)
    assert first.f0_hz == pytest.approx(220.0, rel=0.003)
    assert second.note == 49  # an octave below what sounds: the player is right
    assert second.f0_hz == pytest.approx(277.18 / 2, rel=0.01)
    assert first.loudness_db == pytest.approx(second.loudness_db, abs=2)
    [shifted] = corrected_notes({"notes": data["notes"]}, Sound(sound.samples[round(0.8 * RATE) :], RATE), 0.8)
    assert shifted.onset_s == pytest.approx(0.1)
    assert corrected_notes({}, sound, 0.0) == ()


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"sound": "nothing"}, 404, "no such sound"),
        ({}, 404, "no such sound"),
        ({"sound": ["x"]}, 422, "sound"),
        ({"start_s": 0.5, "stop_s": 0.5}, 422, "the region has 0.000 s"),
        ({"start_s": -1}, 422, "start_s"),
        ({"start_s": 99}, 422, "start_s"),
        ({"stop_s": "end"}, 422, "stop_s"),
        ({"seconds": 0}, 422, "seconds"),
        ({"seconds": 1e9}, 422, "seconds"),
        ({"candidates": 0}, 422, "candidates"),
        ({"candidates": 2.5}, 422, "candidates"),
        ({"seed": -1}, 422, "seed"),
        ({"name": "x" * 300}, 422, "name"),
        ({"start": [1]}, 422, "start"),
        ({"start": VCED, "lock": ["everything"]}, 422, "lock"),
        ({"start": VCED, "lock": "op1"}, 422, "lock"),
        ({"lock": ["op1"]}, 422, "no voice to start from"),
        ({"notes": "A3"}, 422, "notes"),
        ({"notes": [7]}, 422, "notes"),
        ({"notes": [{"onset_s": 0, "gate_s": 0, "note": 60}]}, 422, "gate_s"),
        ({"notes": [{"onset_s": 0, "gate_s": 1, "note": 128}]}, 422, "note"),
        ({"notes": [{"onset_s": 50, "gate_s": 1, "note": 60}]}, 422, "none within the region"),
        ({"notes": [{"onset_s": 0, "gate_s": 1, "note": 60}] * 501}, 422, "at most 500"),
    ],
)
def test_a_wrong_search_gets_a_sentence_and_begins_nothing(client, session, sound, body, status, words):
    answer = client.post(f"{session}/match", json={"sound": sound, **body} if body else {})
    assert answer.status_code == status
    assert words in answer.json()["error"]
    assert client.get(session).json()["jobs"] == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"notes": []}, "wanted the notes"),
        ({"voice": [0]}, "wanted 155"),
        ({"wish": "louder"}, "wish: found 'louder'"),
        ({"lock": "all"}, "lock"),
        ({"lock": [["ratios"]]}, "lock"),
        ({"lock": ["name"]}, "lock: found 'name'"),
        ({"seconds": 0}, "seconds"),
    ],
)
def test_a_wrong_wish_gets_a_sentence(client, session, sound, change, words):
    body = {"target": sound, "notes": [{"onset_s": 0.1, "gate_s": 0.4, "note": 57}], "voice": VCED, "wish": "nearer"}
    answer = client.post(f"{session}/steer", json={**body, **change})
    assert answer.status_code == 422
    assert words in answer.json()["error"]
    assert client.get(session).json()["jobs"] == []


def test_a_curve_stays_short_and_begins_again_with_the_clock():
    curve = Curve()
    curve.watch({"distance": 9.0, "elapsed_s": 30.0})
    for k in range(5000):
        points = curve.watch({"distance": 8 - k / 1000, "elapsed_s": k / 100})["curve"]
    assert len(points) <= 400
    assert points[0][0] < 1.0
    assert points[-1] == (49.99, pytest.approx(3.001))
    assert curve.watch({"stage": "polishing"})["curve"] == points
