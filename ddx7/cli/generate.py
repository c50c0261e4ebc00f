"""``ddx7 generate``: banks of generated voices."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import arg

from ddx7.cli.made import check_output, print_made, write_made
from ddx7.cli.terminal import UsageError, note
from ddx7.cli.working import load_figures_meanwhile, working

if TYPE_CHECKING:
    from ddx7.generation.generate import ScreeningCounts


@dataclass(frozen=True)
class Command:
    """Generate a bank of voices from noise.

    A network that learned from some 25,000 voices of musicians generates new ones. Request a category, an algorithm,
    long sweeping envelopes, fixed frequencies, or nothing. Two categories make hybrids: every voice is both at once.
    With --each some voices are the one and some the other. The command renders every voice and leaves out those that
    screening rejects. Beside the bank it writes a WAV that plays each voice in turn, a picture of their spectra, and a
    JSON with the request and the voices.
    """

    output: Annotated[Path, arg(metavar="OUT.syx", aliases=["-o"])]
    """The bank to write; OUT.wav, OUT.png and OUT.json are written beside it."""
    # As `help`, because tyro keeps the line breaks of a docstring.
    category: Annotated[
        str,
        arg(
            metavar="NAMES",
            help="Category of all voices: piano, e-piano, organ, bell, mallet, plucked, guitar, bass, strings, pad, "
            "brass, woodwind, voice, lead, percussion, effect, other.",
            help_behavior_hint="(such as brass,bell: both at once)",
        ),
    ] = ""
    each: bool = False
    """Of several categories some voices each, in equal parts, instead of hybrids of all."""
    algorithm: Annotated[int | None, arg(metavar="N", help_behavior_hint="(1-32)")] = None
    """The algorithm of all voices."""
    pad: bool = False
    """Only long, sweeping envelopes."""
    fixed: Annotated[Literal["any", "yes", "no"], arg(help_behavior_hint="")] = "any"
    """Operators at a fixed frequency: in any number of voices, in every voice, in none."""
    count: Annotated[int, arg(metavar="N")] = 32
    """How many voices."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Another seed, other voices."""
    names: Annotated[Literal["fitting", "random"], arg(help_behavior_hint="")] = "fitting"
    """Names that describe the sound, or random ones."""
    screen: Annotated[bool, arg(help_behavior_hint="")] = True
    """Do not screen the voices; silent, stuck or mistuned ones may remain."""
    profile: Literal["dexed", "hardware"] = "dexed"
    """Whose sound the WAV and the picture are."""
    weights: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="(default: those of the package)")] = None
    """Weights of the generator that `ddx7 train gan` wrote."""
    force: bool = False
    """Replace files that are there."""

    def run(self) -> int:
        """Generate, write, and return the exit code."""
        check_output(self.output, force=self.force, beside=(".wav", ".png", ".json"))

        from ddx7.generation.gan.voice_generator import load_weights, shipped
        from ddx7.generation.generate import GenerationRequest, make_bank

        request = GenerationRequest(
            count=self.count,
            categories=tuple(word.strip().lower() for word in self.category.split(",") if word.strip()),
            algorithm=self.algorithm,
            pad=True if self.pad else None,
            fixed={"any": None, "yes": True, "no": False}[self.fixed],
            seed=self.seed,
            screen=self.screen,
            names=self.names,
            each=self.each,
        )
        generator = load_weights(self.weights) if self.weights else shipped()
        request.check(generator.categories)
        if self.each and len(request.categories) < 2:
            raise UsageError(f"--each: found {len(request.categories) or 'no'} category, wanted two or more to divide")
        if len(request.categories) > 1 and not self.each:
            note(f"every voice is {' and '.join(request.categories)} at once; --each makes some of each")
        with working(self.output.name, "generate") as report:
            load_figures_meanwhile()
            generated = make_bank(request, generator, progress=report)
            report("rendering the sound and the picture")
            files = write_made(
                generated.bank, self.output, force=self.force, profile=self.profile, report=generated.to_dict()
            )
        print_made(files, len(generated.bank))
        if self.screen:
            note(_summary(generated.counts))
        return 0


def _summary(counts: "ScreeningCounts") -> str:
    reasons = ", ".join(f"{code} {n}" for code, n in sorted(counts.reasons.items()))
    return f"screening rejected {counts.n_rejected} of {counts.n_screened} voices{f' ({reasons})' if reasons else ''}"
