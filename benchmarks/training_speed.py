"""Speed of training instruments here, and of DDX7 in PyTorch: the same layers on the same cores, in turns.

    python benchmarks/training_speed.py [--torch-python VENV/bin/python] [--json training.json]

`ddx7-2` is the paper's configuration: its network with dropout, the operators of its violin, six scales, Adam.
`fm-tcn` is the default, `fm-tcn-reverb` the design before it, whose noise needs a loop over samples. All take 4 crops
of 1.5 s after half a second of context, or the paper's 16 crops of 4 s with `--published`. CPU time is that of all
threads of this process; it depends less on other work of the machine.
"""

import argparse
import json
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
from timing import machine, write_json

from ddx7.resynthesis.configs import get_config
from ddx7.resynthesis.dataset import SegmentBatch
from ddx7.resynthesis.training import make_update

ROUNDS, WARM_UP = 3, 3


NAMES = ("ddx7-2", "fm-tcn", "fm-tcn-reverb")


def time_here(name: str, steps: int, batch: int, frames: int, context_frames: int) -> tuple[list[float], list[float]]:
    """(seconds, CPU seconds) of each step, after the first ones."""
    config = get_config(name, "violin")
    rng = np.random.default_rng(0)
    f0_hz = rng.uniform(200, 600, (batch, context_frames + frames)).astype(np.float32)
    level_db = rng.uniform(-60, -10, f0_hz.shape).astype(np.float32)
    audio = rng.uniform(-0.5, 0.5, (batch, frames * 64)).astype(np.float32)
    training = replace(config.training, batch=batch, frames=frames, context_frames=context_frames)
    init, update = make_update(config.model, training)
    state, seconds, cpu_s = init(), [], []
    for step in range(steps + WARM_UP):
        start, cpu_start = time.perf_counter(), time.process_time()
        state, loss = update(state, SegmentBatch(f0_hz, level_db, audio), step)
        jax.block_until_ready((state, loss))
        seconds.append(time.perf_counter() - start)
        cpu_s.append(time.process_time() - cpu_start)
    return seconds[WARM_UP:], cpu_s[WARM_UP:]


def time_pytorch(python: Path, steps: int, batch: int, frames: int, context_frames: int) -> list[float]:
    """The same in PyTorch."""
    script = Path(__file__).with_name("torch_ddx7.py")
    words = [python, script, *map(str, (steps + WARM_UP, batch, frames, context_frames))]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["seconds"][WARM_UP:]


def main() -> None:
    """Measure in turns and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch-python", type=Path)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--published", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    shape = (16, 1000, 0) if options.published else (4, 375, 125)
    seconds: dict[str, list[float]] = {name: [] for name in NAMES}
    cpu_s: dict[str, list[float]] = {name: [] for name in NAMES}
    for _ in range(ROUNDS):
        for name in NAMES:
            wall, cpu = time_here(name, options.steps, *shape)
            seconds[name] += wall
            cpu_s[name] += cpu
        if options.torch_python:
            seconds.setdefault("PyTorch", []).extend(time_pytorch(options.torch_python, options.steps, *shape))
    print(f"{machine()}\n")
    rows = []
    for name, each in seconds.items():
        row = {"model": name, "median_s": float(np.median(each))}
        words = f"{name:14} {row['median_s'] * 1000:8.0f} ms a step, {1 / row['median_s']:6.2f} steps/s"
        if name in cpu_s:
            row["median_cpu_s"] = float(np.median(cpu_s[name]))
            words += f", {row['median_cpu_s'] * 1000:6.0f} ms of CPU time"
        if options.torch_python:
            words += f", {np.median(seconds['PyTorch']) / row['median_s']:5.2f} times PyTorch"
        print(words)
        rows.append(row)
    write_json(options.json, rows)


if __name__ == "__main__":
    main()
