"""Precision, recall, density and coverage against loops, and on sets with known scores."""

import numpy as np
import pytest

from ddx7.generation.prdc import prdc, squared_distances


def prdc_by_loops(real, generated, k):
    """The definitions of Naeem et al. (2020), literally."""

    def radius(points, i):
        return sorted(np.linalg.norm(points[i] - q) for j, q in enumerate(points) if j != i)[k - 1]

    real_radius, generated_radius = ([radius(points, i) for i in range(len(points))] for points in (real, generated))
    inside = np.array([[np.linalg.norm(r - m) < d for m in generated] for r, d in zip(real, real_radius, strict=True)])
    around = np.array(
        [[np.linalg.norm(r - m) < d for m, d in zip(generated, generated_radius, strict=True)] for r in real]
    )
    return (
        inside.any(axis=0).mean(),
        around.any(axis=1).mean(),
        inside.sum() / k / len(generated),
        inside.any(axis=1).mean(),
    )


@pytest.mark.parametrize("k", [1, 3, 5])
def test_scores_are_those_of_the_definitions(k):
    rng = np.random.default_rng(k)
    real, generated = rng.normal(size=(40, 3)), rng.normal(0.5, 0.7, size=(30, 3))
    np.testing.assert_allclose(prdc(real, generated, k), prdc_by_loops(real, generated, k))


def test_equal_distributions_score_high_distant_ones_zero_and_a_collapsed_one_covers_little():
    rng = np.random.default_rng(0)
    real, alike, far = rng.normal(size=(400, 2)), rng.normal(size=(400, 2)), rng.normal(50, 1, size=(400, 2))
    assert min(prdc(real, alike)) > 0.85
    assert prdc(real, far) == (0, 0, 0, 0)
    one = prdc(real, np.zeros((400, 2)) + rng.normal(0, 1e-3, (400, 2)))
    assert one.precision == 1
    assert one.coverage < 0.1


def test_distances_are_never_negative():
    points = np.full((4, 50), 1e3, np.float32) + np.random.default_rng(0).normal(0, 1e-3, (4, 50)).astype(np.float32)
    assert (squared_distances(points, points) >= 0).all()
