"""How fast DDX7 learns here and in PyTorch, the same layers on the same cores, in turns.

    python benchmarks/training_speed.py --torch-python VENV/bin/python [--json training.json]

The paper's configuration: its network with dropout, the operators of its violin, six scales, Adam; 4 crops of 1.5 s
after half a second that the network alone hears, or the paper's 16 crops of 4 s with `--published`.
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

from ddx7.resynthesis.configs import config
from ddx7.resynthesis.dataset import SegmentBatch
from ddx7.resynthesis.training import stepper

ROUNDS, WARM_UP = 3, 3


def ours(name: str, steps: int, batch: int, frames: int, lead: int) -> list[float]:
    """Seconds of each step, after the first ones."""
    model, settings = config(name, "violin")
    rng = np.random.default_rng(0)
    f0_hz = rng.uniform(200, 600, (batch, lead + frames)).astype(np.float32)
    level_db = rng.uniform(-60, -10, f0_hz.shape).astype(np.float32)
    audio = rng.uniform(-0.5, 0.5, (batch, frames * 64)).astype(np.float32)
    start, step = stepper(model, replace(settings, batch=batch, frames=frames, lead=lead))
    state, seconds = start(), []
    for _ in range(steps + WARM_UP):
        begun = time.perf_counter()
        state, loss = step(state, SegmentBatch(f0_hz, level_db, audio))
        jax.block_until_ready((state, loss))
        seconds.append(time.perf_counter() - begun)
    return seconds[WARM_UP:]


def theirs(python: Path, steps: int, batch: int, frames: int, lead: int) -> list[float]:
    """The same in PyTorch."""
    script = Path(__file__).with_name("torch_ddx7.py")
    words = [python, script, *map(str, (steps + WARM_UP, batch, frames, lead))]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["seconds"][WARM_UP:]


def main() -> None:
    """Measure in turns and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch-python", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--published", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    shape = (16, 1000, 0) if options.published else (4, 375, 125)
    found: dict[str, list[float]] = {"ddx7-2": [], "ours": [], "PyTorch": []}
    for _ in range(ROUNDS):
        for name in ("ddx7-2", "ours"):
            found[name] += ours(name, options.steps, *shape)
        found["PyTorch"] += theirs(options.torch_python, options.steps, *shape)
    print(f"{machine()}\n")
    slow = float(np.median(found["PyTorch"]))
    for name, seconds in found.items():
        median = float(np.median(seconds))
        print(f"{name:8} {median * 1000:8.0f} ms a step, {1 / median:6.2f} steps/s, {slow / median:5.2f} times PyTorch")
    write_json(options.json, [{"model": name, "median_s": float(np.median(s))} for name, s in found.items()])


if __name__ == "__main__":
    main()
