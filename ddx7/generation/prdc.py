"""Precision, recall, density and coverage of generated points against real ones. NumPy only.

Source: Naeem, Oh, Uh, Choi and Yoo, Reliable Fidelity and Diversity Metrics for Generative Models, ICML 2020.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

NEIGHBOURS = 5


class PrdcScores(NamedTuple):
    """Scores of generated points. The ball of a point reaches to its k-th neighbour in its own set.

    Attributes:
      precision: share of the generated points inside the ball of a real one.
      recall: share of the real points inside the ball of a generated one.
      density: mean number of real balls around a generated point, over k; may exceed 1.
      coverage: share of the real points with a generated one inside their ball.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def prdc(
    real: Float[np.ndarray, "real feature"], generated: Float[np.ndarray, "generated feature"], k: int = NEIGHBOURS
) -> PrdcScores:
    """Compare two sets of points.

    Args:
      real: more than `k` points.
      generated: more than `k` points.
      k: the neighbour that sets the radius of a point's ball.
    """
    distances = squared_distances(real, generated)
    within = distances < _squared_radius(real, k)[:, None]
    return PrdcScores(
        precision=float(within.any(axis=0).mean()),
        recall=float((distances < _squared_radius(generated, k)).any(axis=1).mean()),
        density=float(within.sum(axis=0).mean() / k),
        coverage=float(within.any(axis=1).mean()),
    )


def squared_distances(a: Float[np.ndarray, "a feature"], b: Float[np.ndarray, "b feature"]) -> Float[np.ndarray, "a b"]:
    """Squared Euclidean distances of all pairs; rounding never makes them negative."""
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.maximum(squares, 0)


def _squared_radius(points: Float[np.ndarray, "point feature"], k: int) -> Float[np.ndarray, " point"]:
    """Squared distance of each point to its k-th neighbour."""
    distances = squared_distances(points, points)
    np.fill_diagonal(distances, np.inf)
    return np.partition(distances, k - 1, axis=1)[:, k - 1]
