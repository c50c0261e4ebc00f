"""How well the project's distances agree with listeners' dissimilarity ratings.

    python benchmarks/listeners.py RATINGS --json listeners.json

RATINGS holds one folder per study: sounds as FLAC or WAV in the order of the rows of ``dissimilarity.csv``, a symmetric
matrix with 0 on the diagonal (the form of timbremetrics, ISMIR 2025). Each distance gets two scores, per study and
in the mean:

- triplet agreement: of all triplets (a, b, c) in which listeners rate a-b and a-c differently by more than 0.1 of the
  range of the matrix, the share that the distance orders as listeners do; chance is 0.5;
- Spearman's rank correlation of the distance with the ratings over all pairs.

Intervals hold 95 % of 1,000 bootstrap samples of the sounds of each study. The second sound of a pair is cut to the
length of the first or continued with silence, and the distance is averaged over both orders. The multi-scale distance
is measured in one order, the longer sound first, from spectra that are computed once for each sound.

The last lines print the mean of each term of the perceptual distance over the pairs: its `SCALES`.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np
from scipy.stats import rankdata
from timing import write_json

from ddx7.audio import distance_terms, mel_target, read_audio, target_features
from ddx7.audio.perceptual import DistanceTerms, weighted_sum
from ddx7.audio.spectra_numpy import frames, hann, magnitude
from ddx7.audio.spectral_loss import OVERLAP, PUBLISHED

RATE = 44_100
MARGIN = 0.1
SAMPLES, LEVEL = 1000, 0.95
LEAST = 1e-7  # of the multi-scale distance, added to magnitudes before their logarithm

TERM = "its term {}"

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


def triplet_agreement(distance: Matrix, ratings: Matrix, samples: np.ndarray) -> np.ndarray:
    """Share of triplets that a distance orders as listeners do.

    Args:
      distance: [sound, sound].
      ratings: [sound, sound].
      samples: sounds of each sample, with repetitions, int [sample, sound]. Pairs of a sound with itself are left out.

    Returns:
      the share in each sample, [sample].
    """
    rated = (ratings - ratings.min()) / np.ptp(ratings)
    differ = rated[:, :, None] - rated[:, None, :]
    apart = ~np.eye(len(ratings), dtype=bool)
    first, nearer, further = np.nonzero((differ.swapaxes(1, 2) > MARGIN) & apart[:, :, None] & apart[:, None, :])
    agree = distance[first, further] > distance[first, nearer]
    times = np.stack([np.bincount(rows, minlength=len(ratings)) for rows in samples])
    weight = times[:, first] * times[:, nearer] * times[:, further]
    return (weight @ agree) / np.where(weight.any(axis=1), weight.sum(axis=1), np.nan)


def rank_correlation(distance: Matrix, ratings: Matrix, rows: np.ndarray) -> float:
    """Spearman's correlation over the pairs of one sample; arguments as for `triplet_agreement`."""
    first, second = np.triu_indices(len(rows), 1)
    kept = rows[first] != rows[second]
    pairs = rows[first[kept]], rows[second[kept]]
    return float(np.corrcoef(rankdata(distance[pairs]), rankdata(ratings[pairs]))[0, 1])


def both_orders(rows: Sequence[Sequence[float] | np.ndarray]) -> Matrix:
    """Distances of each sound from each target as a symmetric matrix over sounds."""
    found = np.array(rows, np.float64)
    found = (found + found.T) / 2
    np.fill_diagonal(found, 0.0)
    return found


def log_mel(sounds: Sequence[np.ndarray]) -> Matrix:
    """`log_mel_distance`, each target analysed once."""
    targets = [mel_target(sound, RATE) for sound in sounds]
    return both_orders([[target.distance(sound, RATE) for sound in sounds] for target in targets])


def multi_scale(sounds: Sequence[np.ndarray]) -> Matrix:
    """`multi_scale_spectral_distance` of the longer sound of each pair and the shorter one, continued with silence."""
    found = np.zeros((len(sounds), len(sounds)))
    for window in PUBLISHED:
        hop = window // OVERLAP
        spectra = [
            magnitude(frames(np.pad(sound.astype(np.float64), window // 2, mode="reflect"), window, hop), hann(window))
            / np.sqrt(window)
            for sound in sounds
        ]
        logarithms = [np.log(spectrum + LEAST) for spectrum in spectra]
        for parts, silence in ((spectra, 0.0), (logarithms, np.log(LEAST))):
            for i, first in enumerate(parts):
                for j, second in enumerate(parts[:i]):
                    long, short = (first, second) if len(first) >= len(second) else (second, first)
                    rest = np.abs(long[len(short) :] - silence).sum()
                    difference = (np.abs(long[: len(short)] - short).sum() + rest) / long.size
                    found[i, j] += difference
                    found[j, i] += difference
    return found


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
        terms = _terms(target, others)
        rows = {"perceptual_distance": weighted_sum(terms)}
        rows |= {TERM.format(name): term for name, term in terms._asdict().items()}
        for name, row in rows.items():
            found.setdefault(name, []).append(np.asarray(row, np.float64))
    return {name: both_orders(rows) for name, rows in found.items()}


@jax.jit
def _terms(target: jax.Array, others: jax.Array) -> DistanceTerms:
    return distance_terms(target_features(target, RATE), others)  # one program for each length of a sound


def measures(sounds: Sequence[np.ndarray]) -> dict[str, Matrix]:
    """Every distance of the project, and the cepstral one that papers compare with."""
    return {
        **perceptual(sounds),
        "log_mel_distance": log_mel(sounds),
        "multi_scale_spectral_distance": multi_scale(sounds),
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
        n = len(matrix)
        samples = np.concatenate([np.arange(n)[None], rng.integers(0, n, (SAMPLES, n))])  # the sounds themselves first
        correlations = [rank_correlation(matrix, study.ratings, rows) for rows in samples]
        both = np.stack([triplet_agreement(matrix, study.ratings, samples), correlations], axis=1)
        scores.append(both[0])
        draws.append(both[1:])
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
    print()
    for name in DistanceTerms._fields:
        means = [
            each[TERM.format(name)][np.triu_indices(len(s.sounds), 1)].mean()
            for s, each in zip(studies, by_study, strict=True)
        ]
        print(f"mean of {name} over the pairs: {np.mean(means):.4g}")
    write_json(arguments.json, rows)


if __name__ == "__main__":
    main()
