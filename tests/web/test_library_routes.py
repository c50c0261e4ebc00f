"""Requests of the view "library": files and folders in, measures, searches by sound, equal levels, and files out."""

import io
import json
import tarfile
import time
import zipfile

import numpy as np
import pytest
import soundfile

from ddx7 import Operator, Voice
from ddx7.engine import render
from ddx7.voice import init_voice, read_bytes, to_bytes
from ddx7.web.session_library import library_of


def voice(name, level=99, coarse=1, modulator=45, **more):
    """Operator 2 modulates operator 1."""
    carrier = Operator(output_level=level, coarse=coarse, **more)
    return Voice(operators=(carrier, Operator(output_level=modulator), *(Operator(),) * 4), name=name)


DARK, SAME, BRIGHT, SHORT = (
    voice("DARK"),
    voice("DARK TOO"),  # in name alone
    voice("BRIGHT", modulator=92),
    voice("SHORT", rates=(99, 70, 70, 70), levels=(99, 0, 0, 0)),
)
BANK = to_bytes([DARK, SAME, BRIGHT, SHORT])
SOFT = voice("SOFT", level=75)


def tar(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def wait(client, session, job):
    end = time.monotonic() + 240
    while job["state"] not in ("done", "failed", "stopped"):
        assert time.monotonic() < end, job
        time.sleep(0.05)
        job = client.get(f"{session}/jobs/{job['id']}").json()
    return job


def library(client, session):
    """The library, with the names of its voices."""
    found = client.get(f"{session}/library").json()
    rows = np.frombuffer(client.get(f"{session}/library/voices").content, np.uint8).reshape(-1, 155)
    return found, [Voice.from_vced(row).name for row in rows]


def test_a_bank_a_folder_and_the_same_bank_again(client, session):
    assert client.get(f"{session}/library").json()["n"] == 0
    first = client.post(f"{session}/library?name=a.syx", content=BANK)
    assert first.status_code == 201
    assert (first.json()["added"], first.json()["found"]) == (3, 32)
    again = client.post(f"{session}/library?name=b.syx", content=BANK).json()
    assert (again["added"], again["again"]) == (0, True)
    damaged = bytearray(to_bytes(SOFT))
    damaged[-2] ^= 1  # the checksum
    folder = tar(
        {"mine/x.syx": bytes(damaged), "mine/deep/y.syx": to_bytes(BRIGHT), "mine/read me.txt": b"hello there"}
    )
    assert client.post(f"{session}/library?name=mine&folder=true", content=folder).json()["added"] == 1
    found, names = library(client, session)
    assert names == ["DARK", "BRIGHT", "SHORT", "SOFT"]
    assert [found["paths"][k] for k in found["path"]] == ["a.syx", "a.syx", "a.syx", "mine/x.syx"]
    assert found["index"] == [1, 3, 4, 1]
    assert found["times_seen"] == [2, 2, 1, 1]
    assert found["places"] == {"0": [["a.syx", 1], ["a.syx", 2]], "1": [["a.syx", 3], ["mine/deep/y.syx", 1]]}
    assert (found["n_found"], found["n_duplicates"], found["n_init"]) == (34, 2, 28)
    [[path, sentence]] = found["repairs"]
    assert path == "mine/x.syx"
    assert "checksum" in sentence
    assert found["problems"][0][0].endswith("read me.txt") or found["problems"][0][0] == "mine"
    assert found["measured"] == 0
    assert found["category"][1] == 0  # BRIGHT tells none


def test_voices_are_measured_searched_by_sound_and_kept(client, session, server):
    client.post(f"{session}/library?name=a.syx", content=BANK)
    client.post(f"{session}/library?name=soft.syx", content=to_bytes(SOFT))
    job = wait(client, session, client.post(f"{session}/library/measure").json())
    assert job["state"] == "done", job
    assert job["progress"]["done"] == 4
    found, names = library(client, session)
    assert found["measured"] == 4
    at = {name: k for k, name in enumerate(names)}
    assert found["centre_hz"][at["BRIGHT"]] > found["centre_hz"][at["DARK"]]
    assert found["held_db"][at["SHORT"]] < -20 < found["held_db"][at["DARK"]]
    # 24 steps of three quarters of a decibel
    assert found["level_db"][at["DARK"]] - found["level_db"][at["SOFT"]] == pytest.approx(24 * 0.7526, abs=0.5)
    assert len(found["x"]) == len(found["y"]) == len(found["cluster"]) == 4
    assert min(found["x"] + found["y"]) >= 0
    assert max(found["x"] + found["y"]) <= 1
    like = client.post(f"{session}/library/like", json={"row": at["DARK"]}).json()["distances_db"]
    assert like[at["DARK"]] == 0
    assert like[at["SOFT"]] < 2 < like[at["BRIGHT"]]  # the level does not count
    other = client.post(f"{session}/library/like", json={"voice": list(BRIGHT.to_vced())}).json()["distances_db"]
    assert int(np.argmin(other)) == at["BRIGHT"]
    again = client.post(f"{session}/library/measure")
    assert again.status_code == 422
    held = server.services.sessions.find(session.rsplit("/", 1)[1])
    kept = library_of(held)
    held.memory.clear()  # as after a start of the server
    assert library(client, session) == (found, names)
    np.testing.assert_array_equal(library_of(held).sounds.coarse_log_mel, kept.sounds.coarse_log_mel)
    client.delete(f"{session}/library")
    assert client.get(f"{session}/library").json()["n"] == 0
    assert client.post(f"{session}/library/restore").status_code == 200
    assert library(client, session)[1] == names


def test_a_damaged_library_is_empty(client, session, server):
    client.post(f"{session}/library?name=a.syx", content=BANK)
    held = server.services.sessions.find(session.rsplit("/", 1)[1])
    path = held.folder / "library.npz"
    for data in (path.read_bytes()[:200], b"", b"PK\x03\x04 nothing"):
        path.write_bytes(data)
        held.memory.clear()
        assert client.get(f"{session}/library").json()["n"] == 0


@pytest.mark.slow
def test_the_nearest_voice_to_a_recording_is_that_which_made_it(client, session):
    client.post(f"{session}/library?name=a.syx", content=BANK)
    buffer = io.BytesIO()
    soundfile.write(buffer, render(BRIGHT, 60, gate=0.5, duration=0.8), 44_100, format="WAV", subtype="FLOAT")
    sound = client.post(f"{session}/sounds?name=x.wav", content=buffer.getvalue()).json()["id"]
    job = wait(client, session, client.post(f"{session}/library/nearest", json={"sound": sound}).json())
    assert job["state"] == "done", job
    assert job["result"]["rows"][0] == 1
    assert job["result"]["distances"] == sorted(job["result"]["distances"])
    assert len(job["result"]["distances_db"]) == len(job["result"]["rows"])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "secret.syx: found no voices"),
        (b"\0" * 5000, "secret.syx: found"),
        (to_bytes([init_voice()]), "32 voices that are all INIT VOICE"),
        (zipfile.ZipFile.__doc__.encode(), "secret.syx: found no voices"),
    ],
)
def test_a_file_without_voices_gets_a_sentence_with_its_own_name(client, session, data, words):
    answer = client.post(f"{session}/library", params={"name": "../../secret.syx"}, content=data)
    assert answer.status_code == 422
    assert words in answer.json()["error"]
    assert "upload" not in answer.json()["error"]
    assert "scratch" not in answer.json()["error"]
    assert client.get(f"{session}/library").json()["n"] == 0


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("like", {"row": 0}, 404),
        ("measure", {}, 404),
        ("nearest", {"sound": "x"}, 404),
        ("restore", {}, 404),
        ("../library/none", {}, 404),
    ],
)
def test_an_empty_library_can_not_be_searched(client, session, path, body, status):
    answer = client.post(f"{session}/library/{path}", json=body)
    assert answer.status_code == status
    assert answer.json()["error"]


