"""Which human voices the generator learns from, and which are kept to compare with.

    python experiments/generation/split.py --shared ../shared runs/gan

Left out are voices with illegal bytes, voices that are silent or never end, copies of a sound, and duds: all are
listened to (kept in RUN/heard, so a run that is stopped goes on). Near-copies (one `family` of the corpus) are never
divided: every tenth family is kept. Writes `train.npy` and `test.npy`, and `human.npy`: of the kept families all
undamaged voices, duds included, uint8 [voice, 155]. Beside each lies what it sounds like, as in `train_sound.npy`
(`coarse_log_mels`).
"""

import argparse
from pathlib import Path

import numpy as np

from ddx7.generation.gan.data import coarse_log_mels, is_clean
from ddx7.library.canonical import sound_key
from ddx7.library.measures import NoteMeasures
from ddx7.library.screening import VoiceMeasures, measure_voices
from ddx7.voice.health import clamp, plausible
from ddx7.voice.packing import in_range, unpack

EVERY, KEPT = 10, 3


def some(heard: VoiceMeasures, rows: np.ndarray) -> VoiceMeasures:
    """What was heard of some of the voices."""
    notes = (
        NoteMeasures(**{name: value[rows] for name, value in vars(note).items()}) for note in (heard.middle, heard.low)
    )
    return VoiceMeasures(*notes, long_peak=heard.long_peak[rows])


def main() -> None:
    """Listen, choose, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    arguments = parser.parse_args()
    corpus = np.load(arguments.shared / "corpus" / "voices.npz")
    raw = unpack(corpus["voices"])
    legal = clamp(raw)
    heard = measure_voices(
        legal, folder=arguments.run / "heard", progress=lambda done, of: print(f"heard {done:,} of {of:,}")
    )
    whole = np.flatnonzero(in_range(raw).all(axis=1) & plausible(raw))
    whole = whole[np.sort(np.unique(sound_key(legal[whole]), axis=0, return_index=True)[1])]
    well = whole[is_clean(legal[whole], some(heard, whole))]
    kept = corpus["family"] % EVERY == KEPT
    parts = {"train": well[~kept[well]], "test": well[kept[well]], "human": whole[kept[whole]]}
    for name, rows in parts.items():
        np.save(arguments.run / f"{name}.npy", legal[rows])
        np.save(arguments.run / f"{name}_sound.npy", coarse_log_mels(some(heard, rows)).astype(np.float16))
        print(f"{name}: {len(rows):,} voices")
    print(f"{1 - len(well) / len(whole):.1%} of {len(whole):,} undamaged voices are left out as duds")


if __name__ == "__main__":
    main()
