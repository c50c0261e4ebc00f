"""Routes of the view "instruments": recordings and MIDI files played by a learned instrument, and its export."""

import base64
import binascii
import json
from pathlib import Path
from typing import Any

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ddx7.voice.voice import panel_name
from ddx7.web.instrument_play import (
    ExportOutcome,
    ExportTask,
    Instruments,
    InstrumentSettings,
    InstrumentSound,
    instruments_to_json,
    run_export,
)
from ddx7.web.live_play import BLOCK, MOST_BLOCKS, LiveStreams
from ddx7.web.own_instruments import MAX_BYTES, add_instrument, own_instruments
from ddx7.web.problems import RequestProblem, choice, items, number, read_body, read_json, text, whole
from ddx7.web.routes.session import admit
from ddx7.web.services import services_of, session_of
from ddx7.web.sounds import Sound
from ddx7.web.voices import voice_to_json

_LONGEST_S = 120.0
_MAX_MIDI_BYTES = 512 * 1024
_OPERATORS = 6
_instruments = Instruments()
_live = LiveStreams()


async def list_instruments(request: Request) -> Response:
    """The instruments of the package and the player's own, and the notes that they learned."""
    folder = services_of(request).folder
    return JSONResponse({"instruments": await run_in_threadpool(instruments_to_json, folder)})


async def keep_instrument(request: Request) -> Response:
    """Keep an instrument that the player made: its weights in base64, and the card beside them."""
    data = await read_json(request, 2 * MAX_BYTES)
    weights = _decoded(data, "weights", MAX_BYTES, "a .safetensors file")
    card = data.get("card")
    if not isinstance(card, dict):
        raise RequestProblem(422, "card: found none, wanted the .json file that stands beside the weights")
    name = text(data, "name", "instrument")
    kept = await run_in_threadpool(add_instrument, services_of(request).folder, name, weights, card)
    return JSONResponse({"name": kept}, 201)


def _settings(data: dict[str, Any], folder: Path) -> InstrumentSettings:
    from ddx7.resynthesis import shipped

    own = own_instruments(folder)
    names = (*shipped(), *own)
    levels = items(data, "levels_db", _OPERATORS) or [0.0] * _OPERATORS
    if len(levels) != _OPERATORS:
        raise RequestProblem(422, f"levels_db: found {len(levels)}, wanted {_OPERATORS}")
    model = choice(data, "model", "violin", names)
    return InstrumentSettings(
        model=model,
        weights=own.get(model),
        transpose=number(data, "transpose", 0.0, -48, 48),
        mod_index=number(data, "mod_index", 1.0, 0.01, 10),
        levels_db=tuple(number({"levels_db": db}, "levels_db", 0.0, -90, 24) for db in levels),
        reverb=number(data, "reverb", 1.0, 0, 10),
        attack_s=number(data, "attack_s", 0.0, 0, 10),
        release_s=number(data, "release_s", 0.2, 0.004, 10),
        vibrato_cents=number(data, "vibrato_cents", 15.0, 0, 100),
        keep_level=data.get("keep_level") is True,
        extractor=choice(data, "extractor", "pyin", ("pyin", "yin")),
        seed=whole(data, "seed", 0, 0, 2**31 - 1),
    )


async def play_instrument(request: Request) -> Response:
    """Samples of a recording or a MIDI file, played by an instrument."""
    services, session = services_of(request), session_of(request)
    data = await read_json(request)
    settings = await run_in_threadpool(_settings, data, services.folder)
    if "midi" in data:
        midi = _decoded(data, "midi", _MAX_MIDI_BYTES, "a MIDI file")
        played = await run_in_threadpool(_instruments.play_midi, midi, services.scratch, settings)
    else:
        sound_id, sound = await _sound(request, data)
        played = await run_in_threadpool(_instruments.play_recording, sound, sound_id, settings)
    if data.get("keep") is True:
        name = text(data, "name", "") or f"{settings.model}.wav"
        kept = await run_in_threadpool(session.add_sound, played.sound, name, "recording")
        return JSONResponse({"sound": kept, "remarks": list(played.remarks)}, 201)
    return _samples(played)


