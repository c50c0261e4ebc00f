"""The benchmark of growth at toy size: its laws, and its picture."""

import growth
import numpy as np
import pytest


def test_the_law_is_the_line_through_points_that_lie_on_one():
    sizes = [1, 2, 8, 64]
    assert growth.law(sizes, [3 + 0.5 * n for n in sizes]) == pytest.approx((3, 0.5))
    assert growth.law(sizes, [2 * n for n in sizes]) == pytest.approx((0, 2), abs=1e-9)
    assert growth.law(sizes, [2 * n - 1 for n in sizes])[0] >= 0


def test_a_small_run_measures_and_draws():
    measured = growth.series((1, 4, 16), (0.02, 0.05), repeats=1)
    assert [s.unit for s in measured] == ["ms", "ms", "MB"]
    assert all(min(s.values) > 0 for s in measured)  # times this short may have any law
    memory = measured[-1]
    assert memory.each == pytest.approx(4 * growth.RATE * growth.LENGTH_S / 1e6, rel=0.3)  # the sound itself
    assert np.isfinite([s.worst for s in measured]).all()
    assert growth.picture(measured).startswith(b"\x89PNG")
