"""Routes that every view needs: health, sessions and their state, sounds, jobs, and the stream of events."""

import asyncio
import json
from collections.abc import AsyncIterator
from importlib.resources import files

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from ddx7 import __version__
from ddx7.web import warming
from ddx7.web.jobs import MAX_QUEUED, Job
from ddx7.web.problems import MAX_JSON_BYTES, RequestProblem, read_body, read_json, text
from ddx7.web.services import services_of, session_of
from ddx7.web.sessions import Session
from ddx7.web.sounds import MAX_SECONDS, MAX_UPLOAD_BYTES, decode_upload
from ddx7.web.spectrogram import spectrogram

_BEAT_S = 15.0
_VIEWS = ("app", "match", "voice", "library", "make", "instruments", "send")
DEMO = "trumpet"


async def health(request: Request) -> Response:
    """Whether the server is there, its version, and whether sounds come without compiling."""
    services = services_of(request)
    return JSONResponse(
        {
            "version": __version__,
            "warm": warming.ready.is_set(),
            "folder": str(services.folder),
            "max_upload_bytes": MAX_UPLOAD_BYTES,
            "max_seconds": MAX_SECONDS,
        }
    )


async def list_sessions(request: Request) -> Response:
    """Sessions that hold something, newest first."""
    return JSONResponse({"sessions": [session.summary() for session in services_of(request).sessions.kept()]})


async def new_session(request: Request) -> Response:
    """Begin a session."""
    return JSONResponse(services_of(request).sessions.new().to_dict(), 201)


async def get_session(request: Request) -> Response:
    """A session with its views, sounds and jobs."""
    session = session_of(request)
    jobs = {job["id"]: job for job in session.finished}
    jobs |= {job.id: job.to_dict() for job in services_of(request).jobs.of(session.log)}
    return JSONResponse({**session.to_dict(), "jobs": list(jobs.values())})


async def forget_session(request: Request) -> Response:
    """Delete a session and its sounds."""
    services, session = services_of(request), session_of(request)
    for job in services.jobs.of(session.log):
        services.jobs.cancel(job)
    await run_in_threadpool(services.sessions.forget, session)
    return JSONResponse({})


async def keep_view(request: Request) -> Response:
    """Keep the state of a view."""
    session, view = session_of(request), request.path_params["view"]
    if view not in _VIEWS:
        raise RequestProblem(404, f"view: found {view[:40]!r}, wanted one of {', '.join(_VIEWS)}")
    data = await read_json(request, MAX_JSON_BYTES)
    if "title" in data:
        session.title = text(data, "title", "")
    await run_in_threadpool(session.keep_view, view, data.get("state"))
    return JSONResponse({"changed": session.changed})


async def add_sound(request: Request) -> Response:
    """Keep an uploaded recording."""
    services, session = services_of(request), session_of(request)
    name = request.query_params.get("name", "")[:200]
    data = await read_body(request, MAX_UPLOAD_BYTES)
    if not data:
        raise RequestProblem(422, f"{name or 'the recording'}: the file is empty, a recording is wanted")
    sound = await run_in_threadpool(decode_upload, data, name, services.scratch)
    described = await run_in_threadpool(session.add_sound, sound, name or "recording", "recording")
    return JSONResponse(described, 201)


async def add_demo(request: Request) -> Response:
    """Keep the recording that comes with ddx7."""
    services, session = services_of(request), session_of(request)
    data = (files("ddx7") / "cli" / "demo" / f"{DEMO}.flac").read_bytes()
    sound = await run_in_threadpool(decode_upload, data, f"{DEMO}.flac", services.scratch)
    described = await run_in_threadpool(session.add_sound, sound, f"{DEMO}.flac", "recording", demo=True)
    return JSONResponse(described, 201)


async def get_samples(request: Request) -> Response:
    """Samples of a sound, float32, little-endian."""
    sound = await run_in_threadpool(session_of(request).sound, request.path_params["sound"])
    data = sound.samples.astype("<f4").tobytes()
    headers = {"x-sample-rate": str(sound.sample_rate), "cache-control": "private, max-age=3600"}
    return Response(data, media_type="application/octet-stream", headers=headers)


