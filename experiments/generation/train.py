"""Train the generator behind `ddx7 generate` on the human voices that `split.py` chose.

    python experiments/generation/split.py --shared ../shared runs/gan
    python experiments/generation/train.py runs/gan [--name first] [--steps 8000]

Goes on where a run was stopped.
"""

import argparse
from pathlib import Path

import numpy as np

from ddx7.generation.gan.conditions import ConditionPrior
from ddx7.generation.gan.data import HeldOutEvaluator, examples_of
from ddx7.generation.gan.network import GanSize
from ddx7.generation.gan.training import GanConfig, train
from ddx7.generation.gan.voice_generator import save_weights
from ddx7.library.categories import CATEGORIES

MEASURED = 512  # held-out voices that made ones are compared with while training


def main() -> None:
    """Train, and print the metrics."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--name", default="first")
    for field, value in GanConfig().__dict__.items():
        if isinstance(value, (int, float)):
            parser.add_argument(f"--{field.replace('_', '-')}", type=type(value), default=value)
    parser.add_argument("--noise", type=int, default=GanSize().noise, help="numbers that a voice is made from")
    parser.add_argument("--until", type=int)
    arguments = parser.parse_args()
    voices = {name: np.load(arguments.run / f"{name}.npy") for name in ("train", "test")}
    settings = GanConfig(**{name: value for name, value in vars(arguments).items() if name in GanConfig().__dict__})
    examples = examples_of(voices["train"])
    chosen = np.random.default_rng(0).permutation(len(voices["test"]))[:MEASURED]
    folder, size = arguments.run / arguments.name, GanSize(noise=arguments.noise)
    weights, metrics = train(
        examples,
        folder,
        settings,
        size,
        HeldOutEvaluator.of(voices["test"][chosen]),
        lambda m: print({name: round(value, 3) for name, value in m.items()}, flush=True),
        arguments.until,
    )
    card = {
        "what": "the generator behind ddx7 generate: noise and wishes in, DX7 voices out",
        "data": "human voices of `split.py`: undamaged, no duds, families of the table's voices left out",
        "command": "python experiments/generation/train.py runs/gan",
        "licence": "Apache-2.0",
        "voices": len(voices["train"]),
        "categories": list(CATEGORIES),
        **metrics,
    }
    save_weights(folder / "gan.safetensors", weights, size, ConditionPrior.of(examples.conditions), card)


if __name__ == "__main__":
    main()
