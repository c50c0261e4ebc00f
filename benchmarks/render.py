"""Seconds of audio per second: `plan` and `play` together, full control, mixed algorithms, 44.1 kHz.

    python benchmarks/render.py [--json render.json] [--seconds 4]

With the extra `bench` it also runs `dexed-py`, Dexed's own C++ core, on the same voices and notes in turns. The voices
are random ones in which everything moves (`timing.lively_voices`), so anyone can run this.
"""

import argparse
import importlib.util
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
from timing import REPEATS, lively_voices, machine, measure, random_notes, write_json

from ddx7 import runtime
from ddx7.engine import DEXED, PROFILES, Patch, Profile, plan, play, renderer, rendering
from ddx7.engine.tables import BLOCK

RATE = 44100
SIZES = ((1, 2, False), (128, 1, False), (512, 4, False), (512, 4, True))
"""Voices and seconds that are compared with dexed-py, and whether ours uses the memory of the result again."""
SCALE = 8
"""dexed-py is eight times as loud, and clips at 1."""

_COMPARED = 32  # voices whose sound is compared; more would leave too little memory in large pages


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--repeats", type=int, default=REPEATS, help="rounds of the comparison with dexed-py")
    parser.add_argument("--compare-only", action="store_true", help="only the comparison with dexed-py")
    arguments = parser.parse_args()
    print(f"{machine()}\nRenderer: {renderer.warm().reason}\n")
    rows = compare(arguments.repeats)
    if not arguments.compare_only:
        rows += throughput(arguments.seconds)
    write_json(arguments.json, rows)


