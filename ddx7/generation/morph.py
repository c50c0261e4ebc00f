"""`morph`: steps from one voice to another, chosen by ear so that no step is much larger than the others.

What has an order (levels, rates, depths) is blended. What has none - the algorithm, and each operator's frequency - is
that of one parent or the other, never between: the mean of two tunings is out of tune with both. So at every step there
are many hybrids, by which operators have changed sides. All are played, and the sequence is taken whose steps, from
the first voice to the last, have the least sum of squares: the shortest path through sound, walked evenly.
"""

from itertools import pairwise, product

import numpy as np

from ddx7.errors import Ddx7Error
from ddx7.library.hearing import apart_db, hear, look
from ddx7.voice import Bank, Voice
from ddx7.voice.packing import VCED_COLUMNS
from ddx7.voice.spec import FIELDS, N_OPERATORS
from ddx7.voice.symmetry import OPERATOR_COLUMNS, permuted, symmetries
from ddx7.voice.voice import numbered

_BLENDED = np.array([not f.parameter.categorical and f.parameter.audible for f in FIELDS])
_TUNING = np.stack([VCED_COLUMNS[name] for name in ("fixed", "coarse", "fine", "detune")], axis=1)
_BLENDED[_TUNING.ravel()] = False
_BLENDED[VCED_COLUMNS["transpose"]] = False
_OTHERS = ~_BLENDED
_OTHERS[_TUNING.ravel()] = False


def morph(a: Voice, b: Voice, steps: int = 7) -> Bank:
    """Walk from one voice to another.

    Args:
      a: the first step.
      b: the last.
      steps: how many voices, both ends included, 2-64.

    Returns:
      the voices in order; the ends are `a` and `b` as they are, the others named after both.

    Raises:
      Ddx7Error: steps out of range.
    """
    if not 2 <= steps <= 64:
        raise Ddx7Error(f"steps: found {steps}, wanted 2 to 64")
    ends = np.stack([np.frombuffer(voice.to_vced(), np.uint8) for voice in (a, b)])
    path = walk(ends[0], ends[1], steps)
    between = [Voice.from_vced(row).renamed(_named(a, b, k, steps)) for k, row in enumerate(path[1:-1], start=1)]
    return Bank([a, *between, b])


def walk(a: np.ndarray, b: np.ndarray, steps: int) -> np.ndarray:
    """The voices of a morph, uint8 [step, 155], from a to b, each uint8 [155]."""
    b = _facing(a, b)
    layers = [a[None], *(hybrids(a, b, k / (steps - 1)) for k in range(1, steps - 1)), b[None]]
    seen = look(hear(np.concatenate(layers)))
    sounds = np.split(seen, np.cumsum([len(layer) for layer in layers])[:-1])
    return np.stack([layer[k] for layer, k in zip(layers, _shortest(sounds), strict=True)])


def blend(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    """The naive blend for comparison: every number between its two ends, what is no number from the nearer one."""
    mixed = np.round(a + share * (b.astype(float) - a)).astype(np.uint8)
    categorical = np.array([f.parameter.categorical or not f.parameter.audible for f in FIELDS])
    return np.where(categorical, b if share >= 0.5 else a, mixed)


def hybrids(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    """All voices some way from one to another, by which operators' frequencies and whose algorithm they have.

    Args:
      a: uint8 [155].
      b: uint8 [155].
      share: 0 is a, 1 is b, for what is blended.

    Returns:
      uint8 [hybrid, 155], each once.
    """
    mixed = np.round(a + share * (b.astype(float) - a)).astype(np.uint8)
    found = []
    for *tuned, other in product((False, True), repeat=N_OPERATORS + 1):
        voice = np.where(_BLENDED, mixed, b if other else a)
        for operator, from_b in enumerate(tuned):
            voice[_TUNING[operator]] = (b if from_b else a)[_TUNING[operator]]
        found.append(voice)
    return np.unique(found, axis=0)


def _facing(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The second voice with its operators in the order, of those that keep its sound, most like the first one's."""
    group = symmetries(int(b[VCED_COLUMNS["algorithm"]]), bool(b[VCED_COLUMNS["feedback"]]))
    orders = permuted(np.tile(b, (len(group), 1)), group)
    unlike = np.abs(orders[:, OPERATOR_COLUMNS].astype(int) - a[OPERATOR_COLUMNS]).sum(axis=(1, 2))
    return orders[np.argmin(unlike)]


def _shortest(layers: list[np.ndarray]) -> list[int]:
    """Which of each layer's sounds to walk through: the least sum of squared distances (Viterbi's algorithm)."""
    costs, came_from = np.zeros(1), []
    for before, after in pairwise(layers):
        total = costs[:, None] + apart_db(before, after) ** 2
        came_from.append(total.argmin(axis=0))
        costs = total.min(axis=0)
    path = [int(costs.argmin())]
    for origin in reversed(came_from):
        path.append(int(origin[path[-1]]))
    return path[::-1]


def _named(a: Voice, b: Voice, k: int, steps: int) -> str:
    return numbered(f"{a.name[:4].rstrip()}-{b.name[:3].rstrip()}", k + 1) if steps > 2 else ""
