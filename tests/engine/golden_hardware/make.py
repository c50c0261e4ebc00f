"""Make this folder from the full set: `python tests/engine/golden_hardware/make.py path/to/golden/hardware_isolates`.

Traces alone, of a few jobs of each kind.
"""

import csv
import sys
from pathlib import Path

import numpy as np

CHOSEN = [
    *("alg04", "alg06", "alg32", "eg02", "eg09", "eg11", "ol50", "rs7n60", "rs3n84", "kls01", "kls06", "kls11"),
    *("kvs7v1", "kvs5v64", "kvs3v127", "coarse13", "fine25", "fix2f64", "fixc17", "det00n30", "det14n96"),
    *("lfo0s70", "lfo1s35", "lfo3s99", "lfo5s35", "lfospd20", "lfodly40", "peg5", "trn12", "note127"),
]


def main() -> None:
    source, target = Path(sys.argv[1]), Path(__file__).parent
    full, vced = np.load(source / "traces.npz"), np.load(source / "voices_vced.npy")
    with (source / "jobs.csv").open(newline="") as file:
        jobs = {row["name"]: row for row in csv.DictReader(file)}
    rows = [jobs[name] for name in CHOSEN]
    with (target / "jobs.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(row | {"index": index} for index, row in enumerate(rows))
    np.save(target / "voices_vced.npy", vced[[int(row["index"]) for row in rows]])
    traces = {f"{index:04d}": full[f"{int(row['index']):04d}"] for index, row in enumerate(rows)}
    np.savez_compressed(target / "traces.npz", **traces)


if __name__ == "__main__":
    main()
