"""Table of instruments that `minute.py` taught: distances of what they play from the held-out seconds.

The held-out recording is the reference of all figures. The seconds that the instruments learned from have a row of
their own: so far apart are two parts of one session. FAD, FAD-infinity and KAD are by YAMNet (its logarithm, 64
principal components; KAD also by all its values) and by log-mel statistics, with a window every 0.1 s; *matched* is
with the sound at the RMS level of the recording. Intervals are of 95 %: a bootstrap of seconds for the spectral
distance; a jackknife of twenty groups of neighbouring windows for KAD.

    python experiments/resynthesis/minute_table.py RUNS -o table.json --yamnet yamnet_int8.tflite

RUNS holds INSTRUMENT/NAME, each an output folder of `minute.py`.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from table import bootstrap_interval, kad_interval

from ddx7.audio.features import HOP, extract
from ddx7.audio.files import read_audio
from ddx7.audio.metrics import (
    Embedding,
    embed_set,
    kad,
    load_embedding,
    loudness_error,
    multi_scale_spectral_distance,
    score_embedded,
)
from ddx7.files import atomic_write
from ddx7.resynthesis import Instrument, load
from ddx7.resynthesis.model import n_params
from ddx7.training.checkpoint import read_metrics

RATE, HOP_S, PLAYED_S = 16_000, 0.1, 8.0


def second_distances(target: np.ndarray, sound: np.ndarray) -> np.ndarray:
    """Spectral distance of each second."""
    n = min(len(target), len(sound)) // RATE
    return np.array(
        [
            multi_scale_spectral_distance(target[k * RATE : (k + 1) * RATE], sound[k * RATE : (k + 1) * RATE], RATE)
            for k in range(n)
        ]
    )


def level_error(target: np.ndarray, sound: np.ndarray) -> float:
    """Mean error of loudness in dB."""
    n = min(len(target), len(sound)) // HOP * HOP
    found = [extract(x[:n], RATE, "yin").loudness_db for x in (target, sound)]
    return loudness_error(*found).mean_db


def real_time_factor(instrument: Instrument) -> float:
    """CPU time of playing over the length of the sound, after a first time that compiles."""
    n = round(PLAYED_S * RATE / HOP)
    f0_hz, loudness_db = np.full(n, 440.0, np.float32), np.full(n, -20.0, np.float32)
    instrument(f0_hz, loudness_db)
    began_s = time.process_time()
    instrument(f0_hz, loudness_db)
    return (time.process_time() - began_s) / PLAYED_S


def set_scores(target: np.ndarray, sound: np.ndarray, embeddings: list[Embedding]) -> dict[str, Any]:
    """FAD, FAD-infinity and KAD by every embedding, and KAD with the level of the recording.

    With more values in an embedding than windows a covariance is singular: then KAD alone.
    """
    row: dict[str, Any] = {}
    level = np.float32(np.sqrt(np.mean(np.square(target)) / np.mean(np.square(sound))))
    for each in embeddings:
        embedding = replace(each, hop=round(HOP_S * each.sample_rate))
        sets = [
            embed_set([x], embedding, sample_rate=RATE, name=name)
            for name, x in (("held-out seconds", target), ("test", sound), ("matched", level * sound))
        ]
        project = embedding.fit_projection(sets[0].values) if embedding.fit_projection else lambda x: x
        a, b, matched = (project(x.values) for x in sets)
        row[each.name] = {
            "kad": kad(a, b),
            "kad_interval": kad_interval(a, b),
            "kad_matched": kad(a, matched),
            "n": [len(b), len(a)],
        }
        if a.shape[1] < len(a):
            scores = score_embedded(sets[0], sets[1], embedding)
            row[each.name] |= {"fad": scores.fad.value, "fad_infinity": scores.fad_infinity.value}
    return row


def score(run: Path, embeddings: list[Embedding]) -> dict[str, Any]:
    """The row of one run."""
    target, sound = (read_audio(run / f"{name}.wav").samples for name in ("held_out", "played"))
    seconds = second_distances(target, sound)
    row: dict[str, Any] = {
        "spectra": multi_scale_spectral_distance(target, sound, RATE),
        "spectra of seconds": [float(seconds.mean()), *bootstrap_interval(seconds, np.ones(len(seconds)))],
        "level_db": level_error(target, sound),
        **set_scores(target, sound, embeddings),
    }
    for weights in (run / "run").glob("*.safetensors"):
        instrument = load(weights)
        row |= {"weights": n_params(instrument.params), "real_time_factor": real_time_factor(instrument)}
        row["validation"] = [[m["step"], m["held_out"]] for m in read_metrics(run / "run")]
    return row


def main() -> None:
    """Score all runs and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--yamnet", type=Path, required=True)
    options = parser.parse_args()
    embeddings = [load_embedding(name, options.yamnet) for name in ("yamnet", "yamnet-log-pca64")]
    embeddings.append(load_embedding("logmel"))

    table: dict[str, dict[str, Any]] = {}
    for folder in sorted(p for p in options.runs.iterdir() if p.is_dir()):
        rows = table[folder.name] = {}
        for run in sorted(p for p in folder.iterdir() if (p / "played.wav").exists()):
            if not rows:
                target, learned = (read_audio(run / f"{name}.wav").samples for name in ("held_out", "learned"))
                rows["learned seconds"] = set_scores(target, learned, embeddings)
            rows[run.name] = score(run, embeddings)
            print(folder.name, run.name, json.dumps(rows[run.name]), flush=True)
        atomic_write(options.output, json.dumps(table, indent=1).encode(), force=True)


if __name__ == "__main__":
    main()
