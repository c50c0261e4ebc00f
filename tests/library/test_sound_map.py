"""The map of timbre: alike sounds lie together, brightness grows to the right, and it does not depend on levels."""

import numpy as np
import pytest

from ddx7.library import timbre_map
from ddx7.library.sound_map import timbre_distances, timbre_features

GROUPS, EACH = 6, 40


def sounds(seed=0):
    """Six kinds of sound with small differences inside; each kind is brighter than the one before."""
    rng = np.random.default_rng(seed)
    bands = np.arange(24)
    kinds = [-2.0 * np.abs(bands - 3 * (k + 1)) - 3.0 * k * (np.arange(12)[:, None] % 2) for k in range(GROUPS)]
    kind = np.repeat(np.arange(GROUPS), EACH)
    levels = np.stack([kinds[k] + rng.normal(0, 1, (12, 24)) for k in kind])
    return levels.astype(np.float32), 100.0 * 2.0**kind * rng.uniform(0.9, 1.1, len(kind)), kind


def test_neighbours_are_of_the_same_kind_and_brightness_grows_to_the_right():
    levels, centre_hz, kind = sounds()
    places = timbre_map(levels, centre_hz)
    assert places.shape == (len(kind), 2)
    assert places.min() == 0
    assert places.max() == 1
    apart = np.square(places[:, None] - places[None]).sum(-1)
    np.fill_diagonal(apart, np.inf)
    assert np.mean(kind[apart.argmin(1)] == kind) > 0.95
    assert np.corrcoef(places[:, 0], np.log(centre_hz))[0, 1] > 0.5


def test_the_level_of_a_voice_does_not_move_it():
    levels, centre_hz, _ = sounds()
    np.testing.assert_allclose(timbre_features(levels - 12), timbre_features(levels), atol=1e-4)
    np.testing.assert_array_equal(timbre_map(levels, centre_hz), timbre_map(levels, centre_hz))


def test_a_soft_voice_is_like_a_loud_one_of_its_timbre():
    loud = np.linspace(-80, -30, 12 * 24).reshape(12, 24).astype(np.float32)
    soft, other = np.maximum(loud - 35, -90), loud[:, ::-1]
    soft_db, other_db, own_db = timbre_distances(loud, np.stack([soft, other, loud]))
    assert own_db == 0
    assert soft_db == pytest.approx(0, abs=1e-4)
    assert other_db > 1


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
def test_few_voices_have_places(n):
    levels, centre_hz, _ = sounds()
    places = timbre_map(levels[:n], centre_hz[:n])
    assert places.shape == (n, 2)
    assert np.all((places >= 0) & (places <= 1))


def test_voices_that_sound_alike_have_places():
    levels = np.zeros((9, 12, 24), np.float32)
    assert np.isfinite(timbre_map(levels, np.full(9, 440.0))).all()
