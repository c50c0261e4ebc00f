"""Speed of training DDX7 here and in PyTorch: the same layers on the same cores, in turns.

    python benchmarks/training_speed.py --torch-python VENV/bin/python [--json training.json]

The paper's configuration: its network with dropout, the operators of its violin, six scales, Adam; 4 crops of 1.5 s
after half a second of context for the network alone, or the paper's 16 crops of 4 s with `--published`.
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


def time_here(name: str, steps: int, batch: int, frames: int, context_frames: int) -> list[float]:
    """Seconds of each step, after the first ones."""
    config = get_config(name, "violin")
    rng = np.random.default_rng(0)
    f0_hz = rng.uniform(200, 600, (batch, context_frames + frames)).astype(np.float32)
    level_db = rng.uniform(-60, -10, f0_hz.shape).astype(np.float32)
    audio = rng.uniform(-0.5, 0.5, (batch, frames * 64)).astype(np.float32)
    training = replace(config.training, batch=batch, frames=frames, context_frames=context_frames)
    init, update = make_update(config.model, training)
    state, seconds = init(), []
    for step in range(steps + WARM_UP):
        start = time.perf_counter()
        state, loss = update(state, SegmentBatch(f0_hz, level_db, audio), step)
        jax.block_until_ready((state, loss))
        seconds.append(time.perf_counter() - start)
    return seconds[WARM_UP:]


def time_pytorch(python: Path, steps: int, batch: int, frames: int, context_frames: int) -> list[float]:
    """The same in PyTorch."""
    script = Path(__file__).with_name("torch_ddx7.py")
    words = [python, script, *map(str, (steps + WARM_UP, batch, frames, context_frames))]
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
    seconds: dict[str, list[float]] = {"ddx7-2": [], "fm-tcn": [], "PyTorch": []}
    for _ in range(ROUNDS):
        for name in ("ddx7-2", "fm-tcn"):
            seconds[name] += time_here(name, options.steps, *shape)
        seconds["PyTorch"] += time_pytorch(options.torch_python, options.steps, *shape)
    print(f"{machine()}\n")
    slow = float(np.median(seconds["PyTorch"]))
    for name, each in seconds.items():
        median = float(np.median(each))
        print(f"{name:8} {median * 1000:8.0f} ms a step, {1 / median:6.2f} steps/s, {slow / median:5.2f} times PyTorch")
    write_json(options.json, [{"model": name, "median_s": float(np.median(s))} for name, s in seconds.items()])


if __name__ == "__main__":
    main()
