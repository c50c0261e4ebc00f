"""Split real voices into training voices and test voices.

    python experiments/encoder/split.py --shared ../shared -o runs/encoder

Near-duplicate clusters (`family` of the corpus) stay whole. The test set holds every 33rd cluster, and the clusters of
the voices without a sound-alike that `benchmarks/match.py` takes as targets. The script writes `train.npy` and
`test.npy`, uint8 [voice, 155].
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from corpus import HELD_OUT_EVERY, isolated_voices, load_clusters

CACHE = Path(__file__).parents[2] / "benchmarks" / ".cache"


def split(shared: Path) -> tuple[np.ndarray, np.ndarray]:
    """Training voices and test voices, uint8 [voice, 155] each."""
    vced, cluster = load_clusters(shared)
    test = (cluster % HELD_OUT_EVERY == 0) | np.isin(cluster, cluster[isolated_voices(shared, cache=CACHE).index])
    return vced[~test], vced[test]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("-o", "--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, voices in zip(("train", "test"), split(arguments.shared), strict=True):
        np.save(arguments.out / f"{name}.npy", voices)
        print(f"{name}: {len(voices):,} voices")
