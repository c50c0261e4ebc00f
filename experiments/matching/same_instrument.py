"""Fit `ddx7.matching.quality.same_instrument_share`: how often notes at a distance are of one instrument.

    python experiments/matching/same_instrument.py RECORDINGS [--json FILE]

RECORDINGS holds `index.csv` with the columns file, instrument, kind and midi, and the files. Every note is compared
with at most eight others of its instrument on its pitch and eight of other instruments, over 1.5 s from the onset.
Pairs of one instrument and of two weigh the same. The table tests the curve on each instrument in turn, fitted to the
pairs without it.
"""

import argparse
import csv
import json
from itertools import pairwise
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import minimize

from ddx7.audio import log_mel_distance, perceptual_distance, read_audio, target_features
from ddx7.files import atomic_write

RATE, SECONDS = 44_100, 1.5
AMONG = 8
BINS = 10
EDGES = (0.0, 3.0, 6.0, 9.0, np.inf)


def read_notes(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sounds float32 [note, time] from their onsets, instruments [note], and MIDI notes [note]."""
    rows = [row for row in csv.DictReader((folder / "index.csv").open()) if row["kind"] == "note" and row["midi"]]
    n, sounds = round(SECONDS * RATE), []
    for row in rows:
        sound = read_audio(folder / row["file"], sample_rate=RATE).samples
        onset = max(0, int(np.argmax(np.abs(sound) > 0.05 * np.abs(sound).max())) - round(0.01 * RATE))
        sounds.append(np.pad(sound[onset : onset + n], (0, max(0, n - len(sound) + onset))))
    return np.stack(sounds), np.array([r["instrument"] for r in rows]), np.array([float(r["midi"]) for r in rows])


def measure(sounds: np.ndarray, instrument: np.ndarray, midi: np.ndarray) -> dict[str, np.ndarray]:
    """Pairs of notes on one pitch: instrument of the first, whether both are the same, and both distances; [pair]."""
    features_of = jax.jit(target_features, static_argnums=1)
    distances_of = jax.jit(perceptual_distance)
    rng, found = np.random.default_rng(0), []
    for i in range(len(sounds)):
        others = np.flatnonzero((midi == midi[i]) & (np.arange(len(midi)) != i))
        same = instrument[others] == instrument[i]
        some = np.concatenate([rng.permutation(others[part])[:AMONG] for part in (same, ~same)])
        if len(some):
            batch = jnp.asarray(sounds[np.resize(some, 2 * AMONG)])
            near = np.asarray(distances_of(features_of(jnp.asarray(sounds[i]), RATE), batch))
            for j, distance in zip(some, near, strict=False):
                found.append(
                    (i, instrument[i] == instrument[j], distance, log_mel_distance(sounds[i], sounds[j], RATE))
                )
    first, same, near, level_db = (np.array(column) for column in zip(*found, strict=True))
    return {"instrument": instrument[first], "same": same, "perceptual": near, "log-mel": level_db}


def share(parameters: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """The curve: even odds at the first parameter, its steepness the second."""
    return 1 / (1 + (distance / parameters[0]) ** parameters[1])


def weights(same: np.ndarray) -> np.ndarray:
    """Weights by which pairs of one instrument and of two weigh the same."""
    return np.where(same, 0.5 / same.mean(), 0.5 / (~same).mean())


def fit(distance: np.ndarray, same: np.ndarray) -> np.ndarray:
    """Parameters of greatest likelihood."""

    def loss(parameters: np.ndarray) -> float:
        predicted = np.clip(share(parameters, distance), 1e-9, 1 - 1e-9)
        return -float((weights(same) * np.log(np.where(same, predicted, 1 - predicted))).sum())

    return minimize(loss, [10.0, 2.5], method="Nelder-Mead").x


def main() -> None:
    """Measure, fit, test and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    pairs = measure(*read_notes(arguments.recordings))
    same, result = pairs["same"], {}
    print(f"{len(same)} pairs, {same.sum()} of one instrument")
    for name in ("perceptual", "log-mel"):
        distance = pairs[name]
        predicted = np.zeros(len(distance))
        for held in np.unique(pairs["instrument"]):
            out = pairs["instrument"] == held
            predicted[out] = share(fit(distance[~out], same[~out]), distance[out])
        edges = np.quantile(distance, np.linspace(0, 1, BINS + 1))
        place = np.clip(np.searchsorted(edges, distance, side="right") - 1, 0, BINS - 1)
        w = weights(same)
        error = 0.0
        print(f"\n{name}: even odds and steepness {fit(distance, same).round(3).tolist()}\n")
        print("| distance | predicted, held out | observed | pairs |\n|---|---|---|---|")
        for k in range(BINS):
            inside = place == k
            ours, theirs = (np.average(x[inside], weights=w[inside]) for x in (predicted, same))
            error += abs(ours - theirs) * w[inside].sum() / w.sum()
            print(
                f"| {edges[k]:.1f} to {edges[k + 1]:.1f} | {100 * ours:.0f} % | {100 * theirs:.0f} % | {inside.sum()} |"
            )
        observed = []
        for low, high in pairwise(EDGES):
            inside = (distance >= low) & (distance < high)
            observed.append(
                (int(inside.sum()), float(np.average(same[inside], weights=w[inside])) if inside.any() else 0)
            )
        print(f"\nmean error {error:.3f}; pairs and share of one instrument below 3, 6, 9 and beyond: {observed}")
        result[name] = {"parameters": fit(distance, same).tolist(), "error": error, "observed": observed}
    if arguments.json:
        atomic_write(arguments.json, json.dumps(result, indent=1).encode(), force=True)


if __name__ == "__main__":
    main()
