"""``ddx7 demo``: `ddx7 match` on a recording that ships with the package."""

from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from ddx7.cli.interrupt import INTERRUPTED
from ddx7.cli.match_task import Task, check_outputs, read_recordings
from ddx7.cli.terminal import note, result

_RECORDING = "trumpet.flac"
_EXPLAINED = (
    "the voice, for a DX7, Dexed or MiniDexed",
    "all candidates as a bank, best first",
    "the recording, from its first note",
    "the voice playing the same notes",
    "spectrograms and envelopes of both",
    "the notes of the recording, as MIDI",
    "the voices and a report of the search",
)


@dataclass(frozen=True)
class Command:
    """Match a trumpet recording that ships with ddx7.

    Writes the same files as `ddx7 match`, explains each of them, and suggests the next commands.
    """

    output: Annotated[Path, arg(metavar="OUT", aliases=["-o"])] = Path("ddx7-demo")
    """The folder for the results."""
    seconds: Annotated[float, arg(metavar="S")] = 15.0
    """Seconds of search, 1-3600."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Seed of the search: another seed finds other voices."""
    force: bool = False
    """Replace existing files."""

    def run(self) -> int:
        """Search, write, explain, and return the exit code."""
        from ddx7.matching.quality import SCALE_EXPLAINED

        with as_file(files(__name__) / _RECORDING) as recording:
            task = Task((recording,), self.output, recording.stem)
            check_outputs([task], force=self.force)
            excerpts = read_recordings(task)
            note(f"searching {self.seconds:g} s for a DX7 voice that sounds like a recorded trumpet")
            match, paths = task.run(excerpts, seconds=self.seconds, seed=self.seed, candidates=4, force=self.force)
        note(SCALE_EXPLAINED)
        width = max(len(str(path)) for path in paths)
        result(f"{path!s:{width}}  {what}" for path, what in zip(paths, _EXPLAINED, strict=True))
        voice = paths[0]
        result(
            [
                "",
                f"Listen to {self.output / 'target.wav'} and then to {self.output / 'match.wav'}. Then try:",
                f"  ddx7 show {voice}",
                f"  ddx7 render {voice} --notes C3,E3,G3",
                "  ddx7 match YOUR-RECORDING.wav -o out",
            ]
        )
        return INTERRUPTED if match.interrupted else 0
