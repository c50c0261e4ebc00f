"""One search of ``ddx7 match``: its recordings, its folder, and the remarks about what it found."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ddx7.cli.interrupt import keeping
from ddx7.cli.searching import watched
from ddx7.cli.sheet import note_name
from ddx7.cli.terminal import note
from ddx7.cli.working import announce_first_use, load_figures_meanwhile, remember_use
from ddx7.errors import AudioError, Ddx7Error
from ddx7.files import check_folder, refuse_to_overwrite
from ddx7.voice import Voice, to_bytes

if TYPE_CHECKING:
    from ddx7.matching.prepare import Excerpt
    from ddx7.matching.result import Match, MatchedRecording, Progress

WORTH_SAYING = 0.5
"""Part of a distance from which on its cause is named."""
SHOWN = 0.1
"""Difference of two distances that a user sees, as they are printed with one decimal."""
DX7_VELOCITY = 110
"""The highest velocity of a DX7's own keyboard, about."""


@dataclass(frozen=True)
class Task:
    """A recording to match, or several for one voice.

    Attributes:
      recordings: their files.
      folder: folder of the results.
      name: stem of the files.
      voice_name: name of the voice; empty for that of the recording.
      start: the voice that the search begins with.
    """

    recordings: tuple[Path, ...]
    folder: Path
    name: str
    voice_name: str = ""
    start: Voice | None = None

    def run(
        self,
        excerpts: "Sequence[Excerpt]",
        *,
        seconds: float | int,
        seed: int,
        candidates: int,
        force: bool,
        library: Sequence[Path] = (),
        weights: Path | None = None,
        effort: float | int | None = None,
        fast: bool = False,
        profile: str = "dexed",
        lock: Sequence[str] = (),
        told: Mapping[str, Any] = MappingProxyType({}),
    ) -> "tuple[Match, list[Path]]":
        """Search, write the folder, and print remarks about the match."""
        from ddx7.matching import match
        from ddx7.matching.folder import match_files, write_match

        with keeping() as keep:
            announced = False
            with watched(self.name) as progress:
                load_figures_meanwhile()

                def show(now: "Progress") -> None:
                    nonlocal announced
                    if not announced:  # the arguments and the recording are fine: now it compiles
                        announced = True
                        announce_first_use("match")
                    progress(now)
                    if math.isfinite(now.distance):
                        keep("stopping; the best voice so far is written")

                try:
                    found = match(
                        excerpts[0] if len(excerpts) == 1 else excerpts,
                        candidates=candidates,
                        seconds=seconds,
                        effort=effort,
                        seed=seed,
                        name=self.voice_name or None,
                        library=library,
                        weights=weights,
                        fast=fast,
                        profile=profile,
                        progress=show,
                        start=self.start,
                        lock=lock,
                        **told,
                    )
                except AudioError as error:
                    raise (_with_path(self.recordings[0], error) if len(excerpts) == 1 else error) from None
            remember_use("match")
            try:
                files = write_match(found, self.folder, self.name, force=force)
            except Ddx7Error as error:
                if match_files(self.folder, self.name).voice.exists():
                    raise
                # What a search found is worth more than the place that it should have gone to.
                voice = to_bytes(found.voices[0]).hex(" ").upper()
                raise Ddx7Error(f"{error}; the best voice as SysEx is {voice}") from None
        for line in remarks(found):
            note(f"{self.name}: {line}")
        return found, files


def check_outputs(tasks: Sequence[Task], *, force: bool) -> None:
    """Check that all results can be written, so that no search is in vain.

    Raises:
      Ddx7Error: an output exists (without `force`), or a folder cannot be written to.
    """
    from ddx7.matching.folder import match_files

    for task in tasks:
        check_folder(task.folder)
        refuse_to_overwrite(match_files(task.folder, task.name), force=force)


def read_recordings(task: Task, start_s: float = 0.0, end_s: float | None = None) -> "list[Excerpt]":
    """Decode the recordings of a task, or the part of each between two times in seconds.

    Raises:
      AudioError: one cannot be read.
    """
    from ddx7.matching.prepare import read_excerpt

    end = math.inf if end_s is None else end_s
    return [read_excerpt(recording, start_s=start_s, end_s=end) for recording in task.recordings]


def remarks(match: "Match") -> list[str]:
    """Remarks about a match, one sentence each: its quality, how to play it, and what limits it."""
    from ddx7.matching.quality import describe
    from ddx7.matching.target import CONFIDENT

    event, report = match.strongest_event, match.report
    played = f"{note_name(event.note)} (MIDI note {event.note}) at velocity {event.velocity}"
    several = f"one voice for {len(match.notes)} notes, the strongest {played}"
    if report.recordings:
        velocities = sorted({event.velocity for event in match.events})
        several = f"one voice for {len(report.recordings)} recordings, velocities {velocities[0]} to {velocities[-1]}"
    lines = [
        describe(match.perceptual_distances[0], match.distances[0], match.differences),
        several if len(match.notes) > 1 else f"play {played}",
        *map(_of_recording, report.recordings),
    ]
    least = report.least_distance
    if least is not None and match.perceptual_distances[0] - least >= SHOWN:
        order = "among voices about as near, the one nearest by log-mel comes first"
        lines.append(f"the search found a voice at {least:.1f}; {order}")
    if report.level_distance >= WORTH_SAYING:
        what = "recordings" if report.recordings else "notes"
        lines.append(
            f"{report.level_distance:.1f} of the distance come from levels of the {what} against each other, "
            f"{match.perceptual_distances[0] - report.level_distance:.1f} are the mean of the notes"
        )
    loudest = max(event.velocity for event in match.events)
    if loudest > DX7_VELOCITY:
        lines.append(f"a DX7's own keyboard sends velocities up to about {DX7_VELOCITY}, the recording has {loudest}")
    if report.decoding:
        lines += [f"recording: {line}" for line in (str(report.decoding), *report.decoding.remarks)]
    if report.library:
        nearest = ", ".join(f"{hit.voice} {hit.distance_db:.1f} dB" for hit in report.library)
        lines.append(f"nearest in the library: {nearest}")
    if report.library_unread:
        lines.append(f"library: {report.library_unread}")
    if report.cut:
        lines.append(
            f"the recording is long; the match uses its loudest minute, {report.from_s:.0f} s to {report.to_s:.0f} s"
        )
    lines += [remark.text for remark in report.remarks]
    kinds = {remark.kind for remark in report.remarks}
    if match.strongest_note.confidence < CONFIDENT and not kinds & {"no pitch", "pitch"}:
        lines.append("the recording has no one clear pitch, so the note is a guess")
    if match.interrupted:
        lines.append("stopped early; this is the best match so far")
    return lines


def _of_recording(recording: "MatchedRecording") -> str:
    """How the voice plays one of several recordings."""
    level = f"{abs(recording.louder_db):.0f} dB too {'loud' if recording.louder_db > 0 else 'soft'}"
    words = [level] if abs(recording.louder_db) >= 1 else []
    place = f"{note_name(recording.note)} at velocity {recording.velocity}"
    distance = f"{recording.name}: {place}, distance {recording.distance:.1f}"
    return "; ".join([distance, ", ".join([*words, *recording.differences])]).removesuffix("; ")


def _with_path(recording: Path, error: AudioError) -> AudioError:
    """Put the name of the file in front of an error that was raised for its samples."""
    return error if str(error).startswith(f"{recording}:") else AudioError(f"{recording}: {error}")
