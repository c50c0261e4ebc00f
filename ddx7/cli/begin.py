"""Where ``ddx7 match`` begins: a part of the recording, a voice, or a candidate of an earlier match."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ddx7.cli.terminal import UsageError
from ddx7.errors import Ddx7Error
from ddx7.voice import Voice
from ddx7.voice.single import load_one

_NUMBERS = "match.json"


@dataclass(frozen=True)
class Beginning:
    """What ``--start`` says.

    Attributes:
      start_s: beginning of the part of the recording, in seconds.
      voice: the voice that the search begins with.
    """

    start_s: float = 0.0
    voice: Voice | None = None


def beginning(words: Sequence[str]) -> Beginning:
    """Read the values of ``--start``: a number is a time in the recording, anything else a voice.

    Raises:
      UsageError: it is given twice for one of them.
      Ddx7Error: the voice cannot be read.
    """
    times = [float(word) for word in words if is_number(word)]
    voices = [word for word in words if not is_number(word)]
    if max(len(times), len(voices)) > 1:
        raise UsageError(f"--start: found {', '.join(words)}, wanted one time in seconds and one voice at most")
    return Beginning(times[0] if times else 0.0, load_one(voices[0]) if voices else None)


@dataclass(frozen=True)
class Earlier:
    """A candidate of an earlier match, as ``--like`` names it.

    Attributes:
      folder: of that match; None for the one that this match would write to.
      number: of the candidate; the best is 1.
    """

    folder: Path | None
    number: int

    def candidate(self, output: Path) -> Voice:
        """Read the voice.

        Args:
          output: the folder of the match where none was named.

        Raises:
          Ddx7Error: the folder has no match, or the match has no such candidate.
        """
        folder = self.folder or output
        path = folder / _NUMBERS
        if not path.is_file():
            raise Ddx7Error(f"{folder}: found no {_NUMBERS}, wanted the folder of an earlier match")
        try:
            candidates = json.loads(path.read_text(encoding="utf-8"))["candidates"]
            voices = [Voice.from_dict(candidate["voice"]) for candidate in candidates]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Ddx7Error(f"{path}: found no candidates of a match ({error})") from None
        if not 1 <= self.number <= len(voices):
            raise Ddx7Error(f"{path}: there is no candidate {self.number}, wanted 1 to {len(voices)}")
        return voices[self.number - 1]

    def place(self, output: Path) -> Path:
        """The folder for the new match: one within the folder that the candidate is from, so that both remain."""
        return output if self.folder else output / f"like-{self.number}"


def earlier(word: str) -> Earlier | None:
    """Read the value of ``--like``: a number, or a folder, a colon and a number; None for an empty one.

    Raises:
      UsageError: it is neither.
    """
    if not word:
        return None
    folder, _, number = word.rpartition(":")
    if not number.isdecimal():
        raise UsageError(f"--like: found {word!r}, wanted the number of a candidate, or FOLDER:N of another match")
    return Earlier(Path(folder) if folder else None, int(number))


def is_number(word: str) -> bool:
    """Whether a value of ``--start`` is a time."""
    try:
        return math.isfinite(float(word))
    except ValueError:
        return False
