"""``ddx7 match``: recordings in, DX7 voices out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional

from tyro.conf import Positional, UseAppendAction, arg

from ddx7.cli.batch import Batch, recordings_of
from ddx7.cli.begin import Earlier, beginning, earlier, is_number
from ddx7.cli.interrupt import INTERRUPTED
from ddx7.cli.match_task import Task, check_outputs, read_recordings
from ddx7.cli.naming import midi_note, safe_name
from ddx7.cli.terminal import UsageError, note, result, result_json
from ddx7.files import refuse_to_overwrite
from ddx7.voice import Voice, save
from ddx7.voice.sections import parts_in

if TYPE_CHECKING:
    from ddx7.matching.result import Match

_COMMON_BANK = "bank.syx"  # the best voice of each of several recordings
_SECONDS, _BEST_S = 30.0, 120.0


@dataclass(frozen=True)
class Command:
    """Find DX7 voices that sound like recordings.

    A recording holds a note or a phrase of one instrument, and one DX7 voice plays all its notes. The command writes
    into OUT: NAME.syx with the best voice, NAME_bank.syx with all candidates, target.wav and match.wav with both
    sounds, compare.png with their spectrograms, notes.mid with the notes of the recording, and match.json. Several
    recordings get a folder each in OUT, and bank.syx holds the best voice of each. A recording that cannot be used does
    not end the run: the command goes on, lists the failures at its end and exits with 1. With --together all recordings
    give one voice, with velocity sensitivity, level scaling and rate scaling that fit them.

    Ctrl-C ends a search early and keeps the best voice so far.
    """

    recordings: Annotated[Positional[tuple[Path, ...]], arg(metavar="RECORDING...", help_behavior_hint="")]
    """WAV, FLAC, Ogg, MP3 or AIFF files of one note or a phrase, or folders of them."""
    output: Annotated[Path, arg(metavar="OUT", aliases=["-o"])]
    """The folder for the results."""
    # Not `float | None`: tyro 1.0 imports typeguard to check a default of that type.
    seconds: Annotated[Optional[float], arg(metavar="S", help_behavior_hint="(default: 30)")] = None  # noqa: UP045
    """Seconds of search for each recording, 1-3600."""
    effort: Annotated[float | None, arg(metavar="N", help_behavior_hint="(default: use the time)")] = None
    """Work of the search instead of a time: a seed then gives the same voices again. 120 is some 30 s on two cores."""
    fast: bool = False
    """Refine the best proposals of the preset encoder in two steps: a few seconds for each recording."""
    best: bool = False
    """Search for two minutes for each recording."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Seed of the search: another seed finds other voices."""
    candidates: Annotated[int, arg(metavar="N")] = 4
    """Number of voices in the bank, 1-32."""
    name: Annotated[str, arg(metavar="NAME", help_behavior_hint="(default: that of the recording)")] = ""
    """Name of the voice and its files."""
    together: bool = False
    """Make one voice for all recordings: one instrument at several dynamics and pitches."""
    library: Annotated[tuple[Path, ...], arg(metavar="FOLDER...", help_behavior_hint="(default: none)")] = ()
    """Folders or files with your own voices: the command names the nearest, and the search starts from them, too."""
    weights: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="(default: those of the package)")] = None
    """Weights of the preset encoder that `ddx7 train encoder` wrote."""
    profile: Literal["dexed", "hardware", "hardware+dac"] = "dexed"
    """The instrument: Dexed, a DX7, or a DX7 with its converter's noise and its filter."""
    notes: Literal["auto", "one", "many"] = "auto"
    """Whether a recording holds one note or many; by default its sound decides."""
    note: Annotated[str, arg(metavar="NOTE[,NOTE...]", help_behavior_hint="(default: as measured)")] = ""
    """The strongest note, as a MIDI note or a name; 60 is C3, as on the DX7. With --together one for each recording."""
    velocity: Annotated[
        UseAppendAction[tuple[str, ...]],
        arg(metavar="N[,N...]", help_behavior_hint="(default: 100, the others by their levels)"),
    ] = ()
    """Velocity of the loudest note, 1-127; with --together, that of each recording."""
    start: Annotated[
        UseAppendAction[tuple[str, ...]],
        arg(metavar="SECONDS|FILE[:N]", help_behavior_hint="(may be given once for each)"),
    ] = ()
    """Beginning of the part of the recording to match, in seconds; or a voice that the search begins with."""
    end: Annotated[Optional[float], arg(metavar="SECONDS", help_behavior_hint="(default: its end)")] = None  # noqa: UP045
    """End of that part."""
    # As `help`, because tyro keeps the line breaks of a docstring.
    lock: Annotated[
        str,
        arg(
            metavar="PARTS",
            help_behavior_hint="(such as algorithm,ratios,lfo)",
            help="Parts of that voice that every answer keeps: algorithm, ratios, envelopes, levels, feedback, "
            "scaling, velocity, lfo, pitch-eg, modulation, op1 to op6, and others.",
        ),
    ] = ""
    like: Annotated[str, arg(metavar="N|FOLDER:N", help_behavior_hint="(default: begin anew)")] = ""
    """Go on from candidate N of the match in OUT, into OUT/like-N; or from that of another match, into OUT."""
    midi: Annotated[Optional[Path], arg(metavar="FILE.mid", help_behavior_hint="(default: none)")] = None  # noqa: UP045
    """The notes of the recording; the file begins where the part begins."""
    json: bool = False
    """Print JSON instead of the paths of the files."""
    force: bool = False
    """Replace existing files."""

    def run(self) -> int:
        """Search, write, and return the exit code."""
        from ddx7.matching.quality import SCALE_EXPLAINED

        efforts = ("fast", "best", "effort", "seconds")
        given = [f"--{name}" for name in efforts if getattr(self, name) not in (None, False)]
        if len(given) > 1:
            raise UsageError(f"{' and '.join(given)} exclude each other, wanted one of them at most")
        told = self._told()
        begin = beginning(self.start)
        tasks = self._tasks(begin.voice)
        check_outputs(tasks, force=self.force)
        common_bank = self.output / _COMMON_BANK
        if len(tasks) > 1:
            refuse_to_overwrite([common_bank], force=self.force)
        lock = _locked(self.lock, tasks[0].start)
        batch = Batch(len(tasks))
        # All recordings are read before the first search, so that what cannot be read is named at once.
        read = [(task, batch.attempt(partial(read_recordings, task, begin.start_s, self.end))) for task in tasks]
        matches: list[dict[str, Any]] = []
        voices: list[Voice] = []
        interrupted = False
        for task, excerpts in read:
            if not excerpts:
                continue
            done = batch.attempt(
                partial(
                    task.run,
                    excerpts,
                    seconds=_BEST_S if self.best else _SECONDS if self.seconds is None else self.seconds,
                    effort=self.effort,
                    fast=self.fast,
                    seed=self.seed,
                    candidates=self.candidates,
                    library=self.library,
                    weights=self.weights,
                    profile=self.profile,
                    force=self.force,
                    lock=lock,
                    told=told,
                )
            )
            if not done:
                continue
            match, files = done
            matches.append(_summary(task, match, files))
            voices.append(match.voices[0])
            if not self.json:
                result(map(str, files))
            interrupted = match.interrupted
            if interrupted:
                break
        if matches:
            note(SCALE_EXPLAINED)
        if len(tasks) > 1 and voices:
            written = save(voices, common_bank, force=self.force)
            if not self.json:
                result(map(str, written))
        if self.json:
            result_json({"matches": matches} | ({"failures": batch.failures} if batch.failures else {}))
        if interrupted:
            return INTERRUPTED
        return 1 if batch.end() else 0

    def _told(self) -> dict[str, Any]:
        """What the user says of the notes, as arguments of `ddx7.match`."""
        if self.together and (self.midi or self.end is not None or any(map(is_number, self.start))):
            raise UsageError(
                "--together takes whole recordings, wanted it without --midi, --end and a start in seconds"
            )
        if self.midi and (self.notes != "auto" or self.note):
            raise UsageError("--midi names the notes, wanted it without --notes and --note")
        notes = [midi_note(word) for word in self.note.split(",")] if self.note else []
        velocities = [_velocity(word) for words in self.velocity for word in words.split(",")]
        for what, values in (("note", notes), ("velocity", velocities)):
            if len(values) > 1 and not self.together:
                raise UsageError(f"--{what}: found {len(values)}, wanted one, or several with --together")
        told = {"notes": self.midi or self.notes}
        several = {"note": notes if self.together else next(iter(notes), None)} if notes else {}
        if velocities:
            several["velocity"] = velocities if len(velocities) > 1 else velocities[0]
        return told | several

    def _tasks(self, start: Voice | None) -> list["Task"]:
        like = earlier(self.like)
        if start and like:
            raise UsageError("--start and --like name two voices to begin with, wanted one of them at most")
        return [replace(task, start=start) if like is None else _going_on(task, like) for task in self._recordings()]

    def _recordings(self) -> list["Task"]:
        recordings = recordings_of(self.recordings, "match")
        if self.midi and len(recordings) > 1:
            raise UsageError("--midi is for one recording")
        if self.together:
            if len(recordings) < 2:
                raise UsageError("--together: found one recording, wanted 2 or more")
            name = self.name or self.output.resolve().name
            return [Task(tuple(recordings), self.output, safe_name(name), name)]
        if len(recordings) == 1:
            [path] = recordings
            return [Task((path,), self.output, safe_name(self.name or path.stem), self.name)]
        if self.name:
            raise UsageError("--name is for one recording; several take their names from their files")
        return [Task((path,), self.output / name, name) for path in recordings for name in [safe_name(path.stem)]]


