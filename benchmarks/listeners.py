"""How well the project's distances agree with listeners' dissimilarity ratings.

    python benchmarks/listeners.py RATINGS --json listeners.json

RATINGS holds one folder per study: sounds as FLAC or WAV in the order of the rows of ``dissimilarity.csv``, a symmetric
matrix with 0 on the diagonal (the form of timbremetrics, ISMIR 2025). Each distance gets two scores, per study and
in the mean:

- triplet agreement: of all triplets (a, b, c) in which listeners rate a-b and a-c differently by more than 0.1 of the
  range of the matrix, the share that the distance orders as listeners do; chance is 0.5;
- Spearman's rank correlation of the distance with the ratings over all pairs.

Intervals hold 95 % of 1,000 bootstrap samples of the sounds of each study. A distance that is not symmetric is averaged
over both directions; `perceptual_distance` wants sounds of one length, so the second is cut or continued with silence.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np
from scipy.stats import rankdata
from timing import write_json

from ddx7.audio import distance_terms, log_mel_distance, perceptual_distance, read_audio, target_features
from ddx7.audio.metrics.spectral import multi_scale_spectral_distance

RATE = 44_100
MARGIN = 0.1
SAMPLES, LEVEL = 1000, 0.95

Matrix = np.ndarray
Measure = Callable[[Sequence[np.ndarray]], dict[str, Matrix]]


@dataclass(frozen=True, eq=False)
class Study:
    """Sounds that listeners compared.

    Attributes:
      name: of the study.
      sounds: float32 [sound][time] at 44.1 kHz.
      ratings: dissimilarity, float64 [sound, sound].
    """

    name: str
    sounds: tuple[np.ndarray, ...]
    ratings: Matrix


def read_studies(folder: Path) -> list[Study]:
    """All studies of a folder, in order of their names."""
    studies = []
    for table in sorted(folder.glob("*/dissimilarity.csv")):
        ratings = np.loadtxt(table, delimiter=",", ndmin=2)
        paths = sorted(p for p in table.parent.iterdir() if p.suffix in (".flac", ".wav"))
        if ratings.shape != (len(paths), len(paths)):
            raise SystemExit(
                f"{table}: found a matrix of shape {ratings.shape}, wanted a row for each of {len(paths)} sounds"
            )
        studies.append(Study(table.parent.name, tuple(read_audio(p, sample_rate=RATE).samples for p in paths), ratings))
    if not studies:
        raise SystemExit(f"{folder}: found no folder with a dissimilarity.csv, wanted at least one study")
    return studies


def triplet_agreement(distance: Matrix, ratings: Matrix, rows: np.ndarray | None = None) -> float:
    """Share of triplets that a distance orders as listeners do.

    Args:
      distance: [sound, sound].
      ratings: [sound, sound].
      rows: sounds to use, with repetitions; all by default. Pairs of a sound with itself are left out.
    """
    rows = np.arange(len(ratings)) if rows is None else rows
    rated = (ratings - ratings.min()) / np.ptp(ratings)
    ours, theirs = (matrix[np.ix_(rows, rows)] for matrix in (distance, rated))
    other = rows[:, None] != rows
    differ = theirs[:, :, None] - theirs[:, None, :]
    counts = (differ > MARGIN) & other[:, :, None] & other[:, None, :]
    agree = ours[:, :, None] > ours[:, None, :]
    return float(agree[counts].mean()) if counts.any() else np.nan


def rank_correlation(distance: Matrix, ratings: Matrix, rows: np.ndarray | None = None) -> float:
    """Spearman's correlation over pairs; arguments as for `triplet_agreement`."""
    rows = np.arange(len(ratings)) if rows is None else rows
    first, second = np.triu_indices(len(rows), 1)
    kept = rows[first] != rows[second]
    pairs = rows[first[kept]], rows[second[kept]]
    return float(np.corrcoef(rankdata(distance[pairs]), rankdata(ratings[pairs]))[0, 1])


def each_pair(sounds: Sequence[np.ndarray], function: Callable[[np.ndarray, np.ndarray], float]) -> Matrix:
    """A distance of two sounds as a symmetric matrix over sounds."""
    found = np.array([[0.0 if a is b else function(a, b) for b in sounds] for a in sounds])
    return (found + found.T) / 2


