"""How near `ddx7 match` comes, beside random voices, CMA-ES and the nearest existing preset.

    python benchmarks/match.py --set notes [--shared FOLDER] [--seconds 30] [--seeds 3] [--renders 10000]
        [--baselines FOLDER] [--baseline-targets 20] [--targets NAME ...]
        [--modes match fast blind] [--json match.json] [--out FOLDER]
    python benchmarks/match.py --results match.json [MORE.json ...]

The second form prints the tables of results that `--json` kept; a set may be measured in parts, and seed by seed with
`--first-seed`.

Test sets, which nothing was taught or tuned on and which are looked at for the table alone:

- `notes`: 60 notes of free samples in `benchmarks/targets`, which need no other data;
- `unseen`: 100 presets without a sound-alike from held-out clusters (`corpus.unseen_voices`), rendered by the engine.

Development sets: `oneshots` (21 recordings), `acoustic` (14 notes of seven instruments at 16 kHz), `corpus` (50 presets
without a sound-alike). All distances are to the target of `match`: the note from its onset, at most 4 s, and nothing
after its end. `match_scores.py` has the figures: log-mel and perceptual distance, and the panel of papers. Ratios are
paired: geometric means over targets, each the mean of its seeds, with 95 % bootstrap intervals over targets.

- "match --fast" ranks the proposals alone; "search alone" takes as long as match, without the encoder.
- "One random voice" is the median of 16 draws from the prior of the search, tuned to the target.
- "Best random" and "CMA-ES" render `--renders` voices. They use the reading (notes, pitch, gate) that match takes, and
  the search's distance at the search's rate.
- "Nearest preset" is the nearest of 31,004 existing presets: for a recording, on the target's note and an octave below
  and above it (`corpus.nearest`), with each gate that match tries; for a preset, the nearest other one on its note.

Presets need `--shared`, the folder with `corpus/voices.npz`. Baselines do not depend on the search. The script keeps
them as voices in the folder `--baselines`, one JSON each, and computes each of them once. CMA-ES and random take about
half a minute for a target on two cores; `--baseline-targets` limits them to so many presets.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from baselines import best_random, cma_es
from corpus import CorpusNote, coarse_distances, load_corpus, nearest
from match_scores import DISTANCES, Score, best, cells, joined, print_tables, score
from match_targets import Target, acoustic_notes, corpus_targets, one_shots, sampled_notes, unseen_targets
from timing import machine

from ddx7.audio.strongest_peaks import strongest_peaks
from ddx7.files import atomic_write
from ddx7.matching import match
from ddx7.matching.folder import match_to_dict, write_match
from ddx7.matching.peak_floor import FLOOR_PEAKS
from ddx7.matching.target import RATE

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
    "floor": f"{FLOOR_PEAKS} peaks",
}
AGAINST = ("human", "cma", "random", "blind")
MODES: dict[str, dict[str, Any]] = {"match": {}, "fast": {"fast": True}, "blind": {"use_encoder": False}}


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

    def scores(self, method: str, target: Target) -> list[Score] | None:
        """Score of the result of a method, None if it has not run."""
        path = self._path(method, target)
        if not path.exists():
            return None
        result = json.loads(path.read_text())
        note = CorpusNote.from_json(result["hand"])
        notes_played = [note]
        if method == "human":  # found once, and played with the gates that the target has now
            notes_played = [played._replace(note=note.note) for played in target.preset_notes]
        voice = np.array([result["voice"]], np.uint8)
        return [best([found for note in notes_played for found in target.scores(voice, note)])]

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
    if arguments.results:
        parts = [json.loads(path.read_text())["rows"] for path in arguments.results]
        print_tables(joined(parts, MODES), COLUMNS, AGAINST)
        return
    print(f"{machine()}\n")
    targets = target_set(arguments)
    kept = Baselines(arguments.baselines, arguments.renders, arguments.shared)
    if not arguments.skip_baselines:
        run_baselines(kept, targets, arguments)
    limit = f"{arguments.seconds:g} s" if arguments.effort is None else f"effort {arguments.effort:g}"
    print(f"{arguments.set}, {limit}, {arguments.seeds} seeds, {arguments.renders:,} renders\n")
    rows = []
    for target in targets:
        rows.append(measure(target, kept, arguments))
        print(
            f"{target.name}: {', '.join(f'{name} {cell}' for name, cell in cells(rows[-1:], COLUMNS).items())}",
            flush=True,
        )
        if arguments.json:
            settings = {key: getattr(arguments, key) for key in ("set", "seconds", "effort", "seeds")}
            content = {"machine": machine(), **settings, "rows": rows}
            atomic_write(arguments.json, json.dumps(content, indent=2).encode(), force=True)
    print()
    print_tables(rows, COLUMNS, AGAINST)


def target_set(arguments: argparse.Namespace) -> list[Target]:
    """The targets of `--set`, or those of them that `--targets` names."""
    makers: dict[str, Callable[[], list[Target]]] = {
        "notes": sampled_notes,
        "unseen": lambda: unseen_targets(arguments.shared, arguments.cache),
        "oneshots": lambda: one_shots(arguments.shared),
        "acoustic": lambda: acoustic_notes(arguments.shared),
        "corpus": lambda: corpus_targets(arguments.shared, arguments.cache),
    }
    targets = makers[arguments.set]()
    return [target for target in targets if not arguments.targets or target.name in arguments.targets]


def run_baselines(kept: Baselines, targets: list[Target], arguments: argparse.Namespace) -> None:
    """Compute missing baselines, the nearest presets first."""
    if (arguments.shared / "corpus" / "voices.npz").exists():
        kept.human(targets)
    else:
        print(f"nearest preset: {arguments.shared} has no corpus/voices.npz, so it is left out\n")
    of_voices = [target for target in targets if target.voice is not None][: arguments.baseline_targets]
    for target in [*(target for target in targets if target.voice is None), *of_voices]:
        kept.cma(target)
        kept.random(target)


def measure(target: Target, kept: Baselines, arguments: argparse.Namespace) -> dict[str, Any]:
    """One row of the table: for each method a list of scores, of one seed each, or None."""
    task = target.task
    row: dict[str, Any] = {"target": target.name, **dict.fromkeys(COLUMNS)}
    drawn = target.scores(task.prior.draw(np.random.default_rng(SEED), 16), task.note)
    row["draw"] = [{key: float(np.nanmedian([found[key] for found in drawn])) for key in DISTANCES}]
    row["floor"] = [score(task.sound, strongest_peaks(task.sound, RATE, FLOOR_PEAKS))]
    row |= {method: kept.scores(method, target) for method in ("random", "cma", "human")}
    for mode in arguments.modes:
        row[mode], row[f"{mode}_reports"] = [], []
        for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
            limits = {"seconds": arguments.seconds, "effort": arguments.effort}
            found = match(target.recording, **limits, seed=seed, name=target.name[:10], **MODES[mode])
            row[mode].append(score(found.target, found.audio, found.sample_rate))
            row[f"{mode}_reports"].append(match_to_dict(found)["report"])
            if arguments.out:
                write_match(found, arguments.out / mode / f"{target.name}-{seed}", target.name, force=True)
    return row


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--set", choices=("notes", "unseen", "oneshots", "acoustic", "corpus"), default="notes")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each match")
    parser.add_argument("--effort", type=float, help="of each match instead of a time, for a busy machine")
    parser.add_argument("--seeds", type=int, default=3, help="of each match")
    parser.add_argument("--first-seed", type=int, default=0, help="the first of these seeds")
    parser.add_argument("--renders", type=int, default=10_000, help="of random and CMA-ES")
    parser.add_argument("--baselines", type=Path, default=CACHE / "baselines", help="folder for their results")
    parser.add_argument("--baseline-targets", type=int, default=50, help="presets for random and CMA-ES")
    parser.add_argument("--skip-baselines", action="store_true", help="show kept results and compute none")
    parser.add_argument("--targets", nargs="*", help="names of the targets; all by default")
    parser.add_argument("--modes", nargs="*", choices=MODES, default=["match"], help="which searches to run")
    parser.add_argument("--cache", type=Path, default=CACHE, help="for the choice of corpus targets")
    parser.add_argument("--json", type=Path, help="keep results here")
    parser.add_argument("--results", type=Path, nargs="*", help="print the tables of kept results and measure nothing")
    parser.add_argument("--out", type=Path, help="keep every match's folder here")
    return parser.parse_args()


if __name__ == "__main__":
    main()
