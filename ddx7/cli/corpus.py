"""``ddx7 corpus``: folders of banks as one training corpus."""

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
    """Make a corpus of all voices in files and folders: each sound once, with categories, clusters and faults.

    The command reads every file that may contain voices, leaves out damaged and silent ones and INIT VOICE, finds
    duplicates and near-duplicates, and reads categories from names. It draws the statistics in CORPUS.png. With
    --measure it renders and screens every voice, too, and clusters voices by their sound: 3,072 took 26 s, and 34,890
    took 33 minutes on two cores busy with other work. A stopped run resumes from CORPUS.measures.
    """

    action: Annotated[Positional[Literal["scan"]], arg(metavar="scan", help_behavior_hint="")]
    """The action."""
    paths: Annotated[Positional[tuple[Path, ...]], arg(metavar="FOLDER|ZIP...", help_behavior_hint="")]
    """Folders, zips and files."""
    output: Annotated[Path, arg(metavar="CORPUS.npz", aliases=["-o"])]
    """The file to write; CORPUS.png comes beside it."""
    measure: bool = False
    """Render and screen every voice."""
    json: bool = False
    """Print JSON instead of a table."""
    force: bool = False
    """Replace existing files."""

    def run(self) -> int:
        """Read, measure, write, and return the exit code."""
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
            collection = scan(list(self.paths), progress)
        for problem in collection.problems[:_MAX_PROBLEMS]:
            note(f"{problem.path}: skipped, {problem.sentence}")
        if len(collection.problems) > _MAX_PROBLEMS:
            note(f"and {len(collection.problems) - _MAX_PROBLEMS} more; ddx7 check lists all")
        if collection.skipped:
            note(f"{len(collection.skipped):,} files of other kinds skipped; ddx7 check --notes lists them")
        measures = None
        if self.measure:
            from ddx7.library.screening import measure_voices

            with _bar("measuring voices") as progress:
                folder = self.output.with_suffix(".measures")
                measures = measure_voices(collection.vced, folder=folder, progress=progress)
        corpus = make_corpus(collection, measures)
        statistics = count(corpus)

        from ddx7.library.categories import CATEGORIES
        from ddx7.plot import corpus_figure, figure_bytes

        save_corpus(corpus, self.output, force=self.force)
        figure = corpus_figure(
            n_voices=statistics.counts["voices"],
            n_clusters=statistics.counts["near-duplicate clusters by bytes"],
            categories=dict(zip([*CATEGORIES, "none"], statistics.categories.tolist(), strict=True)),
            diagnoses={_label(code).partition(":")[0]: n for code, n in statistics.diagnoses.items()},
            algorithms=statistics.algorithms,
            fixed_operators=statistics.fixed,
            feedback=statistics.feedback,
        )
        atomic_write(picture, figure_bytes(figure), force=self.force)
        if self.json:
            result_json(statistics.to_dict())
        else:
            result(_table(statistics))
        note(f"{len(corpus):,} voices are in {self.output}, a picture in {picture}")
        return 0


_MAX_PROBLEMS = 5
_MAX_ALGORITHMS = 8
_FAULT_LABELS = {
    "repaired": "repaired: bytes were out of range",
    "audible-l4": "stuck note: a carrier's L4 is audible, so the note may not end",
}
"""What a person reads for the codes that need words."""


@contextmanager
def _bar(what: str) -> "Iterator[Callable[[int, int], object] | None]":
    """A progress bar, if stderr is a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    with Progress(console=console, transient=True) as bars:
        task = bars.add_task(what)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def _label(name: str) -> str:
    return _FAULT_LABELS.get(name, name)


def _table(statistics: "Statistics") -> Iterator[Text]:
    from ddx7.library.categories import CATEGORIES

    total = statistics.counts["voices"]
    for label, n in statistics.counts.items():
        yield _line(label, n)
    for title, values in (
        ("faults", {_label(code): n for code, n in statistics.diagnoses.items()}),
        ("categories, by their names", dict(zip([*CATEGORIES, "none"], statistics.categories.tolist(), strict=True))),
    ):
        yield from _block(title, values, total)
    order = statistics.algorithms.argsort(kind="stable")[::-1][:_MAX_ALGORITHMS]
    yield from _block("algorithms, the most used", {str(k + 1): int(statistics.algorithms[k]) for k in order}, total)


def _block(title: str, values: dict[str, int], total: int) -> Iterator[Text]:
    yield Text()
    yield Text(title, style="bold")
    for label, n in sorted(values.items(), key=lambda item: -item[1]):
        yield _line(label, n, total)


def _line(label: str, n: int, total: int = 0) -> Text:
    share = f"{100 * n / total:5.1f} %  " if total else ""
    return Text(f"{n:9,}  {share}{label}")
