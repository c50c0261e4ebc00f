"""Requests as the routes read them, and every problem as one JSON sentence."""

import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

MAX_JSON_BYTES = 4 * 2**20
"""Largest JSON body that a request may have."""


class RequestProblem(HTTPException):
    """A request that cannot be answered; the page shows the sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(status, sentence)


async def read_body(request: Request, limit: int) -> bytes:
    """The body of a request.

    Args:
      request: the request.
      limit: bytes that the body may have.

    Raises:
      RequestProblem: the body is larger (413).
    """
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > limit:
        raise RequestProblem(413, f"the upload has more than {limit / 2**20:.0f} MB, the most that is read")
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise RequestProblem(413, f"the upload has more than {limit / 2**20:.0f} MB, the most that is read")
        parts.append(part)
    return b"".join(parts)


async def read_json(request: Request, limit: int = MAX_JSON_BYTES) -> dict[str, Any]:
    """The JSON object in the body of a request.

    Raises:
      RequestProblem: no JSON object (400), or too large (413).
    """
    body = await read_body(request, limit)
    try:
        data = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise RequestProblem(400, "the request is not JSON, a JSON object is wanted") from None
    if not isinstance(data, dict):
        raise RequestProblem(400, f"the request is JSON of type {type(data).__name__}, an object is wanted")
    return data


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not JSON")


def number(data: dict[str, Any], key: str, default: float, low: float | int, high: float | int) -> float:
    """A finite number of a JSON object.

    Raises:
      RequestProblem: another type, or out of range (422).
    """
    value = data.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise RequestProblem(422, f"{key}: found {_shown(value)}, wanted a number from {low:g} to {high:g}")
    return float(value)


def whole(data: dict[str, Any], key: str, default: int, low: int, high: int) -> int:
    """A whole number of a JSON object.

    Raises:
      RequestProblem: another type, or out of range (422).
    """
    value = data.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise RequestProblem(422, f"{key}: found {_shown(value)}, wanted a whole number from {low} to {high}")
    return value


def text(data: dict[str, Any], key: str, default: str, longest: int = 200) -> str:
    """A text of a JSON object.

    Raises:
      RequestProblem: another type, or too long (422).
    """
    value = data.get(key, default)
    if not isinstance(value, str) or len(value) > longest:
        raise RequestProblem(422, f"{key}: found {_shown(value)}, wanted text of at most {longest} characters")
    return value


def choice(data: dict[str, Any], key: str, default: str, options: tuple[str, ...]) -> str:
    """One of some words of a JSON object.

    Raises:
      RequestProblem: another value (422).
    """
    value = data.get(key, default)
    if not isinstance(value, str) or value not in options:
        raise RequestProblem(422, f"{key}: found {_shown(value)}, wanted one of {', '.join(options)}")
    return value


def items(data: dict[str, Any], key: str, most: int) -> list[Any]:
    """A list of a JSON object; empty where the key is missing.

    Raises:
      RequestProblem: another type, or too long (422).
    """
    value = data.get(key, [])
    if not isinstance(value, list) or len(value) > most:
        raise RequestProblem(422, f"{key}: found {_shown(value)}, wanted a list of at most {most}")
    return value


def _shown(value: object) -> str:
    words = repr(value)
    return words if len(words) <= 60 else f"{words[:57]}..."


def problem_response(_request: Request, error: Exception) -> Response:
    """The answer to a request that failed: one sentence and a status."""
    if isinstance(error, HTTPException):
        sentence = error.detail if isinstance(error, RequestProblem) else _HTTP.get(error.status_code, error.detail)
        return JSONResponse({"error": sentence}, error.status_code, headers=error.headers)
    return JSONResponse({"error": str(error)}, 422)


_HTTP = {404: "there is nothing at this address", 405: "this address does not take such a request"}
