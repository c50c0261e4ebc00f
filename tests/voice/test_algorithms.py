import numpy as np

from ddx7.voice.algorithms import ALGORITHMS, CARRIERS, FEEDBACK_OPERATOR, FEEDBACK_SOURCE, MODULATION

# How many carriers each algorithm has, counted on the chart printed on the DX7's panel.
N_CARRIERS = [2, 2, 2, 2, 3, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 3, 3, 4, 4, 4, 5, 5, 3, 3, 3, 4, 4, 5, 6]


def test_numbers_and_carriers():
    assert [a.number for a in ALGORITHMS] == list(range(1, 33))
    assert [len(a.carriers) for a in ALGORITHMS] == N_CARRIERS
    assert CARRIERS.sum(1).tolist() == N_CARRIERS


def test_every_operator_is_a_carrier_or_a_modulator_and_never_both():
    modulates = MODULATION.any(1)
    assert np.array_equal(modulates, CARRIERS == 0)


def test_modulators_have_higher_numbers():
    assert not (MODULATION * np.tril(np.ones((6, 6)))).any()


def test_algorithm_22_in_full():
    algorithm = ALGORITHMS[21]
    assert algorithm.carriers == (1, 3, 4, 5)
    assert algorithm.modulators == ((2,), (), (6,), (6,), (6,), ())
    assert FEEDBACK_OPERATOR[21] == 5


def test_feedback_comes_from_another_operator_in_algorithms_4_and_6_alone():
    other = {a.number: (a.feedback, a.feedback_source) for a in ALGORITHMS if a.feedback != a.feedback_source}
    assert other == {4: (6, 4), 6: (6, 5)}
    assert [n + 1 for n in np.flatnonzero(FEEDBACK_SOURCE != FEEDBACK_OPERATOR)] == [4, 6]
