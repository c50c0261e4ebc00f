"""Shared parts of the speed benchmarks: voices to play, and timing."""

import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ddx7.engine import Patch
from ddx7.runtime import n_cores
from ddx7.voice.packing import random_vced

REPEATS = 7


def lively_voices(rng: np.random.Generator, n: int) -> Patch:
    """Voices of mixed algorithms and feedback in which every operator sounds and LFO and pitch envelope move."""
    vced = random_vced(rng, n)
    patch = Patch.from_vced(vced)
    patch.output_level[:] = rng.integers(60, 100, patch.output_level.shape)
    patch.levels[..., :3] = rng.integers(70, 100, (n, 6, 3))
    patch.pitch_levels[:] = rng.integers(45, 56, patch.pitch_levels.shape)
    patch.algorithm[:] = 1 + np.arange(n) % 32
    return patch


def random_notes(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Notes and velocities."""
    return rng.integers(36, 85, n), rng.integers(40, 128, n)


def measure(run: Callable[[], Any]) -> tuple[float, float]:
    """Seconds of the first call, compilation included, and the median of several after it."""
    start = time.perf_counter()
    jax.block_until_ready(run())
    first = time.perf_counter() - start
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        jax.block_until_ready(run())
        times.append(time.perf_counter() - start)
    return first, float(np.median(times))


def machine() -> dict[str, Any]:
    """The machine that runs the benchmark."""
    return {
        "device": str(jax.devices()[0]),
        "cores": n_cores(),
        "processor": platform.processor() or platform.machine(),
        "load": os.getloadavg()[0],
        "jax": jax.__version__,
    }


def write_json(path: Path | None, rows: list[dict[str, Any]]) -> None:
    """The table as JSON, with the machine, if a path is given."""
    if path is not None:
        path.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=2))
