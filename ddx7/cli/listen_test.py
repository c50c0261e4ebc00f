"""``ddx7 listen-test``: a page on which people compare matches with their recordings."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from ddx7.cli.terminal import UsageError, counted, note, result
from ddx7.files import atomic_write


@dataclass(frozen=True)
class Command:
    """Make a page for a blind listening test, or summarise the answers.

    Each folder is one of `ddx7 match`, or holds the match folders of one system; several systems are compared on the
    recordings that all of them have. The page is one file that works without a server: listeners rate each sound
    against the recording, with a hidden reference and a low anchor (MUSHRA), decide which of two sounds a third one is
    (ABX), and save their answers as JSON.
    """

    inputs: Annotated[Positional[tuple[Path, ...]], arg(metavar="FOLDER...|ANSWERS.json...")]
    """Match folders, or the files that listeners saved."""
    output: Annotated[Path, arg(metavar="OUT", aliases=["-o"])] = Path("listening-page")
    """Folder of the page, which becomes OUT/index.html."""
    force: bool = False
    """Replace a page that is there."""

    def run(self) -> int:
        """Write the page or print the summary, and return the exit code."""
        from ddx7.matching.listening import listening_page, read_trials, summarise_answers

        if not self.inputs:
            raise UsageError("found no input, wanted match folders or files of answers")
        if all(path.suffix.lower() == ".json" for path in self.inputs):
            found = summarise_answers(self.inputs)
            for system in found.systems:
                rating = f"{system.mean:5.1f} ({system.low:.1f} to {system.high:.1f})"
                abx = f"; told from the recording {system.n_correct} of {system.n_abx} times" if system.n_abx else ""
                result([f"{rating}  {system.name}, {system.n_ratings} ratings{abx}"])
            note(f"{found.n_listeners} listeners; {found.n_set_aside} set aside, who did not know the hidden reference")
            return 0
        trials = read_trials(self.inputs)
        path = atomic_write(self.output / "index.html", listening_page(trials).encode(), force=self.force)
        note(f"{path}: {counted(len(trials), 'recording')}; open it in a browser, or send it")
        return 0
