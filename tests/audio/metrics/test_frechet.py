import numpy as np
import pytest
import scipy.linalg

from ddx7.audio.metrics import fad, fad_infinity, frechet_distance
from ddx7.errors import Ddx7Error


def random_gaussian(rng, dimension):
    factor = rng.normal(size=(dimension, dimension + 3))
    return rng.normal(size=dimension), factor @ factor.T / dimension


def by_sqrtm(mean_a, cov_a, mean_b, cov_b):
    root = scipy.linalg.sqrtm(cov_a @ cov_b).real
    return np.sum((mean_a - mean_b) ** 2) + np.trace(cov_a + cov_b - 2 * root)


@pytest.mark.parametrize("dimension", [1, 2, 7, 40])
def test_against_a_matrix_square_root(dimension):
    rng = np.random.default_rng(dimension)
    for _ in range(5):
        a, b = random_gaussian(rng, dimension), random_gaussian(rng, dimension)
        assert frechet_distance(*a, *b) == pytest.approx(by_sqrtm(*a, *b), rel=1e-8)
        assert frechet_distance(*a, *b) == pytest.approx(frechet_distance(*b, *a), rel=1e-10)
        assert frechet_distance(*a, *a) == pytest.approx(0, abs=1e-10 * np.trace(a[1]))


def test_diagonal_covariances_have_a_closed_form():
    rng = np.random.default_rng(0)
    mean_a, mean_b = rng.normal(size=(2, 10))
    deviation_a, deviation_b = rng.uniform(0, 2, (2, 10))
    deviation_a[:4] = 0.0  # singular, where a square root of the product goes wrong
    expected = np.sum((mean_a - mean_b) ** 2) + np.sum((deviation_a - deviation_b) ** 2)
    result = frechet_distance(mean_a, np.diag(deviation_a**2), mean_b, np.diag(deviation_b**2))
    assert result == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("n", "m"), [(300, 200), (12, 200), (300, 5), (9, 4)])
def test_of_sets_uses_their_moments(n, m):
    """Also where there are fewer windows than dimensions."""
    rng = np.random.default_rng(1)
    mix = rng.normal(size=(20, 20))
    a, b = rng.normal(size=(n, 20)) @ mix, 1 + rng.normal(size=(m, 20))
    moments = [(x.mean(axis=0), (x - x.mean(axis=0)).T @ (x - x.mean(axis=0)) / (len(x) - 1)) for x in (a, b)]
    assert fad(a, b) == pytest.approx(frechet_distance(*moments[0], *moments[1]), rel=1e-6)
    if min(n, m) > 20:
        assert fad(a, b) == pytest.approx(by_sqrtm(*moments[0], *moments[1]), rel=1e-6)


def test_a_set_against_itself_and_against_itself_moved():
    values = np.random.default_rng(2).normal(size=(50, 8))
    assert fad(values, values) == pytest.approx(0, abs=1e-10)
    assert fad(values, values + 3) == pytest.approx(9 * 8, rel=1e-10)


@pytest.mark.slow
def test_infinity_removes_the_bias_of_a_small_set():
    """Of standard normals and ones moved by 0.1 in each of 16 dimensions the distance is 0.16."""
    rng = np.random.default_rng(3)
    reference = rng.normal(size=(50_000, 16))
    plain, slopes, extrapolated = [], [], []
    for seed in range(6):
        test = 0.1 + rng.normal(size=(1200, 16))
        plain.append(fad(reference, test))
        line = fad_infinity(reference, test, seed=seed)
        slopes.append(line.slope)
        extrapolated.append(line.value)
        assert line.r2 > 0.3
    # To first order the mean adds 16 / n, the covariance 16 * 17 / (4 n).
    assert np.mean(slopes) == pytest.approx(16 + 16 * 17 / 4, rel=0.3)
    assert np.mean(plain) > 0.16 + 0.05
    assert np.mean(extrapolated) == pytest.approx(0.16, abs=0.03)


def test_infinity_is_seeded_and_draws_without_replacement():
    rng = np.random.default_rng(4)
    reference, test = rng.normal(size=(400, 4)), rng.normal(size=(60, 4))
    assert fad_infinity(reference, test, seed=1) == fad_infinity(reference, test, seed=1)
    assert fad_infinity(reference, test, seed=1) != fad_infinity(reference, test, seed=2)
    # Of a set of four, any two that are drawn twice would have no spread: 25 subsets would show it.
    four = np.eye(4)
    assert np.isfinite(fad_infinity(four, four)).all()


@pytest.mark.parametrize(
    ("reference", "test", "message"),
    [
        (np.ones((1, 3)), np.ones((9, 3)), "reference set has too few windows of sound: 1, at least 2"),
        (np.ones((9, 3)), np.ones((3, 3)), "test set has too few windows of sound: 3, at least 4"),
        (np.ones((9, 3)), np.ones((9, 4)), "dimensions 3 and 4"),
        (np.ones((9, 3)), np.ones(9), "shape"),
        (np.full((9, 3), np.nan), np.ones((9, 3)), "reference set holds NaN"),
    ],
)
def test_sets_that_cannot_be_compared(reference, test, message):
    with pytest.raises(Ddx7Error, match=message):
        fad_infinity(reference, test)


def test_gaussians_that_cannot_be_compared():
    with pytest.raises(Ddx7Error, match="two of one dimension"):
        frechet_distance(np.zeros(2), np.eye(2), np.zeros(3), np.eye(3))
    with pytest.raises(Ddx7Error, match="NaN or infinite"):
        frechet_distance(np.zeros(2), np.full((2, 2), np.inf), np.zeros(2), np.eye(2))
