"""Progress of work of unknown length: what is being done, since when, and that a first use compiles.

A terminal shows a line that changes; anything else gets a line for each step, with the seconds since the start.
"""

import hashlib
import importlib.metadata
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path

from ddx7.cli.terminal import note
from ddx7.runtime import cache_folder, can_write, program_folder

Reporter = Callable[[str], None]


@contextmanager
def working(what: str, command: str) -> Iterator[Reporter]:
    """Show the steps of a piece of work; the first of them says where the command has not been used before.

    Args:
      what: for the beginning of each line, such as the file.
      command: whose programs the work compiles, such as "generate".

    Yields:
      a function that takes what is being done now, in a few words.
    """
    from rich.console import Console

    console = Console(stderr=True)
    start = time.perf_counter()
    announced = False

    def announce() -> None:
        nonlocal announced
        if not announced:
            announced = True
            announce_first_use(command)

    def print_step(step: str) -> None:
        announce()
        note(f"{what}: {time.perf_counter() - start:.1f} s: {step}")

    if not console.is_terminal:
        yield print_step
    else:
        from rich.markup import escape
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = SpinnerColumn(), TextColumn(escape(what)), TimeElapsedColumn(), TextColumn("{task.description}")
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("starting", total=None)

            def show_step(step: str) -> None:
                announce()
                bar.update(task, description=escape(step))

            yield show_step
    remember_use(command)


@contextmanager
def first_use(command: str) -> Iterator[None]:
    """Say before the first use of a command on a machine that it compiles, and remember a use that succeeded.

    Args:
      command: its name, such as "match".
    """
    announce_first_use(command)
    yield
    remember_use(command)


def load_figures_meanwhile() -> None:
    """Import matplotlib in a thread, while machine code or XLA computes what the figure will show.

    It needs nothing of ddx7 or JAX, so that the imports of both threads cannot wait for each other.
    """

    def load() -> None:
        for name in ("matplotlib.figure", "matplotlib.backends.backend_agg"):
            import_module(name)

    threading.Thread(target=load, daemon=True).start()


def announce_first_use(command: str) -> None:
    """Say that a command compiles, if its programs are not in the cache."""
    mark = _mark(command)
    if mark is None:
        note(f"{_no_cache()}, so every ddx7 {command} compiles, for up to a minute")
    elif not mark.exists():
        note(f"the first ddx7 {command} on this machine compiles, for up to a minute; later ones begin at once")


def remember_use(command: str) -> None:
    """Note that the programs of a command are in the cache."""
    if (mark := _mark(command)) is not None:
        with suppress(OSError):
            mark.touch()


def _mark(command: str) -> Path | None:
    """The empty file that says that the programs of a command are in the cache; None where no cache can be written."""
    programs, folder = program_folder(), cache_folder()
    if programs is None or folder is None or not (can_write(folder / "used") and can_write(programs)):
        return None
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("jax", "jaxlib", "numpy")]
    source = str(Path(__file__).parent)
    key = hashlib.sha256(" ".join((*versions, source, str(programs))).encode()).hexdigest()[:16]
    return folder / "used" / f"{command}-{key}"


def _no_cache() -> str:
    folder, programs = cache_folder(), program_folder()
    if folder is None:
        return "there is no home folder for a cache"
    return f"{programs if programs and can_write(folder) else folder} cannot be written"
