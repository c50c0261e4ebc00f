"""Make the pictures of the page in `docs/img`: `python docs/make_page_picture.py`.

`page.png` shows it after a match of the demo recording, `page-library.png` a library of generated voices, and
`page-instruments.png` the demo recording played by a violin. Names of pictures after the command make only these.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from ddx7 import generate
from ddx7.voice import to_bytes

IMAGES = Path(__file__).parent / "img"
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
SIZE = {"width": 1440, "height": 1120}
WAIT_MS = 600_000
MIX = ("brass", "bell", "e-piano", "strings", "bass", "organ", "pad", "plucked")


def match(page: Page) -> None:
    """Match the demo recording for 15 s."""
    page.locator(".note-block").first.wait_for()
    page.get_by_role("button", name="Find the voice").click()
    page.locator("#results:not([hidden])").wait_for()
    page.locator(".track").nth(1).click()
    page.wait_for_timeout(3000)
    page.locator(".toast").get_by_role("button").first.click()
    page.locator("#results").evaluate("element => element.scrollIntoView({ behavior: 'instant' })")


def library(page: Page) -> None:
    """Listen to generated voices and show their map, with some of them in the bank."""
    files = [
        {
            "name": f"{c}.syx",
            "mimeType": "application/octet-stream",
            "buffer": to_bytes(generate(32, category=c, seed=k)),
        }
        for k, c in enumerate(MIX)
    ]
    page.get_by_role("link", name="Library").click()
    page.get_by_label("Choose files of voices").set_input_files(files=files)
    page.locator(".listening").wait_for()
    page.locator(".listening").wait_for(state="hidden")
    page.locator(".virtual-list").focus()
    for _ in range(20):
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
    page.get_by_text("Map", exact=True).click()
    page.evaluate("document.querySelector('#toasts').replaceChildren(); scrollTo(0, 0)")


def instruments(page: Page) -> None:
    """Let the violin play the demo recording."""
    page.locator(".note-block").first.wait_for()
    page.get_by_role("link", name="Instruments").click()
    page.locator(".track").first.wait_for()


PICTURES: dict[str, Callable[[Page], None]] = {"page": match, "page-library": library, "page-instruments": instruments}


def draw(address: str, name: str, path: Path) -> None:
    """Take one picture."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport=SIZE, color_scheme="dark")
        page.set_default_timeout(WAIT_MS)
        page.goto(address)
        page.get_by_role("button", name="Hide the piano").click()
        PICTURES[name](page)
        page.wait_for_timeout(1000)
        page.screenshot(path=path)
        browser.close()


def main() -> None:
    """Serve, draw and end."""
    for name in sys.argv[1:] or PICTURES:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "ddx7", "ui", "--port", "0", "--no-browser", "--folder", f"{folder}/ui"]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603
                address = server.stdout.readline().strip() if server.stdout else ""
                try:
                    draw(address, name, Path(folder) / "page.png")
                finally:
                    server.terminate()
            with Image.open(Path(folder) / "page.png") as picture:
                picture.convert("RGB").quantize(128).save(IMAGES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