def compare(repeats: int) -> list[dict]:
    """Print ddx7 beside dexed-py, one and all threads, each round in turn."""
    if importlib.util.find_spec("dexed") is None:
        print("dexed-py is not installed: pip install 'ddx7[bench]'\n")
        return []
    print("| voices x length | threads | dexed-py, s/s | ddx7, s/s | ratio | of CPU time | ddx7 ms | same sound |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    rows = []
    for n, seconds, again in SIZES:
        rng = np.random.default_rng(n)
        voices, (notes, velocities) = lively_voices(rng, n), random_notes(rng, n)
        gates = np.full(n, seconds * RATE * 3 // 4 // BLOCK)

        out = np.zeros((n, seconds * RATE), np.float32) if again else None

        def ours(voices=voices, notes=notes, velocities=velocities, gates=gates, seconds=seconds, out=out):
            return play(plan(voices, notes, velocities, gates, RATE), seconds * RATE, out=out)

        for threads in sorted({1, runtime.n_cores()}):
            theirs = dexed_player(voices, notes, velocities, gates * BLOCK / RATE, seconds, threads)
            with limited_to(threads):
                error_db, gain = same_sound(ours()[:_COMPARED].copy(), theirs()[:_COMPARED])
                times = np.array([[_seconds(theirs), _seconds(ours)] for _ in range(repeats)])
            ratio, cpu_ratio = (float(x) for x in np.median(times[:, 0] / times[:, 1], axis=0))
            times = times[:, :, 0]
            dexed_speed, speed = (float(x) for x in n * seconds / np.median(times, axis=0))
            rows.append(
                {"voices": n, "seconds": seconds, "threads": threads, "dexed_py": dexed_speed, "ddx7": speed}
                | {"ratio": ratio, "cpu_ratio": cpu_ratio, "error_db": error_db, "gain": gain, "memory_again": again}
            )
            print(
                f"| {n} x {seconds} s{', `out`' if again else ''} | {threads} | {dexed_speed:,.0f} | {speed:,.0f} | "
                f"{ratio:.1f} | {cpu_ratio:.1f} | "
                f"{1000 * n * seconds / speed:.1f} | {error_db:.0f} dB, {gain:.3f} |",
                flush=True,
            )
    print()
    return rows


def dexed_player(
    voices: Patch, notes: np.ndarray, velocities: np.ndarray, gates_s: np.ndarray, seconds: float, threads: int
) -> Callable[[], list[np.ndarray]]:
    """A function that plays all voices by dexed-py, with a synthesizer for each thread; it releases the interpreter."""
    import dexed

    patches = [dexed.Patch.from_sysex(bytes(row) + b"\x3f") for row in voices.to_vced()]  # all operators on

    def play_part(rows: np.ndarray) -> list[np.ndarray]:
        synth = dexed.DexedSynth(float(RATE))
        sounds = []
        for k in rows:
            synth.load_patch(patches[k])
            sounds.append(synth.render(int(notes[k]), int(velocities[k]), float(gates_s[k]), seconds))
        return sounds

    parts = np.array_split(np.arange(len(notes)), min(threads, len(notes)))
    if len(parts) == 1:
        return lambda: play_part(parts[0])

    def play_all() -> list[np.ndarray]:
        with ThreadPoolExecutor(threads) as pool:
            return [sound for part in pool.map(play_part, parts) for sound in part]

    return play_all


def same_sound(ours: np.ndarray, theirs: list[np.ndarray]) -> tuple[float, float]:
    """Medians over voices: error of dexed-py from eight times our sound, clipped at 1, in dB; gain between the two."""
    a, b = np.clip(SCALE * ours.astype(np.float64), -1, 1), np.array(theirs, np.float64)
    n = min(a.shape[1], b.shape[1])
    a, b = a[:, :n], b[:, :n]
    power = np.square(a).sum(axis=1)
    heard = power > n * 1e-6
    error_db = 10 * np.log10(np.square(a - b).sum(axis=1)[heard] / power[heard])
    return float(np.median(error_db)), float(np.median((a * b).sum(axis=1)[heard] / power[heard]))


@contextmanager
def limited_to(threads: int) -> Iterator[None]:
    """ddx7 on some threads."""
    with ExitStack() as stack:
        for module in (runtime, rendering, renderer.fast_renderer(0)):
            if module is not None:
                stack.enter_context(mock.patch.object(module, "n_cores", return_value=threads))
        yield


def _seconds(run: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of CPU time over all threads, which other programs disturb less."""
    start, cpu_start = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - start, time.process_time() - cpu_start


def throughput(seconds: float) -> list[dict]:
    """Print speed against the number of voices, of both renderers, and the time of a first render."""
    rng = np.random.default_rng(0)
    n_samples = round(seconds * RATE)
    rows: list[dict] = []
    print("| voices | numba, s/s | ms | JAX, s/s | ms | peak memory MB |\n|---|---|---|---|---|---|")
    for n in (1, 8, 32, 128, 512):
        voices, (notes, velocities) = lively_voices(rng, n), random_notes(rng, n)
        gates = np.full(n, n_samples * 3 // 4 // BLOCK)

        def run(voices=voices, notes=notes, velocities=velocities, gates=gates) -> np.ndarray:
            return play(plan(voices, notes, velocities, gates, RATE), n_samples)

        row: dict = {"voices": n}
        for name in ("numba", "jax"):
            with mock.patch.dict(os.environ, {renderer.VARIABLE: name}):
                row[f"{name}_s"] = measure(run)[1]
        row["memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        rows.append(row)
        cells = (f"{n * seconds / row[f'{k}_s']:,.0f} | {1000 * row[f'{k}_s']:.1f}" for k in ("numba", "jax"))
        print(f"| {n} | {' | '.join(cells)} | {row['memory_mb']:.0f} |", flush=True)
    ratios = profile_ratios(rng, n_samples)
    for name, ratio in ratios.items():
        print(f"\nProfile {name} takes {ratio:.2f} times as long as dexed at 128 voices (median of {REPEATS} rounds)")
    rows.append({"profile_ratios": ratios})
    fresh = {name: [_fresh_process(name) for _ in range(3)] for name in ("numba", "jax")}
    for name, times in fresh.items():
        print(f"\nFirst render of a fresh process by {name}, import included: {np.median(times):.2f} s (median of 3)")
    rows.append({"fresh_process_s": fresh})
    return rows


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


def _fresh_process(name: str) -> float:
    code = "import ddx7; ddx7.render(ddx7.Voice())"
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, renderer.VARIABLE: name})
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
