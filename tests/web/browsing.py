"""A page in a real browser: Debian's Chromium, driven by Playwright."""

import shutil

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"),
    *("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"),
)
WAIT_MS = 60_000


class Page:
    """A page that was opened, and whatever its console complained about."""

    def __init__(self, browser, server, script="", **options):
        self.context = browser.new_context(**options)
        if script:
            self.context.add_init_script(script)
        self.context.set_default_timeout(WAIT_MS)
        self.complaints = []
        self.requests = []
        self.page = self.context.new_page()
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(server.address)
        self.page.wait_for_selector("html[data-ready]")
