"""Which human voices are learned from and which are kept to be tested on.

    python experiments/inference/split.py --shared ../shared -o runs/encoder

Near-copies (one `family` of the corpus) are never divided. Kept for testing: every 33rd family, and the families of the
voices without a sound-alike that `benchmarks/match.py` takes as targets.
Writes `train.npy` and `test.npy`, uint8 [voice, 155].
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from corpus import lonely

from ddx7.voice.health import plausible
from ddx7.voice.packing import in_range, unpack

EVERY = 33
CACHE = Path(__file__).parents[2] / "benchmarks" / ".cache"


def split(shared: Path) -> tuple[np.ndarray, np.ndarray]:
    """Voices to learn from and to test on, uint8 [voice, 155] each."""
    corpus = np.load(shared / "corpus" / "voices.npz")
    vced = unpack(corpus["voices"])
    sound = in_range(vced).all(axis=1) & plausible(vced)
    vced, family = vced[sound].astype(np.uint8), corpus["family"][sound]
    kept = (family % EVERY == 0) | np.isin(family, family[lonely(shared, cache=CACHE).index])
    return vced[~kept], vced[kept]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("-o", "--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, voices in zip(("train", "test"), split(arguments.shared), strict=True):
        np.save(arguments.out / f"{name}.npy", voices)
        print(f"{name}: {len(voices):,} voices")
