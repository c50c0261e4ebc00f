"""How near a cloud of made voices comes to one of human voices: precision, recall, density, coverage. NumPy only.

Source: Naeem, Oh, Uh, Choi and Yoo, Reliable Fidelity and Diversity Metrics for Generative Models, ICML 2020.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

NEIGHBOURS = 5


class PrdcScores(NamedTuple):
    """Of made points beside real ones.

    Attributes:
      precision: share of the made that lie within the reach of a real one: nearer to it than its fifth neighbour.
      recall: share of the real that lie within the reach of a made one.
      density: in how many real ones' reach a made one lies, over what is expected; may be more than 1.
      coverage: share of the real that have a made one within their reach.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def prdc(
    real: Float[np.ndarray, "real feature"], made: Float[np.ndarray, "made feature"], k: int = NEIGHBOURS
) -> PrdcScores:
    """Compare two clouds.

    Args:
      real: more than `k` points.
      made: likewise.
      k: neighbours that a point's reach is measured by.
    """
    across = squared_distances(real, made)
    within = across < _reach(real, k)[:, None]
    return PrdcScores(
        precision=float(within.any(axis=0).mean()),
        recall=float((across < _reach(made, k)).any(axis=1).mean()),
        density=float(within.sum(axis=0).mean() / k),
        coverage=float(within.any(axis=1).mean()),
    )


def squared_distances(a: Float[np.ndarray, "a feature"], b: Float[np.ndarray, "b feature"]) -> np.ndarray:
    """Squared Euclidean distances, [a, b]; rounding never makes them negative."""
    found = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.maximum(found, 0)


def _reach(points: np.ndarray, k: int) -> np.ndarray:
    """Squared distance of each point to its k-th neighbour."""
    among = squared_distances(points, points)
    np.fill_diagonal(among, np.inf)
    return np.partition(among, k - 1, axis=1)[:, k - 1]
