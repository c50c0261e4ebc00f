"""How likely an answer at some distance is the same kind of sound: what `ddx7.matching.quality.confidence` knows.

    python experiments/encoder/split.py --shared ../shared -o runs/encoder
    python experiments/inference/confidence.py --shared ../shared runs/encoder [--json FILE]

Targets are human voices whose names say what kind of sound they are, on middle C. A search answers with the nearest of
many voices, so the answer is the nearest of N named voices of other families, N from 30 to 5,000: more candidates,
shorter distances. It is the same kind of sound if both names share a category (`ddx7.library.categories_of_name`). Half
a logistic curve, from certainty at no distance down to chance, is fitted to 600 targets of the training families and
tested on as many of the families kept for testing.

A second test are recorded notes: the nearest of N others on the same key, the same instrument or not.
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
from corpus import DURATION_S, HAND, QUIET, distances, hear, spectra

from ddx7.audio import read_audio, resample
from ddx7.audio.distance import RATE
from ddx7.library.categories import categories_of_name
from ddx7.matching.quality import same_category_probability
from ddx7.voice.health import plausible
from ddx7.voice.packing import in_range, unpack

FITTED, TESTED, CANDIDATES = 600, 600, 5_000
AMONG = (30, 100, 300, 1_000, 3_000, CANDIDATES)
"""How many voices an answer is the nearest of."""
AMONG_NOTES = (1, 3, 10)
BINS = 10
_FRAMES, _MELS = 8, 4  # that are averaged where candidates are ranked


class Named(NamedTuple):
    """Voices whose names say something.

    Attributes:
      vced: uint8 [voice, 155].
      family: near-copies share one, int [voice].
      kinds: what the names say.
    """

    vced: np.ndarray
    family: np.ndarray
    kinds: list[frozenset[str]]

    def of(self, rows: np.ndarray) -> "Named":
        """Some of them."""
        return Named(self.vced[rows], self.family[rows], [self.kinds[row] for row in rows])


class Pairs(NamedTuple):
    """Sounds and answers to them.

    Attributes:
      distance_db: between both, float [pair].
      same: whether they are of one kind, bool [pair].
      among: how many candidates the answer is the nearest of, int [pair].
    """

    distance_db: np.ndarray
    same: np.ndarray
    among: np.ndarray


class Curve(NamedTuple):
    """The constants of `ddx7.matching.quality.confidence`.

    Attributes:
      chance: probability of the same kind far away.
      scale_db: distance at which 0.54 of the way from 1 to that is left.
    """

    chance: float
    scale_db: float

    def __call__(self, distance_db: np.ndarray) -> np.ndarray:
        """At distances in dB."""
        return np.array([same_category_probability(distance, *self) for distance in distance_db])


def named_voices(shared: Path) -> Named:
    """Undamaged voices of the collection whose names say more than "other"."""
    corpus = np.load(shared / "corpus" / "voices.npz")
    vced = unpack(corpus["voices"])
    sound = in_range(vced).all(axis=1) & plausible(vced)
    vced, family = vced[sound].astype(np.uint8), corpus["family"][sound]
    kinds = [categories_of_name(bytes(voice[145:]).decode("latin1")) - {"other"} for voice in vced]
    return Named(vced, family, kinds).of(np.flatnonzero([bool(kind) for kind in kinds]))


def listen(voices: Named, n: int) -> tuple[Named, np.ndarray]:
    """The first `n` that can be heard, and their log-mel spectra, float16 [voice, frame, mel]."""
    seen, rows, tried = [], [], 0
    for audio in hear(voices.vced, HAND, round(DURATION_S * RATE)):
        loud = np.flatnonzero(np.abs(audio).max(axis=1) > QUIET)
        rows.append(tried + loud)
        seen.append(spectra(audio)[loud].astype(np.float16))
        tried += len(audio)
        if sum(map(len, rows)) >= n:
            break
    return voices.of(np.concatenate(rows)[:n]), np.concatenate(seen)[:n]


def sketches(seen: np.ndarray) -> np.ndarray:
    """Spectra averaged over squares, float32 [voice, few frames, few mels], above a floor 80 dB under the highest."""
    whole = seen[:, : seen.shape[1] // _FRAMES * _FRAMES].astype(np.float32)
    floored = np.maximum(whole, whole.max(axis=(1, 2), keepdims=True) - 80)
    n, frames, mels = floored.shape
    return floored.reshape(n, frames // _FRAMES, _FRAMES, mels // _MELS, _MELS).mean((2, 4))


def answers(targets: Named, wanted: np.ndarray, others: Named, found: np.ndarray, rng: np.random.Generator) -> Pairs:
    """For each target the nearest of some other voices: ranked by sketches, the distance as it is quoted.

    Args:
      targets: voices to be answered.
      wanted: their spectra.
      others: candidates, in an order of chance.
      found: their spectra.
      rng: draws the candidates.
    """
    rows = []
    drafts = sketches(found)
    for target, (spectrum, draft) in enumerate(zip(wanted, sketches(wanted), strict=True)):
        near = np.abs(drafts - draft).mean(axis=(1, 2))
        foreign = rng.permutation(np.flatnonzero(others.family != targets.family[target]))
        chosen = [part[np.argmin(near[part])] for part in (foreign[:n] for n in AMONG)]
        exact = distances(spectrum.astype(np.float32), found[chosen].astype(np.float32))
        rows += [
            (distance, bool(targets.kinds[target] & others.kinds[answer]), n)
            for distance, answer, n in zip(exact, chosen, AMONG, strict=True)
        ]
    return Pairs(*map(np.array, zip(*rows, strict=True)))


def notes(shared: Path, rng: np.random.Generator) -> Pairs:
    """Recorded notes, each answered by the nearest of some others on its key: the same instrument or not."""
    with (shared / "audio" / "index.csv").open() as file:
        index = [row for row in csv.DictReader(file) if row["kind"] == "note" and row["midi"]]
    rows = []
    for key in sorted({row["midi"] for row in index}):
        group = [row for row in index if row["midi"] == key]
        if len({row["instrument"] for row in group}) < 2:
            continue
        seen = spectra(np.stack([_note(shared / "audio" / row["file"]) for row in group]))
        for k, spectrum in enumerate(seen):
            near, others = distances(spectrum, seen), rng.permutation([i for i in range(len(seen)) if i != k])
            for n in AMONG_NOTES:
                answer = others[:n][np.argmin(near[others[:n]])]
                rows.append((near[answer], group[k]["instrument"] == group[answer]["instrument"], n))
    return Pairs(*map(np.array, zip(*rows, strict=True)))


def _note(path: Path) -> np.ndarray:
    """Two seconds of a recording."""
    read, n = read_audio(path), round(DURATION_S * RATE)
    sound = resample(read.samples, read.sample_rate, RATE)[:n]
    return np.pad(sound, (0, n - len(sound))).astype(np.float32)


def fit(pairs: Pairs) -> Curve:
    """The curve of greatest likelihood."""

    def loss(values: np.ndarray) -> float:
        p = np.clip(Curve(*values)(pairs.distance_db), 1e-6, 1 - 1e-6)
        return -float(np.where(pairs.same, np.log(p), np.log(1 - p)).mean())

    found = minimize(loss, (0.1, 2.5), method="Nelder-Mead")
    return Curve(*map(float, found.x))


def table(pairs: Pairs, expected: np.ndarray) -> list[dict[str, float]]:
    """What was expected and what was found, in ten bins of equally many pairs, the surest first."""
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


def judge(label: str, pairs: Pairs, curve: Curve) -> dict[str, Any]:
    """Print and return how well a curve says what was found."""
    expected = curve(pairs.distance_db)
    rows = table(pairs, expected)
    scores = {
        "brier": float(np.mean((expected - pairs.same) ** 2)),
        "brier_of_the_mean": float(pairs.same.mean() * (1 - pairs.same.mean())),
        "calibration_error": float(np.average([abs(r["predicted"] - r["found"]) for r in rows], weights=_sizes(rows))),
    }
    print(f"\n{label}: " + ", ".join(f"{name} {value:.3f}" for name, value in scores.items()))
    print("\n| distance, dB | predicted | found | pairs |\n|---|---|---|---|")
    for row in rows:
        spread = f"{row['from_db']:.1f} to {row['to_db']:.1f}"
        print(f"| {spread} | {row['predicted']:.0%} | {row['found']:.0%} | {row['n']} |")
    print("\n| nearest of | " + " | ".join(f"{n:,}" for n in np.unique(pairs.among)) + " |")
    for name, values in (("median, dB", pairs.distance_db), ("predicted", expected), ("found", pairs.same)):
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
    known, seen = listen(voices.of(rng.permutation(np.flatnonzero(~held_out))), FITTED + CANDIDATES)
    tested, wanted = listen(voices.of(rng.permutation(np.flatnonzero(held_out))), TESTED)
    others, found = known.of(np.arange(FITTED, len(seen))), seen[FITTED:]
    learned = answers(known.of(np.arange(FITTED)), seen[:FITTED], others, found, rng)
    curve = fit(learned)
    print(", ".join(f"{name} {value:.4g}" for name, value in curve._asdict().items()))
    result = {
        "curve": curve._asdict(),
        "fitted": judge("fitted to", learned, curve),
        "held out": judge("held-out voices", answers(tested, wanted, others, found, rng), curve),
        "recorded notes": judge("recorded notes", notes(arguments.shared, rng), curve),
    }
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
