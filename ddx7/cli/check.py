"""``ddx7 check``: the faults of voice files."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from rich.text import Text
from tyro.conf import Positional, arg

from ddx7.cli.terminal import UsageError, note, progress, result, result_json
from ddx7.errors import Ddx7Error, NotVoicesError
from ddx7.files import refuse_to_overwrite
from ddx7.library.files import find_files
from ddx7.voice import Finding, diagnose, load, save
from ddx7.voice.archive import promises_voices

# Reasons that differ only in a count are one reason.
_WANTED = "wanted DX7 voices, such as .syx files"
_COUNT = re.compile(r"\d[\d,]* (message|byte)s?")


@dataclass(frozen=True)
class Command:
    """Read voice files, folders and zips, and report their faults.

    Each damaged or refused file, each repair, and each voice that is silent or misbehaves gets a line; a summary
    follows. In folders and zips the content of a file decides whether it holds voices; files of other kinds, such as
    pictures, are counted, and --notes lists them. The command changes none of the files.
    """

    paths: Annotated[Positional[tuple[Path, ...]], arg(metavar="FILE|FOLDER...", help_behavior_hint="")]
    """Files of any name, and folders to search."""
    notes: bool = False
    """Also report findings of severity "note", such as an inaudible operator, and list the files of other kinds."""
    strict: bool = False
    """Exit with 1 if there is any fault."""
    fix: Annotated[Path | None, arg(metavar="OUTDIR", help_behavior_hint="")] = None
    """Write a repaired copy of each readable file into this folder."""
    force: bool = False
    """Replace existing files in OUTDIR."""
    json: bool = False
    """Print JSON instead of lines."""

    def run(self) -> int:
        """Check and return the exit code."""
        if not self.paths:
            raise UsageError("found no files or folders to check, wanted at least one")
        sources = [source for path in self.paths for source in _sources(path)]
        if self.fix is not None:
            _refuse_collisions(sources, self.fix, force=self.force)
        reports = [self._examine(source) for source in progress(sources, "reading")]
        for path in filter(Path.is_dir, self.paths):
            _check_any_voices(path, reports)
        if self.fix is not None:
            n_copies = sum(report.n_voices > 0 for report in reports)
            note(f"{n_copies} {'copy is' if n_copies == 1 else 'copies are'} in {self.fix}")
        problems = [line for report in reports for line in report.lines(with_notes=self.notes)]
        if self.json:
            result_json({"files": [report.to_dict() for report in reports], "summary": _summary(reports)})
        else:
            result([*problems, *([""] if problems else []), *_summary_table(_summary(reports))])
        unread = [str(report.path) for report in reports if report.refusal and report.path in self.paths]
        if unread:
            raise Ddx7Error(f"cannot read {len(unread)} of the given files: {', '.join(unread)}")
        if self.strict and problems:
            raise Ddx7Error(f"found {len(problems)} {'fault' if len(problems) == 1 else 'faults'}, wanted none")
        return 0

    def _examine(self, source: "_Source") -> "_Report":
        try:
            bank = load(source.path)
        except Ddx7Error as error:
            # The second half of the sentence is the same for every file here.
            reason = str(error).removeprefix(f"{source.path}: ").partition(", wanted")[0]
            is_other = isinstance(error, NotVoicesError) and source.path not in self.paths
            if is_other and not promises_voices(source.path.name):
                return _Report(source.path, other_kind=reason.removeprefix("found "))
            return _Report(source.path, refusal=reason)
        if self.fix is not None:
            save(bank[0] if len(bank) == 1 else bank, self.fix / source.name, force=self.force)
        findings = tuple(
            (number, voice.name, finding) for number, voice in enumerate(bank, start=1) for finding in diagnose(voice)
        )
        return _Report(source.path, n_voices=len(bank), repairs=bank.repairs, findings=findings)


@dataclass(frozen=True)
class _Source:
    """A file to read, and the name of its repaired copy."""

    path: Path
    name: Path


@dataclass(frozen=True)
class _Report:
    """The result of reading one file."""

    path: Path
    refusal: str = ""
    other_kind: str = ""
    n_voices: int = 0
    repairs: tuple[str, ...] = ()
    findings: tuple[tuple[int, str, Finding], ...] = ()

    def lines(self, *, with_notes: bool) -> Iterator[str]:
        if self.refusal:
            yield f"{self.path}: {self.refusal}"
        if self.other_kind and with_notes:
            yield f"{self.path}: skipped, {self.other_kind}"
        yield from (f"{self.path}: {repair}" for repair in self.repairs)
        for number, name, finding in self.findings:
            if with_notes or finding.severity != "note":
                yield f"{self.path}: voice {number} {name!r}: {finding.sentence}"

    def to_dict(self) -> dict[str, Any]:
        return {
            "path": str(self.path),
            "refused": self.refusal or None,
            "skipped": self.other_kind or None,
            "voices": self.n_voices,
            "repairs": list(self.repairs),
            "findings": [{"voice": number, "name": name, **asdict(f)} for number, name, f in self.findings],
        }


def _sources(path: Path) -> list[_Source]:
    if not path.is_dir():
        return [_Source(path, _copy_name(Path(path.name)))]
    files, problems = find_files([path])
    for problem in problems:
        note(f"{path / problem.path}: skipped, {problem.sentence}")
    if not files:
        raise Ddx7Error(f"{path}: found a folder without files, {_WANTED}")
    folder = path.resolve().name
    return [_Source(file.path, _copy_name(Path(folder, file.label))) for file in files]


def _check_any_voices(folder: Path, reports: Sequence[_Report]) -> None:
    inside = [report for report in reports if report.path.is_relative_to(folder)]
    if inside and all(report.other_kind for report in inside):
        kinds = ", ".join(f"{report.path.name}: {report.other_kind}" for report in inside[:3])
        more = f", and {len(inside) - 3} more" if len(inside) > 3 else ""
        raise Ddx7Error(f"{folder}: found a folder without voice files ({kinds}{more}), {_WANTED}")


def _copy_name(path: Path) -> Path:
    return path if path.suffix.lower() == ".syx" else path.with_name(f"{path.name}.syx")


def _refuse_collisions(sources: Sequence[_Source], folder: Path, *, force: bool) -> None:
    seen: dict[Path, Path] = {}
    for source in sources:
        other = seen.setdefault(source.name, source.path)
        if other != source.path:
            raise UsageError(f"{other} and {source.path} would both become {folder / source.name}; fix one at a time")
    refuse_to_overwrite([folder / source.name for source in sources], force=force)


def _summary(reports: Sequence[_Report]) -> dict[str, Any]:
    read = [report for report in reports if report.n_voices]
    others = [report for report in reports if report.other_kind]
    refusals = Counter(_COUNT.sub(r"\1s", report.refusal) for report in reports if report.refusal)
    findings = Counter(finding.code for report in reports for _, _, finding in report.findings)
    return {
        "files": len(reports) - len(others),
        "files_read": len(read),
        "files_repaired": sum(bool(report.repairs) for report in read),
        "files_refused": dict(refusals.most_common()),
        "files_of_other_kinds": len(others),
        "voices": sum(report.n_voices for report in read),
        "findings": dict(findings.most_common()),
    }


def _summary_table(summary: dict[str, Any]) -> Iterator[Text]:
    rows: list[tuple[str, int]] = [
        ("files read", summary["files_read"]),
        ("  with repairs or skipped parts", summary["files_repaired"]),
        ("files refused", summary["files"] - summary["files_read"]),
        *((f"  {reason}", count) for reason, count in summary["files_refused"].items()),
        ("files of other kinds skipped", summary["files_of_other_kinds"]),
        ("voices", summary["voices"]),
        *((f"  {code}", count) for code, count in summary["findings"].items()),
    ]
    for label, count in rows:
        yield Text.assemble(f"{count:9,}  ", (label, "" if label.startswith(" ") else "bold"))
