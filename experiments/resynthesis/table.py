"""Distance of learned instruments from held-out recordings: the table of docs/resynthesis.md.

For each instrument and configuration the model plays recordings of the test split from their own pitch and loudness.
Checkpoints were chosen on the split `valid`. FAD and KAD compare the result with the training recordings; spectral
distance, pitch and loudness errors compare it with the test recordings, which have a row of their own. Intervals are of
95 %: from a bootstrap of the recordings for the spectral distance, from a jackknife of twenty groups of neighbouring
windows for KAD, which a bootstrap would bias. *Matched* is with every sound at the level of its recording.

    python experiments/resynthesis/table.py DATA RUNS -o table.json --yamnet yamnet.tflite --musicnn musicnn.npz

RUNS holds INSTRUMENT/CONFIG, made by `ddx7 train resynth DATA --instrument INSTRUMENT --config CONFIG -o RUNS/...`, and
INSTRUMENT/CONFIG@SEED of the same with another `--seed`.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import serialization

from ddx7.audio.features import extract
from ddx7.audio.loudness import FLOOR_DB
from ddx7.audio.metrics import (
    embed_set,
    f0_error,
    kad,
    load_embedding,
    log_spectral_distance,
    loudness_error,
    multi_scale_spectral_distance,
    score_embedded,
)
from ddx7.audio.metrics.kernel import median_distance
from ddx7.files import atomic_write
from ddx7.resynthesis.configs import get_config
from ddx7.resynthesis.dataset import Segment, load_segments
from ddx7.resynthesis.instrument import Instrument, load, shipped
from ddx7.resynthesis.model import n_params
from ddx7.resynthesis.recordings import find_recordings
from ddx7.resynthesis.transfer import CLEAR_PITCH, muted
from ddx7.training.checkpoint import CHECKPOINT, read_metrics

RATE = 16_000
BOOTSTRAPS, GROUPS = 1000, 20


def play_all(instrument: Instrument, segments: list[Segment]) -> list[np.ndarray]:
    """Every segment, played from its own pitch and loudness, and as silent as it is.

    `ddx7 resynth` corrects the level, too; here the error of the instrument itself counts.
    """
    return [
        muted(instrument(p.features.f0_hz, p.features.loudness_db), p.features.loudness_db <= FLOOR_DB)
        for p in segments
    ]


def matched(segments: list[Segment], sounds: list[np.ndarray]) -> list[np.ndarray]:
    """Sounds at the RMS levels of their recordings."""

    def rms(sound: np.ndarray) -> float:
        return max(float(np.sqrt(np.mean(np.square(sound)))), 1e-9)

    return [sound * np.float32(rms(p.samples) / rms(sound)) for p, sound in zip(segments, sounds, strict=True)]


def bootstrap_interval(values: np.ndarray, weights: np.ndarray) -> list[float]:
    """95 % of the weighted means of bootstrap samples."""
    rows = np.random.default_rng(0).integers(0, len(values), (BOOTSTRAPS, len(values)))
    means = (values[rows] * weights[rows]).sum(axis=1) / weights[rows].sum(axis=1)
    return [float(x) for x in np.percentile(means, [2.5, 97.5])]


def kad_interval(reference: np.ndarray, test: np.ndarray) -> list[float]:
    """95 % around KAD by the error of a jackknife that leaves out a group of neighbouring windows at a time."""
    bandwidth, groups = median_distance(reference), np.array_split(np.arange(len(test)), GROUPS)
    left = np.array([kad(reference, np.delete(test, group, axis=0), bandwidth=bandwidth) for group in groups])
    error = float(np.sqrt((GROUPS - 1) / GROUPS * np.square(left - left.mean()).sum()))
    value = kad(reference, test, bandwidth=bandwidth)
    return [value - 1.96 * error, value + 1.96 * error]


def errors(segments: list[Segment], sounds: list[np.ndarray]) -> dict[str, Any]:
    """Means over segments, weighted by their length."""
    rows, lengths = [], []
    for segment, sound in zip(segments, sounds, strict=True):
        if not np.abs(sound).max() > 1e-4:
            continue
        measured = extract(sound, RATE, "yin")
        clear = (segment.features.confidence >= CLEAR_PITCH) & (measured.confidence >= CLEAR_PITCH)
        pitch = f0_error(np.where(clear, segment.features.f0_hz, 0), np.where(clear, measured.f0_hz, 0))
        level = loudness_error(segment.features.loudness_db, measured.loudness_db)
        rows.append(
            {
                "mss": multi_scale_spectral_distance(segment.samples, sound, RATE),
                "lsd_db": log_spectral_distance(segment.samples, sound, RATE),
                "f0_cents": pitch.median_cents,
                "loudness_db": level.mean_db,
            }
        )
        lengths.append(len(sound))
    mss, weights = np.array([row["mss"] for row in rows]), np.array(lengths)
    return {
        **{name: float(np.average([row[name] for row in rows], weights=lengths)) for name in rows[0]},
        "mss interval": bootstrap_interval(mss, weights),
    }


def has(run: Path) -> bool:
    """Whether a folder holds a run."""
    return (run / CHECKPOINT).exists()


def load_run(folder: Path, instrument: str, name: str) -> tuple[Instrument, dict[str, Any]]:
    """The parameters of a run's best evaluation, and its last metrics."""
    progress = serialization.msgpack_restore((folder / CHECKPOINT).read_bytes())
    model = get_config(name.partition("@")[0], instrument).model
    return Instrument(model, progress["best_params"], {}), read_metrics(folder)[-1]


