"""Rank tests of the distances on edits of DX7 voices, and the speed of the perceptual distance.

    python benchmarks/distance.py --shared ../shared --json distance.json

Each of 32 real voices is a target. The table in Markdown has two kinds of columns:

- path: voices interpolated from the target to another voice, in everything but the algorithm. The figure is the mean
  rank correlation of the distance with the position on the path.
- edits: one parameter of one operator, changed in growing steps. The figure is the share of pairs in which the larger
  edit has the larger distance.
"""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import spearmanr

from ddx7.audio import distance_terms, log_mel_distance, target_features
from ddx7.audio.perceptual import DistanceTerms, perceptual_distance, weighted_sum
from ddx7.engine import render
from ddx7.runtime import ONE_THREAD
from ddx7.voice import Voice
from ddx7.voice.health import clamp
from ddx7.voice.packing import random_vced
from ddx7.voice.spec import OPERATOR_PARAMETERS, VOICE_PARAMETERS, vced_offset

RATE, GATE_S, DURATION_S = 44_100, 1.0, 1.5
N_TARGETS, N_PATHS = 32, 3
ALONG = (0.03, 0.06, 0.12, 0.25, 0.5, 1.0)
EDITS = {
    "coarse": ("coarse", 0, (1, 2, 4)),
    "level": ("output_level", 0, (4, 12, 30)),
    "detune": ("detune", 0, (2, 7)),
    "attack rate": ("rates", 0, (8, 20, 40)),
    "decay rate": ("rates", 1, (8, 20, 40)),
    "release rate": ("rates", 3, (8, 20, 40)),
}
AUDIBLE_RMS = 3e-3
AUDIBLE_LEVEL = 50  # only operators above this output level are edited
CHANGED_DB = 0.05  # edits that change the log-mel spectrum by less are inaudible and omitted
BATCH = 32


@dataclass(frozen=True)
class Series:
    """Voices in the order of their expected distance from the target."""

    kind: str
    target: int
    voices: tuple[int, ...]


def offsets(name: str) -> list[int]:
    """Offsets of a parameter's first byte in VCED: one for each operator, or one for the voice."""
    for row in OPERATOR_PARAMETERS:
        if row.name == name:
            return [vced_offset(row, operator) for operator in range(1, 7)]
    return [vced_offset(row) for row in VOICE_PARAMETERS if row.name == name]


def moved(value: int, step: int, highest: int) -> int:
    """The value less a step, or plus the step if it is smaller than that."""
    return value - step if value >= step else min(value + step, highest)


def make_series(real: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, list[Series]]:
    """The targets and all voices compared with them, uint8 [voice, 155], and the series that they form."""
    voices, series = [row.astype(int) for row in real], []

    def add(rows: list[np.ndarray]) -> tuple[int, ...]:
        voices.extend(rows)
        return tuple(range(len(voices) - len(rows), len(voices)))

    kept = [*offsets("algorithm"), *offsets("transpose"), *range(145, 155)]
    highest = clamp(np.full(155, 127, np.uint8)).astype(int)
    for target, row in enumerate(real.astype(int)):
        others = [k for k in range(len(real)) if k != target]
        for other in rng.choice(others, N_PATHS, replace=False):
            end = real[other].astype(int)
            end[kept] = row[kept]
            series.append(Series("path", target, add([np.round(row + (end - row) * a).astype(int) for a in ALONG])))
        audible = [k for k, at in enumerate(offsets("output_level")) if row[at] > AUDIBLE_LEVEL]
        for kind, (name, index, steps) in EDITS.items():
            for at in (offsets(name)[k] + index for k in audible):
                rows = [row.copy() for _ in steps]
                for edited, step in zip(rows, steps, strict=True):
                    edited[at] = moved(row[at], step, highest[at])
                series.append(Series(kind, target, add(rows)))
    return clamp(np.array(voices)), series


