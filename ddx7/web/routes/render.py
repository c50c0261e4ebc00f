"""Routes for voices that every view needs: the parameter table, rendering, reading and writing files."""

import io
import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ddx7.errors import Ddx7Error
from ddx7.voice import Voice, load, save, to_bytes
from ddx7.voice.writer import to_volca_bytes
from ddx7.web.problems import RequestProblem, choice, items, number, read_body, read_json, text, whole
from ddx7.web.services import services_of
from ddx7.web.voices import parameter_table, voice_of, voice_to_json

MAX_NOTES = 128
MAX_RENDER_SECONDS = 1200.0
"""Seconds of sound in one answer, all notes together."""
MAX_VOICE_BYTES = 16 * 2**20
_FORMATS = ("syx", "volca", "json", "minidexed", "minidexed-unison", "tx816")
_PROFILES = ("dexed", "hardware", "hardware+dac")


async def get_parameters(_request: Request) -> Response:
    """The parameter table: a row for each of the 155 numbers of a voice, and the 32 algorithms."""
    return JSONResponse(parameter_table())


async def render_notes(request: Request) -> Response:
    """Render notes of a voice, or of several voices."""
    data = await read_json(request)
    if "voices" in data:
        voices = [voice_of(v, f"voice {k + 1}") for k, v in enumerate(items(data, "voices", MAX_NOTES))]
    else:
        voices = [voice_of(data.get("voice"))]
    if not voices:
        raise RequestProblem(422, "voices: found an empty list, wanted at least one voice")
    notes = _numbers(data, "notes", 60, 0, 127)
    velocities = _numbers(data, "velocities", 100, 1, 127)
    gates = _numbers(data, "gates", 1.0, 0, 60)
    duration = number(data, "duration", 2.0, 0.001, 120)
    rate = whole(data, "sample_rate", 44_100, 8000, 96_000)
    profile = choice(data, "profile", "dexed", _PROFILES)
    form = choice(data, "format", "f32", ("f32", "i16", "wav"))
    count = max(len(voices), len(notes), len(velocities), len(gates))
    if count * duration > MAX_RENDER_SECONDS:
        raise RequestProblem(422, f"found {count * duration:.0f} s of sound, wanted at most {MAX_RENDER_SECONDS:.0f}")
    sizes = {len(values) for values in (voices, notes, velocities, gates)} - {1}
    if len(sizes) > 1:
        raise RequestProblem(422, f"found lists of {', '.join(map(str, sorted(sizes)))}, wanted equal lengths or one")
    if form == "wav" and count > 1:
        raise RequestProblem(422, f"format wav: found {count} notes, wanted one")

    def work() -> np.ndarray:
        from ddx7.engine import render  # here, as it starts JAX

        each = voices * count if len(voices) == 1 else voices
        note, velocity, gate = (np.resize(values, count) for values in (notes, velocities, gates))
        return render(each, note, velocity, gate, duration, rate, profile=profile)

    audio = await run_in_threadpool(work)
    headers = {"x-sample-rate": str(rate), "x-notes": str(audio.shape[0]), "x-samples": str(audio.shape[1])}
    if form == "wav":
        return Response(await run_in_threadpool(_wav, audio[0], rate), media_type="audio/wav", headers=headers)
    if form == "i16":
        body = np.clip(np.round(audio * 32767), -32768, 32767).astype("<i2").tobytes()
    else:
        body = audio.astype("<f4").tobytes()
    return Response(body, media_type="application/octet-stream", headers=headers)


def _numbers(data: dict[str, Any], key: str, default: float, low: int, high: int) -> list[float]:
    """One number or a list of them; whole where the default is."""
    value = data.get(key, default)
    values = items(data, key, MAX_NOTES) if isinstance(value, list) else [value]
    if not values:
        raise RequestProblem(422, f"{key}: found an empty list, wanted at least one number")
    check = whole if isinstance(default, int) else number
    return [check({key: v}, key, default, low, high) for v in values]  # type: ignore[arg-type]


def _wav(samples: np.ndarray, rate: int) -> bytes:
    import soundfile

    buffer = io.BytesIO()
    soundfile.write(buffer, np.clip(samples, -1, 1), rate, format="WAV", subtype="PCM_24")
    return buffer.getvalue()


async def load_voices(request: Request) -> Response:
    """Read the voices of an uploaded file: SysEx, bare bytes, JSON, a MiniDexed performance or a zip."""
    name = request.query_params.get("name", "")[:200]
    data = await read_body(request, MAX_VOICE_BYTES)
    bank = await run_in_threadpool(_load, data, name, services_of(request).scratch)
    return JSONResponse({"voices": [voice_to_json(voice) for voice in bank], "repairs": list(bank.repairs)})


def _load(data: bytes, name: str, scratch: Path) -> Any:
    # `load` tells a performance and JSON by their content, so the suffix is only a hint; the name is never a path.
    shown = name or "the file"
    with tempfile.NamedTemporaryFile(dir=scratch, suffix=".zip" if name.lower().endswith(".zip") else ".syx") as file:
        file.write(data)
        file.flush()
        try:
            return load(file.name)
        except Ddx7Error as error:
            raise Ddx7Error(str(error).replace(file.name, shown)) from None


async def save_voices(request: Request) -> Response:
    """Write voices as a file for an instrument; where it wants several files, as a zip of them."""
    data = await read_json(request)
    voices = [voice_of(v, f"voice {k + 1}") for k, v in enumerate(items(data, "voices", 32))]
    if not voices:
        raise RequestProblem(422, "voices: found none, wanted at least one")
    form = choice(data, "format", "syx", _FORMATS)
    channel = whole(data, "channel", 1, 1, 16)
    bank = len(voices) > 1 or data.get("bank") is True
    name = _file_name(text(data, "name", "") or voices[0].name)
    body, suffix, media_type = await run_in_threadpool(
        _written, voices, form, channel, bank, name, services_of(request).scratch
    )
    headers = {"content-disposition": f'attachment; filename="{name}.{suffix}"'}
    return Response(body, media_type=media_type, headers=headers)


def _written(
    voices: list[Voice], form: str, channel: int, bank: bool, name: str, scratch: Path
) -> tuple[bytes, str, str]:
    contents = voices if bank else voices[0]
    if form == "json":
        found = {"voices": [voice.to_dict() for voice in voices]} if bank else voices[0].to_dict()
        return json.dumps(found, indent=2).encode(), "json", "application/json"
    if form == "syx":
        return to_bytes(contents, channel=channel), "syx", "application/octet-stream"
    if form == "volca" and not bank:
        return to_volca_bytes(voices[0]), "syx", "application/octet-stream"
    with tempfile.TemporaryDirectory(dir=scratch) as place:
        folder = Path(place)
        paths = save(voices, folder, target=form, name=name)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
            for path in paths:
                file.write(path, path.relative_to(folder).as_posix())
    return buffer.getvalue(), "zip", "application/zip"


def _file_name(name: str) -> str:
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_ ") else "_" for c in name)
    return kept.strip(" _")[:60].replace(" ", "_") or "voice"


ROUTES = (
    Route("/api/parameters", get_parameters, methods=["GET"]),
    Route("/api/render", render_notes, methods=["POST"]),
    Route("/api/voices/load", load_voices, methods=["POST"]),
    Route("/api/voices/save", save_voices, methods=["POST"]),
)
