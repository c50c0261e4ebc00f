"""Routes of the view "voice": the distance of an edited voice from the recording that it was made for."""

from typing import Any

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ddx7.web.match_job import at_level_of
from ddx7.web.notes import corrected_notes
from ddx7.web.problems import RequestProblem, read_json, text
from ddx7.web.services import session_of
from ddx7.web.voices import voice_of


async def measure_distance(request: Request) -> Response:
    """Distance of a voice from a recording, in numbers and in words."""
    session = session_of(request)
    data = await read_json(request)
    sound = await run_in_threadpool(session.sound, text(data, "target", ""))
    voice = voice_of(data.get("voice"))
    notes = await run_in_threadpool(corrected_notes, data, sound, 0.0)
    if not notes:
        raise RequestProblem(422, "notes: found none, wanted the notes of the match")

    def work() -> dict[str, Any]:
        from ddx7.matching.differences import differences
        from ddx7.matching.quality import match_quality
        from ddx7.matching.target import RATE, make_target

        target = make_target(sound.samples, sound.sample_rate, notes)
        vced = np.frombuffer(voice.to_vced(), np.uint8)[None]
        [audio] = target.render(vced)
        [distance], [distance_db] = target.objective().distances(vced), target.distances_db(audio[None])
        phrase = target.notes if len(target.notes) > 1 else ()
        played = at_level_of(audio, target.sound)
        return {
            "distance": round(
                min(float(distance), 1000.0), 2
            ),  # a silent voice is infinitely far, which JSON cannot say
            "distance_db": round(float(distance_db), 2),
            "quality": match_quality(distance),
            "differences": list(differences(target.sound, played, RATE, phrase)),
        }

    return JSONResponse(await run_in_threadpool(work))


ROUTES = (Route("/api/sessions/{session}/distance", measure_distance, methods=["POST"]),)
