"""``ddx7 nearest``: which of my voices is that?"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
from tyro.conf import Positional, arg

from ddx7.cli.made import one_voice
from ddx7.cli.searching import watched
from ddx7.cli.terminal import UsageError, note, result, result_json
from ddx7.errors import AudioError, Ddx7Error
from ddx7.voice import Voice

if TYPE_CHECKING:
    from ddx7.matching.target import Target

_VOICE_FILES = (".syx", ".json", ".zip", ".bin", ".dx7", ".dmp", ".sysex")
_HEARD = 64  # of which the distance that is printed is measured
_KEY, _VELOCITY, _GATE_S, _DURATION_S = 60, 100, 1.0, 2.0
_LOUDNESS_DB = -20.0  # of a note that is alone: nothing hangs on it


@dataclass(frozen=True)
class Command:
    """Find the voices of your library that sound most like a voice or a recording.

    A recording is heard as `ddx7 match` hears it, each voice on its notes; a voice plays C3 for a second. Prints the
    distance in dB (below 3 dB: very close), the name, and where the voice is.
    """

    what: Annotated[Positional[Path], arg(metavar="VOICE|RECORDING")]
    """A voice file or a sound file."""
    library: Annotated[tuple[Path, ...], arg(metavar="FOLDER...")]
    """Folders or files with voices."""
    index: Annotated[str, arg(metavar="N", help_behavior_hint="(the first is 1)")] = ""
    """Which voice of a voice file."""
    name: Annotated[str, arg(metavar="TEXT", help_behavior_hint="(capitals do not matter)")] = ""
    """Or the one of that name, or with that in its name."""
    count: Annotated[int, arg(metavar="N")] = 8
    """How many to print."""
    json: bool = False
    """Print JSON instead of lines."""

    def run(self) -> int:
        """Listen, print, and return the exit code."""
        if not 1 <= self.count <= _HEARD:
            raise UsageError(f"--count: found {self.count}, wanted 1 to {_HEARD}")

        from ddx7.audio import log_mel_distance
        from ddx7.library import scan
        from ddx7.matching.library_search import nearest_in_library
        from ddx7.matching.search import SEARCH_RATE
        from ddx7.matching.target import RATE

        collection = scan(self.library)
        target = self._target()
        with watched(self.what.name) as progress:
            heard = nearest_in_library(collection.vced, target.audition().at(SEARCH_RATE), _HEARD, progress)
        audio = target.perform(collection.vced[heard.rows])
        apart = np.array([log_mel_distance(target.sound, sound, RATE) for sound in audio])
        best = [(float(apart[k]), collection.label(int(heard.rows[k]))) for k in np.argsort(apart)[: self.count]]
        if self.json:
            result_json({"nearest": [{"distance_db": round(db, 2), "voice": label} for db, label in best]})
        else:
            result(f"{db:5.1f} dB  {label}" for db, label in best)
        note(f"{len(collection):,} different voices in {collection.n_files:,} files heard")
        return 0

    def _target(self) -> "Target":
        from ddx7.audio import find_notes, read_audio
        from ddx7.matching.target import make_target

        if self.what.suffix.lower() in _VOICE_FILES:
            return _played(one_voice(self.what, self.index, self.name))
        if self.index or self.name:
            raise UsageError("--index and --name are for voice files; a recording has no voices to choose from")
        recording = read_audio(self.what)
        try:
            notes = find_notes(recording.samples, recording.sample_rate)
        except AudioError as error:
            raise AudioError(f"{self.what}: {error}") from None
        return make_target(recording.samples, recording.sample_rate, notes)


def _played(voice: Voice) -> "Target":
    """C3 on a voice, whatever pitch that has."""
    from ddx7.audio import Note
    from ddx7.audio.pitch import midi_to_hz
    from ddx7.engine import render
    from ddx7.matching.target import RATE, make_target

    sound = render(voice, _KEY, _VELOCITY, _GATE_S, _DURATION_S, RATE)
    if not sound.any():
        raise Ddx7Error(f"{voice.name or 'the voice'}: makes no sound on C3, a voice that sounds is wanted")
    played = Note(0.0, _GATE_S, _DURATION_S, float(midi_to_hz(_KEY)), _KEY, 0.0, 1.0, _LOUDNESS_DB, _LOUDNESS_DB)
    return make_target(sound, RATE, (played,))
