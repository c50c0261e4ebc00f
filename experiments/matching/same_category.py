"""Fit `ddx7.matching.quality.same_category_probability`: the probability that a match is of the target's category.

    python experiments/encoder/split.py --shared ../shared -o runs/encoder
    python experiments/matching/same_category.py --shared ../shared runs/encoder [--json FILE]

Targets are existing presets whose names state a category, on middle C. A search returns the nearest of many voices. So
the match of a target is the nearest of N named presets outside its near-duplicate cluster, N from 30 to 5,000: more
candidates, shorter distances. Both are of the same category if their names share one
(`ddx7.library.categories_of_name`). The script fits half a logistic curve, from 1 at no distance to chance, to 600
targets of the training clusters and tests it on 600 targets of held-out clusters.

A second test takes recorded notes: the match is the nearest of N others on the same MIDI note, of the same instrument
or not.
"""

import argparse
import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from corpus import DURATION_S, QUIET, STANDARD_NOTE, distances, log_mels, render_batches

from ddx7.audio import read_audio, resample
from ddx7.audio.distance import RATE
from ddx7.library.categories import categories_of_name
from ddx7.matching.quality import same_category_probability
from ddx7.voice.health import plausible
from ddx7.voice.packing import in_range, unpack

FITTED, TESTED, CANDIDATES = 600, 600, 5_000
AMONG = (30, 100, 300, 1_000, 3_000, CANDIDATES)
"""Candidates of which a match is the nearest."""
AMONG_NOTES = (1, 3, 10)
BINS = 10
_FRAMES, _MELS = 8, 4  # averaged to rank candidates


class Named(NamedTuple):
    """Presets whose names state categories.

    Attributes:
      vced: uint8 [voice, 155].
      family: index of the near-duplicate cluster, int [voice].
      categories: of the names.
    """

    vced: np.ndarray
    family: np.ndarray
    categories: list[frozenset[str]]

    def of(self, rows: np.ndarray) -> "Named":
        """Select rows."""
        return Named(self.vced[rows], self.family[rows], [self.categories[row] for row in rows])


class Pairs(NamedTuple):
    """Targets with their matches.

    Attributes:
      distance_db: between both, float [pair].
      same: whether they are of one category, bool [pair].
      among: number of candidates, int [pair].
    """

    distance_db: np.ndarray
    same: np.ndarray
    among: np.ndarray


class Curve(NamedTuple):
    """The constants of `ddx7.matching.quality.same_category_probability`.

    Attributes:
      chance: probability at a great distance.
      scale_db: distance at which 0.54 of the way from 1 to that is left.
    """

    chance: float
    scale_db: float

    def __call__(self, distance_db: np.ndarray) -> np.ndarray:
        """Evaluate at distances in dB."""
        return np.array([same_category_probability(distance, *self) for distance in distance_db])


def named_voices(shared: Path) -> Named:
    """Undamaged presets of the collection whose names state a category."""
    corpus = np.load(shared / "corpus" / "voices.npz")
    vced = unpack(corpus["voices"])
    sound = in_range(vced).all(axis=1) & plausible(vced)
    vced, family = vced[sound].astype(np.uint8), corpus["family"][sound]
    categories = [categories_of_name(bytes(voice[145:]).decode("latin1")) - {"other"} for voice in vced]
    return Named(vced, family, categories).of(np.flatnonzero([bool(own) for own in categories]))


def measure(voices: Named, n: int) -> tuple[Named, np.ndarray]:
    """The first `n` audible presets, and their log-mel spectra, float16 [voice, frame, mel]."""
    measured, rows, tried = [], [], 0
    for audio in render_batches(voices.vced, STANDARD_NOTE, round(DURATION_S * RATE)):
        loud = np.flatnonzero(np.abs(audio).max(axis=1) > QUIET)
        rows.append(tried + loud)
        measured.append(log_mels(audio)[loud].astype(np.float16))
        tried += len(audio)
        if sum(map(len, rows)) >= n:
            break
    return voices.of(np.concatenate(rows)[:n]), np.concatenate(measured)[:n]


