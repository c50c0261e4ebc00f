"""One process of `benchmarks/fuzz.py`: draws and reads files until its time is over or all are read.

    python -m fuzzing.worker READER FOLDER SECONDS FILES SEED HANG_S

The folder receives `current.SUFFIX`, the file that is being read, `state.json` with counts and findings, and a copy of
every file that failed. A file that is read for longer than HANG_S ends the process with a traceback of the place.
"""

import faulthandler
import json
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from fuzzing import READERS
from fuzzing.reader import DamagedFile

FILES_PER_ROUND = 200


def main(name: str, folder: Path, seconds: float, files: int, first_seed: int, hang_s: float) -> None:
    """Draw and read files in rounds, each with a seed of its own; a round ends with its first finding."""
    reader, end = READERS[name], time.monotonic() + seconds
    current, counts = folder / f"current{reader.suffix}", Counter[str]()
    findings: list[dict[str, str]] = []
    seen: set[str] = set()
    failed: DamagedFile | None = None

    def read(file: DamagedFile) -> None:
        nonlocal failed
        if time.monotonic() > end:
            return
        current.write_bytes(file.data)
        faulthandler.dump_traceback_later(hang_s, exit=True)
        try:
            counts[reader.read(current, file)] += 1
        except Exception as error:
            counts["finding"] += 1
            if _place(error) in seen:
                return  # known from an earlier round, which need not end this one
            failed = file
            raise
        finally:
            faulthandler.cancel_dump_traceback_later()

    def write_state() -> None:
        (folder / "state.json").write_text(json.dumps({"counts": counts, "findings": findings}))

    number = first_seed * 1_000_000
    while time.monotonic() < end and (left := files - sum(counts.values())) > 0:
        rounds = settings(
            max_examples=min(FILES_PER_ROUND, left),
            database=None,
            deadline=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        try:
            seed(number)(rounds(given(reader.files)(read)))()
        except Exception as error:  # Hypothesis raises the error of the smallest failing file
            if failed is None:
                raise
            seen.add(_place(error))
            kept = folder / f"finding{len(findings)}{reader.suffix}"
            kept.write_bytes(failed.data)
            error.__notes__ = []  # Hypothesis prints the whole file there
            text = f"{str(failed.truth)[:500]}\n{''.join(traceback.format_exception(error)[-6:])[-4000:]}"
            findings.append({"message": text, "file": kept.name})
        number += 1
        write_state()


def _place(error: BaseException) -> str:
    """Kind and innermost line of an error, which tells findings apart."""
    frames = traceback.extract_tb(error.__traceback__)
    inner = frames[-1] if frames else None
    return f"{type(error).__name__} {inner.filename}:{inner.lineno}" if inner else type(error).__name__


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]), float(sys.argv[6]))
