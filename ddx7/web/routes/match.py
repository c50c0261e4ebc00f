"""Routes of the view "match": notes of a recording, and the search."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ddx7.files import safe_name
from ddx7.voice.sections import PART_NAMES
from ddx7.web.match_job import Curve, MatchOutcome, MatchTask, outcome_to_json, run_match
from ddx7.web.notes import corrected_notes, notes_to_json
from ddx7.web.problems import RequestProblem, choice, items, number, read_json, text, whole
from ddx7.web.routes.session import admit
from ddx7.web.services import Services, services_of, session_of
from ddx7.web.sessions import Session
from ddx7.web.sounds import Sound
from ddx7.web.steer_job import SteerOutcome, SteerTask, run_steer, steered_to_json
from ddx7.web.voices import voice_of

_SHORTEST_S, _LONGEST_S = 0.02, 60.0


def _region(sound: Sound, data: dict[str, Any]) -> Sound:
    """The chosen part of a recording."""
    start_s = number(data, "start_s", 0.0, 0, sound.seconds)
    stop_s = number(data, "stop_s", sound.seconds, 0, sound.seconds + 1)
    if stop_s - start_s < _SHORTEST_S:
        raise RequestProblem(
            422, f"the region has {max(stop_s - start_s, 0):.3f} s, at least {_SHORTEST_S} s are wanted"
        )
    rate = sound.sample_rate
    return Sound(sound.samples[round(start_s * rate) : round(stop_s * rate)], rate)


async def find_notes_of(request: Request) -> Response:
    """Notes of a recording, or of a region of it."""
    session = session_of(request)
    data = await read_json(request)
    sound = _region(await run_in_threadpool(session.sound, request.path_params["sound"]), data)
    start_s = number(data, "start_s", 0.0, 0, 1e6)
    if sound.seconds > _LONGEST_S:
        raise RequestProblem(422, f"the region has {sound.seconds:.0f} s; choose at most {_LONGEST_S:.0f} s of it")

    return JSONResponse({"notes": await run_in_threadpool(notes_to_json, sound, start_s)})


async def begin_match(request: Request) -> Response:
    """Begin a search for voices that sound like a recording."""
    services, session = services_of(request), session_of(request)
    admit(request, session)
    data = await read_json(request)
    sound_id = text(data, "sound", "")
    sound = await run_in_threadpool(session.sound, sound_id)
    region = _region(sound, data)
    described = session.sounds[sound_id]
    name = text(data, "name", "") or Path(described["name"]).stem
    task = MatchTask(
        samples=region.samples,
        sample_rate=region.sample_rate,
        name=name,
        seconds=number(data, "seconds", 30.0, 1, 3600),
        seed=whole(data, "seed", 0, 0, 2**31 - 1),
        candidates=whole(data, "candidates", 4, 1, 32),
        notes=await run_in_threadpool(corrected_notes, data, region, number(data, "start_s", 0.0, 0, 1e6)),
        start=voice_of(data["start"], "start") if "start" in data else None,
        lock=tuple(choice({"lock": part}, "lock", "", PART_NAMES) for part in items(data, "lock", len(PART_NAMES))),
    )
    if task.lock and task.start is None:
        raise RequestProblem(422, "lock: found parts and no voice to start from, wanted a start")

    def finish(outcome: MatchOutcome) -> dict[str, Any]:
        return _keep(outcome, session, services.folder, name)

    return _submit(services, session, "fit" if task.start else "match", name, run_match, task, finish)


def _submit(
    services: Services,
    session: Session,
    kind: str,
    title: str,
    work: Callable[..., Any],
    task: MatchTask | SteerTask,
    finish: Callable[[Any], dict[str, Any]],
) -> Response:
    """Queue a search and answer with its job."""
    job = services.jobs.submit(
        session.log,
        kind,
        title,
        work,
        task,
        finish=finish,
        watch=Curve().watch,
        keep=session.keep_finished,
        lane="search",
    )
    return JSONResponse(job.to_dict(), 202)


def _keep(outcome: MatchOutcome, session: Session, folder: Path, name: str) -> dict[str, Any]:
    """Keep the sounds of a match in the session, and its files, as the command line writes them, in the folder."""
    from ddx7.matching.folder import write_match

    found = outcome.match
    target = session.add_sound(Sound(found.target, found.sample_rate), f"{name}, as matched", "target")
    ids = [
        session.add_sound(Sound(sound, found.sample_rate), voice.name, "match")["id"]
        for voice, sound in zip(found.voices, outcome.sounds, strict=True)
    ]
    stem = safe_name(name)
    place = folder / stem
    number_ = 2
    while place.exists():
        place, number_ = folder / f"{stem}-{number_}", number_ + 1
    write_match(found, place, stem)
    return outcome_to_json(outcome, ids, target["id"], str(place))


async def begin_steer(request: Request) -> Response:
    """Begin a search for more voices from one voice: nearer, brighter, with a softer attack; with parts kept."""
    services, session = services_of(request), session_of(request)
    admit(request, session)
    data = await read_json(request)
    target_id = text(data, "target", "")
    target = await run_in_threadpool(session.sound, target_id)
    notes = await run_in_threadpool(corrected_notes, data, target, 0.0)
    if not notes:
        raise RequestProblem(422, "notes: found none, wanted the notes of the match")
    wish = choice(data, "wish", "nearer", tuple(_TITLES))
    voice = voice_of(data.get("voice"))
    task = SteerTask(
        samples=target.samples,
        sample_rate=target.sample_rate,
        notes=notes,
        voice=voice,
        wish=wish,
        lock=tuple(choice({"lock": part}, "lock", "", PART_NAMES) for part in items(data, "lock", 20)),
        seconds=number(data, "seconds", 6.0, 1, 600),
        seed=whole(data, "seed", 0, 0, 2**31 - 1),
        candidates=whole(data, "candidates", 4, 1, 32),
    )

    def finish(outcome: SteerOutcome) -> dict[str, Any]:
        ids = [
            session.add_sound(Sound(sound, target.sample_rate), steered.name, "match")["id"]
            for steered, sound in zip(outcome.voices, outcome.sounds, strict=True)
        ]
        return steered_to_json(outcome, ids, target_id, data["notes"])

    return _submit(services, session, "steer", f"{_TITLES[wish]} {voice.name.strip()}", run_steer, task, finish)


_TITLES = {
    "target": "On from",
    "nearer": "Like",
    "brighter": "Brighter than",
    "darker": "Darker than",
    "softer attack": "Softer than",
    "harder attack": "Harder than",
    "longer": "Longer than",
    "shorter": "Shorter than",
}
_SESSION = "/api/sessions/{session}"
ROUTES = (
    Route(f"{_SESSION}/sounds/{{sound}}/notes", find_notes_of, methods=["POST"]),
    Route(f"{_SESSION}/match", begin_match, methods=["POST"]),
    Route(f"{_SESSION}/steer", begin_steer, methods=["POST"]),
)
