"""Train the ear behind `ddx7 match` on the human voices that `split.py` chose.

    python experiments/inference/split.py --shared ../shared -o runs/encoder
    python experiments/inference/train.py runs/encoder [--shards 32] [--steps 5400]

Renders what is missing, then trains, or goes on where a run was stopped. On two idle cores a shard of 4,096 examples
takes 16 s and 1,000 steps some ten minutes.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from ddx7.encoder.examples import make_shards
from ddx7.encoder.network import EncoderSize
from ddx7.encoder.sampler import save_weights
from ddx7.encoder.training import EncoderConfig, load_shards, train

MEASURED = 1024  # held-out examples that are looked at while training


def main() -> None:
    """Render, train, and print the metrics."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--name", default="ear")
    parser.add_argument("--shards", type=int, default=32)
    parser.add_argument("--steps", type=int, default=5400)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--until", type=int)
    arguments = parser.parse_args()
    voices = {name: np.load(arguments.run / f"{name}.npy") for name in ("train", "test")}
    held_out = make_shards(voices["test"], arguments.run / "test", 1, seed=1, fresh=False)
    shards = make_shards(voices["train"], arguments.run / "train", arguments.shards)
    test = load_shards(held_out)
    test = replace(test, **{name: value[:MEASURED] for name, value in vars(test).items()})
    settings = EncoderConfig(steps=arguments.steps, batch=arguments.batch)
    folder = arguments.run / arguments.name
    weights, metrics = train(
        load_shards(shards), test, folder, settings, EncoderSize(), lambda m: print(m, flush=True), arguments.until
    )
    card = {
        "what": "the ear behind ddx7 match: notes in, a distribution over DX7 voices out",
        "data": "human voices of `split.py`, mutated, rendered by the engine",
        "command": "python experiments/inference/train.py runs/encoder",
        "voices": len(voices["train"]),
        "shards": arguments.shards,
        **metrics,
    }
    save_weights(folder / "encoder.safetensors", weights, EncoderSize(), card)


if __name__ == "__main__":
    main()
