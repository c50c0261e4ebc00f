"""The distance that `ddx7 match` reaches, beside random voices, CMA-ES and the nearest existing preset.

    python benchmarks/match.py --shared ../shared [--set oneshots|acoustic|corpus|all] [--seconds 30] [--renders 10000]
        [--baselines FOLDER] [--baseline-targets 20] [--targets NAME ...]
        [--modes match fast blind] [--json match.json] [--out FOLDER]

Targets: 21 recorded one-shots; with `--set acoustic`, 14 notes of seven acoustic instruments at 16 kHz, the lowest and
the highest held-out note of each; and 50 presets without a near-duplicate in the collection (`corpus.isolated_voices`),
rendered by the engine and matched like any recording. All distances are `ddx7.audio.log_mel_distance` in dB at 44.1 kHz
to the target of `match`: the note from its onset, at most 4 s, and nothing after its end.

- "match --fast" ranks the proposals of the preset encoder; "search alone" takes as long as match, without the encoder.
- "One random voice" is the median of 16 draws from the prior of the search, tuned to the target.
- "Best random" and "CMA-ES" render `--renders` voices and use the search's distance at the search's rate.
- "Nearest preset" is the nearest of 31,004 existing presets: for a recording, on the target's note and an octave below
  and above it (`corpus.nearest`); for a preset, the nearest other one on the same note (`corpus.isolated_voices`).

Baselines do not depend on the search. The script keeps them as voices in the folder `--baselines`, one JSON each, and
computes each of them once. CMA-ES and random take about half a minute for a target on two cores; `--baseline-targets`
limits them to so many of the corpus set.
"""

import argparse
import csv
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from baselines import best_random, cma_es
from corpus import (
    DURATION_S,
    STANDARD_NOTE,
    CorpusNote,
    coarse_distances,
    isolated_voices,
    load_corpus,
    nearest,
    render_batches,
)
from timing import machine

from ddx7.audio import find_notes, log_mel_distance, mel_target, read_audio
from ddx7.matching import Match, match
from ddx7.matching.folder import match_to_dict, write_match
from ddx7.matching.objective import Objective
from ddx7.matching.prior import Prior
from ddx7.matching.target import RATE, SEARCH_RATE, make_target
from ddx7.matching.tuning import pitch_error_cents

CACHE = Path(__file__).parent / ".cache"
SEED = 1
COLUMNS = {
    "match": "match",
    "fast": "match --fast",
    "blind": "search alone",
    "draw": "one random voice",
    "random": "best random",
    "cma": "CMA-ES",
    "human": "nearest preset",
    "ratio": "match / preset",
}
MODES: dict[str, dict[str, Any]] = {"match": {}, "fast": {"fast": True}, "blind": {"use_encoder": False}}
CLEARLY_NEARER = 0.7
IN_TUNE_CENTS = 10.0


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
    """Prepare a recording as `match` does."""
    notes = find_notes(samples, rate)
    target = make_target(samples, rate, notes)
    prior, note = target.prior(), CorpusNote(*target.events[target.chosen[0]])
    objective = target.objective(SEARCH_RATE)
    return Task(target.sound, objective, prior, prior.free, note, notes[0].onset_s, notes[0].other_gates_s)


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

    def quote(self, voices: np.ndarray, note: CorpusNote) -> np.ndarray:
        """Log-mel distances in dB of voices, uint8 [voice, 155]."""
        target = mel_target(self.task.sound)
        return np.array([target.distance(x) for part in render_batches(voices, note, target.n_samples) for x in part])


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
    """Presets without a near-duplicate, rendered by the engine."""
    presets = isolated_voices(shared, cache=cache)
    audio = np.concatenate(list(render_batches(presets.vced, STANDARD_NOTE, round(DURATION_S * RATE))))
    neighbours = load_corpus(shared)[presets.neighbour]
    return [
        Target(f"voice-{i:05}", (sound, RATE), vced, neighbour)
        for i, vced, sound, neighbour in zip(presets.index, presets.vced, audio, neighbours, strict=True)
    ]


