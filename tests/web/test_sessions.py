"""Sessions keep what a page holds, in the folder and for the page that asks."""

import http.client
import io
import json

import numpy as np
import pytest
import soundfile
from serving import TOKEN, running

from ddx7.web.sounds import MAX_UPLOAD_BYTES


def wav(seconds=0.5, rate=16_000, hz=220.0):
    buffer = io.BytesIO()
    soundfile.write(buffer, 0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate), rate, format="WAV")
    return buffer.getvalue()


def test_what_a_view_sends_comes_back(client, session):
    state = {"seconds": 30, "words": "→ ¥ é", "deep": [[1, 2], {"a": None}]}
    client.put(f"{session}/views/match", json={"state": state, "title": "horn"})
    found = client.get(session).json()
    assert found["views"] == {"match": state}
    assert found["title"] == "horn"


def test_two_pages_do_not_disturb_each_other(client, session):
    other = f"/api/sessions/{client.post('/api/sessions').json()['id']}"
    client.put(f"{session}/views/match", json={"state": {"mine": 1}})
    sound = client.post(f"{session}/sounds?name=a.wav", content=wav()).json()
    assert client.get(other).json()["views"] == {}
    assert client.get(f"{other}/sounds/{sound['id']}/samples").status_code == 404


def test_a_session_outlives_the_server(tmp_path):
    with running(tmp_path / "first") as server, server.client() as client:
        session = f"/api/sessions/{client.post('/api/sessions').json()['id']}"
        sound = client.post(f"{session}/sounds?name=low.wav", content=wav(hz=110.0)).json()
        client.put(f"{session}/views/match", json={"state": {"sound": sound["id"]}, "title": "low"})
        samples = client.get(f"{session}/sounds/{sound['id']}/samples").content
        assert client.get("/api/sessions").json()["sessions"][0]["title"] == "low"
    (tmp_path / "second").mkdir()
    (tmp_path / "first" / "out").rename(tmp_path / "second" / "out")
    with running(tmp_path / "second") as server, server.client() as client:
        assert client.get("/api/sessions").json()["sessions"][0]["title"] == "low"
        assert client.get(session).json()["views"]["match"] == {"sound": sound["id"]}
        again = client.get(f"{session}/sounds/{sound['id']}/samples").content
        np.testing.assert_allclose(np.frombuffer(again, "<f4"), np.frombuffer(samples, "<f4"), atol=1e-6)


def test_damaged_sessions_are_passed_over(tmp_path):
    folder = tmp_path / "ui" / "out" / "sessions"
    for name, text in {"a": "{", "b": "[]", "c": json.dumps({"title": 1, "changed": "x"}), "d": "\0"}.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "session.json").write_text(text)
    with running(tmp_path / "ui") as server, server.client() as client:
        assert client.get("/api/sessions").json() == {"sessions": []}


def test_a_sound_is_kept_sample_by_sample(client, session):
    rate, samples = 22_050, 0.4 * np.random.default_rng(3).uniform(-1, 1, 5000)
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format="WAV", subtype="PCM_24")
    sound = client.post(
        f"{session}/sounds", params={"name": "../../../etc/noise.wav"}, content=buffer.getvalue()
    ).json()
    assert sound["sample_rate"] == rate
    assert sound["samples"] == 5000
    got = client.get(f"{session}/sounds/{sound['id']}/samples")
    assert got.headers["x-sample-rate"] == str(rate)
    np.testing.assert_allclose(np.frombuffer(got.content, "<f4"), samples, atol=2**-22)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"RIFF", "cannot be decoded"),
        (b"\0" * 5000, "cannot be decoded"),
        (wav()[:40], "cannot be decoded"),
        (wav(hz=0.0), "silence"),
    ],
)
def test_what_is_no_recording_gets_a_sentence_with_its_own_name(client, session, data, words):
    answer = client.post(f"{session}/sounds", params={"name": "my horn.wav"}, content=data)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("my horn.wav:")
    assert words in answer.json()["error"]
    assert "scratch" not in answer.json()["error"]
    assert client.get(session).json()["sounds"] == {}


def test_a_long_recording_is_refused_by_its_decoded_length(client, session):
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(8000 * 601, np.int16), 8000, format="FLAC")
    assert len(buffer.getvalue()) < 2**20
    answer = client.post(f"{session}/sounds?name=long.flac", content=buffer.getvalue())
    assert answer.status_code == 422
    assert "at most 600 s" in answer.json()["error"]


def test_a_large_upload_is_refused_before_it_is_read(server, session):
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.putrequest("POST", f"{session}/sounds")
    connection.putheader("Authorization", f"Bearer {TOKEN}")
    connection.putheader("Content-Length", str(MAX_UPLOAD_BYTES + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_a_large_upload_without_a_length_is_refused(client, session):
    answer = client.post(f"{session}/sounds", content=(bytes(2**20) for _ in range(MAX_UPLOAD_BYTES // 2**20 + 1)))
    assert answer.status_code == 413


def test_the_demo_is_there_at_once(client, session):
    sound = client.post(f"{session}/sounds/demo").json()
    assert sound["seconds"] > 1
    picture = client.get(f"{session}/sounds/{sound['id']}/spectrogram")
    frames, bands = int(picture.headers["x-frames"]), int(picture.headers["x-bands"])
    levels = np.frombuffer(picture.content, np.uint8).reshape(frames, bands)
    assert levels.max() == 255
    assert frames * float(picture.headers["x-hop-seconds"]) == pytest.approx(sound["seconds"], abs=0.05)


def test_a_spectrogram_shows_a_sine_in_its_band(client, session):
    sound = client.post(f"{session}/sounds?name=a.wav", content=wav(1.0, 44_100, 1000.0)).json()
    picture = client.get(f"{session}/sounds/{sound['id']}/spectrogram")
    levels = np.frombuffer(picture.content, np.uint8).reshape(-1, int(picture.headers["x-bands"]))
    centres_hz = np.array(picture.headers["x-centres-hz"].split(","), float)
    assert centres_hz[levels[len(levels) // 2].argmax()] == pytest.approx(1000.0, rel=0.05)


def test_a_forgotten_session_is_gone(client, session, server):
    client.post(f"{session}/sounds/demo")
    folder = server.services.folder / "sessions" / session.rsplit("/", 1)[1]
    assert folder.is_dir()
    assert client.delete(session).status_code == 200
    assert not folder.exists()
    assert client.get(session).status_code == 404


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"3", b'{"state": NaN}', b"[" * 100_000, b"\xff\xfe"])
def test_malformed_json_is_refused(client, session, body):
    answer = client.put(f"{session}/views/match", content=body)
    assert answer.status_code == 400
    assert "JSON" in answer.json()["error"]


@pytest.mark.parametrize("path", ["views/other", "views/..%2f..", "sounds/../../x/samples", "jobs/none", "nothing"])
def test_unknown_addresses_are_404(client, session, path):
    for method in ("GET", "PUT", "DELETE"):
        assert client.request(method, f"{session}/{path}", json={}).status_code in (404, 405)