async def get_spectrogram(request: Request) -> Response:
    """Log-mel spectrogram of a sound, a byte for each half decibel."""
    sound = await run_in_threadpool(session_of(request).sound, request.path_params["sound"])
    picture = await run_in_threadpool(spectrogram, sound)
    headers = {
        "x-frames": str(picture.levels.shape[0]),
        "x-bands": str(picture.levels.shape[1]),
        "x-hop-seconds": repr(picture.hop_s),
        "x-centres-hz": ",".join(f"{hz:.1f}" for hz in picture.centres_hz),
    }
    return Response(
        np.ascontiguousarray(picture.levels).tobytes(), media_type="application/octet-stream", headers=headers
    )


def admit(request: Request, session: Session) -> None:
    """Refuse another job of a session that has too many.

    Raises:
      RequestProblem: 429.
    """
    waiting = [job for job in services_of(request).jobs.of(session.log) if job.state in ("queued", "running")]
    if len(waiting) >= MAX_QUEUED:
        raise RequestProblem(429, f"{len(waiting)} jobs wait already; stop one of them first")


def _job(request: Request) -> Job:
    job = services_of(request).jobs.find(session_of(request).log, request.path_params["job"])
    if job is None:
        raise RequestProblem(404, "this job is not there any more")
    return job


async def get_job(request: Request) -> Response:
    """A job."""
    return JSONResponse(_job(request).to_dict())


async def stop_job(request: Request) -> Response:
    """End a job with what it has so far."""
    job = _job(request)
    await run_in_threadpool(services_of(request).jobs.stop, job)
    return JSONResponse(job.to_dict())


async def cancel_job(request: Request) -> Response:
    """End a job and drop its result."""
    job = _job(request)
    await run_in_threadpool(services_of(request).jobs.cancel, job)
    return JSONResponse(job.to_dict())


async def get_events(request: Request) -> Response:
    """Events of a session as they happen (server-sent events); goes on after `Last-Event-ID`."""
    session = session_of(request)
    shown = request.headers.get("last-event-id") or request.query_params.get("after", "0")
    after = int(shown) if shown.isdecimal() and len(shown) < 16 else 0

    async def stream() -> AsyncIterator[str]:
        yield "retry: 1000\n\n"
        async for event in session.log.follow(after, _BEAT_S):
            if event is None:
                yield ": still here\n\n"
                continue
            yield f"id: {event.number}\ndata: {json.dumps(event.data)}\n\n"
            await asyncio.sleep(0)

    return StreamingResponse(stream(), media_type="text/event-stream")


_SESSION = "/api/sessions/{session}"
ROUTES = (
    Route("/api/health", health, methods=["GET"]),
    Route("/api/sessions", list_sessions, methods=["GET"]),
    Route("/api/sessions", new_session, methods=["POST"]),
    Route(_SESSION, get_session, methods=["GET"]),
    Route(_SESSION, forget_session, methods=["DELETE"]),
    Route(f"{_SESSION}/views/{{view}}", keep_view, methods=["PUT"]),
    Route(f"{_SESSION}/sounds", add_sound, methods=["POST"]),
    Route(f"{_SESSION}/sounds/demo", add_demo, methods=["POST"]),
    Route(f"{_SESSION}/sounds/{{sound}}/samples", get_samples, methods=["GET"]),
    Route(f"{_SESSION}/sounds/{{sound}}/spectrogram", get_spectrogram, methods=["GET"]),
    Route(f"{_SESSION}/jobs/{{job}}", get_job, methods=["GET"]),
    Route(f"{_SESSION}/jobs/{{job}}/stop", stop_job, methods=["POST"]),
    Route(f"{_SESSION}/jobs/{{job}}", cancel_job, methods=["DELETE"]),
    Route(f"{_SESSION}/events", get_events, methods=["GET"]),
)
