"""``ddx7 morph``: steps from one voice to another."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from ddx7.cli.made import check_output, one_voice, write_made
from ddx7.cli.terminal import UsageError
from ddx7.errors import Ddx7Error
from ddx7.voice.single import split_place


@dataclass(frozen=True)
class Command:
    """Morph one voice into another: a bank of the steps, and a WAV that plays each.

    Every step has many candidates, and the command selects those whose sounds make the steps most even. Hybrids
    interpolate levels and envelopes, and take the frequency of each operator and the algorithm from one of the two
    voices. The preset encoder decodes voices from points between the two sounds. For a file with several voices append
    a colon and a number: rom1a.syx:11.
    """

    a: Annotated[Positional[str], arg(metavar="FILE[:N]")]
    """The first voice."""
    b: Annotated[Positional[str], arg(metavar="FILE[:N]")]
    """The last voice."""
    output: Annotated[Path, arg(metavar="OUT.syx", aliases=["-o"])]
    """The bank to write; OUT.wav is written beside it."""
    steps: Annotated[int, arg(metavar="N")] = 7
    """How many voices, both ends included, 2-64."""
    through: Literal["both", "hybrids", "encoder"] = "both"
    """Candidates of the steps; hybrids consist of bytes of the two voices."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Another seed, other voices from the preset encoder."""
    force: bool = False
    """Replace files that are there."""

    def run(self) -> int:
        """Morph, write, and return the exit code."""
        check_output(self.output, force=self.force)
        a, b = (one_voice(*_place(text)) for text in (self.a, self.b))

        from ddx7.generation import morph

        write_made(morph(a, b, self.steps, through=self.through, seed=self.seed), self.output, force=self.force)
        return 0


def _place(text: str) -> tuple[Path, str]:
    try:
        return split_place(text)
    except Ddx7Error as error:
        raise UsageError(str(error)) from None