def measure(audio: np.ndarray, series: list[Series]) -> dict[str, np.ndarray]:
    """Distances of every voice from the target of its series, by name: float [voice]."""
    features_of = jax.jit(target_features, static_argnums=1)
    terms_of = jax.jit(distance_terms)
    distances = {name: np.zeros(len(audio)) for name in ("log-mel", *DistanceTerms._fields)}
    for target in sorted({s.target for s in series}):
        rows = np.array([voice for s in series if s.target == target for voice in s.voices])
        features = features_of(jnp.asarray(audio[target]), RATE)
        for start in range(0, len(rows), BATCH):
            some = rows[np.minimum(np.arange(start, start + BATCH), len(rows) - 1)]
            for name, values in terms_of(features, jnp.asarray(audio[some]))._asdict().items():
                distances[name][some] = values
        distances["log-mel"][rows] = [log_mel_distance(audio[target], audio[row]) for row in rows]
    terms = DistanceTerms(*(distances[name] for name in DistanceTerms._fields))
    distances["perceptual"] = np.asarray(weighted_sum(terms))
    return distances


def score(distances: np.ndarray, changed: np.ndarray, series: list[Series]) -> dict[str, float]:
    """One row of the table: kind of series to figure."""
    values_by_kind: dict[str, list[float]] = {kind: [] for kind in ("path", *EDITS)}
    for s in series:
        values = distances[list(s.voices)]
        if changed[list(s.voices)].max() < CHANGED_DB:
            continue
        if s.kind == "path":
            values_by_kind["path"].append(float(spearmanr(np.arange(len(values)), values).statistic))
        else:
            pairs = [(i, j) for j in range(len(values)) for i in range(j)]
            values_by_kind[s.kind] += [float(values[i] < values[j]) for i, j in pairs]
    return {kind: float(np.mean(values)) for kind, values in values_by_kind.items()}


def speed(rate: int, seconds: float = 2.0) -> dict[str, float]:
    """Seconds of audio per second of CPU time for a batch of 32, after compilation; median of 9 runs."""
    audio = jnp.asarray(np.random.default_rng(0).normal(0, 0.1, (BATCH, round(seconds * rate))), jnp.float32)
    features = jax.jit(target_features, static_argnums=1)(audio[0], rate)
    slope = jax.grad(lambda sound, features: perceptual_distance(features, sound).sum())
    runs = {
        "forward": jax.jit(lambda x, f: perceptual_distance(f, x), compiler_options=ONE_THREAD),
        "gradient": jax.jit(slope, compiler_options=ONE_THREAD),
    }
    voices = random_vced(np.random.default_rng(0), BATCH)
    runs["render"] = lambda x, f: play(voices, seconds, rate)
    figures = {}
    for name, run in runs.items():
        jax.block_until_ready(run(audio, features))
        taken = []
        for _ in range(9):
            start = time.process_time()
            jax.block_until_ready(run(audio, features))
            taken.append(time.process_time() - start)
        figures[name] = BATCH * seconds / float(np.median(taken))
    return figures


def play(vced: np.ndarray, seconds: float = DURATION_S, rate: int = RATE) -> np.ndarray:
    """Render middle C of every voice, float32 [voice, sample]."""
    return render([Voice.from_vced(bytes(row)) for row in vced], 60, 100, min(GATE_S, seconds), seconds, rate)


def main() -> None:
    """Measure, print the tables, write the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder that holds golden/")
    parser.add_argument("--json", type=Path, help="write the figures here")
    args = parser.parse_args()

    real = clamp(np.load(args.shared / "golden/corpus_voices/voices_vced.npy"))
    loudness = np.sqrt(np.mean(np.square(play(real)), axis=1))
    voices, series = make_series(real[loudness > AUDIBLE_RMS][:N_TARGETS], np.random.default_rng(0))
    measured = measure(play(voices), series)
    scores = {name: score(distances, measured["log-mel"], series) for name, distances in measured.items()}
    speeds = {rate: speed(rate) for rate in (44_100, 22_050)}

    kinds = ("path", *EDITS)
    print(f"| distance | {' | '.join(kinds)} |\n|{'---|' * (len(kinds) + 1)}")
    for name, row in scores.items():
        print(f"| {name} | {' | '.join(f'{row[kind]:.3f}' for kind in kinds)} |")
    print("\n| sample rate | distance | with gradient | rendering |\n|---|---|---|---|")
    for rate, row in speeds.items():
        print(f"| {rate} | {row['forward']:.0f} | {row['gradient']:.0f} | {row['render']:.0f} |")
    if args.json:
        args.json.write_text(json.dumps({"scores": scores, "speeds": speeds}, indent=1) + "\n")


if __name__ == "__main__":
    main()
