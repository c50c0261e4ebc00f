"""``ddx7 corpus``: folders of banks as one file to learn from."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from rich.text import Text
from tyro.conf import Positional, arg

from ddx7.cli.terminal import UsageError, note, result, result_json
from ddx7.files import atomic_write, refuse_to_overwrite

if TYPE_CHECKING:
    from collections.abc import Callable

    from ddx7.library.statistics import Statistics


@dataclass(frozen=True)
class Command:
    """Make a corpus of all voices in files and folders: each sound once, with what is known about it.

    `ddx7 corpus scan FOLDER... -o corpus.npz` reads every file that may hold voices, leaves out what is damaged, silent
    or INIT VOICE, finds copies and near-copies, and reads categories from names. Beside it, corpus.png draws what is
    counted. With --listen every voice is played, too: what is wrong with it is noted, and what sounds the same found.
    """

    action: Annotated[Positional[Literal["scan"]], arg(metavar="scan", help_behavior_hint="")]
    """What to do."""
    paths: Annotated[Positional[tuple[Path, ...]], arg(metavar="FOLDER|ZIP...", help_behavior_hint="")]
    """Folders, zips and files."""
    output: Annotated[Path, arg(metavar="CORPUS.npz", aliases=["-o"])]
    """The file to write; CORPUS.png comes beside it."""
    listen: bool = False
    """Play every voice: 3,072 took 26 s, and 34,890 took 33 minutes on two cores busy with other work. What is heard is
    kept in CORPUS.heard, where the next run goes on if this one is stopped."""
    json: bool = False
    """Print JSON instead of a table."""
    force: bool = False
    """Replace files that are there."""

    def run(self) -> int:
        """Read, listen, write, and return the exit code."""
        if not self.paths:
            raise UsageError("found no folders to scan, wanted at least one")
        if self.output.suffix.lower() != ".npz":
            raise UsageError(f"output: found {str(self.output)!r}, wanted a file that ends in .npz")
        picture = self.output.with_suffix(".png")
        refuse_to_overwrite([self.output, picture], force=self.force)

        from ddx7.library import scan
        from ddx7.library.corpus import make_corpus, save_corpus
        from ddx7.library.statistics import count

        with _bar("reading files") as progress:
            found = scan(list(self.paths), progress)
        for problem in found.problems[:_MOST_PROBLEMS]:
            note(f"{problem.path}: passed over, {problem.sentence}")
        if len(found.problems) > _MOST_PROBLEMS:
            note(f"and {len(found.problems) - _MOST_PROBLEMS} more; ddx7 check lists all")
        heard = None
        if self.listen:
            from ddx7.library.screening import measure_voices

            with _bar("listening") as progress:
                heard = measure_voices(found.vced, folder=self.output.with_suffix(".heard"), progress=progress)
        corpus = make_corpus(found, heard)
        counted = count(corpus)

        from ddx7.library.categories import CATEGORIES
        from ddx7.plot import corpus_figure, figure_bytes

        save_corpus(corpus, self.output, force=self.force)
        figure = corpus_figure(
            n_voices=counted.counts["voices"],
            n_clusters=counted.counts["families by bytes"],
            categories=dict(zip([*CATEGORIES, "none"], counted.categories.tolist(), strict=True)),
            diagnoses=counted.diagnoses,
            algorithms=counted.algorithms,
            fixed_operators=counted.fixed,
            feedback=counted.feedback,
        )
        atomic_write(picture, figure_bytes(figure), force=self.force)
        if self.json:
            result_json(counted.to_dict())
        else:
            result(_table(counted))
        note(f"{len(corpus):,} voices are in {self.output}, a picture in {picture}")
        return 0


_MOST_PROBLEMS = 5
_MOST_ALGORITHMS = 8
_MEANING = {
    "mended": "mended: something was out of range",
    "hanging": "hanging: a carrier's L4 is not 0, so the note may not end",
}


@contextmanager
def _bar(what: str) -> "Iterator[Callable[[int, int], object] | None]":
    """A bar on stderr, where a person is looking."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    with Progress(console=console, transient=True) as bars:
        task = bars.add_task(what)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def _table(counted: "Statistics") -> Iterator[Text]:
    from ddx7.library.categories import CATEGORIES

    total = counted.counts["voices"]
    for label, n in counted.counts.items():
        yield _line(label, n)
    for title, values in (
        ("to be said about them", {_MEANING.get(code, code): n for code, n in counted.diagnoses.items()}),
        ("categories, by their names", dict(zip([*CATEGORIES, "none"], counted.categories.tolist(), strict=True))),
    ):
        yield from _block(title, values, total)
    order = counted.algorithms.argsort(kind="stable")[::-1][:_MOST_ALGORITHMS]
    yield from _block("algorithms, the most used", {str(k + 1): int(counted.algorithms[k]) for k in order}, total)


def _block(title: str, values: dict[str, int], total: int) -> Iterator[Text]:
    yield Text()
    yield Text(title, style="bold")
    for label, n in sorted(values.items(), key=lambda item: -item[1]):
        yield _line(label, n, total)


def _line(label: str, n: int, total: int = 0) -> Text:
    share = f"{100 * n / total:5.1f} %  " if total else ""
    return Text(f"{n:9,}  {share}{label}")