@dataclass(frozen=True)
class Baselines:
    """Results of the baselines, kept in a folder.

    Attributes:
      folder: one folder for each method and its settings, one JSON in it for each target.
      renders: of random and CMA-ES.
      shared: the shared folder.
    """

    folder: Path
    renders: int
    shared: Path

    def human(self, targets: Sequence[Target]) -> None:
        """Find the nearest preset of each target."""
        missing = [target for target in targets if not self._path("human", target).exists()]
        for target in missing:
            if target.neighbour is not None:
                self._write("human", target, target.neighbour, target.preset_note)
        missing = [target for target in missing if target.neighbour is None]
        if not missing:
            return
        vced = load_corpus(self.shared)
        start = time.monotonic()
        for target in missing:
            [near] = coarse_distances(vced, [target.task.sound], target.preset_note)
            preset = nearest(vced, target.task.sound, target.preset_note, near)
            note = target.preset_note._replace(note=preset.note)
            elapsed = time.monotonic() - start
            self._write("human", target, preset.vced, note, rank=preset.rank, elapsed_s=elapsed)
            start = time.monotonic()

    def random(self, target: Target) -> None:
        """Render random voices."""
        task = target.task
        self._search("random", target, lambda rng: best_random(task.objective, task.prior, self.renders, rng))

    def cma(self, target: Target) -> None:
        """Run CMA-ES."""
        task = target.task
        self._search("cma", target, lambda rng: cma_es(task.objective, task.prior, task.free, self.renders, rng))

    def quote(self, method: str, target: Target) -> float | None:
        """Distance in dB of the result of a method, None if it has not run."""
        path = self._path(method, target)
        if not path.exists():
            return None
        result = json.loads(path.read_text())
        note = CorpusNote.from_json(result["hand"])
        notes_played = [note]
        if method == "human":  # found once, and played with the gates that the target has now
            notes_played = [played._replace(note=note.note) for played in target.preset_notes]
        return min(float(target.quote(np.array([result["voice"]], np.uint8), note)[0]) for note in notes_played)

    def _search(self, method: str, target: Target, run: Callable[[np.random.Generator], np.ndarray]) -> None:
        if not self._path(method, target).exists():
            start = time.monotonic()
            voice = run(np.random.default_rng(SEED))
            self._write(method, target, voice, target.task.note, elapsed_s=time.monotonic() - start)

    def _path(self, method: str, target: Target) -> Path:
        settings = method if method == "human" else f"{method}-{self.renders}"
        return self.folder / settings / f"{target.name}.json"

    def _write(self, method: str, target: Target, voice: np.ndarray, note: CorpusNote, **more: float) -> None:
        path = self._path(method, target)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps({"voice": voice.tolist(), "hand": note.to_json(), **more}))
        partial.replace(path)


def main() -> None:
    """Print the tables."""
    arguments = _arguments()
    sets: dict[str, list[Target]] = {}
    if arguments.set in ("oneshots", "all"):
        sets["one-shots"] = one_shots(arguments.shared)
    if arguments.set == "acoustic":
        sets["acoustic notes"] = acoustic_notes(arguments.shared)
    if arguments.set in ("corpus", "all"):
        sets["corpus"] = corpus_targets(arguments.shared, arguments.cache)[: arguments.corpus_targets]
    if arguments.targets:
        sets = {name: [t for t in targets if t.name in arguments.targets] for name, targets in sets.items()}
    print(f"{machine()}\n")
    kept = Baselines(arguments.baselines, arguments.renders, arguments.shared)
    if not arguments.skip_baselines:
        run_baselines(kept, sets, arguments.baseline_targets)
    rows = []
    for name, targets in sets.items():
        print(f"{name}, {arguments.seconds:g} s, {arguments.renders:,} renders\n")
        print(f"| target | {' | '.join(COLUMNS.values())} | renders of match |\n|{'---|' * (len(COLUMNS) + 2)}")
        of_set = []
        for target in targets:
            row = measure(target, kept, arguments)
            of_set.append({"set": name, **row})
            print(f"| {target.name} | {_cells(row)} | {row['renders'] or 0:,} |", flush=True)
            if arguments.json:
                written = {"machine": machine(), "seconds": arguments.seconds, "rows": rows + of_set}
                arguments.json.write_text(json.dumps(written, indent=2))
        summarise(of_set)
        rows += of_set


