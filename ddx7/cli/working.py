"""Progress of work of unknown length: what is being done, since when, and that a first use compiles.

A terminal shows a line that changes; anything else gets a line for each step, with the seconds since the start.
"""

import hashlib
import importlib.metadata
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from ddx7.cli.terminal import note
from ddx7.runtime import cache_folder, can_write, program_folder

Reporter = Callable[[str], None]


@contextmanager
def working(what: str, command: str = "") -> Iterator[Reporter]:
    """Show the steps of a piece of work.

    Args:
      what: for the beginning of each line, such as the file.
      command: whose programs the work compiles, such as "generate"; empty where it compiles none.

    Yields:
      a function that takes what is being done now, in a few words.
    """
    with first_use(command) if command else nullcontext():
        from rich.console import Console

        console = Console(stderr=True)
        start = time.perf_counter()
        if not console.is_terminal:
            yield lambda step: note(f"{what}: {time.perf_counter() - start:.1f} s: {step}")
            return

        from rich.markup import escape
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = SpinnerColumn(), TextColumn(escape(what)), TimeElapsedColumn(), TextColumn("{task.description}")
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("starting", total=None)
            yield lambda step: bar.update(task, description=escape(step))


@contextmanager
def first_use(command: str) -> Iterator[None]:
    """Say before the first use of a command on a machine that it compiles, and remember a use that succeeded.

    Args:
      command: its name, such as "generate".
    """
    mark = _mark(command)
    if mark is None:
        note(f"{_no_cache()}, so every ddx7 {command} compiles, for up to a minute; XDG_CACHE_HOME names another")
    elif not mark.exists():
        note(f"the first ddx7 {command} on this machine compiles, for up to a minute; later ones begin at once")
    yield
    if mark is not None:
        with suppress(OSError):
            mark.touch()


def _mark(command: str) -> Path | None:
    """The empty file that says that the programs of a command are in the cache; None where no cache can be written."""
    programs, folder = program_folder(), cache_folder()
    if programs is None or folder is None or not can_write(folder / "used"):
        return None
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("jax", "jaxlib", "numpy")]
    source = str(Path(__file__).parent)
    key = hashlib.sha256(" ".join((*versions, source, str(programs))).encode()).hexdigest()[:16]
    return folder / "used" / f"{command}-{key}"


def _no_cache() -> str:
    folder = cache_folder()
    return "there is no home folder for a cache" if folder is None else f"{folder} cannot be written"
