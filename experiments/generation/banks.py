"""Ten banks as a new user generates them, read back, and separated by their sound.

    python experiments/generation/banks.py OUT [--count 32]

Runs `ddx7 generate` for ten categories into a folder, loads every bank, checks that saving it again gives the same
bytes, and prints how often most of a voice's five nearest neighbours by sound are from its own bank. Ten inseparable
banks give 10 %.
"""

import argparse
from pathlib import Path

import numpy as np

import ddx7
from ddx7.cli import main as command
from ddx7.generation.gan.data import coarse_log_mels
from ddx7.generation.prdc import squared_distances
from ddx7.library.screening import measure_voices

GENERATED_CATEGORIES = (
    "piano",
    "e-piano",
    "organ",
    "bell",
    "mallet",
    "plucked",
    "bass",
    "strings",
    "brass",
    "percussion",
)
NEIGHBOURS = 5


def own_bank(points: np.ndarray, bank: np.ndarray) -> np.ndarray:
    """Whether most of each point's nearest neighbours are from its bank, bool [point]."""
    distances = squared_distances(points, points)
    np.fill_diagonal(distances, np.inf)
    near = bank[np.argsort(distances, axis=1)[:, :NEIGHBOURS]]
    votes = (near[:, :, None] == np.arange(bank.max() + 1)).sum(axis=1)
    return votes.argmax(axis=1) == bank


def main() -> None:
    """Generate, read back, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=32)
    arguments = parser.parse_args()
    banks = []
    for seed, category in enumerate(GENERATED_CATEGORIES):
        path = arguments.out / f"{category}.syx"
        if not path.exists():
            words = ["generate", "--category", category, "--seed", seed, "--count", arguments.count, "-o", path]
            if command([str(word) for word in words]):
                raise SystemExit(f"{category}: no bank")
        bank = ddx7.load(path)
        again = ddx7.save(bank, arguments.out / "again.syx", force=True)[0]
        same = again.read_bytes() == path.read_bytes() and not bank.repairs
        print(f"{category}: {'survives a file' if same else 'CHANGES IN A FILE'}", flush=True)
        banks.append(bank.to_vced()[: arguments.count])
    labels = np.repeat(np.arange(len(banks)), [len(bank) for bank in banks])
    right = own_bank(coarse_log_mels(measure_voices(np.concatenate(banks))), labels)
    for k, category in enumerate(GENERATED_CATEGORIES):
        print(f"{category}: {right[labels == k].mean():.0%} among their own")
    print(f"all: {right.mean():.0%}")


if __name__ == "__main__":
    main()
