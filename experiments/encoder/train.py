"""Train the preset encoder behind `ddx7 match` on the real voices that `split.py` chose.

    python experiments/encoder/split.py --shared ../shared -o runs/encoder
    python experiments/encoder/train.py runs/encoder [--shards 32] [--steps 5400]

The script renders missing shards and trains, or resumes a run. On two idle cores a shard of 4,096 examples takes 16 s
and 1,000 steps take about ten minutes.
"""

import argparse
from pathlib import Path

import numpy as np

from ddx7.encoder.examples import load_shards, make_shards
from ddx7.encoder.sampler import save_weights
from ddx7.encoder.size import EncoderSize
from ddx7.encoder.training import EncoderConfig, train

EVALUATED = 1024  # held-out examples of an evaluation


def main() -> None:
    """Render, train, and print the metrics."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--name", default="model", help="folder of the training within the run")
    parser.add_argument("--shards", type=int, default=32)
    parser.add_argument("--steps", type=int, default=5400)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--stop-after", type=int, help="step to stop after; the same command without it resumes")
    arguments = parser.parse_args()
    voices = {name: np.load(arguments.run / f"{name}.npy") for name in ("train", "test")}
    held_out = make_shards(voices["test"], arguments.run / "test", 1, seed=1, mutate=False)
    shards = make_shards(voices["train"], arguments.run / "train", arguments.shards)
    folder = arguments.run / arguments.name
    fitted = train(
        load_shards(shards),
        load_shards(held_out)[:EVALUATED],
        folder,
        EncoderConfig(steps=arguments.steps, batch=arguments.batch),
        EncoderSize(),
        stop_after=arguments.stop_after,
        progress=lambda metrics: print(metrics, flush=True),
    )
    card = {
        "what": "the preset encoder behind ddx7 match: notes in, a distribution over DX7 voices out",
        "data": "real voices of `split.py`, mutated, rendered by the engine",
        "command": "python experiments/encoder/train.py runs/encoder",
        "voices": len(voices["train"]),
        "shards": arguments.shards,
        **fitted.best_metrics,
    }
    save_weights(folder / "encoder.safetensors", fitted.best_params, EncoderSize(), card)


if __name__ == "__main__":
    main()
