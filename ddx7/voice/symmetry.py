"""Permutations of operators that keep the sound, and one canonical order for all such voices. NumPy only.

A permutation of the operators keeps the sound if it maps carriers to carriers, every modulator of an operator
to a modulator of its image, and the operator that feeds back to itself. Without feedback the last condition is void.
The module computes the permutations from the table of algorithms.
"""

from functools import cache
from itertools import permutations

import numpy as np

from ddx7.voice.algorithms import CARRIERS, FEEDBACK_OPERATOR, MODULATION
from ddx7.voice.packing import VCED_COLUMNS
from ddx7.voice.spec import N_OPERATORS, OPERATOR_PARAMETERS

OPERATOR_COLUMNS = np.concatenate(
    [VCED_COLUMNS[row.name].reshape(N_OPERATORS, -1) for row in OPERATOR_PARAMETERS], axis=1
)
"""VCED bytes of each operator, OP1 first, in the order of the table, int [6, 21]."""

# Operators are compared by their mode and frequency first, then by output level.
_SORTED_BY = ("fixed", "coarse", "fine", "detune", "output_level")


@cache
def symmetries(algorithm: int, feedback: bool) -> np.ndarray:
    """Permutations of the operators that keep every voice's sound.

    Args:
      algorithm: 0-31.
      feedback: whether the feedback operator must keep its place; at feedback 0 it need not.

    Returns:
      int [permutation, 6], the identity first: operator i of the result was operator ``p[i]``, OP1 is 0.
    """
    modulation, carriers = MODULATION[algorithm], CARRIERS[algorithm]
    looped = np.arange(N_OPERATORS) == FEEDBACK_OPERATOR[algorithm]
    found = []
    for order in permutations(range(N_OPERATORS)):
        p = list(order)
        same = np.array_equal(carriers[p], carriers) and np.array_equal(modulation[np.ix_(p, p)], modulation)
        if same and (not feedback or np.array_equal(looped[p], looped)):
            found.append(p)
    return np.array(found)


def permuted(vced: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Voices with their operators in another order.

    Args:
      vced: uint8 [voice, 155].
      order: int [voice, 6]: the operator i of the result is operator ``order[:, i]`` of the voice, OP1 is 0.
    """
    result = np.array(vced)
    rows = np.arange(len(result))[:, None, None]
    result[rows, OPERATOR_COLUMNS[None]] = vced[rows, OPERATOR_COLUMNS[order]]
    return result


def sorted_operators(vced: np.ndarray) -> np.ndarray:
    """The same sounds with operators in canonical order: voices that differ only by a symmetry become equal.

    Args:
      vced: uint8 [voice, 155], legal bytes.

    Returns:
      uint8 [voice, 155].
    """
    vced = np.asarray(vced)
    return permuted(vced, sorting(vced))


def sorting(vced: np.ndarray) -> np.ndarray:
    """The permutation that `sorted_operators` applies to each voice.

    Of the permutations that keep the sound it is the one that puts low frequencies first, compared operator by
    operator from OP1.

    Args:
      vced: uint8 [voice, 155], legal bytes.

    Returns:
      int [voice, 6], as `permuted` takes it.
    """
    ranks = _ranks(vced)
    algorithm, loops = vced[:, VCED_COLUMNS["algorithm"]], vced[:, VCED_COLUMNS["feedback"]] > 0
    order = np.tile(np.arange(N_OPERATORS), (len(vced), 1))
    for a in range(len(CARRIERS)):
        for looped in (False, True):
            members = np.flatnonzero((algorithm == a) & (loops == looped))
            group = symmetries(a, looped)
            if len(members) == 0 or len(group) == 1:
                continue
            # A number for each permutation, in which the ranks of the first operators weigh most.
            weight = float(N_OPERATORS) ** np.arange(N_OPERATORS)[::-1]
            chosen = np.argmin((ranks[members][:, group] * weight).sum(-1), axis=1)
            order[members] = group[chosen]
    return order


def _ranks(vced: np.ndarray) -> np.ndarray:
    """Rank of each operator among its voice's six; equal operators have equal ranks; int [voice, 6]."""
    names = [row.name for row in OPERATOR_PARAMETERS]
    first = [VCED_COLUMNS[name].reshape(N_OPERATORS, -1) for name in _SORTED_BY]
    rest = [VCED_COLUMNS[name].reshape(N_OPERATORS, -1) for name in names if name not in _SORTED_BY]
    columns = np.concatenate(first + rest, axis=1)
    values = vced[:, columns].astype(np.int64)  # [voice, 6, 21]
    smaller = np.zeros((len(vced), N_OPERATORS, N_OPERATORS), bool)
    decided = np.zeros_like(smaller)
    for k in range(values.shape[-1]):
        a, b = values[:, :, None, k], values[:, None, :, k]
        smaller |= ~decided & (b < a)
        decided |= a != b
    return smaller.sum(-1)
