"""``ddx7 demo``: the main job on a recording that ships with the package."""

from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from ddx7.cli.match import Task, check
from ddx7.cli.terminal import note, result

_RECORDING = "trumpet.flac"
_EXPLAINED = (
    "the voice, for a DX7, Dexed or MiniDexed",
    "all candidates as a bank, best first",
    "the recording, from its first note",
    "the voice playing the same notes",
    "both as a picture",
    "the notes that were found, as MIDI",
    "the voices and how they were found",
)


@dataclass(frozen=True)
class Command:
    """Match a trumpet that ships with ddx7, to see what ddx7 does and that it works.

    Writes what `ddx7 match` writes, and says what each file is and what to do next.
    """

    output: Annotated[Path, arg(metavar="OUT", aliases=["-o"])] = Path("ddx7-demo")
    """The folder to write to."""
    seconds: Annotated[float, arg(metavar="S")] = 15.0
    """How long to search, 1-3600."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Another seed, another search."""
    force: bool = False
    """Replace files that are there."""

    def run(self) -> int:
        """Search, write, explain, and return the exit code."""
        with as_file(files(__name__) / _RECORDING) as recording:
            task = Task(recording, self.output, recording.stem)
            check([task], force=self.force)
            note(f"searching {self.seconds:g} s for a DX7 voice that sounds like a recorded trumpet")
            found, made = task.run(seconds=self.seconds, seed=self.seed, candidates=4, force=self.force)
        width = max(len(str(path)) for path in made)
        result(f"{path!s:{width}}  {what}" for path, what in zip(made, _EXPLAINED, strict=True))
        voice = made[0]
        result(
            [
                "",
                f"Listen to {self.output / 'target.wav'} and then to {self.output / 'match.wav'}. Then, say:",
                f"  ddx7 show {voice}",
                f"  ddx7 render {voice} --notes C3,E3,G3",
                "  ddx7 match YOUR-RECORDING.wav -o out",
            ]
        )
        return 130 if found.interrupted else 0
