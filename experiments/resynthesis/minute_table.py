"""Table of instruments that `minute.py` taught: distances of what they play from the held-out seconds.

The held-out recording is the reference of all figures. The seconds that the instruments learned from have a row of
their own: so far apart are two parts of one session. FAD, FAD-infinity and KAD are by YAMNet (its logarithm, 64
principal components; KAD also by all its values) and by log-mel statistics, with a window every 0.1 s; *matched* is
with the sound at the RMS level of the recording. Intervals are of 95 %: a bootstrap of seconds for the spectral
distance; a jackknife of twenty groups of neighbouring windows for KAD.

    python experiments/resynthesis/minute_table.py RUNS -o table.json --yamnet yamnet_int8.tflite

RUNS holds INSTRUMENT/NAME, each an output folder of `minute.py`; NAME-s1, NAME-s2 ... are other seeds of NAME. Models
that have the seeds of `fm-tcn` are compared with it in pairs of equal seed: the mean difference in spectral distance
and in KAD, with 95 % by the errors of seeds and of held-out seconds together. The table in Markdown is printed last.
With `--play` the weights of all runs play the held-out seconds anew, as `ddx7 resynth` does it now.
"""

import argparse
import json
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from minute import play
from scipy.stats import t as student
from table import GROUPS, bootstrap_interval, kad_interval

from ddx7.audio.features import HOP, extract
from ddx7.audio.files import read_audio
from ddx7.audio.metrics import (
    Embedding,
    embed_set,
    kad,
    load_embedding,
    loudness_error,
    median_distance,
    multi_scale_spectral_distance,
    score_embedded,
)
from ddx7.files import atomic_write
from ddx7.resynthesis import Instrument, load
from ddx7.resynthesis.model import n_params
from ddx7.training.checkpoint import read_metrics

RATE, HOP_S, PLAYED_S = 16_000, 0.1, 8.0
OURS = "fm-tcn"


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
        "seconds": seconds.tolist(),
        "spectra of seconds": [float(seconds.mean()), *bootstrap_interval(seconds, np.ones(len(seconds)))],
        "level_db": level_error(target, sound),
        **set_scores(target, sound, embeddings),
    }
    for weights in (run / "run").glob("*.safetensors"):
        instrument = load(weights)
        row |= {"weights": n_params(instrument.params), "real_time_factor": real_time_factor(instrument)}
        row["validation"] = [[m["step"], m["held_out"]] for m in read_metrics(run / "run")]
    return row


def seeds_of(rows: dict[str, Any], name: str) -> list[str]:
    """Runs of one model, in order of their seeds."""
    return sorted(each for each in rows if re.fullmatch(re.escape(name) + r"(-s\d+)?", each))


def pairs_of(rows: dict[str, Any], name: str) -> list[tuple[str, str]]:
    """Runs of a model, each with that of ours that has the same seed."""
    pairs = [(each, OURS + each.removeprefix(name)) for each in seeds_of(rows, name)]
    return [(a, b) for a, b in pairs if b in rows]


def paired_difference(differences: list[float], left: list[float]) -> list[float]:
    """Mean difference of pairs of equal seed, with 95 % by the errors of seeds and of held-out parts together.

    Args:
      differences: of all pairs.
      left: the mean difference without one of the neighbouring parts of the held-out seconds, for each of them.
    """
    n, groups, mean = len(differences), len(left), float(np.mean(differences))
    parts = (groups - 1) * float(np.var(left))
    seeds = float(np.var(differences, ddof=1)) / n
    # The number of degrees of freedom of a sum of two errors. Source: B. L. Welch, Biometrika 34 (1947).
    freedom = (parts + seeds) ** 2 / (parts**2 / (groups - 1) + seeds**2 / (n - 1))
    half = float(student.ppf(0.975, freedom) * np.sqrt(parts + seeds))
    return [mean, mean - half, mean + half]


