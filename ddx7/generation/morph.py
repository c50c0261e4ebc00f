"""`morph`: steps from one voice to another, chosen by ear so that no step is much larger than the others.

For every step there are many candidates. Hybrids are one kind: what has an order (levels, rates, depths) is blended;
what has none - the algorithm, and each operator's frequency - is that of one parent or the other, never between: the
mean of two tunings is out of tune with both. The other kind is drawn by the ear: both parents are encoded by their
sound, and voices are decoded from between (`ddx7.encoder.latent`); those owe no byte to either parent.

All are played, and the sequence is taken whose steps, from the first voice to the last, have the least sum of squares:
the shortest path through sound, walked evenly. Were there a voice for every sound, it would be the straight line.
"""

from itertools import pairwise, product
from typing import Literal, get_args

import numpy as np

from ddx7.encoder.latent import decode, encode
from ddx7.errors import Ddx7Error
from ddx7.library.notes import note_log_mel, render_notes
from ddx7.voice import Bank, Voice
from ddx7.voice.packing import VCED_COLUMNS
from ddx7.voice.spec import FIELDS, N_OPERATORS
from ddx7.voice.symmetry import OPERATOR_COLUMNS, permuted, symmetries
from ddx7.voice.voice import numbered

_BLENDED = np.array([not f.parameter.categorical and f.parameter.audible for f in FIELDS])
_TUNING = np.stack([VCED_COLUMNS[name] for name in ("fixed", "coarse", "fine", "detune")], axis=1)
_BLENDED[_TUNING.ravel()] = False
_BLENDED[VCED_COLUMNS["transpose"]] = False

Through = Literal["both", "hybrids", "ear"]
"""Where the voices between come from."""
_DRAWN = 64
"""Voices that the ear draws for a step: one of its compiled groups."""


def morph(a: Voice, b: Voice, steps: int = 7, *, through: Through = "both", seed: int = 0) -> Bank:
    """Walk from one voice to another.

    Args:
      a: the first step.
      b: the last.
      steps: how many voices, both ends included, 2-64.
      through: hybrids of the two voices, what the ear draws between them, or whichever of both makes the steps evenest.
      seed: of what the ear draws.

    Returns:
      the voices in order; the ends are `a` and `b` as they are, the others named after both.

    Raises:
      Ddx7Error: steps out of range, or no such way.
    """
    if through not in get_args(Through):
        raise Ddx7Error(f"through: found {through!r}, wanted one of {', '.join(get_args(Through))}")
    if not 2 <= steps <= 64:
        raise Ddx7Error(f"steps: found {steps}, wanted 2 to 64")
    ends = np.stack([np.frombuffer(voice.to_vced(), np.uint8) for voice in (a, b)])
    path = walk(ends[0], ends[1], steps, through, seed)
    between = [Voice.from_vced(row).renamed(_named(a, b, k, steps)) for k, row in enumerate(path[1:-1], start=1)]
    return Bank([a, *between, b])


def walk(a: np.ndarray, b: np.ndarray, steps: int, through: Through = "both", seed: int = 0) -> np.ndarray:
    """The voices of a morph, uint8 [step, 155], from a to b, each uint8 [155]; the rest as in `morph`."""
    b = _facing(a, b)
    shares = np.arange(1, steps - 1) / (steps - 1)
    kinds = []
    if through != "ear":
        kinds.append([hybrids(a, b, share) for share in shares])
    if through != "hybrids" and len(shares):
        kinds.append(list(drawn(a, b, shares, seed)))
    layers = [a[None], *(np.concatenate(step) for step in zip(*kinds, strict=True)), b[None]]
    seen = note_log_mel(render_notes(np.concatenate(layers)))
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


def drawn(a: np.ndarray, b: np.ndarray, shares: np.ndarray, seed: int = 0) -> np.ndarray:
    """Voices that the ear takes for sounds between those of two others.

    Args:
      a: uint8 [155].
      b: uint8 [155].
      shares: 0 is a, 1 is b, [share].
      seed: of chance.

    Returns:
      uint8 [share, 64, 155].
    """
    first, last = encode(np.stack([a, b]))
    return decode(first + shares[:, None].astype(np.float32) * (last - first), _DRAWN, seed=seed)


def _facing(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The second voice with its operators in the order, of those that keep its sound, most like the first one's."""
    group = symmetries(int(b[VCED_COLUMNS["algorithm"]]), bool(b[VCED_COLUMNS["feedback"]]))
    orders = permuted(np.tile(b, (len(group), 1)), group)
    unlike = np.abs(orders[:, OPERATOR_COLUMNS].astype(int) - a[OPERATOR_COLUMNS]).sum(axis=(1, 2))
    return orders[np.argmin(unlike)]


def _shortest(layers: list[np.ndarray]) -> list[int]:
    """Which of each layer's sounds, [candidate, level], to walk through: Viterbi's algorithm.

    Least is the sum over steps of the mean squared difference. Only in this metric is the shortest path through a space
    without gaps a straight line with equal steps.
    """
    costs, came_from = np.zeros(1), []
    for before, after in pairwise(layers):
        total = costs[:, None] + _squared(before, after)
        came_from.append(total.argmin(axis=0))
        costs = total.min(axis=0)
    path = [int(costs.argmin())]
    for origin in reversed(came_from):
        path.append(int(origin[path[-1]]))
    return path[::-1]


def _squared(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mean squared difference of each of some sounds to each of others, [sound, other]."""
    products = a @ b.T
    squares = (np.square(x).sum(axis=1, dtype=float) for x in (a, b))
    return np.maximum(np.add.outer(*squares) - 2 * products, 0) / a.shape[1]


def _named(a: Voice, b: Voice, k: int, steps: int) -> str:
    return numbered(f"{a.name[:4].rstrip()}-{b.name[:3].rstrip()}", k + 1) if steps > 2 else ""
