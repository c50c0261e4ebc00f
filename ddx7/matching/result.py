"""What `match` gives back."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from ddx7.audio import Note
from ddx7.matching.objective import NoteEvent
from ddx7.matching.quality import same_category_probability
from ddx7.voice import Bank


@dataclass(frozen=True)
class Progress:
    """Where a search stands.

    Attributes:
      elapsed_s: seconds since it began.
      seconds: time it was given.
      stage: what it is doing, one or two words.
      renders: voices rendered so far.
      distance: perceptual distance of the best voice so far; infinite before the first.
    """

    elapsed_s: float
    seconds: float
    stage: str
    renders: int
    distance: float


@dataclass(frozen=True)
class Match:
    """Voices that sound like a recording.

    Attributes:
      voices: distinct candidates, best first, each as it would be written to a file.
      distances: `ddx7.audio.log_mel_distance` of each candidate's render to the target, in dB.
      audio: all notes played by the best voice, as long as the target, at the target's RMS level.
      target: the stretch of the recording that was matched, from its first onset.
      sample_rate: of both, in Hz.
      notes: what was found in the recording, in order, with onsets from the start of `target`.
      hands: what played each note: key, velocity, gate in seconds.
      strongest: index of the note that says most.
      differences: what the ear would notice in `audio` beside `target`, the strongest first; a few words each.
      report: everything else worth keeping, JSON-ready: seed, times, counts, stages of the search.
      interrupted: whether the search was stopped early.
    """

    voices: Bank
    distances: tuple[float, ...]
    audio: Float[np.ndarray, " sample"]
    target: Float[np.ndarray, " sample"]
    sample_rate: int
    notes: tuple[Note, ...]
    hands: tuple[NoteEvent, ...]
    strongest: int
    differences: tuple[str, ...]
    report: dict[str, Any]
    interrupted: bool = False

    @property
    def same_category_probability(self) -> float:
        """Probability that the best voice is of the recording's category, 0 to 1 (`ddx7.matching.quality`)."""
        return same_category_probability(self.distances[0])

    @property
    def note(self) -> Note:
        """The note that says most."""
        return self.notes[self.strongest]

    @property
    def key(self) -> int:
        """MIDI note that `note` was played on."""
        return self.hands[self.strongest].key

    @property
    def velocity(self) -> int:
        """MIDI velocity that `note` was played at."""
        return self.hands[self.strongest].velocity
