"""The targets of `benchmarks/match.py`: development sets, and test sets that are looked at only for the table."""

import csv
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from corpus import (
    DURATION_S,
    STANDARD_NOTE,
    CorpusNote,
    IsolatedVoices,
    isolated_voices,
    load_corpus,
    render_batches,
    unseen_voices,
)
from match_scores import Score, score

from ddx7.audio import read_audio
from ddx7.matching.objective import Objective
from ddx7.matching.prepare import prepare, read_excerpt
from ddx7.matching.prior import Prior
from ddx7.matching.propose import propose
from ddx7.matching.target import RATE, SEARCH_RATE

TARGETS = Path(__file__).parent / "targets"


@dataclass(frozen=True, eq=False)
class Task:
    """The target, objective and prior of a search.

    Attributes:
      sound: the target, at `RATE`, of the quoted distances.
      objective: its notes at the rate of the search.
      prior: distribution of its voices.
      free: bytes that it may change, bool [155].
      note: how voices play the strongest note.
      onset_s: start of the target in the recording.
      gates_s: other possible gates of the note.
    """

    sound: np.ndarray
    objective: Objective
    prior: Prior
    free: np.ndarray
    note: CorpusNote
    onset_s: float
    gates_s: tuple[float, ...]


def set_up(samples: np.ndarray, rate: int) -> Task:
    """Prepare a recording as `match` does, with the reading (notes, pitch, gate) that `match` takes."""
    proposals = propose(prepare(read_excerpt((samples, rate))))
    target, prior = proposals.target, proposals.target.prior()
    [strongest, *_] = target.chosen
    note = CorpusNote(*target.events[strongest])
    other_gates_s = target.notes[strongest].other_gates_s
    return Task(target.sound, target.objective(SEARCH_RATE), prior, prior.free, note, target.start_s, other_gates_s)


@dataclass(frozen=True, eq=False)
class Target:
    """One row of the table.

    Attributes:
      name: of the recording or preset.
      recording: samples and sample rate.
      voice: the preset that made the sound, uint8 [155]; None for a recording.
      neighbour: the nearest other preset of the corpus, uint8 [155]; None for a recording.
    """

    name: str
    recording: tuple[np.ndarray, int]
    voice: np.ndarray | None = field(default=None)
    neighbour: np.ndarray | None = field(default=None)

    @cached_property
    def task(self) -> Task:
        """The prepared target."""
        return set_up(*self.recording)

    @property
    def preset_note(self) -> CorpusNote:
        """How presets are played to compare with it: as the target was played, if a preset made it."""
        return self.task.note if self.voice is None else STANDARD_NOTE._replace(skip_s=self.task.onset_s)

    @property
    def preset_notes(self) -> list[CorpusNote]:
        """The same, and with the other gates that `match` tries."""
        others = self.task.gates_s if self.voice is None else ()
        return [self.preset_note, *(self.preset_note._replace(gate_s=gate_s) for gate_s in others)]

    def scores(self, voices: np.ndarray, note: CorpusNote) -> list[Score]:
        """Scores of voices, uint8 [voice, 155]; without those that are silent."""
        sound = self.task.sound
        played = (x for part in render_batches(voices, note, len(sound)) for x in part)
        return [score(sound, x) for x in played if x.any()]


def one_shots(shared: Path) -> list[Target]:
    """Recordings of single notes."""
    paths = sorted((shared / "audio" / "oneshots" / "wav44k").glob("*.flac"))
    read = [read_audio(path) for path in paths]
    return [Target(path.stem, (r.samples, r.sample_rate)) for path, r in zip(paths, read, strict=True)]


def acoustic_notes(shared: Path) -> list[Target]:
    """The lowest and the highest held-out note of each orchestral instrument."""
    with (shared / "audio" / "index.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if (row["kind"], row["split"]) == ("note", "valid")]
    targets = []
    for instrument in sorted({row["instrument"] for row in rows}):
        notes = sorted((int(row["midi"]), row["file"]) for row in rows if row["instrument"] == instrument)
        for note, file in (notes[0], notes[-1]):
            recording = read_audio(shared / "audio" / file)
            targets.append(Target(f"{instrument}-{note}", (recording.samples, recording.sample_rate)))
    return targets


def corpus_targets(shared: Path, cache: Path) -> list[Target]:
    """Presets without a near-duplicate, rendered by the engine: a development set."""
    return _of_voices(isolated_voices(shared, cache=cache), shared)


def unseen_targets(shared: Path, cache: Path) -> list[Target]:
    """Presets of clusters that nothing was taught or tuned on: a test set."""
    return _of_voices(unseen_voices(shared, cache=cache), shared)


def sampled_notes(folder: Path = TARGETS) -> list[Target]:
    """Notes of free samples that stand in the repository: a test set."""
    with (folder / "index.csv").open(newline="") as file:
        paths = [folder / row["file"] for row in csv.DictReader(file)]
    read = [read_audio(path) for path in paths]
    return [Target(path.stem, (r.samples, r.sample_rate)) for path, r in zip(paths, read, strict=True)]


def _of_voices(presets: IsolatedVoices, shared: Path) -> list[Target]:
    audio = np.concatenate(list(render_batches(presets.vced, STANDARD_NOTE, round(DURATION_S * RATE))))
    neighbours = load_corpus(shared)[presets.neighbour]
    return [
        Target(f"voice-{i:05}", (sound, RATE), vced, neighbour)
        for i, vced, sound, neighbour in zip(presets.index, presets.vced, audio, neighbours, strict=True)
    ]
