"""``ddx7 show``: voices on the terminal or in a figure."""

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

_FIGURE_SUFFIXES = (".png", ".svg", ".pdf")
_DRAWN_NOTE = 60
_STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}


@dataclass(frozen=True)
class Command:
    """Print voices as a DX7 programmer reads them.

    A bank prints as a numbered list. --index, --name and --all choose voices to print in full. A single voice always
    prints in full.
    """

    file: Annotated[Positional[Path], arg(metavar="FILE[:N]")]
    """SysEx of any kind, voice bytes without SysEx, JSON, a MiniDexed performance, or a zip; :N prints voice N."""
    index: Annotated[str, arg(metavar="N", help_behavior_hint="(such as 7 or 1,3,5-8)")] = ""
    """Print these voices in full; the first is 1."""
    name: Annotated[str, arg(metavar="TEXT", help_behavior_hint="(capitals do not matter)")] = ""
    """Print in full the voices whose name is TEXT or contains it."""
    all: bool = False
    """Print every voice in full."""
    json: bool = False
    """Print JSON, which `ddx7 convert` and the library can read."""

    # Not `Path | None`: tyro 1.0 imports typeguard to check a default of that type, a fifth of the start-up time.
    plot: Annotated[Optional[Path], arg(metavar="PNG", help_behavior_hint="(or .svg, .pdf)")] = None  # noqa: UP045
    """Also draw the one chosen voice: its algorithm, and the envelopes and spectrum of a note."""
    note: Annotated[int, arg(metavar="N")] = _DRAWN_NOTE
    """The MIDI note of the figure, 0-127; 60 is C3, as on the DX7."""
    force: bool = False
    """Replace an existing figure."""
    describe: bool = False
    """Also describe the sound of each voice in a sentence; this renders the voice."""

    def run(self) -> int:
        """Print and return the exit code."""
        choose.check_one_choice(index=self.index, name=self.name, every=self.all)
        if self.plot is None and self.note != _DRAWN_NOTE:
            raise UsageError("--note chooses the note to draw and needs --plot")
        if self.plot is not None:
            if self.plot.suffix.lower() not in _FIGURE_SUFFIXES:
                raise UsageError(
                    f"--plot: found {str(self.plot)!r}, wanted a file that ends in {', '.join(_FIGURE_SUFFIXES)}"
                )
            refuse_to_overwrite([self.plot], force=self.force)
        file, index = choose.file_and_number(self.file, self.index, self.name or self.all)
        bank = load(file)
        chosen = choose.chosen(bank, file, index=index, name=self.name, every=self.all)
        note_repairs(bank.repairs, file)
        if self.plot is not None:
            self._draw(bank, chosen, self.plot)
        sentences = _descriptions(bank, chosen) if self.describe else {}
        if self.json:
            described = {"descriptions": list(sentences.values())} if self.describe else {}
            result_json(_json(bank, chosen, file) | described)
        elif chosen is None:
            result(_bank_list(bank, sentences))
        else:
            result(_sheets(bank, chosen, file, sentences))
        return 0

    def _draw(self, bank: Bank, chosen: list[int] | None, path: Path) -> None:
        if chosen is None or len(chosen) != 1:
            n_voices = len(bank) if chosen is None else len(chosen)
            raise UsageError(f"--plot draws one voice, found {n_voices}; choose with --index or --name")
        from ddx7.plot import figure_bytes, voice_figure  # here, because they start JAX and matplotlib

        form = path.suffix.lower().removeprefix(".")
        atomic_write(path, figure_bytes(voice_figure(bank[chosen[0]], self.note), form), force=self.force)
        note(f"figure in {path}")


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
    """A sentence for each chosen voice, or for all."""
    from ddx7.library.describe import describe_voices  # here, because it starts JAX

    positions = list(range(len(bank))) if chosen is None else chosen
    return dict(zip(positions, describe_voices([bank[k] for k in positions]), strict=True))


def _bank_list(bank: Bank, sentences: dict[int, str]) -> Iterator[Text]:
    digits = max(2, len(str(len(bank))))
    yield Text(f"{'No':>{digits}}  {'name':10}  alg  fb  findings", style="cyan")
    for number, voice in enumerate(bank, start=1):
        findings = ", ".join(finding.code for finding in diagnose(voice) if finding.severity != "note")
        line = f"{number:{digits}}  {voice.name:10}  {voice.algorithm:3}  {voice.feedback:2}  {findings}"
        yield Text(line.rstrip())
        if sentence := sentences.get(number - 1):
            yield Text(f"{'':{digits}}  {sentence}", style="dim")


def _sheets(bank: Bank, chosen: list[int], path: Path, sentences: dict[int, str]) -> Iterator[Text]:
    for rank, k in enumerate(chosen):
        if rank:
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
