"""Train the generator behind `ddx7 generate` on the real voices that `split.py` selects.

    python experiments/generation/split.py --shared ../shared runs/gan
    python experiments/generation/train.py runs/gan [--name first] [--steps 8000]

Resumes a run that was stopped.
"""

import argparse
from pathlib import Path

import numpy as np

from ddx7.generation.gan.conditions import ConditionPrior
from ddx7.generation.gan.config import GanConfig
from ddx7.generation.gan.data import HeldOutEvaluator, examples_of
from ddx7.generation.gan.size import GanSize
from ddx7.generation.gan.training import train
from ddx7.generation.gan.voice_generator import save_weights
from ddx7.library.categories import CATEGORIES


def main() -> None:
    """Train, and print the metrics."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--name", default="first")
    for field, value in GanConfig().__dict__.items():
        if isinstance(value, (int, float)):
            parser.add_argument(f"--{field.replace('_', '-')}", type=type(value), default=value)
    parser.add_argument("--noise", type=int, default=GanSize().noise, help="dimensions of the generator's noise")
    parser.add_argument("--stop-after", type=int)
    arguments = parser.parse_args()
    voices = {name: np.load(arguments.run / f"{name}.npy") for name in ("train", "valid")}
    config = GanConfig(**{name: value for name, value in vars(arguments).items() if name in GanConfig().__dict__})
    examples = examples_of(voices["train"])
    folder, size = arguments.run / arguments.name, GanSize(noise=arguments.noise)
    result = train(
        examples,
        folder,
        config,
        size,
        HeldOutEvaluator.from_voices(voices["valid"]),
        progress=lambda m: print({name: round(value, 3) for name, value in m.items()}, flush=True),
        stop_after=arguments.stop_after,
    )
    card = {
        "what": "the generator behind ddx7 generate: noise and conditions in, DX7 voices out",
        "data": "voices of `split.py`: undamaged, accepted by screening, no near-duplicates of held-out voices",
        "command": "python experiments/generation/train.py runs/gan",
        "licence": "Apache-2.0",
        "voices": len(voices["train"]),
        "categories": list(CATEGORIES),
        **result.metrics,
    }
    prior = ConditionPrior.from_conditions(examples.conditions)
    save_weights(folder / "gan.safetensors", result.generator, result.critic, size, prior, card)


if __name__ == "__main__":
    main()
