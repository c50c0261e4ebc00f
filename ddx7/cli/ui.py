"""``ddx7 ui``: a page in the browser, served by this machine for this machine."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from ddx7.cli.terminal import UsageError, note, result

_HIGHEST_PORT = 65_535


@dataclass(frozen=True)
class Command:
    """Open a page to match, play, edit, collect, make and send voices.

    The page runs in your browser and talks to this command alone: nothing leaves the machine. The first line printed is
    its address; the token in it keeps other pages and users out. Ctrl-C ends everything.
    """

    port: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: 8707, or a free one)")] = None
    """Port to listen on; 0 takes any free one."""
    no_browser: bool = False
    """Print the address and open no browser."""
    folder: Annotated[Path, arg(metavar="OUT")] = Path("ddx7-ui")
    """The folder for results and sessions."""

    def run(self) -> int:
        """Serve until Ctrl-C, and return the exit code."""
        if self.port is not None and not 0 <= self.port <= _HIGHEST_PORT:
            raise UsageError(f"--port: found {self.port}, wanted 0 to {_HIGHEST_PORT}")
        from ddx7.web.server import serve

        def say(line: str) -> None:
            result([line])
            sys.stdout.flush()  # a program may read the address through a pipe
            note("Ctrl-C ends it")

        return serve(self.folder, port=self.port, browser=not self.no_browser, say=say)
