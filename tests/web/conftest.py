"""Fixtures of the page's tests."""

from collections.abc import Iterator

import httpx
import pytest
from serving import Running, running


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("ui")) as server:
        yield server


@pytest.fixture
def client(server: Running) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


@pytest.fixture
def session(client: httpx.Client) -> str:
    """The address of a new session."""
    return f"/api/sessions/{client.post('/api/sessions').json()['id']}"
