"""``ddx7 nearest``: the voices of a library nearest to a voice or a recording."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from ddx7.cli.made import one_voice
from ddx7.cli.searching import watched
from ddx7.cli.terminal import UsageError, note, result, result_json
from ddx7.errors import AudioError, Ddx7Error, SysexError
from ddx7.voice import Voice
from ddx7.voice.archive import promises_voices

if TYPE_CHECKING:
    from ddx7.matching.target import Target

_NOTE, _VELOCITY, _GATE_S, _DURATION_S = 60, 100, 1.0, 2.0
_LOUDNESS_DB = -20.0  # of a single note, so any value serves


@dataclass(frozen=True)
class Command:
    """Find the voices of your library that sound most like a voice or a recording.

    Every voice of the library plays the notes of the recording, or C3 for a second where you give a voice. Prints the
    distance in dB (below 3 dB: very close), the name, and the file of each voice.
    """

    what: Annotated[Positional[Path], arg(metavar="VOICE|RECORDING")]
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
        from ddx7.library import scan
        from ddx7.matching.library_search import COMPARED, compare_library

        if not 1 <= self.count <= COMPARED:
            raise UsageError(f"--count: found {self.count}, wanted 1 to {COMPARED}")
        collection = scan(self.library)
        target = self._target()
        with watched(self.what.name) as progress:
            found = compare_library(collection.vced, target, self.count, progress)
        best = [(db, collection.label(row)) for row, db in zip(found.rows.tolist(), found.distances_db, strict=True)]
        if self.json:
            result_json({"nearest": [{"distance_db": round(db, 2), "voice": label} for db, label in best]})
        else:
            result(f"{db:5.1f} dB  {label}" for db, label in best)
        note(f"{len(collection):,} different voices in {collection.n_files:,} files compared")
        if unread := collection.unread():
            note(unread)
        return 0

    def _target(self) -> "Target":
        from ddx7.audio import find_notes, read_audio
        from ddx7.matching.target import make_target

        try:
            return _target_of_voice(one_voice(self.what, self.index, self.name))
        except SysexError:
            # The content decides: what holds no voices may be a recording.
            if promises_voices(self.what.name):
                raise
        if self.index or self.name:
            raise UsageError("--index and --name are for voice files; a recording has no voices to choose from")
        recording = read_audio(self.what)
        for remark in recording.remarks:
            note(f"{self.what.name}: {remark}")
        try:
            notes = find_notes(recording.samples, recording.sample_rate)
        except AudioError as error:
            raise AudioError(f"{self.what}: {error}") from None
        return make_target(recording.samples, recording.sample_rate, notes)


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
