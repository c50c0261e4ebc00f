"""Fixtures of the page's tests."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from browsing import CHROMIUM, FLAGS, Page
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


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium; a test that needs it is skipped where it is missing."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Any, server: Running) -> Iterator[Callable[..., Page]]:
    """A function that opens the page; no page may have complained on its console."""
    pages: list[Page] = []

    def open_page(**options: Any) -> Page:
        pages.append(Page(browser, server, **options))
        return pages[-1]

    yield open_page
    for page in pages:
        page.context.close()
        assert page.complaints == []
