"""What every command says and where: results on stdout, the rest on stderr, nothing overwritten unasked."""

import codecs
import io
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from ddx7.errors import Ddx7Error

if TYPE_CHECKING:
    from rich.text import Text

_PLAIN = str.maketrans("─│┌┐└┘├┤┬┴┼╮╯▁▂▃▄▅▆▇█→←¥×±…✓✗", "-|+++++++++\\/_.,-=+*#><Yx+.vx")


class UsageError(Exception):
    """The arguments do not make sense together; the command line exits with 2."""


def plain_where_needed(*streams: TextIO) -> None:
    """Let streams that cannot print line-drawing characters (a Windows pipe, say) print ASCII instead of failing."""
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
    """Print a command's result on stdout; colours only where a person is looking and NO_COLOR is not set."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    for line in lines:
        console.print(line if isinstance(line, Text) else Text(line))


def result_json(data: Any) -> None:
    """Print a command's result on stdout as JSON, ASCII only, so that any pipe carries it whole."""
    sys.stdout.write(json.dumps(data, indent=2) + "\n")


def note(text: str) -> None:
    """Say something that is not the result, on stderr."""
    sys.stderr.write(text + "\n")


def complain(text: str) -> None:
    """The one line on stderr that goes with a failure."""
    note(f"ddx7: {text}")


def must_not_exist(path: Path, *, force: bool) -> None:
    """Guard a file that is about to be written.

    Raises:
      Ddx7Error: it is there and `force` is not set.
    """
    if path.exists() and not force:
        raise Ddx7Error(f"{path}: already there, and --force not given")
