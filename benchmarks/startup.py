"""Seconds from the shell to the answer: whole commands in fresh processes, with a warm cache of compiled programs.

    python benchmarks/startup.py [--json startup.json] [--only show render match generate resynth] [--repeats 5]

Each command runs once before it is measured, so that the cache holds its programs. Wall time depends on what else runs
on the machine, CPU time (user and system, of all threads) hardly does.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
from timing import write_json

import ddx7
from ddx7.engine import render
from ddx7.voice.packing import random_vced
from ddx7.voice.voice import Voice

GOALS_S = {"show": 0.15, "render": 1.0, "match": 3.0, "generate": 4.0, "resynth": 4.0}
"""Wall seconds that are wanted on two cores."""

REPEATS = 5
_RATE = 44100
_RECORDING_S = 20


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", nargs="+", choices=GOALS_S, default=list(GOALS_S))
    parser.add_argument("--repeats", type=int, default=REPEATS)
    arguments = parser.parse_args()
    rows = []
    print("| command | goal s | wall s | CPU s | slowest wall s |\n|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as name:
        commands = _commands(Path(name))
        for command in arguments.only:
            _timed(commands[command], Path(name))
            times = np.array([_timed(commands[command], Path(name)) for _ in range(arguments.repeats)])
            wall, cpu = np.median(times, axis=0)
            shown = " ".join(word for word in commands[command] if not word.startswith(name))
            print(
                f"| `ddx7 {shown}` | {GOALS_S[command]} | {wall:.2f} | {cpu:.2f} | {times[:, 0].max():.2f} |",
                flush=True,
            )
            rows.append({"command": command, "goal_s": GOALS_S[command], "wall_s": wall, "cpu_s": cpu})
    write_json(arguments.json, rows)


def _commands(folder: Path) -> dict[str, list[str]]:
    """The words of each command, with inputs in a folder."""
    bank, note, phrase = folder / "bank.syx", folder / "note.wav", folder / "phrase.wav"
    voices = [Voice.from_vced(vced) for vced in random_vced(np.random.default_rng(0), 32)]
    ddx7.save(voices, bank)
    soundfile.write(note, render(ddx7.voice.init_voice(), note=57, gate=1.5, duration=2.0, sample_rate=_RATE), _RATE)
    trumpet, rate = soundfile.read(Path(ddx7.__file__).parent / "cli" / "demo" / "trumpet.flac")
    soundfile.write(phrase, np.resize(trumpet, _RECORDING_S * rate), rate)
    out = str(folder / "out")
    return {
        "show": ["show", str(bank)],
        "render": ["render", str(bank), "--index", "1", "-o", f"{out}.wav", "--force"],
        "match": ["match", str(note), "--fast", "-o", out, "--force"],
        "generate": ["generate", "--count", "32", "--seed", "7", "-o", f"{out}.syx", "--force"],
        "resynth": ["resynth", str(phrase), "--model", "violin", "-o", out, "--force"],
    }


def _timed(words: list[str], folder: Path) -> tuple[float, float]:
    """Wall and CPU seconds of one command in a process of its own."""
    before, start = _cpu_s(), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "ddx7", *words], cwd=folder, capture_output=True, text=True, env=os.environ
    )
    wall = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"ddx7 {' '.join(words)}: {done.stderr}")
    return wall, _cpu_s() - before


def _cpu_s() -> float:
    """CPU seconds of all finished child processes."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
