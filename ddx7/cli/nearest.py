"""``ddx7 nearest``: the voices of a library nearest to a voice or a recording."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from ddx7.cli.choose import voice_place
from ddx7.cli.made import one_voice
from ddx7.cli.searching import watched
from ddx7.cli.terminal import UsageError, counted, note, result, result_json
from ddx7.cli.working import first_use
from ddx7.errors import AudioError, Ddx7Error, SysexError
from ddx7.voice import Voice
from ddx7.voice.archive import promises_voices

if TYPE_CHECKING:
    from ddx7.library import Collection
    from ddx7.matching.target import Target

_NOTE, _VELOCITY, _GATE_S, _DURATION_S = 60, 100, 1.0, 2.0
_LOUDNESS_DB = -20.0  # of a single note, so any value serves


@dataclass(frozen=True)
class Command:
    """Find the voices of your library that sound most like a voice or a recording.

    Every voice of the library plays the notes of the recording, or C3 for a second where you give a voice. Prints the
    distance (below 3: very close), the name, and the file of each voice. For a voice file with several voices append a
    colon and a number: rom1a.syx:11.
    """

    what: Annotated[Positional[str], arg(metavar="VOICE[:N]|RECORDING")]
    """A voice file or a sound file."""
    library: Annotated[tuple[Path, ...], arg(metavar="FOLDER...")]
    """Folders or files with voices."""
    index: Annotated[str, arg(metavar="N", help_behavior_hint="(the first is 1)")] = ""
    """Number of the voice in a voice file."""
    name: Annotated[str, arg(metavar="TEXT", help_behavior_hint="(capitals do not matter)")] = ""
    """Or the name of the voice, or a part of it."""
    count: Annotated[int, arg(metavar="N")] = 8
    """Number of voices to print."""
    json: bool = False
    """Print JSON instead of lines."""

    def run(self) -> int:
        """Search, print, and return the exit code."""
        path, number = voice_place(self.what)
        if number and (self.index or self.name):
            raise UsageError(f"{self.what}: the colon chooses a voice, wanted it without --index and --name")

        from ddx7.library import scan
        from ddx7.matching.library_search import COMPARED, compare_library
        from ddx7.matching.quality import SCALE_EXPLAINED

        if not 1 <= self.count <= COMPARED:
            raise UsageError(f"--count: found {self.count}, wanted 1 to {COMPARED}")
        collection = scan(self.library)
        with first_use("nearest"), watched(path.name) as progress:
            target = self._target(path, number or self.index)
            found = compare_library(collection.vced, target, self.count, progress)
        hits = [
            NearestHit(collection, int(row), float(distance), float(db))
            for row, distance, db in zip(found.rows, found.distances, found.distances_db, strict=True)
        ]
        if self.json:
            result_json({"nearest": [hit.to_dict() for hit in hits]})
        else:
            result(map(str, hits))
            note(SCALE_EXPLAINED)
        note(f"{counted(len(collection), 'different voice')} in {counted(collection.n_files, 'file')} compared")
        if unread := collection.unread():
            note(unread)
        return 0

    def _target(self, path: Path, number: str) -> "Target":
        from ddx7.audio import find_notes, read_audio
        from ddx7.matching.target import make_target

        try:
            return _target_of_voice(one_voice(path, number, self.name))
        except SysexError:
            # The content decides: what holds no voices may be a recording.
            if promises_voices(path.name):
                raise
        if number or self.name:
            raise UsageError("--index and --name are for voice files; a recording has no voices to choose from")
        recording = read_audio(path)
        for remark in recording.remarks:
            note(f"{path.name}: {remark}")
        try:
            notes = find_notes(recording.samples, recording.sample_rate)
        except AudioError as error:
            raise AudioError(f"{path}: {error}") from None
        return make_target(recording.samples, recording.sample_rate, notes)


@dataclass(frozen=True)
class NearestHit:
    """A voice of the library, and how near it is.

    Attributes:
      collection: that it belongs to.
      row: its index there.
      distance: perceptual distance.
      distance_db: log-mel distance.
    """

    collection: "Collection"
    row: int
    distance: float
    distance_db: float

    def __str__(self) -> str:
        """One line."""
        from ddx7.matching.quality import match_quality

        near = f"{self.distance:5.1f}  {match_quality(self.distance):10}"
        return f"{near}  {self.collection.label(self.row)}, log-mel {self.distance_db:.1f} dB"

    def to_dict(self) -> dict[str, object]:
        """JSON values."""
        voice, source = self.collection.voice(self.row), self.collection.sources[self.row]
        return {
            "distance": round(self.distance, 2),
            "distance_db": round(self.distance_db, 2),
            "name": voice.name,
            "file": source.path,
            "index": source.index,
            "algorithm": voice.algorithm,
            "voice": self.collection.label(self.row),
        }


def _target_of_voice(voice: Voice) -> "Target":
    """A target of C3 played by a voice, whatever its pitch."""
    from ddx7.audio import Note
    from ddx7.audio.pitch import midi_to_hz
    from ddx7.engine import render
    from ddx7.matching.target import RATE, make_target

    sound = render(voice, _NOTE, _VELOCITY, _GATE_S, _DURATION_S, RATE)
    if not sound.any():
        raise Ddx7Error(f"{voice.name or 'the voice'}: found no sound on C3, wanted a voice that sounds")
    note = Note(0.0, _GATE_S, _DURATION_S, float(midi_to_hz(_NOTE)), _NOTE, 0.0, 1.0, _LOUDNESS_DB, _LOUDNESS_DB)
    return make_target(sound, RATE, (note,))
