"""Measure what each source of voices brings to a search of equal work.

    python experiments/matching/ablation.py RECORDING... [--voices split/test.npy --n-voices 20] [--seeds 3]
        [--effort 8] [--parts encoder fitted both] [--json rows.jsonl]

Targets are recordings, and voices from `experiments/encoder/split.py` that no model was trained on, rendered on middle
C, which the search is told. All searches spend the same effort, as `ddx7 match --effort` counts it, so that a busy
machine gives the same table. A row has the perceptual distance of the nearest proposal and of the search's end, and the
log-mel distance in dB of the result. The last table has, for each part against the first one, the geometric mean of the
paired ratios with a 95 % bootstrap interval over targets.

`given-frequencies` and its like take voices alone and show what is left to find: every candidate has these parameters
of the original.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from paired import paired_ratio

import ddx7
from ddx7.matching.effort import AUDIO_PER_EFFORT
from ddx7.matching.finalise import finalise
from ddx7.matching.held import NOTHING_HELD, HeldParts
from ddx7.matching.prepare import PreparedRecording, prepare, read_excerpt
from ddx7.matching.propose import propose
from ddx7.matching.search import search
from ddx7.voice import Voice
from ddx7.voice.spec import FIELDS

PARTS: dict[str, dict[str, Any]] = {
    "encoder": {"n_fitted": 0},
    "fitted": {"use_encoder": False},
    "both": {},
}
FREQUENCIES = ("coarse", "fine", "fixed", "transpose")
GIVEN = {
    "given-ratios": FREQUENCIES,
    "given-frequencies": (*FREQUENCIES, "detune"),
    "given-algorithm-and-ratios": ("algorithm", *FREQUENCIES),
    "given-algorithm-and-frequencies": ("algorithm", *FREQUENCIES, "detune"),
}
MEASURES = ("nearest_proposal", "search", "log_mel_db")


class Target(NamedTuple):
    """What is searched for; `voice`, uint8 [155], is the original where there is one."""

    name: str
    prepared: PreparedRecording
    voice: np.ndarray | None = None


def targets(recordings: list[Path], voices: Path | None, n_voices: int) -> Iterator[Target]:
    """Prepared recordings, then prepared renders of random held-out voices."""
    for path in recordings:
        yield Target(path.stem, prepare(read_excerpt(path)))
    if voices:
        vced = np.load(voices)
        for row in np.random.default_rng(0).choice(len(vced), n_voices, replace=False):
            sound = ddx7.render(Voice.from_vced(vced[row]), note=60, gate=1.0, duration=2.5)
            if np.abs(sound).max() > 3e-3:
                prepared = prepare(read_excerpt((np.asarray(sound), 44_100)), note=60)
                yield Target(f"voice {row}", prepared, vced[row].astype(np.uint8))


def given(voice: np.ndarray, part: str) -> HeldParts:
    """The parameters of the original that all candidates have."""
    mask = np.array([field.parameter.name in GIVEN.get(part, ()) for field in FIELDS])
    return HeldParts(voice, mask)


def run(target: Target, part: str, seed: int, effort: float) -> dict[str, float]:
    """One search with some parts."""
    held = NOTHING_HELD if target.voice is None else given(target.voice, part)
    proposals = propose(target.prepared, seed=seed, held=held, **PARTS.get(part, {}))
    found = search(proposals, seconds=1e9, seed=seed, budget=effort * AUDIO_PER_EFFORT)
    best = finalise(found.target, found.voices, candidates=1, name="ABLATION")
    end = next(stage.distance for stage in reversed(found.stages) if stage.distance is not None)
    return dict(zip(MEASURES, (float(proposals.distances.min()), end, float(best.distances_db[0])), strict=True))


def summarise(rows: list[dict]) -> None:
    """Print ratios of each part against the first."""
    parts = list(dict.fromkeys(row["part"] for row in rows))
    names = list(dict.fromkeys(row["target"] for row in rows if row["part"] == parts[-1]))
    print(f"\n| part | {' | '.join(MEASURES)} |\n|{'---|' * (len(MEASURES) + 1)}")
    for part in parts[1:]:
        cells = []
        for measure in MEASURES:
            ours, theirs = (
                [[row[measure] for row in rows if (row["target"], row["part"]) == (name, which)] for name in names]
                for which in (part, parts[0])
            )
            found = paired_ratio(ours, theirs)
            cells.append(f"{found.ratio:.3f} ({found.low:.3f} to {found.high:.3f})")
        print(f"| {part} / {parts[0]} ({len(names)} targets) | {' | '.join(cells)} |")


def main() -> None:
    """Run the searches and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path, nargs="*")
    parser.add_argument("--voices", type=Path)
    parser.add_argument("--n-voices", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--effort", type=float, default=8.0)
    parser.add_argument("--parts", nargs="+", choices=[*PARTS, *GIVEN], default=list(PARTS))
    parser.add_argument("--json", type=Path, help="append a line for each search; finished searches are not repeated")
    arguments = parser.parse_args()
    rows = []
    if arguments.json and arguments.json.exists():
        rows = [json.loads(line) for line in arguments.json.read_text().splitlines()]
    done = {(row["target"], row["part"], row["seed"]) for row in rows}
    print("| target | part | seed | nearest proposal | search | log-mel dB |\n|---|---|---|---|---|---|")
    for target in targets(arguments.recordings, arguments.voices, arguments.n_voices):
        for seed in range(arguments.seeds):
            for part in arguments.parts:
                if (target.name, part, seed) in done or (target.voice is None and part in GIVEN):
                    continue
                row = {"target": target.name, "part": part, "seed": seed} | run(target, part, seed, arguments.effort)
                rows.append(row)
                figures = " | ".join(f"{row[measure]:.2f}" for measure in MEASURES)
                print(f"| {target.name} | {part} | {seed} | {figures} |", flush=True)
                if arguments.json:
                    with arguments.json.open("a") as file:
                        file.write(json.dumps(row) + "\n")
    summarise(rows)


if __name__ == "__main__":
    main()
