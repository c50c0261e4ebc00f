"""Requests of the views "voice" and "make"."""

import io
import time
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from ddx7 import Operator, Voice
from ddx7.engine import render
from ddx7.library import CATEGORIES
from ddx7.web.make_job import MakeTask, run_make

RATE = 44_100
VOICE = Voice(operators=(Operator(output_level=99), Operator(output_level=60), *(Operator(),) * 4), name="ONE")
VCED = list(VOICE.to_vced())
NOTES = [{"onset_s": 0.0, "gate_s": 0.5, "note": 60}]


@pytest.fixture
def target(client, session):
    buffer = io.BytesIO()
    soundfile.write(buffer, render(VOICE, 60, gate=0.5, duration=0.7), RATE, format="WAV", subtype="FLOAT")
    return client.post(f"{session}/sounds?name=one.wav", content=buffer.getvalue()).json()["id"]


def test_the_voice_of_a_recording_is_nearer_than_another(client, session, target):
    other = [*VCED]
    other[16 + 21 * 4] = 95  # output level of operator 2
    near, far = (
        client.post(f"{session}/distance", json={"target": target, "notes": NOTES, "voice": v}).json()
        for v in (VCED, other)
    )
    assert near["distance_db"] < 1
    assert near["quality"] == "very close"
    assert far["distance_db"] > near["distance_db"] + 2
    assert far["differences"]


@pytest.mark.parametrize(
    ("change", "status"),
    [({"notes": []}, 422), ({"voice": None}, 422), ({"target": "none"}, 404), ({"target": 1}, 422)],
)
def test_a_wrong_distance_gets_a_sentence(client, session, target, change, status):
    body = {"target": target, "notes": NOTES, "voice": VCED, **change}
    answer = client.post(f"{session}/distance", json=body)
    assert answer.status_code == status
    assert answer.json()["error"]


def test_a_mix_shares_the_voices_among_the_categories():
    asked = []

    def generate(count, **wishes):
        asked.append((count, wishes["category"], wishes["seed"]))
        return [VOICE] * count

    task = MakeTask("generate", 5, seed=7, categories=("brass", "bell"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ddx7.generation.generate", generate)
        assert len(run_make(lambda _: None, task)) == 5
        assert asked == [(3, ("brass",), 7), (2, ("bell",), 8)]
        asked.clear()
        run_make(lambda _: None, replace(task, together=True))
        assert asked == [(5, ("brass", "bell"), 7)]


def test_variations_are_made_and_kept_in_the_session(client, session):
    assert client.get("/api/categories").json()["categories"] == list(CATEGORIES)
    job = client.post(f"{session}/make", json={"way": "vary", "voice": VCED, "count": 3, "seed": 4}).json()
    end = time.monotonic() + 120
    while job["state"] not in ("done", "failed"):
        assert time.monotonic() < end
        time.sleep(0.1)
        job = client.get(f"{session}/jobs/{job['id']}").json()
    voices = job["result"]["voices"]
    assert len({voice["name"] for voice in voices}) == 3
    assert all(voice["name"].startswith("ONE ") for voice in voices)
    assert len({bytes(voice["vced"]) for voice in voices} | {bytes(VCED)}) == 4
    assert np.array([voice["vced"] for voice in voices]).shape == (3, 155)
    [kept] = client.get(session).json()["jobs"]
    assert kept["result"] == job["result"]


@pytest.mark.parametrize(
    "body",
    [
        {"way": "steal"},
        {"way": "vary"},
        {"way": "vary", "voice": VCED[:-1]},
        {"way": "vary", "voice": VCED, "amount": 0},
        {"way": "morph", "a": VCED},
        {"way": "morph", "a": VCED, "b": VCED, "count": 1},
        {"category": "kazoo"},
        {"categories": ["brass", "kazoo"]},
        {"categories": "brass"},
        {"categories": [7]},
        {"pad": "perhaps"},
        {"way": "vary", "voice": VCED, "lock": ["everything"]},
        {"algorithm": 33},
        {"count": 65},
    ],
)
def test_a_wrong_wish_for_voices_gets_a_sentence_and_begins_nothing(client, session, body):
    answer = client.post(f"{session}/make", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]
    assert client.get(session).json()["jobs"] == []
