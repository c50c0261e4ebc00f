"""``ddx7 morph``: steps from one voice to another."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from ddx7.cli.choose import voice_place
from ddx7.cli.made import check_output, one_voice, print_made, write_made
from ddx7.cli.working import working


@dataclass(frozen=True)
class Command:
    """Morph one voice into another: a bank of the steps, a WAV that plays each, and a picture of their spectra.

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
    """The bank to write; OUT.wav and OUT.png are written beside it."""
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
        a, b = (one_voice(*voice_place(text)) for text in (self.a, self.b))

        from ddx7.generation import morph

        with working(self.output.name, "morph") as report:
            voices = morph(a, b, self.steps, through=self.through, seed=self.seed, progress=report)
            report("rendering the sound and the picture")
            files = write_made(voices, self.output, force=self.force)
        print_made(files, len(voices))
        return 0
