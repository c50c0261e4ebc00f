"""What it costs to compare a sound, beside what it costs to render it, and voices that a search scores a second.

    python benchmarks/comparing.py [--json comparing.json]

The distance by JAX and by numba take turns in one process, on the same 128 sounds of 1.5 s.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
from timing import lively_voices, machine, write_json

from ddx7.audio import fast_distance
from ddx7.engine import plan, play, renderer
from ddx7.matching import objective
from ddx7.matching.objective import NoteEvent, NoteTarget, Objective

_VOICES, _UNITS, _ROUNDS = 128, 4, 9


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    renderer.warm()
    fast_distance.warm()
    print(f"{machine()}\n\n| rate | work | wall ms a voice | CPU ms a voice | voices a second |\n|---|---|---|---|---|")
    rows = [row for rate in (22_050, 44_100) for row in _rows(rate)]
    write_json(arguments.json, rows)


def _rows(rate: int) -> list[dict]:
    n = _UNITS * objective.UNIT * rate // objective.RATE
    patch = lively_voices(np.random.default_rng(0), _VOICES)
    note, velocity, gate = (np.full(_VOICES, value) for value in (60, 100, rate // 64))

    def render() -> np.ndarray:
        return play(plan(patch, note, velocity, gate, rate), n)

    audio, vced = render(), patch.to_vced()
    target = NoteTarget(audio[0].copy(), rate, NoteEvent(60, 100, 1.0), n / rate, n / rate)
    search = Objective((target,))

    def by_jax(work: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            with mock.patch.object(objective, "fast_kernels", return_value=None):
                work()

        return run

    works = {
        "render": render,
        "compare by JAX": by_jax(lambda: target.distances(audio)),
        "compare by numba": lambda: target.distances(audio),
        "score by JAX": by_jax(lambda: search.distances(vced)),
        "score by numba": lambda: search.distances(vced),
    }
    times = {name: np.empty((_ROUNDS, 2)) for name in works}
    for number in range(-1, _ROUNDS):  # the first round compiles
        for name, work in works.items():
            wall, cpu = time.perf_counter(), time.process_time()
            work()
            if number >= 0:
                times[name][number] = time.perf_counter() - wall, time.process_time() - cpu
    rows = []
    for name, seconds in times.items():
        wall, cpu = np.median(seconds, axis=0) / _VOICES
        print(f"| {rate:,} | {name} | {wall * 1e3:.2f} | {cpu * 1e3:.2f} | {1 / wall:,.0f} |", flush=True)
        rows.append({"rate": rate, "work": name, "wall_s": wall, "cpu_s": cpu})
    return rows


if __name__ == "__main__":
    main()
