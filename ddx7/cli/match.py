"""``ddx7 match``: recordings in, DX7 voices out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from ddx7.cli.naming import safe_name
from ddx7.cli.searching import watched
from ddx7.cli.sheet import note_name
from ddx7.cli.terminal import UsageError, note, result, result_json
from ddx7.errors import AudioError, Ddx7Error
from ddx7.files import refuse_to_overwrite
from ddx7.voice import Voice, save

if TYPE_CHECKING:
    from ddx7.matching.result import Match

_TOGETHER = "bank.syx"  # the best voice of each of several recordings
_INTERRUPTED = 130
_BEST_S = 120.0


@dataclass(frozen=True)
class Command:
    """Find DX7 voices that sound like recordings.

    A note or a phrase of one voice: one DX7 voice is sought for all its notes. OUT gets NAME.syx with the best voice,
    NAME_bank.syx with all candidates, target.wav and match.wav to listen to, compare.png to look at, notes.mid with the
    notes found, and match.json. Several recordings get a folder each in OUT, and bank.syx holds the best voice of each.

    Ctrl-C ends a search early and keeps the best voice so far.
    """

    recordings: Annotated[Positional[tuple[Path, ...]], arg(metavar="RECORDING...", help_behavior_hint="")]
    """WAV, FLAC, Ogg, MP3 or AIFF, of one note or a phrase."""
    output: Annotated[Path, arg(metavar="OUT", aliases=["-o"])]
    """The folder to write to."""
    seconds: Annotated[float, arg(metavar="S")] = 30.0
    """How long to search for each, 1-3600."""
    fast: bool = False
    """Do not search: hear what the trained ear proposes, a few seconds for each."""
    best: bool = False
    """Search for two minutes each."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Another seed, another search."""
    candidates: Annotated[int, arg(metavar="N")] = 4
    """How many voices the bank holds, 1-32."""
    name: Annotated[str, arg(metavar="NAME", help_behavior_hint="(default: that of the recording)")] = ""
    """What the voice and its files are called."""
    library: Annotated[tuple[Path, ...], arg(metavar="FOLDER...", help_behavior_hint="(default: none)")] = ()
    """Folders or files with voices of your own: the nearest are named, and the search begins with them, too."""
    profile: Literal["dexed", "hardware", "hardware+dac"] = "dexed"
    """What will play the voice: Dexed, a DX7, or a DX7 with its converter's noise and its filter."""
    json: bool = False
    """Print JSON instead of the files."""
    force: bool = False
    """Replace files that are there."""

    def run(self) -> int:
        """Search, write, and return the exit code."""
        if self.fast and self.best:
            raise UsageError("--fast and --best are opposites, wanted one of them at most")
        tasks = self._tasks()
        check(tasks, force=self.force)
        together = self.output / _TOGETHER
        if len(tasks) > 1:
            refuse_to_overwrite([together], force=self.force)
        matches: list[dict[str, Any]] = []
        voices: list[Voice] = []
        for task in tasks:
            match, files = task.run(
                seconds=_BEST_S if self.best else self.seconds,
                fast=self.fast,
                seed=self.seed,
                candidates=self.candidates,
                library=self.library,
                profile=self.profile,
                force=self.force,
            )
            matches.append(_summary(task, match, files))
            voices.append(match.voices[0])
            if not self.json:
                result(map(str, files))
            if match.interrupted:
                break
        if len(tasks) > 1:
            written = save(voices, together, force=self.force)
            if not self.json:
                result(map(str, written))
        if self.json:
            result_json({"matches": matches})
        return _INTERRUPTED if matches[-1]["interrupted"] else 0

    def _tasks(self) -> list["Task"]:
        if not self.recordings:
            raise UsageError("found no recordings to match, wanted at least one")
        if len(self.recordings) == 1:
            [path] = self.recordings
            return [Task(path, self.output, safe_name(self.name or path.stem), self.name)]
        if self.name:
            raise UsageError("--name is for one recording; several are named after their files")
        names = [safe_name(path.stem) for path in self.recordings]
        # Some disks take Horn and horn for the same.
        twice = [name for name, count in Counter(map(str.lower, names)).items() if count > 1]
        if twice:
            raise UsageError(f"several recordings are called {', '.join(twice)}, wanted a name of its own for each")
        return [Task(path, self.output / name, name) for path, name in zip(self.recordings, names, strict=True)]


