"""Split real voices into those that the generator learns from, those that choose its step, and those of the table.

    python experiments/generation/split.py --shared ../shared runs/gan

Leaves out voices with illegal bytes, silent voices, stuck notes, duplicates, and voices that screening rejects. It
measures all voices (in RUN/measures, so that a run that was stopped resumes). A near-duplicate cluster (`family` in the
corpus file) is never divided; every tenth one is held out. Of the held-out voices 512 are `valid.npy`, and `test.npy`
holds those of other clusters. `human.npy` has all undamaged voices of the test clusters, rejected ones included. All
are uint8 [voice, 155]. Beside each lie coarse log-mels, as in `train_sound.npy`.
"""

import argparse
from pathlib import Path

import numpy as np

from ddx7.generation.gan.data import coarse_log_mels, is_clean
from ddx7.library.canonical import sound_key
from ddx7.library.screening import measure_voices
from ddx7.voice.health import clamp, plausible
from ddx7.voice.packing import in_range, unpack

EVERY, REMAINDER = 10, 3
N_VALID = 512


def main() -> None:
    """Measure, split, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    arguments = parser.parse_args()
    corpus = np.load(arguments.shared / "corpus" / "voices.npz")
    raw = unpack(corpus["voices"])
    legal = clamp(raw)
    measures = measure_voices(
        legal, folder=arguments.run / "measures", progress=lambda done, of: print(f"measured {done:,} of {of:,}")
    )
    undamaged = np.flatnonzero(in_range(raw).all(axis=1) & plausible(raw))
    undamaged = undamaged[np.sort(np.unique(sound_key(legal[undamaged]), axis=0, return_index=True)[1])]
    clean = undamaged[is_clean(legal[undamaged], measures[undamaged])]
    cluster = corpus["family"]
    held_out = cluster % EVERY == REMAINDER
    candidates = clean[held_out[clean]]
    valid = candidates[np.random.default_rng(0).permutation(len(candidates))[:N_VALID]]
    test = held_out & ~np.isin(cluster, cluster[valid])
    parts = {
        "train": clean[~held_out[clean]],
        "valid": valid,
        "test": clean[test[clean]],
        "human": undamaged[test[undamaged]],
    }
    for name, rows in parts.items():
        np.save(arguments.run / f"{name}.npy", legal[rows])
        np.save(arguments.run / f"{name}_sound.npy", coarse_log_mels(measures[rows]).astype(np.float16))
        print(f"{name}: {len(rows):,} voices")
    print(f"{1 - len(clean) / len(undamaged):.1%} of {len(undamaged):,} undamaged voices are rejected by screening")


if __name__ == "__main__":
    main()
