"""Conditions: what is true of voices, what is told to the networks, and how what was not asked is filled in."""

import numpy as np
import pytest

from ddx7.generation.gan.conditions import (
    NO,
    ROUTING,
    UNSAID,
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


def test_each_algorithm_is_told_apart_by_its_routing_and_twins_are_near():
    assert len(np.unique(ROUTING, axis=0)) == 32
    wires = ROUTING[:, :15].sum(axis=1)
    np.testing.assert_array_equal(wires, [sum(map(len, a.modulators)) for a in ALGORITHMS])
    apart = np.abs(ROUTING[0] - ROUTING).sum(axis=1)  # from algorithm 1
    assert apart[1] == 4  # algorithm 2 has its wires; feedback enters and leaves elsewhere
    assert apart[4] == 2  # algorithm 5 lacks a wire and has a carrier instead
    assert np.median(apart) > 5


def test_a_slow_attack_sweeps_and_a_fast_one_does_not():
    vced = voices(4)
    rates, levels = VCED_COLUMNS["rates"], VCED_COLUMNS["levels"]
    vced[:, levels[:, 3]] = 0
    vced[1, rates[0, 0]] = 25  # operator 1, a carrier, rises slowly
    vced[2, rates[1, 0]] = 25  # operator 2, its modulator, does
    vced[3, rates[5, 0]] = 25  # operator 6 does, and is off
    vced[3, VCED_COLUMNS["output_level"][5]] = 0
    np.testing.assert_array_equal(sweeping(vced), [False, True, True, False])


def test_fixed_counts_only_where_it_is_heard():
    vced = voices(3)
    vced[1:, VCED_COLUMNS["fixed"][2]] = 1
    vced[2, VCED_COLUMNS["output_level"][2]] = 0
    found = describe_conditions(vced, np.zeros((3, 2), bool))
    assert found.fixed.tolist() == [NO, YES, NO]
    assert found.algorithm.tolist() == [0, 0, 0]


def test_vectors_say_what_is_said_and_nothing_of_the_rest():
    said = VoiceConditions(
        np.array([4, 4]), np.array([[True, False], [False, False]]), np.array([YES, UNSAID]), np.array([NO, UNSAID])
    )
    found = said.vectors()
    np.testing.assert_array_equal(found[:, :33], ROUTING[[4, 4]])
    np.testing.assert_array_equal(found[:, 33:], [[1, 0, 1, 0, 0, 1], [0, 0, 0, 0, 0, 0]])
    many = VoiceConditions(np.zeros(4000, int), np.ones((4000, 2), bool), np.full(4000, YES), np.full(4000, NO))
    less = many.dropped(np.random.default_rng(0), 0.25)
    assert less.categories[:, 0].mean() == pytest.approx(0.75, abs=0.03)
    assert (less.sweeping == YES).mean() == pytest.approx(0.75, abs=0.03)
    assert (less.fixed == NO).mean() == pytest.approx(0.75, abs=0.03)
    assert (less.categories[:, 0] == less.categories[:, 1]).all()  # a mix is dropped as a whole


@pytest.fixture
def habits():
    """Brass is always algorithm 22, bells are 5, and mostly fixed; a third of the voices has no name that tells."""
    n = 300
    algorithm = np.repeat([21, 4, 30], n)
    categories = np.zeros((3 * n, 2), bool)
    categories[:n, 0], categories[n : 2 * n, 1] = True, True
    fixed = np.where(np.arange(3 * n) // n == 1, YES, NO)
    return ConditionPrior.of(VoiceConditions(algorithm, categories, np.full(3 * n, NO), fixed))


def test_what_was_not_asked_is_as_people_do_it(habits):
    rng = np.random.default_rng(0)
    free = habits.draw(rng, 3000)
    shares = np.bincount(free.algorithm, minlength=32) / 3000
    np.testing.assert_allclose(shares[[21, 4, 30]], 1 / 3, atol=0.04)
    assert free.categories[free.algorithm == 21, 0].mean() > 0.95
    assert (free.sweeping == UNSAID).all()
    brass = habits.draw(rng, 200, categories=[0])
    assert (brass.algorithm == 21).mean() > 0.97
    assert brass.categories.tolist() == [[True, False]] * 200
    fixed = habits.draw(rng, 300, fixed=YES, categories=[1])
    assert (fixed.algorithm == 4).mean() > 0.97
    assert (fixed.fixed == YES).all()
    asked = habits.draw(rng, 50, algorithm=7)
    assert (asked.algorithm == 7).all()
    assert not asked.categories.any()