@dataclass(frozen=True)
class Task:
    """One recording to match.

    Attributes:
      recording: its file.
      folder: where the results go.
      name: of the files.
      voice_name: of the voice; empty for that of the recording.
    """

    recording: Path
    folder: Path
    name: str
    voice_name: str = ""

    def run(
        self,
        *,
        seconds: float,
        seed: int,
        candidates: int,
        force: bool,
        library: Sequence[Path] = (),
        fast: bool = False,
        profile: str = "dexed",
    ) -> "tuple[Match, list[Path]]":
        """Search, write the folder and say how near it came."""
        from ddx7.matching import match
        from ddx7.matching.folder import write_match

        with watched(self.name) as progress:
            try:
                found = match(
                    self.recording,
                    candidates=candidates,
                    seconds=seconds,
                    seed=seed,
                    name=self.voice_name or None,
                    library=library,
                    fast=fast,
                    profile=profile,
                    progress=progress,
                )
            except AudioError as error:
                raise _about(self.recording, error) from None
        files = write_match(found, self.folder, self.name, force=force)
        for line in remarks(found):
            note(f"{self.name}: {line}")
        return found, files


def check(tasks: Sequence[Task], *, force: bool) -> None:
    """Find out before the first search what would fail after it.

    Raises:
      AudioError: a recording cannot be read.
      Ddx7Error: a file to be written exists (without `force`), or a folder would have to be made where a file is.
    """
    from ddx7.audio.files import read_audio
    from ddx7.matching.folder import match_files

    for task in tasks:
        read_audio(task.recording)
        for folder in (task.folder, *task.folder.parents):
            if folder.exists() and not folder.is_dir():
                raise Ddx7Error(f"{folder}: found a file, wanted a folder to write to")
        refuse_to_overwrite(match_files(task.folder, task.name), force=force)


def remarks(match: "Match") -> list[str]:
    """What to know about a match, a sentence each, plainly also where it is poor."""
    from ddx7.matching.quality import describe
    from ddx7.matching.target import CONFIDENT

    hand = f"{note_name(match.key)} (MIDI note {match.key}) at velocity {match.velocity}"
    lines = [
        describe(match.distances[0], match.differences),
        f"one voice for {len(match.notes)} notes, the strongest {hand}" if len(match.notes) > 1 else f"play {hand}",
    ]
    own = match.report.get("library", [])
    if own:
        named = ", ".join(f"{row['voice']} {row['distance_db']:.1f} dB" for row in own)
        lines.append(f"nearest in the library: {named}")
    if match.report.get("cut"):
        first, last = (match.report[key] for key in ("from_s", "to_s"))
        lines.append(f"the recording is long; {first:.0f} s to {last:.0f} s of it, the loudest minute, were used")
    if match.note.confidence < CONFIDENT:
        lines.append("the recording has no one clear pitch, so the key is a guess")
    if match.interrupted:
        lines.append("stopped early; this is the best so far")
    return lines


def _summary(task: Task, match: "Match", files: Sequence[Path]) -> dict[str, Any]:
    from ddx7.matching.quality import match_quality

    return {
        "recording": str(task.recording),
        "files": [str(path) for path in files],
        "distances_db": list(match.distances),
        "verdict": match_quality(match.distances[0]),
        "confidence": round(match.same_category_probability, 3),
        "differences": list(match.differences),
        "key": match.key,
        "velocity": match.velocity,
        "renders": match.report.get("renders"),
        "interrupted": match.interrupted,
    }


def _about(recording: Path, error: AudioError) -> AudioError:
    """The error with the name of the file, where it was raised by something that only saw samples."""
    return error if str(error).startswith(f"{recording}:") else AudioError(f"{recording}: {error}")
