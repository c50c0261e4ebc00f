"""The application, and the server that runs it until Ctrl-C."""

import logging
import os
import signal
import socket
import sys
import tempfile
import threading
import webbrowser
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from types import FrameType

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from ddx7.errors import Ddx7Error
from ddx7.web import warming
from ddx7.web.jobs import Jobs
from ddx7.web.problems import problem_response
from ddx7.web.routes import ROUTES
from ddx7.web.security import Guard, new_token
from ddx7.web.services import Services
from ddx7.web.sessions import Sessions

HOST = "127.0.0.1"
DEFAULT_PORT = 8707
STATIC = Path(str(files("ddx7.web") / "static"))
"""The files of the page."""


def create_app(services: Services, token: str, port: int) -> Starlette:
    """The application.

    Args:
      services: what the routes share.
      token: secret that every request must carry.
      port: that the server listens on; requests must name it.
    """

    async def page(_request: Request) -> Response:
        return FileResponse(STATIC / "index.html", media_type="text/html")

    names = (HOST, "localhost")
    hosts = frozenset([*(f"{name}:{port}" for name in names), *(names if port == 80 else ())])
    app = Starlette(
        routes=[
            Route("/", page, methods=["GET"]),
            Mount("/static", StaticFiles(directory=STATIC)),
            *ROUTES,
        ],
        middleware=[Middleware(Guard, token=token, hosts=hosts)],
        exception_handlers={HTTPException: problem_response, Ddx7Error: problem_response},
    )
    app.state.services = services
    return app


class _Server(uvicorn.Server):
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Pages hold their event streams open; waiting for them would wait for ever. That they are cut is no error.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        self.should_exit = self.force_exit = True


def serve(folder: Path, *, port: int | None = None, browser: bool = True, say: Callable[[str], None]) -> int:
    """Serve the page until Ctrl-C.

    Args:
      folder: where results and sessions are kept.
      port: to listen on; None takes `DEFAULT_PORT`, or any free one where that is taken; 0 takes any free one.
      browser: open the page in the browser.
      say: prints a line of the result; the first is the address.

    Returns:
      the exit code.

    Raises:
      Ddx7Error: the port is taken, or the folder cannot be written.
    """
    _check_folder(folder)
    listener = listen(port)
    number = int(listener.getsockname()[1])
    token = new_token()
    address = f"http://{HOST}:{number}/?token={token}"
    with tempfile.TemporaryDirectory(prefix="ddx7-ui-", ignore_cleanup_errors=True) as scratch:
        jobs = Jobs()
        services = Services(folder.resolve(), Path(scratch), Sessions(folder.resolve()), jobs)
        config = uvicorn.Config(
            create_app(services, token, number),
            log_level="warning",
            lifespan="off",
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=1,
            h11_max_incomplete_event_size=64 * 1024,
        )
        server = _Server(config)
        say(address)
        warming.start(jobs)
        if browser:
            timer = threading.Timer(0.5, webbrowser.open, (address,))
            timer.daemon = True
            timer.start()
        # The command line ends a slow command by force after Ctrl-C; the server clears up first.
        signal.set_wakeup_fd(-1)
        for sig in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sig, server.handle_exit)
        try:
            server.run(sockets=[listener])
        finally:
            jobs.close()
            listener.close()
    # A thread may still be compiling, and the interpreter would wait for it.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def listen(port: int | None) -> socket.socket:
    """A socket that listens on this machine alone; the port as in `serve`.

    Raises:
      Ddx7Error: the port is taken.
    """
    tries = [DEFAULT_PORT, 0] if port is None else [port]
    for number in tries:
        listener = socket.socket()
        if os.name == "posix":  # elsewhere this option would let two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, number))
        except OSError as error:
            listener.close()
            if number == tries[-1]:
                raise Ddx7Error(
                    f"port {number}: cannot be used ({error.strerror or error}), wanted a free one"
                ) from None
            continue
        listener.listen(128)
        return listener
    raise Ddx7Error("no free port")


def _check_folder(folder: Path) -> None:
    """Refuse a folder that cannot be written, before the page shows anything.

    Raises:
      Ddx7Error: a file stands in its place, or it cannot be made or written.
    """
    for place in (folder, *folder.parents):
        if place.exists() and not place.is_dir():
            raise Ddx7Error(f"{place}: found a file, wanted a folder to write to")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise Ddx7Error(f"{folder}: cannot be written ({error.strerror or error})") from None
