"""The result of `match`: voices, their sound, and a report of the search."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ddx7.audio import DecodingReport, Note
from ddx7.matching.objective import NoteEvent
from ddx7.matching.peak_floor import PeakFloor
from ddx7.matching.quality import describe, match_quality, same_instrument_share
from ddx7.matching.segmentation import RecordingRemark
from ddx7.voice import Bank


@dataclass(frozen=True)
class Progress:
    """State of a running search.

    Attributes:
      elapsed_s: seconds since it began.
      seconds: seconds that it was given.
      stage: name of the current stage.
      renders: voices rendered so far.
      distance: perceptual distance of the best voice so far at 44.1 kHz, as that of the result; infinite before the
        first one.
      best: edit form of that voice, 155 bytes; empty before the first one.
    """

    elapsed_s: float
    seconds: float | int
    stage: str
    renders: int
    distance: float
    best: bytes = b""


@dataclass(frozen=True)
class Stage:
    """One stage of a search.

    Attributes:
      name: "compiling", "drawing", "refining", "evolving", "polishing" or "rendering proposals".
      start_s: seconds from the start of the search.
      end_s: likewise.
      renders: voices rendered by then.
      distance: perceptual distance of the best voice by then, at 22.05 kHz before polishing and at 44.1 kHz in it;
        None before the first one.
    """

    name: str
    start_s: float
    end_s: float
    renders: int
    distance: float | None


@dataclass(frozen=True)
class LibraryHit:
    """A voice of the user's library near the recording.

    Attributes:
      voice: its name and file.
      distance_db: `ddx7.audio.log_mel_distance` to the recording.
    """

    voice: str
    distance_db: float | int


@dataclass(frozen=True)
class MatchedRecording:
    """How the best voice plays one of several recordings.

    Attributes:
      name: of the recording.
      note: MIDI note of its strongest note.
      velocity: MIDI velocity that plays it.
      distance: perceptual distance.
      louder_db: its level against that of the recording, compared with the mean over all recordings, in dB.
      start_s: beginning in the target's sound, in seconds.
      stop_s: its end there.
      differences: audible differences, in a few words each.
      decoding: what its file holds; None for samples that come from no file.
    """

    name: str
    note: int
    velocity: int
    distance: float
    louder_db: float
    start_s: float
    stop_s: float
    differences: tuple[str, ...]
    decoding: DecodingReport | None = None


@dataclass(frozen=True)
class MatchReport:
    """Settings, counts and times of a match.

    Attributes:
      seed: seed of the search.
      seconds: seconds that the search was given.
      elapsed_s: seconds that it took, without compilation.
      renders: voices rendered.
      late: whether an hour was over before the work was done; then the result depends on the machine.
      proposals: voices that the search started from: the nearest of those that the preset encoder proposed and of those
        fitted to the partials.
      stages: stages of the search.
      sample_rate: in Hz, of the target and the result.
      search_rate: in Hz, of the search before polishing.
      cut: whether only a part of the recording was used.
      from_s: start of that part, in seconds.
      to_s: its end.
      scored_notes: indices of the notes in the objective, the most informative first.
      library: the nearest voices of the user's library, nearest first.
      profile: name of the engine profile.
      library_unread: what of the library was not read, in one sentence.
      decoding: what the recording's file holds and what was done to it; None for samples that come from no file.
      target_from_s: time in the recording at which the target begins, its first onset, in seconds.
      remarks: how the recording was read as notes, and what its pitch says of it: a chord, no pitch, several pitches.
      effort: the amount of work that the search was given instead of a time.
      start: name of the voice that the search began with; empty without one.
      lock: parts of that voice that every answer keeps.
      recordings: how the best voice plays each of several recordings; empty for one.
      level_distance: the part of the best voice's distance that the levels of the notes against each other make; the
        rest is the mean of the notes' distances. 0 for a single note.
      least_distance: perceptual distance of the nearest voice that the search found. The best voice may have up to a
        fifth more, as the log-mel distance orders voices that are about as near.
    """

    seed: int
    seconds: float | int
    elapsed_s: float
    renders: int
    late: bool
    proposals: int
    stages: tuple[Stage, ...]
    sample_rate: int
    search_rate: int
    cut: bool
    from_s: float
    to_s: float
    scored_notes: tuple[int, ...]
    library: tuple[LibraryHit, ...]
    profile: str
    library_unread: str = ""
    decoding: DecodingReport | None = None
    target_from_s: float = 0.0
    remarks: tuple[RecordingRemark, ...] = ()
    effort: float | int | None = None
    start: str = ""
    lock: tuple[str, ...] = ()
    recordings: tuple[MatchedRecording, ...] = ()
    level_distance: float = 0.0
    least_distance: float | None = None


@dataclass(frozen=True)
class Match:
    """Voices that sound like a recording.

    Attributes:
      voices: distinct candidates, best first, each as a file would hold it.
      distances: `ddx7.audio.log_mel_distance` of each candidate to the target, in dB.
      perceptual_distances: `ddx7.audio.perceptual_distance` of each, the distance of the search.
      audio: all notes rendered by the best voice, as long as the target and at its RMS level.
      target: the part of the recording that was matched, from its first onset.
      sample_rate: of both, in Hz.
      notes: notes of the recording, in order, with onsets from the start of `target`.
      events: the events that play them.
      strongest: index of the most informative note.
      differences: audible differences of `audio` from `target`, the largest first, in a few words each.
      report: settings, counts and times.
      interrupted: whether the user stopped the search.
      floor: how near the recording's own strongest partials come.
    """

    voices: Bank
    distances: tuple[float, ...]
    perceptual_distances: tuple[float, ...]
    audio: Float[np.ndarray, " sample"]
    target: Float[np.ndarray, " sample"]
    sample_rate: int
    notes: tuple[Note, ...]
    events: tuple[NoteEvent, ...]
    strongest: int
    differences: tuple[str, ...]
    report: MatchReport
    interrupted: bool = False
    floor: PeakFloor | None = None

    def __repr__(self) -> str:
        """Its best voice, how near it is, and how many others there are."""
        near = self.perceptual_distances[0]
        return (
            f"<Match {self.voices[0].name or 'unnamed'}: distance {near:.1f}, {match_quality(near)}; "
            f"{len(self.voices)} candidates, {len(self.notes)} notes, {len(self.target) / self.sample_rate:.1f} s>"
        )

    def _repr_html_(self) -> str:
        """For notebooks: recording and voice in a picture, and a player for each."""
        from ddx7.plot import comparison_html

        line = describe(self.perceptual_distances[0], self.distances[0], self.differences)
        return comparison_html(self.target, self.audio, self.sample_rate, f"{self.voices[0].name}   {line}")

    @property
    def same_instrument_share(self) -> float:
        """Share of pairs of recorded notes as near as the best voice that are of one instrument, 0 to 1."""
        return same_instrument_share(self.perceptual_distances[0])

    @property
    def strongest_note(self) -> Note:
        """The most informative note, as measured."""
        return self.notes[self.strongest]

    @property
    def strongest_event(self) -> NoteEvent:
        """The event that plays the most informative note."""
        return self.events[self.strongest]
