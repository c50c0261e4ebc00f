import numpy as np
import pytest

from ddx7.audio.metrics import f0_error, loudness_error
from ddx7.errors import Ddx7Error


def test_pitch_by_hand():
    expected = np.array([100.0, 200.0, 400.0, np.nan, 0.0, 100.0])
    result = np.array([100.0, 200.0 * 2 ** (10 / 1200), 800.0, 300.0, np.nan, 0.0])
    error = f0_error(expected, result)
    assert error.mean_cents == pytest.approx((0 + 10 + 1200) / 3)
    assert error.median_cents == pytest.approx(10)
    assert error.gross_share == pytest.approx(1 / 3)
    assert error.voicing_share == pytest.approx(2 / 6)
    assert (error.n_voiced, error.n_frames) == (3, 6)


def test_flat_and_sharp_count_alike_and_fifty_cents_is_not_gross():
    expected = np.full(2, 440.0)
    error = f0_error(expected, expected * 2 ** (np.array([-49.9, 49.9]) / 1200))
    assert error.mean_cents == pytest.approx(49.9)
    assert error.gross_share == 0
    assert f0_error(expected, expected * 2 ** (50.1 / 1200)).gross_share == 1


def test_no_common_pitch():
    error = f0_error(np.array([100.0, 0.0]), np.array([np.nan, 100.0]))
    assert np.isnan([error.mean_cents, error.median_cents, error.gross_share]).all()
    assert (error.voicing_share, error.n_voiced) == (1.0, 0)


def test_loudness_by_hand():
    error = loudness_error(np.array([-20.0, -30.0, -np.inf, -90.0]), np.array([-17.0, -31.0, -100.0, -76.0]))
    assert error.mean_db == pytest.approx((3 + 1 + 0 + 4) / 4)
    assert error.bias_db == pytest.approx((3 - 1 + 0 + 4) / 4)
    assert error.n_frames == 4
    assert loudness_error(np.array([-90.0]), np.array([-76.0]), quietest_db=-100).mean_db == 14


@pytest.mark.parametrize("error", [f0_error, loudness_error])
def test_tracks_that_do_not_fit(error):
    for expected, result in [(np.ones(3), np.ones(4)), (np.ones((2, 2)), np.ones((2, 2))), (np.ones(0), np.ones(0))]:
        with pytest.raises(Ddx7Error, match=r"two equal \[frame\]"):
            error(expected, result)
    with pytest.raises(Ddx7Error, match="infinite"):
        error(np.ones(2), np.array([1.0, np.inf]))


def test_a_negative_pitch_and_a_nan_level_are_mistakes():
    with pytest.raises(Ddx7Error, match="negative"):
        f0_error(np.ones(1), -np.ones(1))
    with pytest.raises(Ddx7Error, match="NaN"):
        loudness_error(np.ones(1), np.array([np.nan]))
