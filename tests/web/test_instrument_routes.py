"""Requests of the view "instruments": recordings and MIDI files played by a learned instrument."""

import base64
import io
import json

import mido
import numpy as np
import pytest
import soundfile

from ddx7.resynthesis import InstrumentStream, load
from ddx7.resynthesis.instrument import SHIPPED

RATE = 16_000


def tone(hz=440.0, seconds=1.0):
    t = np.arange(round(seconds * RATE)) / RATE
    sound = sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 6)) * np.minimum(1, 20 * t) * 0.2
    buffer = io.BytesIO()
    soundfile.write(buffer, sound, RATE, format="WAV", subtype="FLOAT")
    return buffer.getvalue()


def midi(note=69):
    file, track = mido.MidiFile(), mido.MidiTrack()
    file.tracks.append(track)
    track += [mido.Message("note_on", note=note, velocity=90), mido.Message("note_off", note=note, time=480)]
    buffer = io.BytesIO()
    file.save(file=buffer)
    return base64.b64encode(buffer.getvalue()).decode()


def pitch_hz(samples, rate):
    """Frequency of the strongest partial below 1.5 kHz, of the middle of a sound."""
    part = samples[len(samples) // 3 : len(samples) // 3 + rate // 4]
    power = np.abs(np.fft.rfft(part * np.hanning(len(part)), 8 * rate))
    return power[: 12 * 1000].argmax() / 8


@pytest.fixture
def sound(client, session):
    return client.post(f"{session}/sounds?name=a.wav", content=tone()).json()["id"]


def test_a_recording_keeps_its_pitch_and_a_knob_moves_it(client, session, sound):
    names = ["cello", "clarinet", "flute", "oboe", "trumpet", "violin"]
    assert [i["name"] for i in client.get("/api/instruments").json()["instruments"]] == names
    heard = {}
    for transpose in (0, -12):
        body = {"sound": sound, "model": "violin", "transpose": transpose, "extractor": "yin"}
        answer = client.post(f"{session}/instruments/play", json=body)
        rate = int(answer.headers["x-sample-rate"])
        heard[transpose] = np.frombuffer(answer.content, "<f4")
        assert len(heard[transpose]) == pytest.approx(rate, abs=64)
        assert isinstance(json.loads(answer.headers["x-remarks"]), list)
    played = pitch_hz(heard[0], rate)
    assert min(abs(played / 440 - k) for k in (1, 2, 3)) < 0.02
    assert min(abs(pitch_hz(heard[-12], rate) / 220 - k) for k in range(1, 7)) < 0.02
    assert not np.allclose(heard[0], heard[-12], atol=1e-3)
    kept = client.post(f"{session}/instruments/play", json={"sound": sound, "extractor": "yin", "keep": True}).json()
    assert client.get(f"{session}/sounds/{kept['sound']['id']}/samples").status_code == 200


def test_a_midi_file_is_played(client, session):
    answer = client.post(f"{session}/instruments/play", json={"midi": midi(), "model": "violin"})
    samples = np.frombuffer(answer.content, "<f4")
    assert np.abs(samples).max() > 0.01
    assert min(abs(pitch_hz(samples[: RATE // 2], RATE) / 440 - k) for k in (1, 2, 3)) < 0.03


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"model": "kazoo"}, 422),
        ({"model": "../../weights"}, 422),
        ({"transpose": 99}, 422),
        ({"mod_index": 0}, 422),
        ({"levels_db": [0]}, 422),
        ({"levels_db": ["a"] * 6}, 422),
        ({"extractor": "ear"}, 422),
        ({"sound": "none"}, 404),
        ({"midi": "no base64"}, 422),
        ({"midi": base64.b64encode(b"MThd nothing").decode()}, 422),
        ({"midi": "A" * 800_000}, 422),
    ],
)
def test_a_wrong_wish_gets_a_sentence(client, session, sound, change, status):
    for path in ("play", "export"):
        if path == "export" and "midi" in change:
            continue
        answer = client.post(f"{session}/instruments/{path}", json={"sound": sound, **change})
        assert answer.status_code == status
        assert answer.json()["error"]
        assert "scratch" not in answer.json()["error"]
    assert client.get(session).json()["jobs"] == []


def spoken(samples):
    return np.asarray(samples, "<f4").tobytes()


def test_sound_that_waited_for_the_machine_is_played_in_compiled_sizes(client, session, monkeypatch):
    begun = client.post(f"{session}/instruments/live", json={"model": "violin"}).json()
    block, sizes, play_audio = begun["block"], [], InstrumentStream.play_audio
    monkeypatch.setattr(
        InstrumentStream, "play_audio", lambda stream, part: sizes.append(len(part)) or play_audio(stream, part)
    )
    waited = np.zeros(13 * block, np.float32)
    answer = client.post(f"{session}/instruments/live/{begun['id']}", content=spoken(waited))
    assert len(answer.content) == waited.nbytes
    assert sizes == [4 * block] * 3 + [block]


def test_the_microphone_is_played_live_as_a_stream_plays_it(client, session):
    begun = client.post(f"{session}/instruments/live", json={"model": "violin", "gain_db": 6}).json()
    assert begun["sample_rate"] == RATE
    block = begun["block"]
    t = np.arange(24 * block) / RATE
    sound = (0.2 * np.sin(2 * np.pi * 440 * t) + 0.1 * np.sin(2 * np.pi * 880 * t)).astype(np.float32)
    stream = load("violin").stream()
    stream.input_gain_db = 6.0
    expected = stream.play_audio(sound)
    answers = [
        client.post(f"{session}/instruments/live/{begun['id']}", content=spoken(part)).content
        for part in np.split(sound, [block, 3 * block, 7 * block, 8 * block, 16 * block])
    ]
    heard = np.frombuffer(b"".join(answers), "<f4")
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(heard, expected, atol=1e-5)
    assert client.put(f"{session}/instruments/live/{begun['id']}", json={"transpose": 12}).status_code == 200
    assert client.delete(f"{session}/instruments/live/{begun['id']}").status_code == 200
    gone = client.post(f"{session}/instruments/live/{begun['id']}", content=spoken(sound[:block]))
    assert (gone.status_code, "ended" in gone.json()["error"]) == (404, True)


def test_a_wrong_block_gets_a_sentence_and_the_stream_goes_on(client, session):
    begun = client.post(f"{session}/instruments/live", json={"model": "violin"}).json()
    address, block = f"{session}/instruments/live/{begun['id']}", begun["block"]
    wrong = (b"", b"123", spoken(np.zeros(block + 1)), spoken(np.zeros(block * 100)), spoken(np.full(block, np.nan)))
    for body in wrong:
        answer = client.post(address, content=body)
        assert answer.status_code in (413, 422)
        assert answer.json()["error"]
    assert client.post(address, content=spoken(np.zeros(block))).status_code == 200
    assert client.post(f"{session}/instruments/live", json={"model": "kazoo"}).status_code == 422
    assert client.put(address, json={"gain_db": 99}).status_code == 422
    newer = client.post(f"{session}/instruments/live", json={"model": "violin"}).json()
    assert client.post(address, content=spoken(np.zeros(block))).status_code == 404
    client.delete(f"{session}/instruments/live/{newer['id']}")


def test_an_instrument_of_the_player_is_kept_and_played(client, session, sound, server):
    weights = base64.b64encode((SHIPPED / "flute.safetensors").read_bytes()).decode()
    card = json.loads((SHIPPED / "flute.json").read_text())
    kept = client.post("/api/instruments", json={"name": "my flute", "weights": weights, "card": card})
    assert (kept.status_code, kept.json()) == (201, {"name": "my flute"})
    try:
        listed = {i["name"]: i["own"] for i in client.get("/api/instruments").json()["instruments"]}
        assert (listed["my flute"], listed["flute"]) == (True, False)
        played = {"sound": sound, "extractor": "yin"}
        own, shipped = (
            client.post(f"{session}/instruments/play", json={**played, "model": model}).content
            for model in ("my flute", "flute")
        )
        assert own == shipped
    finally:
        for path in (server.services.folder / "instruments").iterdir():
            path.unlink()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "violin"}, "of the package has this name"),
        ({"weights": "no base64"}, "found no base64"),
        ({"weights": base64.b64encode(b"other weights").decode()}, "SHA-256 differs"),
        ({"card": None}, "card: found none"),
        ({"card": {"sha256": "1"}}, "SHA-256 differs"),
        ({"card": {}}, "cannot be played"),
    ],
)
def test_what_is_no_instrument_is_refused_and_leaves_nothing(client, server, change, words):
    weights = base64.b64encode((SHIPPED / "flute.safetensors").read_bytes()).decode()
    body = {"name": "../mine", "weights": weights, "card": json.loads((SHIPPED / "flute.json").read_text()), **change}
    answer = client.post("/api/instruments", json=body)
    assert answer.status_code == 422
    assert words in answer.json()["error"]
    assert str(server.services.folder) not in answer.json()["error"]
    assert not list(server.services.folder.glob("**/*mine*"))
