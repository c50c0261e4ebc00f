"""Notes found in melodies, clean and disturbed, beside other transcribers; and whether the confidence of a pitch holds.

    python benchmarks/notes.py [--shared ../shared] [--split test|valid|train|all] [--systems ddx7 pyin basic-pitch]
        [--conditions NAME ...] [--basic-pitch PYTHON] [--calibration] [--json notes.json]

Melodies: random ones played by five voices of this benchmark (no data needed), and with `--shared` the labelled phrases
of recorded and sampled notes. Each has a second before it and half a second after it, in which only the disturbance
sounds (`labelled_sounds.DISTURBANCES`).

A found note is right if its onset is within 30 or 50 ms of a note of the score; each counts once. F1 joins precision
(right of those found) and recall (found of those there). "Pitch" also wants 50 cents, "offset" also wants the end
within 50 ms or a fifth of the note's length. An octave error is a note with the right onset and a pitch 12 or 24
semitones off.

- "pyin" is `librosa.pyin` with the simplest segmentation: median filter, cuts at steps of 0.7 semitones, at the onsets
  of `librosa.onset` and at silence; notes have at least 60 ms.
- "basic-pitch" is run by the Python of an environment that has it, given by `--basic-pitch`.

With `--calibration` the script prints how often single sounds of a given confidence have the right pitch.
"""

import argparse
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from labelled_sounds import (
    DISTURBANCES,
    SINGLE_KINDS,
    Melody,
    Single,
    disturb,
    recorded_melodies,
    recorded_singles,
    rendered_melodies,
    synthetic_single,
)
from scipy.optimize import linear_sum_assignment

from ddx7.audio import analyse_note, find_notes, hz_to_midi
from ddx7.errors import AudioError

TOLERANCES_S = (0.03, 0.05)
IN_TUNE = 0.5
HELD_OUT = range(1000, 1040)
CONFIDENCES = (0.0, 0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.001)


class Found(NamedTuple):
    """Notes that a transcriber found, float64 [note] each."""

    onset_s: np.ndarray
    end_s: np.ndarray
    midi: np.ndarray


Transcriber = Callable[[np.ndarray, int], Found]


def as_found(rows: Iterable[Sequence[float]]) -> Found:
    """Rows of onset, end and MIDI note."""
    return Found(*np.array(sorted(tuple(row) for row in rows), np.float64).reshape(-1, 3).T)


def by_ddx7(samples: np.ndarray, sample_rate: int) -> Found:
    """`ddx7.audio.find_notes`."""
    try:
        notes = find_notes(samples, sample_rate)
    except AudioError:
        return as_found([])
    return as_found((n.onset_s, n.onset_s + n.gate_s, float(hz_to_midi(n.f0_hz))) for n in notes)


def by_pyin(samples: np.ndarray, sample_rate: int) -> Found:
    """`librosa.pyin` and a simple segmentation."""
    import librosa
    from scipy.ndimage import median_filter

    rate, hop = 22_050, 256
    sound = librosa.resample(samples.astype(np.float32), orig_sr=sample_rate, target_sr=rate)
    f0_hz, voiced, _ = librosa.pyin(sound, fmin=30, fmax=4000, sr=rate, hop_length=hop, frame_length=2048)
    midi = np.where(voiced, hz_to_midi(np.nan_to_num(f0_hz, nan=1.0)), 0.0)
    midi = median_filter(midi, 5)
    onsets = set(librosa.onset.onset_detect(y=sound, sr=rate, hop_length=hop).tolist())
    cuts = [0, *(i for i in range(1, len(midi)) if abs(midi[i] - midi[i - 1]) >= 0.7 or i in onsets), len(midi)]
    rows = []
    for start, stop in pairwise(cuts):
        pitch = float(np.median(midi[start:stop]))
        if pitch > 0 and (stop - start) * hop / rate >= 0.06:
            rows.append((start * hop / rate, stop * hop / rate, pitch))
    return as_found(rows)


_BASIC_PITCH = """
import json, sys
from basic_pitch.inference import predict
out = {p: [list(map(float, e[:3])) for e in predict(p)[2]] for p in json.loads(sys.argv[1])}
json.dump(out, open(sys.argv[2], "w"))
"""


