"""How even a morph is, beside blending the numbers of two voices.

    python experiments/generation/morph.py --shared ../shared [--pairs 40] [--steps 7]

Pairs of undamaged human voices, drawn by chance. Every voice of a sequence plays C3 for a second (velocity 100, 2 s,
22,050 Hz) and is looked at as a log-mel spectrum (64 bands, floor -80 dBFS). Printed are medians over pairs, in dB:

- largest step: the largest mean difference of two neighbours;
- roughness: RMS of the second difference along the sequence (smoothness in the papers on preset interpolation);
- bend: RMS distance from the straight line between the ends (their non-linearity);
- off pitch: share of the voices between whose fundamental lies more than 30 cents from both ends' (octaves aside),
  where the ends have a clear pitch.
"""

import argparse
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from corpus import QUIET, load_corpus

from ddx7.audio.pitch import estimate_pitch
from ddx7.generation.morph import blend, walk
from ddx7.library.hearing import RATE, apart_db, hear, look

CLEAR, CLOSE_CENTS = 0.6, 30.0


def measure(path: np.ndarray) -> dict[str, float]:
    """What the table says of one sequence, uint8 [step, 155]."""
    audio = hear(path)
    seen = look(audio)
    steps = [apart_db(a[None], b[None])[0, 0] for a, b in pairwise(seen)]
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
    wanted = [1200 * np.log2(end.f0_hz) for end in ends if end]
    between = [1200 * np.log2(p.f0_hz) for p in found[1:-1] if p and p.confidence >= CLEAR]
    off = [min(abs((cents - w + 600) % 1200 - 600) for w in wanted) > CLOSE_CENTS for cents in between]
    return float(np.mean(off)) if off else np.nan


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--steps", type=int, default=7)
    arguments = parser.parse_args()
    vced = load_corpus(arguments.shared)
    rng = np.random.default_rng(0)
    rows: dict[str, list[dict[str, float]]] = {"morph": [], "blended numbers": []}
    while len(rows["morph"]) < arguments.pairs:
        a, b = vced[rng.integers(len(vced), size=2)]
        if np.abs(hear(np.stack([a, b]))).max(axis=1).min() < QUIET:
            continue
        rows["morph"].append(measure(walk(a, b, arguments.steps)))
        shares = np.linspace(0, 1, arguments.steps)
        rows["blended numbers"].append(measure(np.stack([blend(a, b, share) for share in shares])))
    names = list(rows["morph"][0])
    print(f"| {arguments.pairs} pairs, {arguments.steps} steps | {' | '.join(names)} |\n|{'---|' * (len(names) + 1)}")
    for label, measured in rows.items():
        cells = [np.nanmedian([m[name] for m in measured]) for name in names[:-1]]
        cells.append(np.nanmean([m[names[-1]] for m in measured]))
        print(f"| {label} | {' | '.join(f'{cell:.2f}' for cell in cells)} |")
    better = [np.mean([a[n] < b[n] for a, b in zip(*rows.values(), strict=True)]) for n in names[:-1]]
    print(f"\nthe morph is better on {' / '.join(f'{share:.0%}' for share in better)} of the pairs")


if __name__ == "__main__":
    main()
