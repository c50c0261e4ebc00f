"""What the routes share: the queue, the sessions, the folder, and a place for uploads."""

from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request

from ddx7.web.jobs import Jobs
from ddx7.web.sessions import Session, Sessions


@dataclass(frozen=True, eq=False)
class Services:
    """What the routes share.

    Attributes:
      folder: where results are kept.
      scratch: temporary folder that goes with the server.
      sessions: what pages hold.
      jobs: the queue.
    """

    folder: Path
    scratch: Path
    sessions: Sessions
    jobs: Jobs


def services_of(request: Request) -> Services:
    """The services of the server that got a request."""
    return request.app.state.services


def session_of(request: Request) -> Session:
    """The session that a request's path names.

    Raises:
      RequestProblem: there is none (404).
    """
    return services_of(request).sessions.find(request.path_params["session"])
