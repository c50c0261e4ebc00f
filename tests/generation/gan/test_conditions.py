"""Conditions: those that voices meet, the networks' input vectors, and sampling of unspecified ones."""

import numpy as np
import pytest

from ddx7.generation.gan.conditions import (
    NO,
    ROUTING,
    UNSPECIFIED,
    YES,
    ConditionPrior,
    VoiceConditions,
    describe_conditions,
    sweeping,
)
from ddx7.voice.algorithms import ALGORITHMS
from ddx7.voice.packing import INIT_VCED, VCED_COLUMNS


def voices(n=1):
    vced = np.tile(INIT_VCED, (n, 1))
    vced[:, VCED_COLUMNS["output_level"]] = 90
    return vced


def test_every_algorithm_has_its_own_routing_and_similar_ones_are_close():
    assert len(np.unique(ROUTING, axis=0)) == 32
    n_connections = ROUTING[:, :15].sum(axis=1)
    np.testing.assert_array_equal(n_connections, [sum(map(len, a.modulators)) for a in ALGORITHMS])
    distance = np.abs(ROUTING[0] - ROUTING).sum(axis=1)  # from algorithm 1
    assert distance[1] == 4  # algorithm 2 has the same connections; feedback enters and leaves elsewhere
    assert distance[4] == 2  # algorithm 5 lacks a connection and has a carrier instead
    assert np.median(distance) > 5


def test_a_slow_attack_sweeps_and_a_fast_one_does_not():
    vced = voices(4)
    rates, levels = VCED_COLUMNS["rates"], VCED_COLUMNS["levels"]
    vced[:, levels[:, 3]] = 0
    vced[1, rates[0, 0]] = 25  # operator 1, a carrier, rises slowly
    vced[2, rates[1, 0]] = 25  # operator 2, its modulator, does
    vced[3, rates[5, 0]] = 25  # operator 6 does, and is off
    vced[3, VCED_COLUMNS["output_level"][5]] = 0
    np.testing.assert_array_equal(sweeping(vced), [False, True, True, False])


def test_a_fixed_frequency_counts_only_on_an_audible_operator():
    vced = voices(3)
    vced[1:, VCED_COLUMNS["fixed"][2]] = 1
    vced[2, VCED_COLUMNS["output_level"][2]] = 0
    found = describe_conditions(vced, np.zeros((3, 2), bool))
    assert found.fixed.tolist() == [NO, YES, NO]
    assert found.algorithm.tolist() == [0, 0, 0]


def test_vectors_hold_specified_conditions_and_zeros_for_the_rest():
    conditions = VoiceConditions(
        np.array([4, 4]),
        np.array([[True, False], [False, False]]),
        np.array([YES, UNSPECIFIED], np.int8),
        np.array([NO, UNSPECIFIED], np.int8),
    )
    vectors = conditions.vectors()
    np.testing.assert_array_equal(vectors[:, :33], ROUTING[[4, 4]])
    np.testing.assert_array_equal(vectors[:, 33:], [[1, 0, 1, 0, 0, 1], [0, 0, 0, 0, 0, 0]])
    many = VoiceConditions(
        np.zeros(4000, int), np.ones((4000, 2), bool), np.full(4000, YES, np.int8), np.full(4000, NO, np.int8)
    )
    dropped = many.drop(np.random.default_rng(0), 0.25)
    assert dropped.categories[:, 0].mean() == pytest.approx(0.75, abs=0.03)
    assert (dropped.sweeping == YES).mean() == pytest.approx(0.75, abs=0.03)
    assert (dropped.fixed == NO).mean() == pytest.approx(0.75, abs=0.03)
    assert (dropped.categories[:, 0] == dropped.categories[:, 1]).all()  # a mix is dropped as a whole


@pytest.fixture
def prior():
    """Brass is always algorithm 22, bells are 5, and mostly fixed; a third has no category."""
    n = 300
    algorithm = np.repeat([21, 4, 30], n)
    categories = np.zeros((3 * n, 2), bool)
    categories[:n, 0], categories[n : 2 * n, 1] = True, True
    fixed = np.where(np.arange(3 * n) // n == 1, YES, NO).astype(np.int8)
    return ConditionPrior.from_conditions(VoiceConditions(algorithm, categories, np.full(3 * n, NO, np.int8), fixed))


def test_unspecified_conditions_are_as_frequent_as_in_real_voices(prior):
    rng = np.random.default_rng(0)
    free = prior.sample(rng, 3000)
    shares = np.bincount(free.algorithm, minlength=32) / 3000
    np.testing.assert_allclose(shares[[21, 4, 30]], 1 / 3, atol=0.04)
    assert free.categories[free.algorithm == 21, 0].mean() > 0.95
    assert (free.sweeping == UNSPECIFIED).all()
    brass = prior.sample(rng, 200, categories=[0])
    assert (brass.algorithm == 21).mean() > 0.97
    assert brass.categories.tolist() == [[True, False]] * 200
    fixed = prior.sample(rng, 300, fixed=YES, categories=[1])
    assert (fixed.algorithm == 4).mean() > 0.97
    assert (fixed.fixed == YES).all()
    conditions = prior.sample(rng, 50, algorithm=7)
    assert (conditions.algorithm == 7).all()
    assert not conditions.categories.any()
