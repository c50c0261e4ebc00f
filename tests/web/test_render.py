"""Voices over HTTP: the table, renders, files in and out; every wrong request gets a sentence."""

import io

import numpy as np
import pytest
import soundfile

from ddx7 import Operator, Voice
from ddx7.engine import render
from ddx7.voice import to_bytes
from ddx7.voice.spec import FIELDS

BELL = Voice(
    operators=(
        Operator(output_level=99, rates=(95, 40, 30, 60)),
        Operator(output_level=75, coarse=3),
        *(Operator(),) * 4,
    ),
    algorithm=5,
    name="BELL",
)
VCED = list(BELL.to_vced())
NOTE = {"voice": VCED, "duration": 0.1, "sample_rate": 22_050}


def test_the_table_has_a_row_for_every_byte(client):
    table = client.get("/api/parameters").json()
    assert [row["offset"] for row in table["fields"]] == list(range(155))
    assert [row["maximum"] for row in table["fields"]] == [field.parameter.maximum for field in FIELDS]
    assert bytes(table["init"]) == Voice().to_vced()
    assert [a["number"] for a in table["algorithms"]] == list(range(1, 33))
    assert table["algorithms"][4]["carriers"] == [1, 3, 5]
    assert set(table["algorithms"][4]["places"]) == set("123456")


def test_a_render_is_the_engines(client):
    answer = client.post("/api/render", json={**NOTE, "notes": [48, 60], "velocities": [90, 30], "gates": 0.05})
    got = np.frombuffer(answer.content, "<f4").reshape(int(answer.headers["x-notes"]), -1)
    want = render([BELL, BELL], [48, 60], [90, 30], 0.05, 0.1, 22_050)
    np.testing.assert_array_equal(got, want)


def test_a_wav_and_16_bits_hold_the_same_sound(client):
    want = render(BELL, 60, gate=1.0, duration=0.1, sample_rate=22_050)
    wav, rate = soundfile.read(io.BytesIO(client.post("/api/render", json={**NOTE, "format": "wav"}).content))
    assert rate == 22_050
    np.testing.assert_allclose(wav, want, atol=2**-22)
    short = np.frombuffer(client.post("/api/render", json={**NOTE, "format": "i16"}).content, "<i2")
    np.testing.assert_allclose(short / 32767, want, atol=2**-15)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"voice": VCED[:-1]}, "voice: found 154 of them"),
        ({"voice": "BELL"}, "voice: found str"),
        ({"voice": [200, *VCED[1:]]}, "wanted whole numbers from 0 to 127"),
        ({"voice": [1.5, *VCED[1:]]}, "wanted whole numbers"),
        ({"voice": [True, *VCED[1:]]}, "wanted whole numbers"),
        ({"voice": [*VCED[:134], 99, *VCED[135:]]}, "algorithm"),
        ({"voices": []}, "at least one voice"),
        ({"notes": [128]}, "notes: found 128"),
        ({"notes": []}, "notes: found an empty list"),
        ({"notes": 60.5}, "notes"),
        ({"notes": [[60]]}, "notes"),
        ({"notes": [60] * 200}, "at most 128"),
        ({"notes": [60, 61], "velocities": [1, 2, 3]}, "equal lengths"),
        ({"velocities": 0}, "velocities"),
        ({"gates": -1}, "gates"),
        ({"duration": 0}, "duration"),
        ({"duration": 1e300}, "duration"),
        ({"duration": "1"}, "duration"),
        ({"duration": 100, "notes": [60] * 60}, "6000 s of sound"),
        ({"sample_rate": 1}, "sample_rate"),
        ({"sample_rate": None}, "sample_rate"),
        ({"profile": "juno"}, "wanted one of dexed"),
        ({"format": "wav", "notes": [60, 61]}, "wanted one"),
        ({"format": ["f32"]}, "format"),
    ],
)
def test_a_wrong_render_gets_a_sentence(client, change, words):
    answer = client.post("/api/render", json={**NOTE, **change})
    assert answer.status_code == 422
    assert words in answer.json()["error"]
    assert len(answer.json()["error"]) < 300


def test_voices_go_out_as_a_file_and_come_back(client):
    other = VCED[:145] + list(b"OTHER     ")
    single = client.post("/api/voices/save", json={"voices": [VCED], "name": "my/../bell"})
    assert single.content == to_bytes(BELL)
    assert single.headers["content-disposition"] == 'attachment; filename="my____bell.syx"'
    bank = client.post("/api/voices/save", json={"voices": [VCED, other]}).content
    assert len(bank) == 4104
    loaded = client.post("/api/voices/load?name=x.syx", content=bank).json()["voices"]
    assert [voice["name"] for voice in loaded][:3] == ["BELL", "OTHER", "INIT VOICE"]
    assert loaded[0]["vced"] == VCED
    as_json = client.post("/api/voices/save", json={"voices": [VCED], "format": "json"}).content
    assert client.post("/api/voices/load?name=x.json", content=as_json).json()["voices"][0]["vced"] == VCED


@pytest.mark.parametrize("data", [b"", b"\xf0\x43", b"\x00" * 4096, b"PK\x03\x04" + bytes(100), b"[" * 10_000])
def test_what_holds_no_voice_gets_a_sentence_with_its_own_name(client, data):
    answer = client.post("/api/voices/load", params={"name": "../pads.syx"}, content=data)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("../pads.syx: ")
    assert "/scratch" not in answer.json()["error"]


@pytest.mark.parametrize(
    "body",
    [{}, {"voices": []}, {"voices": [VCED] * 33}, {"voices": [VCED], "channel": 17}, {"voices": [VCED], "format": "x"}],
)
def test_a_wrong_save_gets_a_sentence(client, body):
    answer = client.post("/api/voices/save", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]