def coarse_log_mel(log_mel: np.ndarray) -> np.ndarray:
    """Averages over blocks, float32 [voice, block, block], above a floor 80 dB under the highest level."""
    whole = log_mel[:, : log_mel.shape[1] // _FRAMES * _FRAMES].astype(np.float32)
    floored = np.maximum(whole, whole.max(axis=(1, 2), keepdims=True) - 80)
    n, frames, mels = floored.shape
    return floored.reshape(n, frames // _FRAMES, _FRAMES, mels // _MELS, _MELS).mean((2, 4))


def matches(
    targets: Named, target_mels: np.ndarray, others: Named, other_mels: np.ndarray, rng: np.random.Generator
) -> Pairs:
    """The nearest of some other presets to each target: ranked by coarse spectra, with the exact distance.

    Args:
      targets: the targets.
      target_mels: their spectra.
      others: candidates, in random order.
      other_mels: their spectra.
      rng: draws the candidates.
    """
    rows = []
    coarse = coarse_log_mel(other_mels)
    for target, (spectrum, own) in enumerate(zip(target_mels, coarse_log_mel(target_mels), strict=True)):
        near = np.abs(coarse - own).mean(axis=(1, 2))
        foreign = rng.permutation(np.flatnonzero(others.family != targets.family[target]))
        chosen = [part[np.argmin(near[part])] for part in (foreign[:n] for n in AMONG)]
        exact = distances(spectrum.astype(np.float32), other_mels[chosen].astype(np.float32))
        rows += [
            (distance, bool(targets.categories[target] & others.categories[match]), n)
            for distance, match, n in zip(exact, chosen, AMONG, strict=True)
        ]
    return Pairs(*map(np.array, zip(*rows, strict=True)))


def notes(shared: Path, rng: np.random.Generator) -> Pairs:
    """Recorded notes, each with the nearest of some others on its MIDI note: of the same instrument or not."""
    with (shared / "audio" / "index.csv").open() as file:
        index = [row for row in csv.DictReader(file) if row["kind"] == "note" and row["midi"]]
    rows = []
    for note in sorted({row["midi"] for row in index}):
        group = [row for row in index if row["midi"] == note]
        if len({row["instrument"] for row in group}) < 2:
            continue
        mels = log_mels(np.stack([_note(shared / "audio" / row["file"]) for row in group]))
        for k, spectrum in enumerate(mels):
            near, others = distances(spectrum, mels), rng.permutation([i for i in range(len(mels)) if i != k])
            for n in AMONG_NOTES:
                match = others[:n][np.argmin(near[others[:n]])]
                rows.append((near[match], group[k]["instrument"] == group[match]["instrument"], n))
    return Pairs(*map(np.array, zip(*rows, strict=True)))


def _note(path: Path) -> np.ndarray:
    """Two seconds of a recording."""
    read, n = read_audio(path), round(DURATION_S * RATE)
    sound = resample(read.samples, read.sample_rate, RATE)[:n]
    return np.pad(sound, (0, n - len(sound))).astype(np.float32)


def fit(pairs: Pairs) -> Curve:
    """Fit the curve by maximum likelihood."""

    def loss(values: np.ndarray) -> float:
        p = np.clip(Curve(*values)(pairs.distance_db), 1e-6, 1 - 1e-6)
        return -float(np.where(pairs.same, np.log(p), np.log(1 - p)).mean())

    fitted = minimize(loss, (0.1, 2.5), method="Nelder-Mead")
    return Curve(*map(float, fitted.x))


def table(pairs: Pairs, expected: np.ndarray) -> list[dict[str, float]]:
    """Predicted and observed shares in ten bins of equally many pairs, the highest predictions first."""
    bins = np.array_split(np.argsort(-expected, kind="stable"), BINS)
    return [
        {
            "from_db": float(pairs.distance_db[rows].min()),
            "to_db": float(pairs.distance_db[rows].max()),
            "predicted": float(expected[rows].mean()),
            "found": float(pairs.same[rows].mean()),
            "n": len(rows),
        }
        for rows in bins
    ]


def evaluate(label: str, pairs: Pairs, curve: Curve) -> dict[str, Any]:
    """Print and return the calibration of a curve."""
    expected = curve(pairs.distance_db)
    rows = table(pairs, expected)
    scores = {
        "brier": float(np.mean((expected - pairs.same) ** 2)),
        "brier_of_the_mean": float(pairs.same.mean() * (1 - pairs.same.mean())),
        "calibration_error": float(np.average([abs(r["predicted"] - r["found"]) for r in rows], weights=_sizes(rows))),
    }
    print(f"\n{label}: " + ", ".join(f"{name} {value:.3f}" for name, value in scores.items()))
    print("\n| distance, dB | predicted | observed | pairs |\n|---|---|---|---|")
    for row in rows:
        spread = f"{row['from_db']:.1f} to {row['to_db']:.1f}"
        print(f"| {spread} | {row['predicted']:.0%} | {row['found']:.0%} | {row['n']} |")
    print("\n| nearest of | " + " | ".join(f"{n:,}" for n in np.unique(pairs.among)) + " |")
    for name, values in (("median, dB", pairs.distance_db), ("predicted", expected), ("observed", pairs.same)):
        middle = np.median if name == "median, dB" else np.mean
        print(f"| {name} | " + " | ".join(f"{middle(values[pairs.among == n]):.2f}" for n in np.unique(pairs.among)))
    return {**scores, "bins": rows}


def _sizes(rows: Sequence[dict[str, float]]) -> list[float]:
    return [row["n"] for row in rows]


def main() -> None:
    """Print the constants and the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    voices = named_voices(arguments.shared)
    kept = {voice.tobytes() for voice in np.load(arguments.run / "test.npy")}
    held_out = np.array([voice.tobytes() in kept for voice in voices.vced])
    print(f"{len(voices.vced):,} named voices, {held_out.sum():,} of them kept for testing", flush=True)
    known, known_mels = measure(voices.of(rng.permutation(np.flatnonzero(~held_out))), FITTED + CANDIDATES)
    tested, tested_mels = measure(voices.of(rng.permutation(np.flatnonzero(held_out))), TESTED)
    others, other_mels = known.of(np.arange(FITTED, len(known_mels))), known_mels[FITTED:]
    fitted = matches(known.of(np.arange(FITTED)), known_mels[:FITTED], others, other_mels, rng)
    curve = fit(fitted)
    print(", ".join(f"{name} {value:.4g}" for name, value in curve._asdict().items()))
    result = {
        "curve": curve._asdict(),
        "fitted": evaluate("fitted to", fitted, curve),
        "held out": evaluate("held-out voices", matches(tested, tested_mels, others, other_mels, rng), curve),
        "recorded notes": evaluate("recorded notes", notes(arguments.shared, rng), curve),
    }
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