def _locked(words: str, start: Voice | None) -> tuple[str, ...]:
    """The parts that ``--lock`` names, checked before anything is read."""
    from ddx7.matching.held import held_parts

    held_parts(start, parts := parts_in(words))
    return parts


def _going_on(task: Task, like: Earlier) -> Task:
    """The task that goes on from a candidate of an earlier match."""
    return replace(task, start=like.candidate(task.folder), folder=like.place(task.folder))


def _velocity(word: str) -> int:
    velocity = int(word) if word.strip().isdecimal() else 0
    if not 1 <= velocity <= 127:
        raise UsageError(f"velocity: found {word.strip()}, wanted 1 to 127")
    return velocity


def _summary(task: Task, match: "Match", files: Sequence[Path]) -> dict[str, Any]:
    from ddx7.matching.quality import match_quality

    return {
        "recording": str(task.recordings[0]),
        **({"recordings": [str(path) for path in task.recordings]} if len(task.recordings) > 1 else {}),
        "files": [str(path) for path in files],
        "distances": list(match.perceptual_distances),
        "distances_db": list(match.distances),
        "verdict": match_quality(match.perceptual_distances[0]),
        "confidence": round(match.same_instrument_share, 3),
        "differences": list(match.differences),
        "key": match.strongest_event.note,
        "velocity": match.strongest_event.velocity,
        "renders": match.report.renders,
        "interrupted": match.interrupted,
    }
