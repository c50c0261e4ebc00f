"""Progress of a search: a bar on stderr in a terminal, else a line for each stage."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ddx7.cli.terminal import note

if TYPE_CHECKING:
    from ddx7.matching.result import Progress

Watcher = Callable[["Progress"], None]


@contextmanager
def watched(what: str) -> Iterator[Watcher]:
    """Show the progress of `ddx7.matching.match`; yields its `progress` callback.

    Args:
      what: name of the recording, for the beginning of the line.
    """
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(what)
        return

    from rich.markup import escape
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn(escape(what)),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def show(now: "Progress") -> None:
            bar.update(task, total=now.seconds, completed=min(now.elapsed_s, now.seconds), description=_describe(now))

        yield show


def _lines(what: str) -> Watcher:
    stages: list[str] = []

    def show(now: "Progress") -> None:
        if now.stage not in stages:
            stages.append(now.stage)
            begun = f"{now.elapsed_s:.1f} s: " if now.renders else ""  # before, the clock of the search stands still
            note(f"{what}: {begun}{_describe(now)}")

    return show


def _describe(now: "Progress") -> str:
    best = f", best distance {now.distance:.1f}" if math.isfinite(now.distance) else ""
    rendered = f", {now.renders:,} voices rendered" if now.renders else ""
    return f"{now.stage}{rendered}{best}"
