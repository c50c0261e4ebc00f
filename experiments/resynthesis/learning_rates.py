r"""Choose a configuration's learning rate by validation: short runs from nothing, each with its whole schedule.

`ddx7 train resynth` holds out the end of one recording. The rate with the smallest distance there is the one to take.

    python experiments/resynthesis/learning_rates.py learned.wav --config hpn-room --rates 5e-4 1e-3 2e-3 --steps 120 \
        -o runs/rates
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

from ddx7.files import atomic_write
from ddx7.resynthesis.configs import get_config
from ddx7.resynthesis.dataset import load_segments
from ddx7.resynthesis.recordings import find_recordings
from ddx7.resynthesis.training import train


def main() -> None:
    """Train with each rate, and print and write the validation distances."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording", type=Path)
    parser.add_argument("--config", required=True)
    parser.add_argument("--instrument", default="flute", help="whose operators a configuration of the paper has")
    parser.add_argument("--rates", type=float, nargs="+", required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()

    config = get_config(options.config, options.instrument)
    sources = find_recordings(options.recording)
    learned, report = load_segments(sources, "train")
    held_out, _ = load_segments(sources, "valid", gain=report.gain)
    distances: dict[str, float] = {}
    for rate in options.rates:
        training = replace(
            config.training, learning_rate=rate, steps=options.steps, evaluate_every=max(options.steps // 4, 1)
        )
        began_s = time.monotonic()
        folder = options.output / f"{options.config}-{rate:g}"
        fitted = train(config.model, learned, held_out, folder, training)
        distances[f"{rate:g}"] = fitted.best_metrics["best"]
        print(f"{options.config} {rate:g}: {fitted.best_metrics} in {time.monotonic() - began_s:.0f} s", flush=True)
    content = json.dumps({"steps": options.steps, "distances": distances}, indent=1)
    atomic_write(options.output / f"{options.config}.json", content.encode(), force=True)


if __name__ == "__main__":
    main()
