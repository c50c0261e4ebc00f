"""``ddx7 vary``: variations of a voice."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from ddx7.cli.made import check_output, one_voice, print_made, write_made
from ddx7.cli.terminal import UsageError
from ddx7.cli.working import working
from ddx7.files import refuse_to_overwrite
from ddx7.voice import SaveTarget
from ddx7.voice.sections import parts_in

_AT_ONCE = 8  # modules of a TX816, and tone generators of a MiniDexed
_TARGETS: Mapping[str, SaveTarget] = {"tx816": "tx816", "minidexed": "minidexed-unison"}


@dataclass(frozen=True)
class Command:
    """Make variations of a voice: a bank of them, a WAV that plays each, and a picture of their spectra.

    The command renders every variation; none is silent, or much louder or softer than the original.
    """

    file: Annotated[Positional[Path], arg(metavar="FILE[:N]")]
    """SysEx of any kind, bare voice bytes, JSON, a MiniDexed performance, or a zip."""
    output: Annotated[Path, arg(metavar="OUT.syx", aliases=["-o"])]
    """The bank to write; OUT.wav and OUT.png are written beside it."""
    index: Annotated[str, arg(metavar="N", help_behavior_hint="(the first is 1)")] = ""
    """Which voice of the file."""
    name: Annotated[str, arg(metavar="TEXT", help_behavior_hint="(capitals do not matter)")] = ""
    """Or the one of that name, or with that in its name."""
    count: Annotated[int, arg(metavar="N")] = 8
    """How many variations."""
    amount: Annotated[float, arg(metavar="X")] = 0.2
    """How different the variations are: 0.05 nearly equal, 0.2 closely related, 1 distantly related."""
    # As `help`, because tyro keeps the line breaks of a docstring.
    lock: Annotated[
        str,
        arg(
            metavar="PARTS",
            help_behavior_hint="(such as envelopes,ratios)",
            help="Parts that do not change: algorithm, envelopes, levels, ratios, scaling, modulation, feedback, "
            "velocity, lfo, pitch-eg, op1 to op6, and others.",
        ),
    ] = ""
    layout: Annotated[
        Literal["bank", "tx816", "minidexed"],
        arg(
            help="For unison, the voice itself and seven variations. tx816: a folder with eight files, one for each "
            "module; minidexed: an SD card's folders with a bank, and a performance in which all eight play as one."
        ),
    ] = "bank"
    seed: Annotated[int, arg(metavar="N")] = 0
    """Another seed, other variations."""
    force: bool = False
    """Replace files that are there."""

    def run(self) -> int:
        """Vary, write, and return the exit code."""
        from ddx7.generation import vary

        lock = parts_in(self.lock)
        if self.layout == "bank":
            check_output(self.output, force=self.force)
        else:
            if self.output.suffix:
                raise UsageError(f"output: found {str(self.output)!r}, wanted the name of a folder for {self.layout}")
            refuse_to_overwrite([self.output.with_suffix(suffix) for suffix in (".wav", ".png")], force=self.force)
        voice = one_voice(self.file, self.index, self.name)
        target = _TARGETS.get(self.layout)
        with working(self.output.name, "vary") as report:
            n_new = _AT_ONCE - 1 if target else self.count
            variations = vary(voice, n_new, amount=self.amount, seed=self.seed, lock=lock, progress=report)
            voices = [voice, *variations] if target else list(variations)
            report("rendering the sound and the picture")
            files = write_made(voices, self.output, force=self.force, target=target or "dx7")
        print_made(files, len(voices))
        return 0
