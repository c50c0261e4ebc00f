"""How every command prints: results on stdout, notes, progress and errors on stderr."""

import codecs
import io
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from rich.text import Text

_PLAIN = str.maketrans("─│┌┐└┘├┤┬┴┼╮╯▁▂▃▄▅▆▇█→←¥×±²…✓✗", "-|+++++++++\\/_.,-=+*#><Yx+2.vx")
_MAX_REPAIRS = 8
_Item = TypeVar("_Item")


class UsageError(Exception):
    """The arguments contradict each other or lack something; the command line exits with 2."""


def plain_where_needed(*streams: object) -> None:
    """Make streams print ASCII where they cannot encode line-drawing characters, as a Windows pipe."""
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ERRORS)


def _to_plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(_PLAIN)
    return text.encode("ascii", "replace").decode(), error.end


_ERRORS = "ddx7-plain"
codecs.register_error(_ERRORS, _to_plain)


def result(lines: "Iterable[str | Text]") -> None:
    """Print a command's result on stdout, in colour on a terminal unless NO_COLOR is set."""
    from rich.console import Console
    from rich.text import Text

    class ConsoleThatRaises(Console):
        def on_broken_pipe(self) -> None:
            raise  # called while handling BrokenPipeError; rich would exit with 1

    console = ConsoleThatRaises(highlight=False, soft_wrap=True)
    for line in lines:
        console.print(line if isinstance(line, Text) else Text(line))


def terminal_width() -> int:
    """Columns of the terminal; without a terminal COLUMNS, or else 80."""
    from rich.console import Console

    return Console().width


def result_json(data: Any) -> None:
    """Print a command's result on stdout as JSON, ASCII only, which every pipe can carry."""
    sys.stdout.write(json.dumps(data, indent=2) + "\n")


def progress(items: Sequence[_Item], what: str) -> Iterable[_Item]:
    """Iterate over items; a terminal on stderr shows a progress bar."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(items, what, console=console, transient=True) if console.is_terminal else items


def counted(n: int, noun: str) -> str:
    """A number of things, whose plural ends in s.

    >>> counted(1, "voice"), counted(1200, "file")
    ('1 voice', '1,200 files')
    """
    return f"{n:,} {noun}{'s' * (n != 1)}"


def note(text: str) -> None:
    """Print on stderr a line that is not part of the result."""
    sys.stderr.write(text + "\n")


def note_repairs(repairs: Sequence[str], path: Path) -> None:
    """Print on stderr what was repaired in a file: at most eight lines and a count of the others."""
    for repair in repairs[:_MAX_REPAIRS]:
        note(f"{path}: {repair}")
    if len(repairs) > _MAX_REPAIRS:
        note(f"{path}: and {len(repairs) - _MAX_REPAIRS} more; ddx7 check lists all")


def complain(text: str) -> None:
    """Print on stderr the one line of a failure."""
    note(f"ddx7: {' '.join(text.splitlines())}")  # a file name may hold a line break
