"""Make this folder from the full sets: `python tests/engine/golden/make.py path/to/golden`.

A few jobs of each kind, most cut to their first 0.145 s, where a wrong constant already shows; those in WHOLE
run through key-up.
"""

import csv
import shutil
import sys
from pathlib import Path

import numpy as np
import soundfile

BLOCK = 64
CUT_BLOCKS = 100
N_TRACES = 15

SHORT = {
    "isolates": [
        *(f"alg{n:02d}" for n in range(1, 33)),
        *("fb2", "fb3", "fb5", "fbmod3", "fbmod5", "rs7n24", "rs7n96", "ol50", "ol85"),
        *("kls01", "kls04", "kls08", "kls09", "kvs1v64", "kvs3v127", "kvs5v20", "kvs7v64", "coarse00", "coarse31"),
        *("fine25", "fix1f50", "fix3f20", "fixc17", "det00n30", "det14n96", "lfodly10", "trn00", "trn48"),
        *("note0", "note127", "sr48k"),
        *("lfo0s70", "lfo1s70", "lfo2s50", "lfo3s99", "lfo4s99"),
    ],
    "random": [f"rnd{n:03d}" for n in range(20, 32)],
}
WHOLE = {
    "isolates": ["eg02", "eg08", "eg11", "eg15", "fb7", "lfo5s50", "peg2"],
    "random": ["rnd001", "rnd017"],
}


def main() -> None:
    source, target = Path(sys.argv[1]), Path(__file__).parent
    shutil.rmtree(target / "audio", ignore_errors=True)
    (target / "audio").mkdir()
    rows, voices, traces = [], [], {}
    for name in SHORT:
        full, vced = np.load(source / name / "traces.npz"), np.load(source / name / "voices_vced.npy")
        with (source / name / "jobs.csv").open(newline="") as file:
            jobs = {row["name"]: row for row in csv.DictReader(file)}
        for job in SHORT[name] + WHOLE[name]:
            row = jobs[job]
            index, new = int(row["index"]), len(rows)
            n_blocks = CUT_BLOCKS if job in SHORT[name] else int(row["total_samples"]) // BLOCK
            n_samples = n_blocks * BLOCK
            audio, rate = soundfile.read(source / name / "audio" / f"{index:04d}.flac", dtype="int32")
            audio = audio[:n_samples]
            soundfile.write(target / "audio" / f"{new:04d}.flac", audio, rate, subtype="PCM_24", compression_level=1)
            peak = 2 * np.abs(audio / 2**31).max()
            rows.append(row | {"index": new, "total_samples": n_samples, "peak": f"{peak:.6f}"})
            voices.append(vced[index])
            traces[f"{new:04d}"] = full[f"{index:04d}"][:n_blocks, :N_TRACES]
    with (target / "jobs.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    np.save(target / "voices_vced.npy", np.array(voices))
    np.savez_compressed(target / "traces.npz", **traces)


if __name__ == "__main__":
    main()
