"""A real server in this process, and requests to it."""

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import uvicorn

from ddx7.web.jobs import Jobs
from ddx7.web.server import create_app, listen
from ddx7.web.services import Services
from ddx7.web.sessions import Sessions

TOKEN = "a-token-of-the-tests"


class Running:
    """A running server: its port, its folder and its services."""

    def __init__(self, port: int, services: Services) -> None:
        self.port = port
        self.services = services
        self.url = f"http://127.0.0.1:{port}"
        self.address = f"{self.url}/?token={TOKEN}"

    def client(self, **headers: str) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {TOKEN}", **headers}, timeout=60)

    def ask(self, path: str, method: str = "GET", **headers: str) -> httpx.Response:
        with self.client(**headers) as client:
            return client.request(method, path)


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Running]:
    listener = listen(0)
    port = listener.getsockname()[1]
    scratch = folder / "scratch"
    scratch.mkdir(parents=True)
    jobs = Jobs()
    services = Services(folder / "out", scratch, Sessions(folder / "out"), jobs)
    server = uvicorn.Server(uvicorn.Config(create_app(services, TOKEN, port), log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield Running(port, services)
    finally:
        server.should_exit = server.force_exit = True
        thread.join()
        jobs.close()
        listener.close()
