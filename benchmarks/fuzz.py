"""Damaged files for every reader of the package: none may end in a traceback, a hang, or a result without a remark.

    python benchmarks/fuzz.py --seconds 300 --json fuzz.json
    python benchmarks/fuzz.py --reader wav --seconds 3600 --keep found/

Each reader has a module in `benchmarks/fuzzing/` that builds files from chunks, true and false, and knows what a good
reader must say about each. Hypothesis draws the files and shrinks what fails. Every reader runs in a process of its
own. If a file crashes or stops that process, the parent keeps the file and starts the process again.

The table counts files by outcome: "whole" was read and needs no remark, "remarked" was read with a remark on what is
wrong, "refused" got one sentence. A finding is anything else; the exit code is 1 if there is one. Findings are written
to the folder of --keep, one file each with the message beside it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from fuzzing import READERS

HANG_S = 60.0
"""Time in which the longest file must be read on a busy machine."""


def run_reader(name: str, seconds: float, files: int, seed: int, keep: Path) -> dict[str, Any]:
    """Run one reader in processes of its own until its time is over or its files are read.

    Args:
      name: of the reader.
      seconds: time.
      files: number of files.
      seed: of the first process; a process that replaces one that died takes the next.
      keep: folder of findings.

    Returns:
      a row of the table: files, counts by outcome, and findings.
    """
    start, counts, findings, first_seed = time.monotonic(), Counter[str](), list[dict[str, str]](), seed
    while (left := seconds - (time.monotonic() - start)) > 0 and (more := files - sum(counts.values())) > 0:
        with tempfile.TemporaryDirectory() as folder:
            arguments = (name, folder, left, more, seed, HANG_S)
            command = [sys.executable, "-m", "fuzzing.worker", *map(str, arguments)]
            done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
            state = Path(folder, "state.json")
            report = json.loads(state.read_text()) if state.exists() else {"counts": {}, "findings": []}
            counts.update(report["counts"])
            for k, finding in enumerate(report["findings"]):
                file = Path(folder, finding.pop("file"))
                findings.append({**finding, "file": _keep(keep, f"{name}-{seed}-{k}", file, finding["message"])})
            if done.returncode:
                last = max(Path(folder).glob("current.*"), key=lambda p: p.stat().st_mtime, default=None)
                message = f"the process ended with {done.returncode}: {done.stderr[-2000:]}"
                if last is None:
                    raise SystemExit(f"{name}: {message}")
                findings.append({"message": message, "file": _keep(keep, f"{name}-{seed}-crash", last, message)})
        seed += 1
    return {
        "reader": name,
        "seed": first_seed,
        "seconds": round(time.monotonic() - start, 1),
        "files": sum(counts.values()),
        **{outcome: counts[outcome] for outcome in ("whole", "remarked", "refused")},
        "findings": findings,
    }


def _keep(folder: Path, stem: str, file: Path, message: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{stem}{file.suffix}"
    kept.write_bytes(file.read_bytes())
    kept.with_name(f"{kept.name}.txt").write_text(message)
    return str(kept)


def main() -> int:
    """Run the chosen readers one after the other and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reader", nargs="+", choices=sorted(READERS), default=sorted(READERS), help="default: all")
    parser.add_argument("--seconds", type=float, default=300.0, help="for all readers together")
    parser.add_argument("--files", type=int, default=10**9, help="at most, for each reader; the same for the same seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-findings"), help="folder for what fails")
    parser.add_argument("--json", type=Path, help="write the table here, too")
    arguments = parser.parse_args()
    rows = []
    print("| reader | files | whole | remarked | refused | findings |\n|---|---|---|---|---|---|")
    for name in arguments.reader:
        seconds = arguments.seconds / len(arguments.reader)
        row = run_reader(name, seconds, arguments.files, arguments.seed, arguments.keep)
        rows.append(row)
        counts = " | ".join(f"{row[k]:,}" for k in ("files", "whole", "remarked", "refused"))
        print(f"| {name} | {counts} | {len(row['findings'])} |", flush=True)
    for finding in (finding for row in rows for finding in row["findings"]):
        print(f"{finding['file']}: {finding['message'].strip().splitlines()[-1][:300]}")
    if arguments.json:
        arguments.json.write_text(json.dumps({"rows": rows}, indent=2))
    return int(any(row["findings"] for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