def _decoded(data: dict[str, Any], key: str, most_bytes: int, what: str) -> bytes:
    coded = text(data, key, "", most_bytes * 4 // 3 + 4)
    try:
        return base64.b64decode(coded, validate=True)
    except (binascii.Error, ValueError):
        raise RequestProblem(422, f"{key}: found no base64, wanted the bytes of {what} in base64") from None


async def begin_live(request: Request) -> Response:
    """Begin to play the microphone through an instrument."""
    session, data = session_of(request), await read_json(request)
    settings = await run_in_threadpool(_settings, data, services_of(request).folder)
    instrument = await run_in_threadpool(_instruments.instrument, settings)
    begun = await run_in_threadpool(_live.begin, session.id, instrument, settings.playback(), _gain_db(data))
    return JSONResponse(begun, 201)


async def play_live(request: Request) -> Response:
    """The instrument's answer to the next samples of the microphone, float32, as many as come in."""
    session = session_of(request)
    body = await read_body(request, 4 * BLOCK * MOST_BLOCKS)
    if not body or len(body) % (4 * BLOCK):
        raise RequestProblem(422, f"block: found {len(body)} bytes, wanted {BLOCK} samples of float32, or a multiple")
    block = np.frombuffer(body, "<f4").astype(np.float32)
    sound = await run_in_threadpool(_live.play, session.id, request.path_params["live"], block)
    return Response(sound.astype("<f4").tobytes(), media_type="application/octet-stream")


async def turn_live(request: Request) -> Response:
    """Change the settings of a live instrument."""
    session, data = session_of(request), await read_json(request)
    settings = await run_in_threadpool(_settings, data, services_of(request).folder)
    _live.turn(session.id, request.path_params["live"], settings.playback(), _gain_db(data))
    return JSONResponse({})


async def end_live(request: Request) -> Response:
    """End a live instrument."""
    _live.end(session_of(request).id, request.path_params["live"])
    return JSONResponse({})


def _gain_db(data: dict[str, Any]) -> float:
    return number(data, "gain_db", 0.0, -20, 40)


async def _sound(request: Request, data: dict[str, Any]) -> tuple[str, Sound]:
    sound_id = text(data, "sound", "")
    sound = await run_in_threadpool(session_of(request).sound, sound_id)
    if sound.seconds > _LONGEST_S:
        raise RequestProblem(
            422, f"the recording has {sound.seconds:.0f} s; at most {_LONGEST_S:.0f} s are played here"
        )
    return sound_id, sound


def _samples(played: InstrumentSound) -> Response:
    headers = {"x-sample-rate": str(played.sound.sample_rate), "x-remarks": json.dumps(played.remarks)}
    body = played.sound.samples.astype("<f4").tobytes()
    return Response(body, media_type="application/octet-stream", headers=headers)


async def begin_export(request: Request) -> Response:
    """Begin to fit a voice to an instrument."""
    services, session = services_of(request), session_of(request)
    admit(request, session)
    data = await read_json(request)
    settings = await run_in_threadpool(_settings, data, services.folder)
    sound = (await _sound(request, data))[1] if "sound" in data else None
    task = ExportTask(
        settings.model,
        settings.weights,
        sound.samples if sound else None,
        sound.sample_rate if sound else 0,
        panel_name(text(data, "name", "")) or panel_name(settings.model),
        settings.seed,
    )

    def finish(outcome: ExportOutcome) -> dict[str, Any]:
        return {
            "voice": voice_to_json(outcome.voice),
            "distance_db": round(outcome.distance_db, 1),
            "recording_db": None if outcome.recording_db is None else round(outcome.recording_db, 1),
        }

    job = services.jobs.submit(
        session.log,
        "export",
        settings.model,
        run_export,
        task,
        finish=finish,
        keep=session.keep_finished,
        lane="make",
    )
    return JSONResponse(job.to_dict(), 202)


_SESSION = "/api/sessions/{session}"
ROUTES = (
    Route("/api/instruments", list_instruments, methods=["GET"]),
    Route("/api/instruments", keep_instrument, methods=["POST"]),
    Route(f"{_SESSION}/instruments/live", begin_live, methods=["POST"]),
    Route(f"{_SESSION}/instruments/live/{{live}}", play_live, methods=["POST"]),
    Route(f"{_SESSION}/instruments/live/{{live}}", turn_live, methods=["PUT"]),
    Route(f"{_SESSION}/instruments/live/{{live}}", end_live, methods=["DELETE"]),
    Route(f"{_SESSION}/instruments/play", play_instrument, methods=["POST"]),
    Route(f"{_SESSION}/instruments/export", begin_export, methods=["POST"]),
)
