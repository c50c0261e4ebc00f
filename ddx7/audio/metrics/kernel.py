"""Kernel audio distance: the distance of two sets of embeddings, without an assumption about their distribution."""

import numpy as np

from ddx7.audio.metrics.frechet import checked_sets
from ddx7.errors import Ddx7Error

SCALE = 100.0
"""Factor of the published code, which makes typical scores about 1."""
_ROWS = 512  # of a kernel matrix in memory at once


def kad(reference: np.ndarray, test: np.ndarray, *, bandwidth: float | int | None = None) -> float:
    """Unbiased estimate of the squared maximum mean discrepancy of two sets, times 100.

    The kernel is exp(-|x - y|² / (2 bandwidth²)). A pair of an embedding with itself does not count, so the estimate is
    unbiased: its expectation does not depend on the sizes of the sets, and two sets from one source score about 0,
    above or below.

    Args:
      reference: float [window, dimension], two windows or more.
      test: likewise.
      bandwidth: of the kernel; default: the median distance of two embeddings of the reference.

    Returns:
      the distance; 200 at most.

    Raises:
      Ddx7Error: a set is too small or not finite, or the dimensions differ; or the bandwidth is 0, because most
        embeddings of the reference are the same.

    Source:
      Chung et al., KAD: No More FAD! An Effective and Efficient Evaluation Metric for Audio Generation, 2025
      (arXiv 2502.15602), and the scale in their code.
    """
    reference, test = checked_sets(reference, test)
    bandwidth = median_distance(reference) if bandwidth is None else bandwidth
    if not bandwidth > 0:
        raise Ddx7Error(f"a kernel of bandwidth {bandwidth:g}, a positive one is wanted: are all windows the same?")
    n, m = len(reference), len(test)
    # Each embedding's kernel with itself is 1 whatever the bandwidth.
    within_reference = (_kernel_sum(reference, reference, bandwidth) - n) / (n * (n - 1))
    within_test = (_kernel_sum(test, test, bandwidth) - m) / (m * (m - 1))
    between = _kernel_sum(reference, test, bandwidth) / (n * m)
    return SCALE * (within_reference + within_test - 2 * between)


def median_distance(embeddings: np.ndarray) -> float:
    """Median Euclidean distance of all pairs of windows.

    Args:
      embeddings: float [window, dimension], two windows or more.
    """
    from scipy.spatial.distance import pdist

    return float(np.median(pdist(embeddings)))


def _kernel_sum(a: np.ndarray, b: np.ndarray, bandwidth: float) -> float:
    from scipy.spatial.distance import cdist

    gamma = 1 / (2 * bandwidth**2)
    blocks = range(0, len(a), _ROWS)
    return float(sum(np.exp(-gamma * cdist(a[i : i + _ROWS], b, "sqeuclidean")).sum() for i in blocks))
