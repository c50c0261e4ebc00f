"""Seconds of audio per second: `plan` and `play` together, full control, mixed algorithms, 44.1 kHz.

    python benchmarks/render.py [--json render.json] [--seconds 4]

The first call is shown apart: it compiles, unless an earlier process left the program in JAX's cache.
"""

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from timing import REPEATS, lively_voices, machine, measure, random_notes, write_json

from ddx7.engine import DEXED, PROFILES, Profile, plan, play

RATE = 44100


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=float, default=4.0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    n_samples = round(arguments.seconds * RATE)
    rows = []
    print(f"{machine()}\n")
    print("| voices | audio s / wall s | median ms | first call s | peak memory MB |\n|---|---|---|---|---|")
    for n in (1, 8, 32, 128, 512):
        voices, (notes, velocities) = lively_voices(rng, n), random_notes(rng, n)
        gates = np.full(n, n_samples * 3 // 4 // 64)

        def run(voices=voices, notes=notes, velocities=velocities, gates=gates) -> np.ndarray:
            return play(plan(voices, notes, velocities, gates, RATE), n_samples)

        first, median = measure(run)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        speed = n * arguments.seconds / median
        rows.append({"voices": n, "speed": speed, "median_s": median, "first_s": first, "memory_mb": memory})
        print(f"| {n} | {speed:,.0f} | {1000 * median:.1f} | {first:.2f} | {memory:.0f} |", flush=True)
    ratios = profile_ratios(rng, n_samples)
    for name, ratio in ratios.items():
        print(f"\nProfile {name} takes {ratio:.2f} times as long as dexed at 128 voices (median of {REPEATS} rounds)")
    rows.append({"profile_ratios": ratios})
    fresh = [_fresh_process() for _ in range(3)]
    print(f"\nFirst render of a fresh process, import included: {np.median(fresh):.2f} s (median of 3)")
    rows.append({"fresh_process_s": fresh})
    write_json(arguments.json, rows)


def profile_ratios(rng: np.random.Generator, n_samples: int) -> dict[str, float]:
    """Time with the other profiles over time with the default, taken in turn, because the machine is shared."""
    voices, (notes, velocities) = lively_voices(rng, 128), random_notes(rng, 128)

    def seconds(profile: Profile) -> float:
        start = time.perf_counter()
        play(plan(voices, notes, velocities, np.full(128, n_samples * 3 // 4 // 64), RATE, profile=profile), n_samples)
        return time.perf_counter() - start

    for profile in PROFILES.values():
        seconds(profile)
    rounds = np.array([[seconds(profile) for profile in PROFILES.values()] for _ in range(REPEATS)])
    ratios = np.median(rounds / rounds[:, :1], axis=0)
    return {name: float(ratio) for name, ratio in zip(PROFILES, ratios, strict=True) if name != DEXED.name}


def _fresh_process() -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import ddx7; ddx7.render(ddx7.Voice())"], check=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