def main() -> None:
    """Score all runs and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("runs/embeddings"))
    parser.add_argument("--yamnet", type=Path)
    parser.add_argument("--musicnn", type=Path)
    parser.add_argument("--split", default="test", help="of the list, to report on")
    options = parser.parse_args()
    embeddings = [load_embedding("logmel")]
    embeddings += [load_embedding("yamnet-log-pca64", options.yamnet)] if options.yamnet else []
    embeddings += [load_embedding("musicnn", options.musicnn)] if options.musicnn else []

    table: dict[str, Any] = {}
    for folder in sorted(p for p in options.runs.iterdir() if p.is_dir()):
        instrument = folder.name
        sources = find_recordings(options.data, instrument)
        learned, train_report = load_segments(sources, "train")
        held_out, report = load_segments(sources, options.split, gain=train_report.gain)
        print(f"{instrument}: {report}", flush=True)
        references = [
            embed_set(
                [p.samples for p in learned], e, sample_rate=RATE, cache=options.cache, name=f"{instrument} train"
            )
            for e in embeddings
        ]
        rows: dict[str, Any] = {}
        models = {run.name: load_run(run, instrument, run.name) for run in sorted(folder.iterdir()) if has(run)}
        models |= {"shipped": (load(instrument), load(instrument).card)} if instrument in shipped() else {}
        for name in ("recordings", *models):
            if name == "recordings":
                sounds, row = [p.samples for p in held_out], {}
            else:
                model, metrics = models[name]
                sounds = play_all(model, held_out)
                jax.clear_caches()  # a process cannot map the programs of thirty models
                row = {"weights": n_params(model.params), "steps": metrics.get("step", metrics.get("steps"))}
            row |= errors(held_out, sounds)
            for embedding, reference in zip(embeddings, references, strict=True):
                # No cache: the sounds change with every training.
                found = embed_set(sounds, embedding, sample_rate=RATE, name="test")
                scores = score_embedded(reference, found, embedding)
                for metric in ("fad", "kad"):
                    score = getattr(scores, metric)
                    row[f"{metric} {embedding.name}"] = score.value
                row[f"n {embedding.name}"] = [scores.fad.n, scores.fad.n_reference]
                a, b = reference.values, found.values
                if embedding.fit_projection is not None:
                    a, b = map(embedding.fit_projection(reference.values), (a, b))
                name_of = f"kad {embedding.name}"
                row[f"{name_of} interval"] = kad_interval(a, b)
                level = embed_set(matched(held_out, sounds), embedding, sample_rate=RATE, name="test")
                row[f"{name_of} matched"] = score_embedded(reference, level, embedding).kad.value
            rows[name] = row
            print(f"  {name}: " + ", ".join(f"{k} {v:.3g}" for k, v in row.items() if np.isscalar(v)), flush=True)
        table[instrument] = rows
        atomic_write(options.output, json.dumps(table, indent=1).encode(), force=True)


if __name__ == "__main__":
    main()
