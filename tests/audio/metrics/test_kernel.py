import itertools
import math
import statistics

import numpy as np
import pytest

from ddx7.audio.metrics import kad, median_distance
from ddx7.errors import Ddx7Error


def naive(reference, test, bandwidth):
    def k(x, y):
        return math.exp(-sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) / (2 * bandwidth**2))

    def within(values):
        return statistics.mean(k(x, y) for x, y in itertools.permutations(values, 2))

    between = statistics.mean(k(x, y) for x in reference for y in test)
    return 100 * (within(reference) + within(test) - 2 * between)


@pytest.mark.parametrize(("n", "m"), [(2, 2), (13, 7), (30, 41)])
def test_against_a_double_loop(n, m, monkeypatch):
    rng = np.random.default_rng(n)
    reference, test = rng.normal(size=(n, 5)), rng.normal(0.5, 2.0, size=(m, 5))
    bandwidth = statistics.median(math.dist(x, y) for x, y in itertools.combinations(reference, 2))
    assert median_distance(reference) == pytest.approx(bandwidth, rel=1e-12)
    expected = naive(reference, test, bandwidth)
    assert kad(reference, test) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert kad(reference, test, bandwidth=0.7) == pytest.approx(naive(reference, test, 0.7), rel=1e-9, abs=1e-9)
    monkeypatch.setattr("ddx7.audio.metrics.kernel._ROWS", 4)
    assert kad(reference, test) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_it_is_unbiased_where_fad_is_not():
    """Sets from one source score 0 on average, small as they are; some below it."""
    rng = np.random.default_rng(0)
    scores = [kad(rng.normal(size=(40, 6)), rng.normal(size=(15, 6))) for _ in range(200)]
    error = np.std(scores) / np.sqrt(len(scores))
    assert abs(np.mean(scores)) < 4 * error < 0.5
    assert min(scores) < 0 < max(scores)


def test_scale_does_not_matter_and_distance_does():
    rng = np.random.default_rng(1)
    reference, test = rng.normal(size=(50, 4)), rng.normal(1.0, 1.0, size=(50, 4))
    assert kad(1000 * reference, 1000 * test) == pytest.approx(kad(reference, test), rel=1e-9)
    scores = [kad(reference, test + shift) for shift in (0, 1, 3, 100)]
    assert scores == sorted(scores)
    assert scores[-1] < 200


def test_a_reference_of_one_sound_has_no_bandwidth():
    with pytest.raises(Ddx7Error, match="are all windows the same"):
        kad(np.ones((5, 2)), np.zeros((5, 2)))