@pytest.mark.parametrize("body", [{"row": -1}, {"row": 4}, {"row": True}, {"voice": [1]}, {}])
def test_a_wrong_likeness_gets_a_sentence(client, session, body):
    client.post(f"{session}/library?name=a.syx", content=BANK)
    answer = client.post(f"{session}/library/like", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]


def test_voices_are_brought_to_one_level(client):
    voices = [list(v.to_vced()) for v in (BRIGHT, DARK, SOFT)]
    evened = client.post("/api/voices/level", json={"voices": voices}).json()
    assert evened["after_db"] == pytest.approx([evened["target_db"]] * 3, abs=0.4)
    assert evened["before_db"][0] > evened["before_db"][1] + 3 > evened["before_db"][2] + 6
    bright, dark, soft = (Voice.from_vced(bytes(v["vced"])).operators for v in evened["voices"])
    assert bright[0].output_level < 99
    assert (dark[0].output_level, soft[0].output_level) == (99, 99)
    assert bright[1:] == BRIGHT.operators[1:]
    for wrong in ({"voices": []}, {"voices": [[1]]}, {"voices": voices * 100}):
        assert client.post("/api/voices/level", json=wrong).status_code == 422


def test_files_for_each_instrument(client):
    voices = [list(v.to_vced()) for v in (DARK, BRIGHT)]

    def files(form):
        answer = client.post("/api/voices/save", json={"voices": voices, "format": form, "name": "two"})
        assert answer.headers["content-disposition"] == 'attachment; filename="two.zip"'
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    assert [read_bytes(data)[0].name for data in files("volca").values()] == ["DARK", "BRIGHT"]
    tx816 = files("tx816")
    assert list(tx816) == ["1_DARK.syx", "2_BRIGHT.syx"]
    assert [data[2] for data in tx816.values()] == [0, 1]  # the channel of the module
    assert sorted(files("minidexed")) == ["performance/000001_two.ini", "sysex/voice/000001_two.syx"]
    as_json = json.loads(client.post("/api/voices/save", json={"voices": voices, "format": "json"}).content)
    assert [v["name"] for v in as_json["voices"]] == ["DARK", "BRIGHT"]
    nine = {"voices": voices * 5, "format": "tx816"}
    assert "at most 8" in client.post("/api/voices/save", json=nine).json()["error"]
