"""What `match` gives back."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from ddx7.audio.note import Note
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
      audio: render of the best voice, as long as the target, at the target's RMS level.
      target: the stretch of the recording that was matched, from its onset.
      sample_rate: of both, in Hz.
      note: what was measured of the recording.
      key: MIDI note that was played, with every candidate transposed and tuned for it.
      velocity: MIDI velocity that was played.
      report: everything else worth keeping, JSON-ready: seed, times, counts, distances by term, versions, options.
      interrupted: whether the search was stopped early.
    """

    voices: Bank
    distances: tuple[float, ...]
    audio: Float[np.ndarray, " sample"]
    target: Float[np.ndarray, " sample"]
    sample_rate: int
    note: Note
    key: int
    velocity: int
    report: dict[str, Any]
    interrupted: bool = False
