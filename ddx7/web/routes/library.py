"""Routes of the view "library": files in, what was measured, searches by sound, and equal levels."""

import hashlib
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ddx7.errors import Ddx7Error
from ddx7.library import Collection, Problem, VoiceSource, scan
from ddx7.voice import Voice
from ddx7.voice.archive import ARCHIVE_SUFFIXES
from ddx7.web.library_job import MeasureTask, NearestTask, TimbreMap, measure_sounds, run_measure, run_nearest
from ddx7.web.notes import corrected_notes
from ddx7.web.problems import RequestProblem, items, read_body, read_json, text, whole
from ddx7.web.routes.session import admit
from ddx7.web.services import services_of, session_of
from ddx7.web.session_library import (
    LibrarySounds,
    add_to_library,
    empty_library,
    keep_library,
    library_of,
    library_to_json,
    restore_library,
    wanted_library,
)
from ddx7.web.sessions import Session
from ddx7.web.voices import voice_of, voice_to_json

MAX_FILE_BYTES = 16 * 2**20
"""Largest file of voices; folders come as tar files, several where they are larger."""
_SHOWN_NEAREST = 64
_LONGEST_S = 60.0


async def add_file(request: Request) -> Response:
    """Add the voices of a file, or of a folder as a tar, to the library."""
    session = session_of(request)
    name = request.query_params.get("name", "")[:200]
    data = await read_body(request, MAX_FILE_BYTES)
    digest = hashlib.sha256(data).hexdigest()
    library = library_of(session)
    if library and digest in library.uploads:
        return JSONResponse({"added": 0, "n": len(library.collection), "again": True})
    folder = request.query_params.get("folder") == "true"
    found = await run_in_threadpool(_scan, data, name, folder, services_of(request).scratch)
    before = len(library.collection) if library else 0
    grown = await run_in_threadpool(add_to_library, session, found, digest)
    added = len(grown.collection) - before
    return JSONResponse({"added": added, "n": len(grown.collection), "found": found.n_found, "again": False}, 201)


def _scan(data: bytes, name: str, folder: bool, scratch: Path) -> Collection:
    shown = name or "the file"
    suffix = Path(name).suffix.lower()
    with tempfile.TemporaryDirectory(dir=scratch) as place:
        path = Path(place) / f"upload{'.tar' if folder else suffix if suffix in ARCHIVE_SUFFIXES else '.syx'}"
        path.write_bytes(data)
        try:
            found = scan(path)
        except Ddx7Error as error:
            sentence = str(error).replace(str(path), shown).replace(path.name, shown)
            raise Ddx7Error(sentence) from None

    def named(label: str) -> str:
        inside = label.removeprefix(path.name)
        return (inside.removeprefix("/") or shown) if folder else shown + inside

    def problems(of: Iterable[Problem]) -> tuple[Problem, ...]:
        return tuple(Problem(named(p.path), p.sentence.replace(path.name, shown)) for p in of)

    places = tuple(tuple(VoiceSource(named(s.path), s.index) for s in own) for own in found.places)
    return replace(
        found,
        sources=tuple(own[0] for own in places),
        places=places,
        problems=problems(found.problems),
        skipped=problems(found.skipped),
        repairs=problems(found.repairs),
    )


async def get_library(request: Request) -> Response:
    """The library: a column for each fact."""
    return JSONResponse(await run_in_threadpool(lambda: library_to_json(library_of(session_of(request)))))


async def get_library_voices(request: Request) -> Response:
    """The voices of the library, 155 bytes each."""
    library = library_of(session_of(request))
    body = library.collection.vced.tobytes() if library else b""
    return Response(body, media_type="application/octet-stream")


async def remove_library(request: Request) -> Response:
    """Empty the library."""
    await run_in_threadpool(empty_library, session_of(request))
    return JSONResponse({})


async def bring_back_library(request: Request) -> Response:
    """Bring back the library that was emptied last."""
    await run_in_threadpool(restore_library, session_of(request))
    return JSONResponse({})


async def begin_measure(request: Request) -> Response:
    """Begin to render and measure the voices that are not measured yet."""
    services, session = services_of(request), session_of(request)
    admit(request, session)
    library = wanted_library(session)
    first = library.n_measured
    if first == len(library.collection):
        raise RequestProblem(422, "all voices of the library are measured already")

    def watch(progress: dict[str, Any]) -> dict[str, Any]:
        sounds = progress.pop("sounds", None)
        if sounds is not None:
            _add_sounds(session, library.token, progress.pop("first"), sounds)
        return progress

    def finish(drawn: TimbreMap) -> dict[str, Any]:
        with session.lock:
            now = library_of(session)
            if now and now.token == library.token:
                keep_library(session, replace(now, places=drawn.places, clusters=drawn.clusters))
        return {"measured": len(drawn.places)}

    task = MeasureTask(np.array(library.collection.vced[first:]), library.sounds)
    job = services.jobs.submit(
        session.log, "measure", "Measuring voices", run_measure, task, finish=finish, watch=watch, lane="library"
    )
    return JSONResponse(job.to_dict(), 202)


