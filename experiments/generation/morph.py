"""Evenness of morphs, beside naive interpolation of two voices.

    python experiments/generation/morph.py --shared ../shared [--pairs 40] [--steps 7] [--json out.json]

Ctrl-C prints the tables of the pairs so far.

The pairs are random undamaged real voices that the preset encoder did not learn from. Every voice of a sequence plays
C3 for a second (velocity 100, 2 s, 22,050 Hz) and becomes a log-mel spectrogram (64 bands, floor -80 dBFS). The first
table has medians over pairs, in dB:

- largest step: the largest mean difference of two neighbours;
- roughness: RMS of the second difference along the sequence (smoothness in the papers on preset interpolation);
- bend: RMS distance from the straight line between the ends (the papers' non-linearity);
- off pitch: share of the voices between whose fundamental lies more than 30 cents from both ends' (octaves aside),
  where the ends have a clear pitch.

The morph selects its steps by that very note. The second table therefore uses another note, C2 at velocity 80, held for
half a second, and the features of timbre that the papers measure (`timbre.py`). It averages roughness and bend of each
feature over pairs and compares them with those of naive interpolation: the mean change over features, and the number of
features that improve (Wilcoxon's signed rank test over pairs, one-sided, p < 0.05).
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
from corpus import HELD_OUT_EVERY, QUIET
from timbre import timbre

from ddx7.audio.pitch import cents_between, estimate_pitch
from ddx7.generation.morph import Through, blend, walk
from ddx7.library.notes import RATE, note_log_mel, pairwise_distance_db, render_notes
from ddx7.voice.health import plausible
from ddx7.voice.packing import in_range, unpack

OTHER = {"note": 48, "velocity": 80, "gate_s": 0.5}
NAIVE = "naive interpolation"
Method = Callable[[np.ndarray, np.ndarray, int], np.ndarray]
CLEAR, CLOSE_CENTS = 0.6, 30.0


def measure(path: np.ndarray) -> dict[str, float]:
    """The first table's measures of one sequence, uint8 [step, 155]."""
    audio = render_notes(path)
    log_mels = note_log_mel(audio)
    steps = [pairwise_distance_db(a[None], b[None])[0, 0] for a, b in pairwise(log_mels)]
    line = np.linspace(0, 1, len(log_mels))[:, None]
    straight = (1 - line) * log_mels[0] + line * log_mels[-1]
    second = log_mels[2:] - 2 * log_mels[1:-1] + log_mels[:-2]
    return {
        "largest step": max(steps),
        "roughness": float(np.sqrt(np.mean(second**2))),
        "bend": float(np.sqrt(np.mean((log_mels - straight)[1:-1] ** 2))),
        "off pitch": _off_pitch(audio),
    }


def _off_pitch(audio: np.ndarray) -> float:
    pitches = [
        estimate_pitch(sound[: round(0.8 * RATE)], RATE) if np.abs(sound).max() > QUIET else None for sound in audio
    ]
    ends = [pitches[0], pitches[-1]]
    if any(end is None or end.confidence < CLEAR for end in ends):
        return np.nan
    ends_hz = np.array([end.f0_hz for end in ends if end])
    between = [p for p in pitches[1:-1] if p and p.confidence >= CLEAR]
    off = [np.abs((cents_between(p.f0_hz, ends_hz) + 600) % 1200 - 600).min() > CLOSE_CENTS for p in between]
    return float(np.mean(off)) if off else np.nan


def held_out_voices(shared: Path) -> np.ndarray:
    """Undamaged real voices of clusters that the preset encoder did not learn from, uint8 [voice, 155]."""
    corpus = np.load(shared / "corpus" / "voices.npz")
    vced = unpack(corpus["voices"])
    kept = in_range(vced).all(axis=1) & plausible(vced) & (corpus["family"] % HELD_OUT_EVERY == 0)
    return vced[kept].astype(np.uint8)


def timbre_measures(path: np.ndarray) -> dict[str, np.ndarray]:
    """Roughness and bend of each feature of timbre along a sequence, uint8 [step, 155]; each [feature]."""
    values = np.stack(list(timbre(render_notes(path, **OTHER), OTHER["gate_s"]).values()))
    line = np.linspace(0, 1, len(path))
    straight = values[:, :1] + line * (values[:, -1:] - values[:, :1])
    return {
        "roughness": np.sqrt(np.mean(np.diff(values, 2) ** 2, axis=1)),
        "bend": np.sqrt(np.mean((values - straight)[:, 1:-1] ** 2, axis=1)),
    }


def compared(morphs: list[dict[str, np.ndarray]], naive: list[dict[str, np.ndarray]]) -> dict[str, float]:
    """A row of the second table: mean change in percent, and the number of features that improve."""
    row = {}
    for name in morphs[0]:
        morph, reference = (np.stack([each[name] for each in pairs]) for pairs in (morphs, naive))
        better = [_less(*pair) for pair in zip(morph.T, reference.T, strict=True)]
        row[f"{name}, %"] = float(100 * np.mean(morph.mean(axis=0) / reference.mean(axis=0) - 1))
        row[f"{name}, features better"] = int(np.sum(better))
    return row


def _less(a: np.ndarray, b: np.ndarray) -> bool:
    if (a == b).all():
        return False
    _, p_value = wilcoxon(a, b, alternative="less")
    return bool(p_value < 0.05)


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
    vced, rng = held_out_voices(arguments.shared), np.random.default_rng(0)
    methods: dict[str, Method] = {f"through {name}": partial(walk, through=name) for name in get_args(Through)} | {
        NAIVE: blended
    }
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in methods}
    features: dict[str, list[dict[str, np.ndarray]]] = {name: [] for name in methods}
    try:
        while len(rows[NAIVE]) < arguments.pairs:
            a, b = vced[rng.integers(len(vced), size=2)]
            if np.abs(render_notes(np.stack([a, b]))).max(axis=1).min() < QUIET:
                continue
            results = {name: _walked(method, a, b, arguments.steps) for name, method in methods.items()}
            for name, (measured, of_timbre) in results.items():
                rows[name].append(measured)
                features[name].append(of_timbre)
            print(f"pair {len(rows[NAIVE])} of {arguments.pairs}", file=sys.stderr)
    except KeyboardInterrupt:  # prints the tables so far
        print("stopped", file=sys.stderr)
    first = {name: _summary(measured, rows[NAIVE]) for name, measured in rows.items()}
    second = {name: compared(features[name], features[NAIVE]) for name in methods if name != NAIVE}
    title = f"{len(rows[NAIVE])} pairs, {arguments.steps} steps"
    _print(title, first)
    _print(f"{title}, {len(features[NAIVE][0]['bend'])} features of timbre", second)
    if arguments.json:
        arguments.json.write_text(json.dumps({"spectra": first, "timbre": second}, indent=2) + "\n")


def _walked(method: Method, a: np.ndarray, b: np.ndarray, steps: int) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    started = time.perf_counter()
    path = method(a, b, steps)
    seconds = time.perf_counter() - started
    return {**measure(path), "seconds": seconds}, timbre_measures(path)


def _summary(measured: list[dict[str, float]], naive: list[dict[str, float]]) -> dict[str, float]:
    in_db = ("largest step", "roughness", "bend")
    found = {f"{name}, dB": float(np.median([m[name] for m in measured])) for name in in_db}
    better = [m[name] < n[name] for m, n in zip(measured, naive, strict=True) for name in in_db]
    return {
        **found,
        "off pitch, %": float(100 * np.nanmean([m["off pitch"] for m in measured])),
        "more even than naive interpolation, %": float(100 * np.mean(better)),
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