def run_baselines(kept: Baselines, sets: dict[str, list[Target]], n_corpus: int) -> None:
    """Compute missing baselines, the nearest presets first."""
    recorded = [target for name, targets in sets.items() if name != "corpus" for target in targets]
    for target in recorded:
        kept.human([target])
    kept.human(sets.get("corpus", []))
    for target in [*recorded, *sets.get("corpus", [])[:n_corpus]]:
        kept.cma(target)
        kept.random(target)


def measure(target: Target, kept: Baselines, arguments: argparse.Namespace) -> dict[str, Any]:
    """One row of the table."""
    task = target.task
    row: dict[str, Any] = {"target": target.name, "renders": None} | dict.fromkeys(COLUMNS)
    row["draw"] = float(np.median(target.quote(task.prior.draw(np.random.default_rng(SEED), 16), task.note)))
    row |= {method: kept.quote(method, target) for method in ("random", "cma", "human")}
    for mode in arguments.modes:
        found = match(target.recording, seconds=arguments.seconds, seed=0, name=target.name[:10], **MODES[mode])
        row[mode] = log_mel_distance(found.target, found.audio, found.sample_rate)
        if mode == "match":
            report = match_to_dict(found)["report"]
            row |= {"renders": report["renders"], "stages": report["stages"], "cents": _cents(found)}
        if arguments.out:
            write_match(found, arguments.out / mode / target.name, target.name, force=True)
    if row["match"] and row["human"]:
        row["ratio"] = row["match"] / row["human"]
    return row


def _cents(found: Match) -> float | None:
    """Pitch of the strongest note of a match against the recording; None if one of them has no clear pitch."""
    cents = pitch_error_cents(found.audio, found.strongest_note, found.sample_rate)
    return None if np.isnan(cents) else cents


def summarise(rows: list[dict[str, Any]]) -> None:
    """Print medians, and match against each baseline."""
    medians = {key: np.median(values) if (values := _values(rows, key)) else None for key in COLUMNS}
    print(f"| **median of {len(rows)}** | {_cells(medians)} | |\n")
    for key in ("blind", "random", "cma", "human"):
        ratios = np.array([row["match"] / row[key] for row in rows if row["match"] and row[key]])
        if len(ratios):
            nearer, clearly = (ratios < 1).sum(), (ratios <= CLEARLY_NEARER).sum()
            share = f"{clearly} ({clearly / len(ratios):.0%}) by 30 % or more"
            print(
                f"match / {COLUMNS[key]}: median {np.median(ratios):.2f}; nearer on {nearer} of {len(ratios)}, {share}"
            )
    cents = np.abs([row["cents"] for row in rows if row.get("cents") is not None])
    if len(cents):
        within = f"{(cents <= IN_TUNE_CENTS).sum()} of {len(cents)} with a clear pitch within {IN_TUNE_CENTS:g} cents"
        print(f"pitch: {within}, median {np.median(cents):.1f}")
    print()


def _values(rows: list[dict[str, Any]], key: str) -> list[float]:
    return [row[key] for row in rows if row[key] is not None]


def _cells(row: dict[str, Any]) -> str:
    return " | ".join("–" if row[key] is None else f"{row[key]:.{2 if key == 'ratio' else 1}f}" for key in COLUMNS)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--set", choices=("oneshots", "acoustic", "corpus", "all"), default="all")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each match")
    parser.add_argument("--renders", type=int, default=10_000, help="of random and CMA-ES")
    parser.add_argument("--baselines", type=Path, default=CACHE / "baselines", help="folder for their results")
    parser.add_argument("--baseline-targets", type=int, default=50, help="corpus targets for random and CMA-ES")
    parser.add_argument("--skip-baselines", action="store_true", help="show kept results and compute none")
    parser.add_argument("--corpus-targets", type=int, default=50, help="how many of the corpus set")
    parser.add_argument("--targets", nargs="*", help="names of the targets; all by default")
    parser.add_argument("--modes", nargs="*", choices=MODES, default=["match"], help="which searches to run")
    parser.add_argument("--cache", type=Path, default=CACHE, help="for the choice of corpus targets")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--out", type=Path, help="keep every match's folder here")
    return parser.parse_args()


if __name__ == "__main__":
    main()
