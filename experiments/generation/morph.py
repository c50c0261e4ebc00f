"""How even a morph is, beside blending the numbers of two voices.

    python experiments/generation/morph.py --shared ../shared [--pairs 40] [--steps 7] [--json out.json]

Ctrl-C prints the tables of the pairs there are so far.

Pairs of undamaged human voices that the ear has not learned from, drawn by chance. Every voice of a sequence plays C3
for a second (velocity 100, 2 s, 22,050 Hz) and is looked at as a log-mel spectrum (64 bands, floor -80 dBFS). The first
table has medians over pairs, in dB:

- largest step: the largest mean difference of two neighbours;
- roughness: RMS of the second difference along the sequence (smoothness in the papers on preset interpolation);
- bend: RMS distance from the straight line between the ends (their non-linearity);
- off pitch: share of the voices between whose fundamental lies more than 30 cents from both ends' (octaves aside),
  where the ends have a clear pitch.

The morph chose its steps by that very note. So the second table listens to another: C2 at velocity 80, held for half a
second, and to what the papers measure, features of timbre (`timbre.py`). Of each feature the roughness and the bend are
averaged over pairs and compared with those of blended numbers: the mean change over features, and how many features get
better (Wilcoxon's signed rank test over pairs, one-sided, p < 0.05).
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import get_args

import numpy as np
from scipy.stats import wilcoxon

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
sys.path.insert(0, str(Path(__file__).parent))
from corpus import QUIET
from timbre import timbre

from ddx7.audio.pitch import cents_between, estimate_pitch
from ddx7.generation.morph import Through, blend, walk
from ddx7.library.notes import RATE, note_log_mel, pairwise_distance_db, render_notes
from ddx7.voice.health import plausible
from ddx7.voice.packing import in_range, unpack

UNLEARNED_EVERY = 33  # families that experiments/encoder/split.py keeps from the ear, whatever else it keeps
OTHER = {"note": 48, "velocity": 80, "gate_s": 0.5}
NUMBERS = "blended numbers"
Way = Callable[[np.ndarray, np.ndarray, int], np.ndarray]
CLEAR, CLOSE_CENTS = 0.6, 30.0


def measure(path: np.ndarray) -> dict[str, float]:
    """What the table says of one sequence, uint8 [step, 155]."""
    audio = render_notes(path)
    seen = note_log_mel(audio)
    steps = [pairwise_distance_db(a[None], b[None])[0, 0] for a, b in pairwise(seen)]
    line = np.linspace(0, 1, len(seen))[:, None]
    straight = (1 - line) * seen[0] + line * seen[-1]
    second = seen[2:] - 2 * seen[1:-1] + seen[:-2]
    return {
        "largest step": max(steps),
        "roughness": float(np.sqrt(np.mean(second**2))),
        "bend": float(np.sqrt(np.mean((seen - straight)[1:-1] ** 2))),
        "off pitch": _off_pitch(audio),
    }


def _off_pitch(audio: np.ndarray) -> float:
    found = [
        estimate_pitch(sound[: round(0.8 * RATE)], RATE) if np.abs(sound).max() > QUIET else None for sound in audio
    ]
    ends = [found[0], found[-1]]
    if any(end is None or end.confidence < CLEAR for end in ends):
        return np.nan
    ends_hz = np.array([end.f0_hz for end in ends if end])
    between = [p for p in found[1:-1] if p and p.confidence >= CLEAR]
    off = [np.abs((cents_between(p.f0_hz, ends_hz) + 600) % 1200 - 600).min() > CLOSE_CENTS for p in between]
    return float(np.mean(off)) if off else np.nan


def unlearned(shared: Path) -> np.ndarray:
    """Undamaged human voices of families that the ear was not taught with, uint8 [voice, 155]."""
    corpus = np.load(shared / "corpus" / "voices.npz")
    vced = unpack(corpus["voices"])
    kept = in_range(vced).all(axis=1) & plausible(vced) & (corpus["family"] % UNLEARNED_EVERY == 0)
    return vced[kept].astype(np.uint8)


def along(path: np.ndarray) -> dict[str, np.ndarray]:
    """Roughness and bend of each feature of timbre along a sequence, uint8 [step, 155]; each [feature]."""
    values = np.stack(list(timbre(render_notes(path, **OTHER), OTHER["gate_s"]).values()))
    line = np.linspace(0, 1, len(path))
    straight = values[:, :1] + line * (values[:, -1:] - values[:, :1])
    return {
        "roughness": np.sqrt(np.mean(np.diff(values, 2) ** 2, axis=1)),
        "bend": np.sqrt(np.mean((values - straight)[:, 1:-1] ** 2, axis=1)),
    }


def compared(ours: list[dict[str, np.ndarray]], naive: list[dict[str, np.ndarray]]) -> dict[str, float]:
    """What the second table says: mean change in percent, and how many features get better."""
    found = {}
    for name in ours[0]:
        of, to = (np.stack([each[name] for each in pairs]) for pairs in (ours, naive))
        better = [_less(*pair) for pair in zip(of.T, to.T, strict=True)]
        found[f"{name}, %"] = float(100 * np.mean(of.mean(axis=0) / to.mean(axis=0) - 1))
        found[f"{name}, features better"] = int(np.sum(better))
    return found


def _less(a: np.ndarray, b: np.ndarray) -> bool:
    if (a == b).all():
        return False
    _, chance = wilcoxon(a, b, alternative="less")
    return bool(chance < 0.05)


def blended(a: np.ndarray, b: np.ndarray, steps: int) -> np.ndarray:
    """Naive interpolation, uint8 [step, 155]."""
    return np.stack([blend(a, b, share) for share in np.linspace(0, 1, steps)])


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--steps", type=int, default=7)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    vced, rng = unlearned(arguments.shared), np.random.default_rng(0)
    ways: dict[str, Way] = {f"through {way}": partial(walk, through=way) for way in get_args(Through)} | {
        NUMBERS: blended
    }
    rows: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    features: dict[str, list[dict[str, np.ndarray]]] = {way: [] for way in ways}
    try:
        while len(rows[NUMBERS]) < arguments.pairs:
            a, b = vced[rng.integers(len(vced), size=2)]
            if np.abs(render_notes(np.stack([a, b]))).max(axis=1).min() < QUIET:
                continue
            found = {way: _walked(go, a, b, arguments.steps) for way, go in ways.items()}
            for way, (measured, of_timbre) in found.items():
                rows[way].append(measured)
                features[way].append(of_timbre)
            print(f"pair {len(rows[NUMBERS])} of {arguments.pairs}", file=sys.stderr)
    except KeyboardInterrupt:  # the tables of what there is
        print("stopped", file=sys.stderr)
    first = {way: _summary(measured, rows[NUMBERS]) for way, measured in rows.items()}
    second = {way: compared(features[way], features[NUMBERS]) for way in ways if way != NUMBERS}
    title = f"{len(rows[NUMBERS])} pairs, {arguments.steps} steps"
    _print(title, first)
    _print(f"{title}, {len(features[NUMBERS][0]['bend'])} features of timbre", second)
    if arguments.json:
        arguments.json.write_text(json.dumps({"spectra": first, "timbre": second}, indent=2) + "\n")


def _walked(go: Way, a: np.ndarray, b: np.ndarray, steps: int) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    started = time.perf_counter()
    path = go(a, b, steps)
    seconds = time.perf_counter() - started
    return {**measure(path), "seconds": seconds}, along(path)


def _summary(measured: list[dict[str, float]], naive: list[dict[str, float]]) -> dict[str, float]:
    in_db = ("largest step", "roughness", "bend")
    found = {f"{name}, dB": float(np.median([m[name] for m in measured])) for name in in_db}
    better = [m[name] < n[name] for m, n in zip(measured, naive, strict=True) for name in in_db]
    return {
        **found,
        "off pitch, %": float(100 * np.nanmean([m["off pitch"] for m in measured])),
        "evener than blended numbers, %": float(100 * np.mean(better)),
        "seconds": float(np.median([m["seconds"] for m in measured])),
    }


def _print(title: str, table: dict[str, dict[str, float]]) -> None:
    names = list(next(iter(table.values())))
    print(f"\n| {title} | {' | '.join(names)} |\n|{'---|' * (len(names) + 1)}")
    for label, cells in table.items():
        shown = [f"{cell:.1f}" if isinstance(cell, float) else str(cell) for cell in cells.values()]
        print(f"| {label} | {' | '.join(shown)} |")


if __name__ == "__main__":
    main()
