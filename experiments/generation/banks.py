"""Ten banks as a new user makes them, read back, and told apart by their sound.

    python experiments/generation/banks.py OUT [--count 32]

Runs `ddx7 generate` for ten kinds of sound into a folder, loads every bank, checks that saving it again gives the same
bytes, and prints how often a voice's nearest five neighbours by sound (without itself) are mostly of its
own bank. Ten banks that cannot be told apart give 10 %.
"""

import argparse
from pathlib import Path

import numpy as np

import ddx7
from ddx7.cli import main as command
from ddx7.generation.gan.data import coarse_log_mels
from ddx7.generation.prdc import squared_distances
from ddx7.library.screening import measure_voices

KINDS = ("piano", "e-piano", "organ", "bell", "mallet", "plucked", "bass", "strings", "brass", "percussion")
NEIGHBOURS = 5


def own_bank(points: np.ndarray, bank: np.ndarray) -> np.ndarray:
    """Whether most of each point's nearest neighbours are of its bank, bool [point]."""
    apart = squared_distances(points, points)
    np.fill_diagonal(apart, np.inf)
    near = bank[np.argsort(apart, axis=1)[:, :NEIGHBOURS]]
    votes = (near[:, :, None] == np.arange(bank.max() + 1)).sum(axis=1)
    return votes.argmax(axis=1) == bank


def main() -> None:
    """Make, read back, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=32)
    arguments = parser.parse_args()
    banks = []
    for seed, kind in enumerate(KINDS):
        path = arguments.out / f"{kind}.syx"
        if not path.exists():
            words = ["generate", "--category", kind, "--seed", seed, "--count", arguments.count, "-o", path]
            if command([str(word) for word in words]):
                raise SystemExit(f"{kind}: no bank")
        bank = ddx7.load(path)
        again = ddx7.save(bank, arguments.out / "again.syx", force=True)[0]
        same = again.read_bytes() == path.read_bytes() and not bank.repairs
        print(f"{kind}: reads back {'byte by byte' if same else 'OTHERWISE'}", flush=True)
        banks.append(bank.to_vced()[: arguments.count])
    labels = np.repeat(np.arange(len(banks)), [len(bank) for bank in banks])
    right = own_bank(coarse_log_mels(measure_voices(np.concatenate(banks))), labels)
    for k, kind in enumerate(KINDS):
        print(f"{kind}: {right[labels == k].mean():.0%} among their own")
    print(f"all: {right.mean():.0%}")


if __name__ == "__main__":
    main()
