"""Loads and compiles what the first sounds need, before a player asks for them."""

import threading
from typing import TYPE_CHECKING

import numpy as np

from ddx7.web.jobs import Jobs

if TYPE_CHECKING:
    from ddx7.web.worker import Report

KEYS = 61
"""Notes that one voice plays in one batch."""

ready = threading.Event()
"""Set when the server renders without compiling."""


def start(jobs: Jobs) -> None:
    """Warm up in the background."""
    threading.Thread(target=_warm_server, daemon=True).start()
    jobs.warm("search", load_matching)


def _warm_server() -> None:
    from dataclasses import replace

    from ddx7.engine import render
    from ddx7.voice import init_voice

    plain = init_voice()
    # Algorithms 4 and 6 feed back over several operators; the engine has programs of their own for these.
    crossing = replace(plain, algorithm=4, feedback=5)
    for voice in (plain, crossing):
        render(voice, 60, duration=0.1)
        render(voice, np.arange(36, 36 + KEYS), duration=0.1)
    ready.set()


def load_matching(_report: "Report") -> None:
    """Load what a match needs (in the worker)."""
    import ddx7.matching
    from ddx7.encoder.sampler import load_default

    del ddx7
    load_default()
