"""Several recordings in one run: folders as input, and what fails does not end the others."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from ddx7.cli.terminal import UsageError, complain, note
from ddx7.errors import ArgumentError, Ddx7Error
from ddx7.files import safe_name

_Value = TypeVar("_Value")


def recordings_of(paths: Sequence[Path], done: str) -> list[Path]:
    """The files, and those in the folders.

    Args:
      paths: files and folders.
      done: what the command does with a recording, such as "match".

    Raises:
      UsageError: none are given, or two files have the same name, which their results are called by.
      AudioError: a folder has none.
    """
    from ddx7.audio.sound_folder import sound_files

    if not paths:
        raise UsageError(f"found no recordings to {done}, wanted at least one")
    found = [file for path in paths for file in (sound_files(path) if path.is_dir() else [path])]
    # Some file systems do not tell Horn from horn.
    names = Counter(safe_name(path.stem).lower() for path in found)
    if repeated := [name for name, count in names.items() if count > 1]:
        raise UsageError(f"several recordings are called {', '.join(repeated)}, wanted a different name for each")
    return found


class Batch:
    """Counts the items of a run, and collects the sentence of each that failed.

    The failure of a single item is raised at once, because there is nothing to go on with.
    """

    def __init__(self, n_items: int, what: str = "recordings") -> None:
        self.n_items, self.what = n_items, what
        self.failures: list[str] = []

    def attempt(self, work: Callable[[], _Value]) -> _Value | None:
        """The result of some work on an item; None where it failed, which is noted.

        Raises:
          Ddx7Error: the work failed on the only item, or because of an argument.
        """
        try:
            return work()
        except ArgumentError:  # wrong for all
            raise
        except Ddx7Error as error:
            if self.n_items == 1:
                raise
            self.failures.append(str(error))
            complain(f"{error}; going on with the others")
            return None

    def end(self) -> bool:
        """List the failures on stderr; whether there were any.

        Raises:
          Ddx7Error: every item failed.
        """
        if len(self.failures) == self.n_items:
            raise Ddx7Error(f"none of {self.n_items} {self.what} worked; the lines above say why")
        if self.failures:
            note(f"{len(self.failures)} of {self.n_items} {self.what} failed:")
            for failure in self.failures:
                note(f"  {failure}")
        return bool(self.failures)
