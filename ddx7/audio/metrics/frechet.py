"""Fréchet audio distance: the distance of two sets of embeddings, modelled as Gaussians."""

from typing import NamedTuple

import numpy as np

from ddx7.errors import Ddx7Error

SUBSETS = 25
"""Number of subset sizes through which `fad_infinity` fits a line, as in the toolkit of Gui et al."""
FEWEST = 500
"""Its smallest subset, also as in that toolkit; half of the set if that is less."""


class FadInfinity(NamedTuple):
    """FAD extrapolated to infinitely many test windows.

    Attributes:
      value: the line's intercept; may be slightly negative.
      slope: of the line over 1 / n: the bias of a small set, times its size.
      r2: coefficient of determination of the line, 1 at best; NaN if all subsets have the same FAD.
    """

    value: float
    slope: float
    r2: float


def frechet_distance(mean_a: np.ndarray, cov_a: np.ndarray, mean_b: np.ndarray, cov_b: np.ndarray) -> float:
    """Squared Fréchet (2-Wasserstein) distance of two Gaussians.

    |mean_a - mean_b|² + tr(A) + tr(B) - 2 tr((A B)^½). The last trace is the sum of the singular values of F'G, where
    A = FF' and B = GG' are factored by their eigenvectors. The product A B is not symmetric, so its square root may be
    complex. The sum of singular values is real, never negative, and exact for the singular covariances of small sets.

    Args:
      mean_a: float [dimension].
      cov_a: float [dimension, dimension], symmetric, positive semidefinite.
      mean_b: as `mean_a`.
      cov_b: as `cov_a`.

    Returns:
      the distance, at least 0.

    Raises:
      Ddx7Error: shapes do not match, or a value is not finite.
    """
    mean_a, cov_a, mean_b, cov_b = (np.asarray(x, np.float64) for x in (mean_a, cov_a, mean_b, cov_b))
    dimension = mean_a.size
    if mean_a.shape != mean_b.shape or not cov_a.shape == cov_b.shape == (dimension, dimension):
        shapes = f"means {mean_a.shape} and {mean_b.shape}, covariances {cov_a.shape} and {cov_b.shape}"
        raise Ddx7Error(f"a Fréchet distance of {shapes}, two of one dimension are wanted")
    if not all(np.isfinite(x).all() for x in (mean_a, cov_a, mean_b, cov_b)):
        raise Ddx7Error("a Fréchet distance of values that are NaN or infinite, finite ones are wanted")
    return _distance((mean_a, _factor(cov_a)), (mean_b, _factor(cov_b)))


def fad(reference: np.ndarray, test: np.ndarray) -> float:
    """Fréchet distance of the Gaussians fitted to two sets of embeddings; covariances are divided by n - 1.

    Sampling adds a bias of about a constant / n, so do not compare sets of different size: see `fad_infinity`.

    Args:
      reference: float [window, dimension], two windows or more.
      test: likewise; fewer windows than dimensions give a singular covariance and an unreliable distance.

    Returns:
      the distance.

    Raises:
      Ddx7Error: a set is too small or not finite, or the dimensions differ.

    Source:
      Kilgour et al., Fréchet Audio Distance, Interspeech 2019.
    """
    reference, test = checked_sets(reference, test)
    return _distance(_gaussian(reference), _gaussian(test))


def fad_infinity(reference: np.ndarray, test: np.ndarray, *, seed: int = 0) -> FadInfinity:
    """FAD extrapolated to infinitely many test windows: the intercept of a line through FAD over 1 / n.

    The function compares 25 subsets of the test set with the whole reference. Their sizes are evenly spaced from 500
    (or half the set, if that is less) to all. It draws them without replacement, because duplicates would shrink the
    covariance. The bias from the finite size of the reference remains.

    Args:
      reference: float [window, dimension], two windows or more.
      test: likewise, four windows or more.
      seed: of the subsets.

    Returns:
      intercept, slope and fit.

    Raises:
      Ddx7Error: a set is too small or not finite, or the dimensions differ.

    Source:
      Chong and Forsyth, Effectively Unbiased FID and Inception Score, CVPR 2020; Gui et al., Adapting Frechet Audio
      Distance for Generative Music Evaluation, ICASSP 2024.
    """
    reference, test = checked_sets(reference, test, fewest=4)
    rng = np.random.default_rng(seed)
    background = _gaussian(reference)
    sizes = np.linspace(min(FEWEST, len(test) // 2), len(test), SUBSETS).astype(int)
    subsets = (test[rng.choice(len(test), n, replace=False)] for n in sizes)
    scores = np.array([_distance(background, _gaussian(subset)) for subset in subsets])
    slope, intercept = np.polyfit(1 / sizes, scores, 1)
    spread = np.sum((scores - scores.mean()) ** 2)
    residual = np.sum((scores - intercept - slope / sizes) ** 2)
    return FadInfinity(float(intercept), float(slope), float(1 - residual / spread) if spread > 0 else np.nan)


def checked_sets(reference: np.ndarray, test: np.ndarray, fewest: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Check two sets of embeddings.

    Args:
      reference: float [window, dimension].
      test: likewise.
      fewest: least number of windows of the test set.

    Returns:
      both as float64.

    Raises:
      Ddx7Error: the test set has fewer windows than `fewest` or the reference fewer than 2, or the sets are not
        finite, not matrices, or of different dimension.
    """
    sets: list[np.ndarray] = []
    for name, values, least in (("reference", reference, 2), ("test", test, fewest)):
        values = np.asarray(values, np.float64)
        if values.ndim != 2:
            raise Ddx7Error(f"a {name} set of shape {values.shape}, embeddings [window, dimension] are wanted")
        if len(values) < least:
            raise Ddx7Error(f"the {name} set has too few windows of sound: {len(values)}, at least {least} are wanted")
        if not np.isfinite(values).all():
            raise Ddx7Error(f"the {name} set holds NaN or infinite embeddings, finite ones are wanted")
        sets.append(values)
    if sets[0].shape[1] != sets[1].shape[1]:
        raise Ddx7Error(f"sets of dimensions {sets[0].shape[1]} and {sets[1].shape[1]}, the same one is wanted")
    return sets[0], sets[1]


Gaussian = tuple[np.ndarray, np.ndarray]  # mean [dimension], and F [dimension, any] with FF' = covariance


def _distance(a: Gaussian, b: Gaussian) -> float:
    cross = np.linalg.svd(a[1].T @ b[1], compute_uv=False).sum()
    distance = np.sum((a[0] - b[0]) ** 2) + np.sum(a[1] ** 2) + np.sum(b[1] ** 2) - 2 * cross
    return max(float(distance), 0.0)


def _gaussian(embeddings: np.ndarray) -> Gaussian:
    """Mean and factor of the covariance of float64 [window, dimension]: the centred windows, or R of their QR."""
    mean = embeddings.mean(axis=0)
    centred = (embeddings - mean) / np.sqrt(len(embeddings) - 1)
    n, dimension = centred.shape
    return mean, np.transpose(np.linalg.qr(centred, mode="r") if n > dimension else centred)


def _factor(covariance: np.ndarray) -> np.ndarray:
    """F with FF' = covariance, by eigenvectors; eigenvalues that rounding made negative count as 0."""
    eigenvalues, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(eigenvalues, 0.0))