def by_basic_pitch(python: str, sounds: Sequence[tuple[np.ndarray, int]]) -> list[Found]:
    """Basic Pitch with its defaults, all sounds in one process of another environment."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder) / f"{k}.wav") for k in range(len(sounds))]
        for path, (samples, rate) in zip(paths, sounds, strict=True):
            soundfile.write(path, samples / max(1.0, np.abs(samples).max()), rate)
        out = Path(folder) / "found.json"
        command = [python, "-c", _BASIC_PITCH, json.dumps(paths), str(out)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        found = json.loads(out.read_text())
    return [as_found(found[path]) for path in paths]


class Counts(NamedTuple):
    """Notes of one or more melodies, added up."""

    there: int = 0
    found: int = 0
    onset_30: int = 0
    onset_50: int = 0
    pitch: int = 0
    offset: int = 0
    octave: int = 0
    errors_ms: tuple[float, ...] = ()

    def plus(self, other: "Counts") -> "Counts":
        """The sum of both."""
        first, second = self._asdict(), other._asdict()
        return Counts(**{name: first[name] + second[name] for name in first})

    def f1(self, right: int) -> float:
        """Harmonic mean of precision and recall in percent."""
        return 200 * right / max(self.there + self.found, 1)

    def row(self) -> dict[str, float]:
        """The figures of a row of the table."""
        return {
            "notes": self.there,
            "found": self.found,
            "precision 50 ms": 100 * self.onset_50 / max(self.found, 1),
            "recall 50 ms": 100 * self.onset_50 / max(self.there, 1),
            "F1 30 ms": self.f1(self.onset_30),
            "F1 50 ms": self.f1(self.onset_50),
            "F1 with pitch": self.f1(self.pitch),
            "F1 with pitch and offset": self.f1(self.offset),
            "octave errors": 100 * self.octave / max(self.onset_50, 1),
            "onset error ms": float(np.median(self.errors_ms)) if self.errors_ms else np.nan,
        }


def pairs(allowed: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """The largest set of disjoint allowed pairs, of those the cheapest, as rows of indices; both [note, found]."""
    if not allowed.any():
        return np.zeros((0, 2), int)
    rows, columns = linear_sum_assignment(np.where(allowed, cost, 1e6))
    kept = allowed[rows, columns]
    return np.stack([rows[kept], columns[kept]], axis=1)


def score(melody: Melody, found: Found) -> Counts:
    """Compare found notes with a score."""
    late_s = np.abs(melody.onset_s[:, None] - found.onset_s)
    in_tune = np.abs(melody.midi[:, None] - found.midi) <= IN_TUNE
    reach_s = np.maximum(0.05, 0.2 * (melody.end_s - melody.onset_s))[:, None]
    ends = np.abs(melody.end_s[:, None] - found.end_s) <= reach_s
    near = late_s <= TOLERANCES_S[1]
    matched = pairs(near, late_s + ~in_tune)
    interval = np.round(np.abs(melody.midi[matched[:, 0]] - found.midi[matched[:, 1]]), 0)
    close = np.abs(np.abs(melody.midi[matched[:, 0]] - found.midi[matched[:, 1]]) - interval) <= IN_TUNE
    signed = found.onset_s[matched[:, 1]] - melody.onset_s[matched[:, 0]]
    return Counts(
        there=len(melody.midi),
        found=len(found.midi),
        onset_30=len(pairs(late_s <= TOLERANCES_S[0], late_s)),
        onset_50=len(matched),
        pitch=len(pairs(near & in_tune, late_s)),
        offset=len(pairs(near & in_tune & ends, late_s)),
        octave=int(np.count_nonzero(np.isin(interval, (12, 24, 36)) & close)),
        errors_ms=tuple(np.abs(1000 * signed).tolist()),
    )


def measure(melodies: Sequence[Melody], name: str, system: str, python: str) -> Counts:
    """One system on all melodies with one disturbance."""
    sounds = [(disturb(m.samples, m.sample_rate, name), m.sample_rate) for m in melodies]
    if system == "basic-pitch":
        found = by_basic_pitch(python, sounds)
    else:
        transcribe: Transcriber = {"ddx7": by_ddx7, "pyin": by_pyin}[system]
        found = [transcribe(*sound) for sound in sounds]
    total = Counts()
    for m, notes in zip(melodies, found, strict=True):
        total = total.plus(score(m, notes))
    return total


class Judged(NamedTuple):
    """A single sound's kind, the confidence of its pitch, and whether the pitch is right."""

    kind: str
    confidence: float
    right: bool


