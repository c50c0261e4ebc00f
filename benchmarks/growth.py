"""How rendering grows: CPU time against the number of voices and against their length, and memory, with the laws.

    python benchmarks/growth.py [--json growth.json] [--picture docs/img/growth.png]

CPU time of `plan` and `play` by numba, over all threads, into memory that is used again: other programs on the machine
disturb it less than the time of the clock. Memory is the peak of what one call takes, its result included.
"""

import argparse
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls
from timing import REPEATS, lively_voices, machine, random_notes, write_json

from ddx7.engine import plan, play, renderer
from ddx7.engine.tables import BLOCK
from ddx7.files import atomic_write
from ddx7.plot.axes import figure_bytes, new_figure

RATE = 44_100
VOICES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
LENGTHS_S = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
N_VOICES, LENGTH_S = 32, 1.0
"""Voices of the second series, and the length of the first."""


class Series(NamedTuple):
    """What was measured of one size after another, and the law: `fixed` + `each` times the size."""

    name: str
    size: str
    unit: str
    sizes: tuple[float, ...]
    values: tuple[float, ...]
    fixed: float
    each: float

    @property
    def worst(self) -> float:
        """Largest error of the law as a share of what was measured."""
        expected = self.fixed + self.each * np.array(self.sizes)
        return float(np.abs(expected / np.array(self.values) - 1).max())


def main() -> None:
    """Print the laws, and draw them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    arguments = parser.parse_args()
    print(f"{machine()}\nRenderer: {renderer.warm().reason}\n")
    measured = series(VOICES, LENGTHS_S, arguments.repeats)
    print("| | against | fixed | each | largest error of the law |\n|---|---|---|---|---|")
    for s in measured:
        print(f"| {s.name} | {s.size} | {s.fixed:.3g} {s.unit} | {s.each:.3g} {s.unit} | {100 * s.worst:.0f} % |")
    write_json(arguments.json, [s._asdict() for s in measured])
    if arguments.picture is not None:
        atomic_write(arguments.picture, picture(measured), force=True)


def series(voices: Sequence[int], lengths_s: Sequence[float], repeats: int) -> list[Series]:
    """Time against voices and length, and memory against voices."""
    rng = np.random.default_rng(0)
    by_voices = [_cpu_ms(rng, n, LENGTH_S, repeats) for n in voices]
    by_length = [_cpu_ms(rng, N_VOICES, s, repeats) for s in lengths_s]
    memory = [_peak_mb(rng, n, LENGTH_S) for n in voices]
    return [
        Series("CPU time", f"voices of {LENGTH_S:g} s", "ms", tuple(voices), *_with_law(voices, by_voices)),
        Series("CPU time", f"seconds of {N_VOICES} voices", "ms", tuple(lengths_s), *_with_law(lengths_s, by_length)),
        Series("Memory", f"voices of {LENGTH_S:g} s", "MB", tuple(voices), *_with_law(voices, memory)),
    ]


def law(sizes: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """The straight line `fixed + each * size`, neither below 0, with the least relative errors."""
    x, y = np.asarray(sizes, float), np.asarray(values, float)
    fixed, each = nnls(np.stack([1 / y, x / y], axis=1), np.ones(len(y)))[0]
    return float(fixed), float(each)


def picture(measured: Sequence[Series]) -> bytes:
    """A PNG: points as measured, lines by their laws."""
    figure = new_figure(11.0, 3.6, "Rendering grows in proportion to the sound")
    for s, axes in zip(measured, figure.subplots(1, len(measured)), strict=True):
        x = np.geomspace(min(s.sizes), max(s.sizes), 100)
        axes.loglog(x, s.fixed + s.each * x, color="0.6")
        axes.loglog(s.sizes, s.values, "o", markersize=4)
        axes.set_title(f"{s.fixed:.2g} + {s.each:.2g} {s.unit} each", fontsize=10)
        axes.set_xlabel(s.size)
        axes.set_ylabel(f"{s.name}, {s.unit}")
    return figure_bytes(figure)


def _with_law(sizes: Sequence[float], values: Sequence[float]) -> tuple[tuple[float, ...], float, float]:
    return (tuple(values), *law(sizes, values))


def _cpu_ms(rng: np.random.Generator, n: int, seconds: float, repeats: int) -> float:
    """Median CPU milliseconds of a render."""
    voices, (notes, velocities), gates, n_samples = _task(rng, n, seconds)
    out, times = np.zeros((n, n_samples), np.float32), []
    for _ in range(repeats + 1):
        start = time.process_time()
        play(plan(voices, notes, velocities, gates, RATE), n_samples, out=out)
        times.append(time.process_time() - start)
    return 1000 * float(np.median(times[1:]))


def _peak_mb(rng: np.random.Generator, n: int, seconds: float) -> float:
    """Largest memory of NumPy's arrays in a render."""
    voices, (notes, velocities), gates, n_samples = _task(rng, n, seconds)
    tracemalloc.start()
    try:
        play(plan(voices, notes, velocities, gates, RATE), n_samples)
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def _task(rng: np.random.Generator, n: int, seconds: float):
    n_samples = round(seconds * RATE)
    return lively_voices(rng, n), random_notes(rng, n), np.full(n, n_samples * 3 // 4 // BLOCK), n_samples


if __name__ == "__main__":
    main()