def _add_sounds(session: Session, token: str, first: int, sounds: LibrarySounds) -> None:
    """Keep measures that come from the worker, unless the library was emptied meanwhile."""
    with session.lock:
        now = library_of(session)
        if now and now.token == token and now.n_measured == first:
            parts = [now.sounds, sounds] if now.sounds else [sounds]
            keep_library(session, replace(now, sounds=LibrarySounds.concatenate(parts)), write=False)


async def find_like(request: Request) -> Response:
    """Distance of every measured voice from one of them, or from any other voice."""
    data = await read_json(request)
    library = wanted_library(session_of(request))
    sounds = library.sounds
    if sounds is None:
        raise RequestProblem(422, "no voice of the library is measured yet")
    if "row" in data:
        own = sounds.coarse_log_mel[whole(data, "row", 0, 0, len(sounds) - 1)]
    else:
        vced = np.frombuffer(voice_of(data.get("voice")).to_vced(), np.uint8)[None]
        own = (await run_in_threadpool(measure_sounds, vced)).coarse_log_mel[0]

    def work() -> list[float]:
        from ddx7.library.sound_map import timbre_distances

        return [round(float(x), 1) for x in timbre_distances(own, sounds.coarse_log_mel)]

    return JSONResponse({"distances_db": await run_in_threadpool(work)})


async def begin_nearest(request: Request) -> Response:
    """Begin a search for the voices that sound most like a recording."""
    services, session = services_of(request), session_of(request)
    admit(request, session)
    library = wanted_library(session)
    data = await read_json(request)
    sound_id = text(data, "sound", "")
    sound = await run_in_threadpool(session.sound, sound_id)
    if sound.seconds > _LONGEST_S:
        raise RequestProblem(422, f"the recording has {sound.seconds:.0f} s; at most {_LONGEST_S:.0f} s are compared")
    notes = await run_in_threadpool(corrected_notes, data, sound, 0.0)
    count = whole(data, "count", _SHOWN_NEAREST, 1, _SHOWN_NEAREST)
    task = NearestTask(np.array(library.collection.vced), sound.samples, sound.sample_rate, notes, count)
    job = services.jobs.submit(
        session.log,
        "nearest",
        session.sounds[sound_id]["name"],
        run_nearest,
        task,
        finish=lambda found: {
            "token": library.token,
            "rows": found.rows.tolist(),
            "distances": [round(float(x), 2) for x in found.distances],
            "distances_db": [round(float(x), 2) for x in found.distances_db],
        },
        keep=session.keep_finished,
        lane="search",
    )
    return JSONResponse(job.to_dict(), 202)


async def even_out(request: Request) -> Response:
    """Voices brought to one level, and what was done to each."""
    data = await read_json(request)
    voices = [voice_of(v, f"voice {k + 1}") for k, v in enumerate(items(data, "voices", 256))]
    if not voices:
        raise RequestProblem(422, "voices: found none, wanted at least one")

    def work() -> dict[str, Any]:
        from ddx7.library.levels import even_levels

        evened = even_levels(np.array([list(voice.to_vced()) for voice in voices], np.uint8))
        return {
            "voices": [voice_to_json(Voice.from_vced(row)) for row in evened.vced],
            "before_db": [round(float(x), 1) for x in evened.before_db],
            "after_db": [round(float(x), 1) for x in evened.after_db],
            "target_db": round(evened.target_db, 1),
        }

    return JSONResponse(await run_in_threadpool(work))


_LIBRARY = "/api/sessions/{session}/library"
ROUTES = (
    Route(_LIBRARY, add_file, methods=["POST"]),
    Route(_LIBRARY, get_library, methods=["GET"]),
    Route(_LIBRARY, remove_library, methods=["DELETE"]),
    Route(f"{_LIBRARY}/restore", bring_back_library, methods=["POST"]),
    Route(f"{_LIBRARY}/voices", get_library_voices, methods=["GET"]),
    Route(f"{_LIBRARY}/measure", begin_measure, methods=["POST"]),
    Route(f"{_LIBRARY}/like", find_like, methods=["POST"]),
    Route(f"{_LIBRARY}/nearest", begin_nearest, methods=["POST"]),
    Route("/api/voices/level", even_out, methods=["POST"]),
)