def judge(sound: Single) -> Judged:
    """Measure a single sound."""
    try:
        note = analyse_note(sound.samples, sound.sample_rate)
    except AudioError:
        return Judged(sound.kind, 0.0, sound.midi is None)
    right = sound.midi is not None and abs(float(hz_to_midi(note.f0_hz)) - sound.midi) <= sound.in_tune
    return Judged(sound.kind, note.confidence, right)


def calibration(shared: Path | None) -> list[Judged]:
    """Single sounds that no constant of the confidence was fitted to."""
    judged = [judge(synthetic_single(kind, seed)) for kind in SINGLE_KINDS for seed in HELD_OUT]
    if shared:
        judged += [judge(sound) for sound in recorded_singles(shared, ("valid", "test"))]
    return judged


def print_calibration(judged: Sequence[Judged]) -> None:
    """Two tables: by confidence, and by kind."""
    print("| confidence | sounds | mean confidence | right |\n|---|---|---|---|")
    for low, high in pairwise(CONFIDENCES):
        rows = [row for row in judged if low <= row.confidence < high]
        if rows:
            said, right = (np.mean([getattr(row, name) for row in rows]) for name in ("confidence", "right"))
            print(f"| {low:.2f} to {min(high, 1):.2f} | {len(rows)} | {100 * said:.0f} % | {100 * right:.0f} % |")
    print(
        "\n| kind | sounds | right | confidence median | said 0.9 or more | of them right |\n|---|---|---|---|---|---|"
    )
    for kind in dict.fromkeys(row.kind for row in judged):
        rows = [row for row in judged if row.kind == kind]
        sure = [row for row in rows if row.confidence >= 0.9]
        right = f"{100 * np.mean([row.right for row in sure]):.0f} %" if sure else "-"
        print(
            f"| {kind} | {len(rows)} | {100 * np.mean([row.right for row in rows]):.0f} % | "
            f"{np.median([row.confidence for row in rows]):.2f} | {len(sure)} | {right} |"
        )
    sure = [row for row in judged if row.confidence >= 0.9]
    print(
        f"\nOf {len(sure)} sounds said with 0.9 or more, {100 * np.mean([row.right for row in sure]):.1f} % are right."
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--systems", nargs="+", default=["ddx7"], choices=["ddx7", "pyin", "basic-pitch"])
    parser.add_argument("--conditions", nargs="+", default=list(DISTURBANCES), choices=list(DISTURBANCES))
    parser.add_argument("--basic-pitch", default="python", dest="python")
    parser.add_argument("--calibration", action="store_true")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    sets = {"rendered": list(rendered_melodies())}
    if args.shared:
        sets["recorded"] = list(recorded_melodies(args.shared, args.split))
    table = []
    for set_name, melodies in sets.items():
        for system in args.systems:
            for condition in args.conditions:
                row = measure(melodies, condition, system, args.python).row()
                head = [set_name, system, condition]
                if not table:
                    print(
                        "| " + " | ".join(["set", "system", "condition", *row]) + " |\n" + "|---" * (len(row) + 3) + "|"
                    )
                table.append(dict(zip(("set", "system", "condition"), head, strict=True)) | row)
                print("| " + " | ".join([*head, *map(_cell, row.values())]) + " |", flush=True)
    judged = []
    if args.calibration:
        judged = calibration(args.shared)
        print_calibration(judged)
    if args.json:
        args.json.write_text(json.dumps({"notes": table, "calibration": judged}, indent=1) + "\n")


def _cell(value: float) -> str:
    return f"{value}" if isinstance(value, int) else f"{value:.1f}"


if __name__ == "__main__":
    main()
