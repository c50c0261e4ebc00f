"""Routes of the view "make": voices from categories, variations and morphs."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ddx7.library import CATEGORIES
from ddx7.voice import Bank
from ddx7.voice.sections import SECTIONS
from ddx7.web.make_job import MakeTask, run_make
from ddx7.web.problems import choice, items, number, read_json, whole
from ddx7.web.routes.session import admit
from ddx7.web.services import services_of, session_of
from ddx7.web.voices import voice_of, voice_to_json

_TITLES = {"generate": "Generated", "vary": "Varied", "morph": "Morphed"}


async def get_categories(_request: Request) -> Response:
    """Categories of voices."""
    return JSONResponse({"categories": list(CATEGORIES)})


def _categories(data: dict[str, Any]) -> tuple[str, ...]:
    """Categories of a request: `categories`, a list, or `category`, one; none for any."""
    named = items(data, "categories", len(CATEGORIES)) or [choice(data, "category", "", ("", *CATEGORIES))]
    return tuple(
        dict.fromkeys(choice({"categories": c}, "categories", "", ("", *CATEGORIES)) for c in named if c != "")
    )


async def begin_make(request: Request) -> Response:
    """Begin to generate, vary or morph voices."""
    services, session = services_of(request), session_of(request)
    admit(request, session)
    data = await read_json(request)
    way = choice(data, "way", "generate", tuple(_TITLES))
    ends = {"generate": (), "vary": ("voice",), "morph": ("a", "b")}[way]
    task = MakeTask(
        way=way,
        count=whole(data, "count", 8, 2 if way == "morph" else 1, 64),
        seed=whole(data, "seed", 0, 0, 2**31 - 1),
        categories=_categories(data),
        together=data.get("together") is True,
        algorithm=whole(data, "algorithm", 0, 0, 32),
        pad={"any": None, "yes": True, "no": False}[choice(data, "pad", "any", ("any", "yes", "no"))],
        amount=number(data, "amount", 0.2, 0.001, 1),
        lock=tuple(choice({"lock": part}, "lock", "", tuple(SECTIONS)) for part in items(data, "lock", 20)),
        voices=tuple(voice_of(data.get(end), end) for end in ends),
    )

    def finish(bank: Bank) -> dict[str, Any]:
        return {"voices": [voice_to_json(voice) for voice in bank]}

    job = services.jobs.submit(
        session.log, "make", _TITLES[way], run_make, task, finish=finish, keep=session.keep_finished, lane="make"
    )
    return JSONResponse(job.to_dict(), 202)


ROUTES = (
    Route("/api/categories", get_categories, methods=["GET"]),
    Route("/api/sessions/{session}/make", begin_make, methods=["POST"]),
)
