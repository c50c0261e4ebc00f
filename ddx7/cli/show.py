"""``ddx7 show``: voices on the terminal or in a picture."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Optional

from rich.text import Text
from tyro.conf import Positional, arg

from ddx7.cli import choose
from ddx7.cli.sheet import SHEET_WIDTH, voice_sheet
from ddx7.cli.terminal import UsageError, note, note_repairs, result, result_json, terminal_width
from ddx7.files import atomic_write, refuse_to_overwrite
from ddx7.voice import Bank, Voice, diagnose, load

_PICTURES = (".png", ".svg", ".pdf")
_STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}


@dataclass(frozen=True)
class Command:
    """Print voices the way a DX7 programmer reads them.

    A bank prints as a numbered list; choose from it with --index, --name or --all. A single voice prints in full.
    """

    file: Annotated[Positional[Path], arg(metavar="FILE")]
    """SysEx of any kind, bare voice bytes, JSON, a MiniDexed performance, or a zip."""
    index: Annotated[str, arg(metavar="N", help_behavior_hint="(such as 7 or 1,3,5-8)")] = ""
    """Print these voices in full; the first is 1."""
    name: Annotated[str, arg(metavar="TEXT", help_behavior_hint="(capitals do not matter)")] = ""
    """Print the voices of that name, or with that in their name."""
    all: bool = False
    """Print every voice in full."""
    json: bool = False
    """Print JSON that `ddx7 convert` and the library read back."""

    # Not `Path | None`: to check a default of that type tyro 1.0 imports typeguard, a fifth of the start-up time.
    plot: Annotated[Optional[Path], arg(metavar="PNG", help_behavior_hint="(or .svg, .pdf)")] = None  # noqa: UP045
    """Also draw the one voice chosen: algorithm, envelopes and spectrum of a note."""
    note: Annotated[int, arg(metavar="N")] = 60
    """The MIDI note to draw, 0-127; 60 is the DX7's C3."""
    force: bool = False
    """Replace the picture if it is there."""
    describe: bool = False
    """Also say in a sentence what each voice sounds like; it is played for that."""

    def run(self) -> int:
        """Print and return the exit code."""
        if (self.index != "") + (self.name != "") + self.all > 1:
            raise UsageError("--index, --name and --all exclude each other")
        if self.plot is not None:
            if self.plot.suffix.lower() not in _PICTURES:
                raise UsageError(f"--plot: found {str(self.plot)!r}, wanted a file that ends in {', '.join(_PICTURES)}")
            refuse_to_overwrite([self.plot], force=self.force)
        bank = load(self.file)
        chosen = self._chosen(bank)
        note_repairs(bank.repairs, self.file)
        if self.plot is not None:
            self._draw(bank, chosen, self.plot)
        sentences = _descriptions(bank, chosen) if self.describe else {}
        if self.json:
            described = {"descriptions": list(sentences.values())} if self.describe else {}
            result_json(_json(bank, chosen, self.file) | described)
        elif chosen is None:
            result(_bank_list(bank, sentences))
        else:
            result(_sheets(bank, chosen, self.file, sentences))
        return 0

    def _chosen(self, bank: Bank) -> list[int] | None:
        if self.index:
            return choose.by_number(bank, self.index, self.file)
        if self.name:
            return choose.by_name(bank, self.name, self.file)
        return list(range(len(bank))) if self.all or len(bank) == 1 else None

    def _draw(self, bank: Bank, chosen: list[int] | None, path: Path) -> None:
        if chosen is None or len(chosen) != 1:
            found = len(bank) if chosen is None else len(chosen)
            raise UsageError(f"--plot draws one voice, found {found}; choose with --index or --name")
        from ddx7.plot import figure_bytes, voice_figure  # here, because they start JAX and matplotlib

        form = path.suffix.lower().removeprefix(".")
        atomic_write(path, figure_bytes(voice_figure(bank[chosen[0]], self.note), form), force=self.force)
        note(f"picture in {path}")


def _json(bank: Bank, chosen: list[int] | None, path: Path) -> dict[str, Any]:
    positions = range(len(bank)) if chosen is None else chosen
    return {
        "file": str(path),
        "repairs": list(bank.repairs),
        "numbers": [k + 1 for k in positions],
        "findings": [{"voice": k + 1, **asdict(finding)} for k in positions for finding in diagnose(bank[k])],
        "voices": [bank[k].to_dict() for k in positions],
    }


def _descriptions(bank: Bank, chosen: list[int] | None) -> dict[int, str]:
    """A sentence for each of the voices chosen, or for all."""
    from ddx7.library.describe import describe_voices  # here, because it starts JAX

    positions = list(range(len(bank))) if chosen is None else chosen
    return dict(zip(positions, describe_voices([bank[k] for k in positions]), strict=True))


def _bank_list(bank: Bank, sentences: dict[int, str]) -> Iterator[Text]:
    digits = max(2, len(str(len(bank))))
    yield Text(f"{'No':>{digits}}  {'name':10}  alg  fb  notes", style="cyan")
    for number, voice in enumerate(bank, start=1):
        notes = ", ".join(finding.code for finding in diagnose(voice) if finding.severity != "note")
        line = f"{number:{digits}}  {voice.name:10}  {voice.algorithm:3}  {voice.feedback:2}  {notes}"
        yield Text(line.rstrip())
        if sentence := sentences.get(number - 1):
            yield Text(f"{'':{digits}}  {sentence}", style="dim")


def _sheets(bank: Bank, chosen: list[int], path: Path, sentences: dict[int, str]) -> Iterator[Text]:
    for n_before, k in enumerate(chosen):
        if n_before:
            yield Text()
            yield Text("─" * SHEET_WIDTH, style="dim")
        place = f"voice {k + 1} of {len(bank)} in {path}" if len(bank) > 1 else str(path)
        yield from voice_sheet(bank[k], place, terminal_width())
        if k in sentences:
            yield Text()
            yield Text(sentences[k])
        yield from _findings(bank[k])


def _findings(voice: Voice) -> Iterator[Text]:
    findings = diagnose(voice)
    if findings:
        yield Text()
    for finding in findings:
        yield Text(f"{finding.severity}: {finding.sentence}", style=_STYLES[finding.severity])
