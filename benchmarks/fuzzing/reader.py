"""What a reader under test is: a source of files, and a function that reads one and judges the result."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from hypothesis.strategies import SearchStrategy

Outcome = Literal["whole", "remarked", "refused"]


class DamagedFile(NamedTuple):
    """A file that Hypothesis drew.

    Attributes:
      data: its bytes.
      truth: what the file really holds, for the judgement; whatever the reader's module needs.
    """

    data: bytes
    truth: Any = None

    def __repr__(self) -> str:
        """Short: Hypothesis prints what fails."""
        return f"DamagedFile({len(self.data)} bytes, {str(self.truth)[:200]})"


@dataclass(frozen=True)
class Reader:
    """A reader under test.

    Attributes:
      name: as --reader takes it.
      suffix: of the files, with its dot.
      files: draws files.
      read: reads a file and returns the outcome. It catches the package's own error for a refused file alone, and
        asserts that the result is what `DamagedFile.truth` allows. Every other exception is a finding.
    """

    name: str
    suffix: str
    files: SearchStrategy[DamagedFile]
    read: Callable[[Path, DamagedFile], Outcome]


def one_sentence(error: Exception, path: Path) -> None:
    """Assert that the message of a refusal is one line that begins with the path and says what was wanted."""
    message = str(error)
    assert message.startswith(str(path)), f"the refusal does not name the file: {message}"
    assert "\n" not in message, f"the refusal has several lines: {message}"
    assert len(message) - len(str(path)) < 400, f"the refusal has {len(message)} characters: {message}"
