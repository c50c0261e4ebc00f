"""Words of a command line that stand for paths: ``-`` for standard input, and names that follow ``--``."""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ddx7.cli.terminal import UsageError
from ddx7.errors import Ddx7Error

STDIN = "-"
_MAX_STDIN_BYTES = 1 << 29  # ten minutes of stereo sound at 96 kHz and 32 bits
_BLOCK_BYTES = 1 << 20
_OUTPUT_OPTIONS = ("-o", "--output")


@contextmanager
def plain_paths(words: Sequence[str]) -> Iterator[list[str]]:
    """Words in which every path is that of a file.

    A name after ``--`` may begin with a dash. ``-`` becomes a temporary file with the content of standard input, which
    is removed at the end.

    Args:
      words: the words after ``ddx7``.

    Yields:
      the words without ``--`` and ``-``; an output of ``-`` stays.

    Raises:
      UsageError: ``-`` stands twice, or standard input is a terminal.
      Ddx7Error: standard input is longer than 512 MiB.
    """
    words = _dashed_names(list(words))
    places = [k for k, word in enumerate(words) if word == STDIN and words[k - 1] not in _OUTPUT_OPTIONS]
    if not places:
        yield words
        return
    if len(places) > 1:
        raise UsageError("found - twice, wanted it once: standard input can be read once")
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError("-: standard input is a terminal, wanted the content of a file, as in ddx7 show - < bank.syx")
    with tempfile.TemporaryDirectory(prefix="ddx7-") as folder:
        words[places[0]] = str(_stored_stdin(Path(folder) / "stdin"))
        yield words


def _dashed_names(words: list[str]) -> list[str]:
    if "--" not in words:
        return words
    end = words.index("--")
    return words[:end] + [f"./{word}" if word.startswith("-") and word != STDIN else word for word in words[end + 1 :]]


def _stored_stdin(path: Path) -> Path:
    n_bytes = 0
    with path.open("xb") as file:
        while block := sys.stdin.buffer.read(_BLOCK_BYTES):
            n_bytes += file.write(block)
            if n_bytes > _MAX_STDIN_BYTES:
                raise Ddx7Error(f"-: found more than {_MAX_STDIN_BYTES:,} bytes, wanted at most that many")
    return path
