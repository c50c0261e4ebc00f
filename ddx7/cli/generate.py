"""``ddx7 generate``: banks of voices nobody has heard."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import arg

from ddx7.cli.made import check_output, write_made
from ddx7.cli.terminal import note


@dataclass(frozen=True)
class Command:
    """Make a bank of voices from noise.

    A network that learned from some 26,000 voices of musicians makes new ones. Say what kind of sound you want, which
    algorithm, long sweeping envelopes, fixed frequencies, or nothing. Every voice is listened to before it is kept.
    Beside the bank you get a WAV that plays each voice in turn, a picture of their spectra, and a JSON that says what
    was asked and made.
    """

    output: Annotated[Path, arg(metavar="OUT.syx", aliases=["-o"])]
    """The bank to write; OUT.wav, OUT.png and OUT.json are written beside it."""
    category: Annotated[str, arg(metavar="KINDS", help_behavior_hint="(such as brass,bell: both at once)")] = ""
    """Kind of sound: piano, e-piano, organ, bell, mallet, plucked, guitar, bass, strings, pad, brass, woodwind, voice,
    lead, percussion, effect, other."""
    algorithm: Annotated[int | None, arg(metavar="N", help_behavior_hint="(1-32)")] = None
    """The algorithm of all voices."""
    pad: bool = False
    """Only long, sweeping envelopes."""
    fixed: Annotated[Literal["any", "yes", "no"], arg(help_behavior_hint="")] = "any"
    """Operators at a fixed frequency: as it comes, in every voice, in none."""
    count: Annotated[int, arg(metavar="N")] = 32
    """How many voices."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Another seed, other voices."""
    names: Annotated[Literal["fitting", "random"], arg(help_behavior_hint="")] = "fitting"
    """Names that say what a voice sounds like, or that say nothing."""
    audition: Annotated[bool, arg(help_behavior_hint="")] = True
    """Do not listen to the voices; duds are kept."""
    profile: Literal["dexed", "hardware"] = "dexed"
    """Whose sound the WAV and the picture are."""
    force: bool = False
    """Replace files that are there."""

    def run(self) -> int:
        """Make, write, and return the exit code."""
        check_output(self.output, force=self.force, beside=(".wav", ".png", ".json"))

        from ddx7.generation.generate import make_bank

        made = make_bank(
            self.count,
            category=tuple(word.strip().lower() for word in self.category.split(",") if word.strip()),
            algorithm=self.algorithm,
            pad=True if self.pad else None,
            fixed={"any": None, "yes": True, "no": False}[self.fixed],
            seed=self.seed,
            audition=self.audition,
            names=self.names,
        )
        voices = [
            {"name": voice.name, "algorithm": voice.algorithm, "kinds": list(kinds)}
            for voice, kinds in zip(made.bank, made.kinds, strict=True)
        ]
        write_made(
            made.bank, self.output, force=self.force, profile=self.profile, report={**made.report, "voices": voices}
        )
        if self.audition:
            note(_said(made.report))
        return 0


def _said(report: dict[str, Any]) -> str:
    reasons = ", ".join(f"{code} {n}" for code, n in sorted(report["reasons"].items()))
    why = f" ({reasons})" if reasons else ""
    return f"{report['duds']} of {report['heard']} voices that were listened to were duds{why}"
