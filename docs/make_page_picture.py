"""Make `docs/img/page.png`, the page after a match of the demo recording: `python docs/make_page_picture.py`."""

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

TARGET = Path(__file__).parent / "img" / "page.png"
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
SIZE = {"width": 1440, "height": 1120}
WAIT_MS = 600_000


def draw(address: str, path: Path) -> None:
    """Match the demo recording for 15 s and take the picture of its results."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport=SIZE, color_scheme="dark")
        page.set_default_timeout(WAIT_MS)
        page.goto(address)
        page.locator(".note-block").first.wait_for()
        page.get_by_role("button", name="Hide the piano").click()
        page.get_by_role("button", name="Find the voice").click()
        page.locator("#results:not([hidden])").wait_for()
        page.locator(".track").nth(1).click()
        page.wait_for_timeout(3000)
        page.locator(".toast").get_by_role("button").first.click()
        page.locator("#results").evaluate("element => element.scrollIntoView({ behavior: 'instant' })")
        page.wait_for_timeout(300)
        page.screenshot(path=path)
        browser.close()


def main() -> None:
    """Serve, draw and end."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "ddx7", "ui", "--port", "0", "--no-browser", "--folder", f"{folder}/ddx7-ui"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603
            address = server.stdout.readline().strip() if server.stdout else ""
            try:
                draw(address, Path(folder) / "page.png")
            finally:
                server.terminate()
        with Image.open(Path(folder) / "page.png") as picture:
            picture.convert("RGB").quantize(128).save(TARGET, optimize=True)


if __name__ == "__main__":
    main()