def mfcc_cosine(sounds: Sequence[np.ndarray]) -> Matrix:
    """Cosine distance of the mean over time of 40 mel-frequency cepstral coefficients (librosa's)."""
    import librosa

    means = np.array([librosa.feature.mfcc(y=sound, sr=RATE, n_mfcc=40).mean(axis=1) for sound in sounds])
    unit = means / np.linalg.norm(means, axis=1, keepdims=True)
    return 1 - unit @ unit.T


def perceptual(sounds: Sequence[np.ndarray]) -> dict[str, Matrix]:
    """`perceptual_distance` and each of its terms."""
    found: dict[str, list[np.ndarray]] = {}
    for target in sounds:
        n = len(target)
        others = np.stack([np.pad(sound[:n], (0, max(0, n - len(sound)))) for sound in sounds])
        features = _features(target)
        rows = {"perceptual_distance": _distance(features, others)}
        rows |= {f"its term {name}": term for name, term in _terms(features, others)._asdict().items()}
        for name, row in rows.items():
            found.setdefault(name, []).append(np.asarray(row, np.float64))
    return {name: (np.array(rows) + np.array(rows).T) / 2 for name, rows in found.items()}


_features = jax.jit(lambda target: target_features(target, RATE))
_distance, _terms = jax.jit(perceptual_distance), jax.jit(distance_terms)


def measures(sounds: Sequence[np.ndarray]) -> dict[str, Matrix]:
    """Every distance of the project, and the cepstral one that papers compare with."""
    return {
        **perceptual(sounds),
        "log_mel_distance": each_pair(sounds, lambda a, b: log_mel_distance(a, b, RATE)),
        "multi_scale_spectral_distance": each_pair(sounds, lambda a, b: multi_scale_spectral_distance(a, b, RATE)),
        "MFCC-40 cosine": mfcc_cosine(sounds),
    }


def interval(draws: np.ndarray) -> tuple[float, float]:
    """The middle 95 % of draws."""
    low, high = np.nanquantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def score(studies: Sequence[Study], matrices: Sequence[Matrix], rng: np.random.Generator) -> dict[str, object]:
    """Both scores of one distance, per study and in the mean, with intervals."""
    scores, draws = [], []
    for study, matrix in zip(studies, matrices, strict=True):
        both = [triplet_agreement(matrix, study.ratings), rank_correlation(matrix, study.ratings)]
        samples = [rng.integers(0, len(matrix), len(matrix)) for _ in range(SAMPLES)]
        scores.append(both)
        draws.append(
            [[f(matrix, study.ratings, rows) for f in (triplet_agreement, rank_correlation)] for rows in samples]
        )
    values, spread = np.array(scores), np.array(draws)  # [study, score], [study, sample, score]
    mean, mean_spread = values.mean(axis=0), np.nanmean(spread, axis=0)
    return {
        "triplets": float(mean[0]),
        "triplets_interval": interval(mean_spread[:, 0]),
        "spearman": float(mean[1]),
        "spearman_interval": interval(mean_spread[:, 1]),
        "studies": {
            study.name: {
                "triplets": float(value[0]),
                "triplets_interval": interval(some[:, 0]),
                "spearman": float(value[1]),
                "spearman_interval": interval(some[:, 1]),
            }
            for study, value, some in zip(studies, values, spread, strict=True)
        },
    }


def main() -> None:
    """Score every distance and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ratings", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    studies = read_studies(arguments.ratings)
    by_study = [measures(study.sounds) for study in studies]
    rows = [
        {"distance": name, **score(studies, [each[name] for each in by_study], np.random.default_rng(arguments.seed))}
        for name in by_study[0]
    ]
    print(f"{len(studies)} studies, {sum(len(study.sounds) for study in studies)} sounds\n")
    print("| distance | triplet agreement | Spearman |\n|---|---|---|")
    for row in sorted(rows, key=lambda row: -row["triplets"]):
        cells = [
            f"{row[name]:.3f} ({row[f'{name}_interval'][0]:.3f} to {row[f'{name}_interval'][1]:.3f})"
            for name in ("triplets", "spearman")
        ]
        print(f"| {row['distance']} | {' | '.join(cells)} |")
    write_json(arguments.json, rows)


if __name__ == "__main__":
    main()
