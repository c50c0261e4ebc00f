"""The live microphone on the page in a real browser: Chromium's fake device plays a file."""

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from browsing import CHROMIUM, FLAGS, Page

RATE = 48_000


@pytest.mark.slow
def test_the_microphone_sounds_through_an_instrument(server, tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    t = np.arange(4 * RATE) / RATE
    sung = sum(np.sin(2 * np.pi * 440 * k * t) / k for k in range(1, 5))
    soundfile.write(tmp_path / "sung.wav", 0.2 * sung, RATE, subtype="PCM_16")
    with playwright.sync_playwright() as driver:
        flags = [*FLAGS, f"--use-file-for-fake-audio-capture={tmp_path / 'sung.wav'}"]
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        view = Page(browser, server)
        page = view.page
        page.get_by_role("link", name="Instruments").click()
        page.get_by_role("button", name="Hide the piano").click()
        with page.expect_response(lambda answer: answer.url.endswith("/instruments/live")):
            page.get_by_role("button", name="Play live").click()
        state = page.locator(".live-state")
        for _ in range(300):
            if float(state.get_attribute("data-loudest") or 0) > 0.01:
                break
            page.wait_for_timeout(100)
        assert float(state.get_attribute("data-loudest") or 0) > 0.01
        [behind] = re.findall(r"(\d+) ms behind you", state.inner_text())
        assert int(behind) > 18, "the instrument alone is as late"
        with page.expect_request(lambda request: request.method == "PUT" and "/live/" in request.url) as request:
            page.get_by_role("slider", name="Mic gain").press("PageUp")
        assert request.value.post_data_json["gain_db"] > 0
        with page.expect_request(lambda request: request.method == "DELETE" and "/live/" in request.url):
            page.get_by_role("button", name="Stop live").click()
        assert view.complaints == []
        browser.close()