def compare(folder: Path, rows: dict[str, Any], name: str, embedding: Embedding) -> dict[str, list[float]]:
    """How much further than ours a model is from the held-out seconds, over pairs of equal seed."""
    pairs = pairs_of(rows, name)
    seconds = np.array([np.subtract(rows[a]["seconds"], rows[b]["seconds"]) for a, b in pairs])
    embedding = replace(embedding, hop=round(HOP_S * embedding.sample_rate))

    def windows(run: str, sound: str) -> np.ndarray:
        samples = read_audio(folder / run / f"{sound}.wav").samples
        return embed_set([samples], embedding, sample_rate=RATE, name=run).values

    target = windows(pairs[0][0], "held_out")
    sets = [(windows(a, "played"), windows(b, "played")) for a, b in pairs]
    bandwidth = median_distance(target)

    def kad_differences(group: int | None = None) -> list[float]:
        """Of every pair, without one group of neighbouring windows of each sound."""
        reference, *others = (
            x if group is None else np.delete(x, np.array_split(np.arange(len(x)), GROUPS)[group], axis=0)
            for x in (target, *(x for pair in sets for x in pair))
        )
        values = [kad(reference, x, bandwidth=bandwidth) for x in others]
        return np.subtract(values[::2], values[1::2]).tolist()

    without = [float(np.mean(kad_differences(group))) for group in range(GROUPS)]
    return {
        "spectra": paired_difference(
            seconds.mean(axis=1).tolist(),
            [float(np.delete(seconds, second, axis=1).mean()) for second in range(seconds.shape[1])],
        ),
        "kad": paired_difference(kad_differences(), without),
    }


def markdown(table: dict[str, dict[str, Any]]) -> str:
    """The table of the documentation: means over seeds, with the lowest and highest of them."""
    lines = [
        "| instrument | model | seeds | validation | spectra | behind ours (95 %) | KAD | behind ours (95 %)"
        " | FAD | log-mel FAD / KAD | level, dB |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for instrument, rows in table.items():
        for name in [each for each in rows if not re.search(r"-s\d+$", each)]:
            runs = [rows[each] for each in seeds_of(rows, name)]

            def spread(
                value: Callable[[dict[str, Any]], float | None],
                digits: int,
                runs: list[dict[str, Any]] = runs,
            ) -> str:
                found = [x for x in map(value, runs) if x is not None]
                if not found:
                    return ""
                mean, low, high = (f"{x:,.{digits}f}" for x in (np.mean(found), min(found), max(found)))
                return mean if len(found) < 2 else f"{mean} ({low}-{high})"

            further = rows[name].get("behind ours", {})
            spectra, kads = (
                "{:+.1f} ({:+.1f} to {:+.1f})".format(*further[key]) if key in further else ""
                for key in ("spectra", "kad")
            )
            cells = [
                instrument,
                f"`{name}`" if "spectra" in rows[name] else name,
                str(len(runs)) if "spectra" in rows[name] else "",
                spread(lambda r: min(v for _, v in r["validation"]) if "validation" in r else None, 1),
                spread(lambda r: r.get("spectra"), 2),
                spectra,
                spread(lambda r: r["yamnet"]["kad"], 1),
                kads,
                spread(lambda r: r["yamnet-log-pca64"].get("fad"), 1),
                f"{spread(lambda r: r['logmel'].get('fad'), 0)} / {spread(lambda r: r['logmel']['kad'], 1)}",
                spread(lambda r: r.get("level_db"), 1),
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Score all runs and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--yamnet", type=Path, required=True)
    parser.add_argument("--play", action="store_true", help="play the held-out seconds anew first")
    options = parser.parse_args()
    embeddings = [load_embedding(name, options.yamnet) for name in ("yamnet", "yamnet-log-pca64")]
    embeddings.append(load_embedding("logmel"))

    table: dict[str, dict[str, Any]] = {}
    for folder in sorted(p for p in options.runs.iterdir() if p.is_dir()):
        rows = table[folder.name] = {}
        for run in sorted(p for p in folder.iterdir() if (p / "played.wav").exists()):
            if options.play:
                play(run, load(next((run / "run").glob("*.safetensors"))))
            if not rows:
                target, learned = (read_audio(run / f"{name}.wav").samples for name in ("held_out", "learned"))
                rows["learned seconds"] = set_scores(target, learned, embeddings)
            rows[run.name] = score(run, embeddings)
            print(folder.name, run.name, json.dumps(rows[run.name]), flush=True)
        for name in [each for each in rows if each != OURS and len(pairs_of(rows, each)) > 1]:
            rows[name]["behind ours"] = compare(folder, rows, name, embeddings[0])
        atomic_write(options.output, json.dumps(table, indent=1).encode(), force=True)
    print(markdown(table))


if __name__ == "__main__":
    main()
