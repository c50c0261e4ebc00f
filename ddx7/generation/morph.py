"""`morph`: steps from one voice to another, selected by their sound so that all steps are about equally large.

Every step has many candidates. Hybrids are one source: they interpolate ordinal parameters (levels, rates, depths) and
take categorical ones, the algorithm and each operator's frequency, from one parent or the other, because the mean of
two tunings is out of tune with both. The preset encoder is the other source: it encodes the sound of both parents and
decodes voices from points between them (`ddx7.encoder.latent`); their bytes need not be those of a parent.

All candidates are rendered. The morph is the sequence whose steps have the least sum of squared distances: the shortest
path through the sounds, in even steps. With a voice for every sound it would be a straight line.
"""

from collections.abc import Callable
from itertools import pairwise, product
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float, UInt8

from ddx7.encoder.latent import decode, encode
from ddx7.errors import ArgumentError
from ddx7.library.canonical import sound_key
from ddx7.library.notes import note_log_mel, render_notes
from ddx7.library.time_left import reports_of_time_left
from ddx7.voice import Bank, Voice
from ddx7.voice.packing import VCED_COLUMNS
from ddx7.voice.spec import FIELDS, N_OPERATORS
from ddx7.voice.symmetry import OPERATOR_COLUMNS, permuted, symmetries
from ddx7.voice.voice import numbered

_BLENDED = np.array([not f.parameter.categorical and f.parameter.audible for f in FIELDS])
_TUNING = np.stack([VCED_COLUMNS[name] for name in ("fixed", "coarse", "fine", "detune")], axis=1)
_BLENDED[_TUNING.ravel()] = False
_BLENDED[VCED_COLUMNS["transpose"]] = False

_RENDERED_AT_ONCE = 256  # candidates; progress is reported after each part

Through = Literal["both", "hybrids", "encoder"]
"""Sources of the candidates between the two voices."""
_DECODED = 64
"""Candidates that the preset encoder decodes for a step: one of its compiled groups."""


def morph(
    a: Voice,
    b: Voice,
    steps: int = 7,
    *,
    through: Through | str = "both",
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> Bank:
    """Morph one voice into another.

    Args:
      a: the first step.
      b: the last step.
      steps: number of voices, both ends included, 2-64.
      through: candidates of the steps: hybrids of both voices, voices that the preset encoder decodes between them, or
        both.
      seed: of the decoded voices.
      progress: called with a few words for each step of the work.

    Returns:
      the voices in order; the ends are `a` and `b` unchanged, the others are named after both.

    Raises:
      ArgumentError: steps out of range, no such source, or one voice given twice.
    """
    if through not in get_args(Through):
        raise ArgumentError(f"through: found {through!r}, wanted one of {', '.join(get_args(Through))}")
    if not 2 <= steps <= 64:
        raise ArgumentError(f"steps: found {steps}, wanted 2 to 64")
    ends = np.stack([np.frombuffer(voice.to_vced(), np.uint8) for voice in (a, b)])
    if len(np.unique(sound_key(ends), axis=0)) == 1:
        raise ArgumentError(f"morph: found the same voice twice, {a.name or 'unnamed'}, wanted two different voices")
    path = walk(ends[0], ends[1], steps, through, seed, progress)
    between = [Voice.from_vced(row).renamed(_step_name(a, b, k, steps)) for k, row in enumerate(path[1:-1], start=1)]
    return Bank([a, *between, b])


def walk(
    a: UInt8[np.ndarray, " 155"],
    b: UInt8[np.ndarray, " 155"],
    steps: int,
    through: Through | str = "both",
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> UInt8[np.ndarray, "step 155"]:
    """The voices of a morph as bytes; arguments as in `morph`."""
    b = _aligned(a, b)
    shares = np.arange(1, steps - 1) / (steps - 1)
    sources = []
    report = progress or (lambda _: None)
    if through != "encoder":
        report("making hybrids")
        sources.append([hybrids(a, b, share) for share in shares])
    if through != "hybrids" and len(shares):
        report("decoding voices between the two sounds")
        sources.append(list(decode_between(a, b, shares, seed)))
    layers = [a[None], *(np.concatenate(step) for step in zip(*sources, strict=True)), b[None]]
    candidates = np.concatenate(layers)
    show = reports_of_time_left(report, f"rendering {len(candidates):,} candidates")
    parts = []
    for first in range(0, len(candidates), _RENDERED_AT_ONCE):
        parts.append(note_log_mel(render_notes(candidates[first : first + _RENDERED_AT_ONCE])))
        show(min(first + _RENDERED_AT_ONCE, len(candidates)), len(candidates))
    log_mels = np.concatenate(parts)
    sounds = np.split(log_mels, np.cumsum([len(layer) for layer in layers])[:-1])
    return np.stack([layer[k] for layer, k in zip(layers, _shortest_path(sounds), strict=True)])


def blend(a: UInt8[np.ndarray, " 155"], b: UInt8[np.ndarray, " 155"], share: float) -> UInt8[np.ndarray, " 155"]:
    """Naive interpolation, for comparison: ordinal parameters are interpolated, others are those of the nearer end."""
    mixed = np.round(a + share * (b.astype(float) - a)).astype(np.uint8)
    categorical = np.array([f.parameter.categorical or not f.parameter.audible for f in FIELDS])
    return np.where(categorical, b if share >= 0.5 else a, mixed)


def hybrids(
    a: UInt8[np.ndarray, " 155"], b: UInt8[np.ndarray, " 155"], share: float
) -> UInt8[np.ndarray, "hybrid 155"]:
    """All hybrids of two voices at one point between them, each once.

    They differ in which operators have the frequency of `b`, and in whose algorithm they have.

    Args:
      a: one voice.
      b: the other voice.
      share: of `b` in interpolated parameters, 0-1.
    """
    mixed = np.round(a + share * (b.astype(float) - a)).astype(np.uint8)
    voices = []
    for *tuned, other in product((False, True), repeat=N_OPERATORS + 1):
        voice = np.where(_BLENDED, mixed, b if other else a)
        for operator, from_b in enumerate(tuned):
            voice[_TUNING[operator]] = (b if from_b else a)[_TUNING[operator]]
        voices.append(voice)
    return np.unique(voices, axis=0)


def decode_between(
    a: UInt8[np.ndarray, " 155"], b: UInt8[np.ndarray, " 155"], shares: Float[np.ndarray, " share"], seed: int = 0
) -> UInt8[np.ndarray, "share 64 155"]:
    """Voices that the preset encoder decodes from points between the sounds of two voices.

    Args:
      a: one voice.
      b: the other voice.
      shares: of `b`, 0-1.
      seed: of the decoder.
    """
    first, last = encode(np.stack([a, b]))
    return decode(first + shares[:, None].astype(np.float32) * (last - first), _DECODED, seed=seed)


def _aligned(a: UInt8[np.ndarray, " 155"], b: UInt8[np.ndarray, " 155"]) -> UInt8[np.ndarray, " 155"]:
    """The second voice with its operators permuted to resemble the first one's; the sound stays the same."""
    group = symmetries(int(b[VCED_COLUMNS["algorithm"]]), bool(b[VCED_COLUMNS["feedback"]]))
    orders = permuted(np.tile(b, (len(group), 1)), group)
    differences = np.abs(orders[:, OPERATOR_COLUMNS].astype(int) - a[OPERATOR_COLUMNS]).sum(axis=(1, 2))
    return orders[np.argmin(differences)]


def _shortest_path(layers: list[np.ndarray]) -> list[int]:
    """The sound of each layer, [candidate, level], on the shortest path through all layers (Viterbi's algorithm).

    The path minimises the sum over steps of the mean squared difference. Only with squares is the shortest path through
    a space without gaps a straight line with equal steps.
    """
    costs, came_from = np.zeros(1), []
    for before, after in pairwise(layers):
        total = costs[:, None] + _squared_distances(before, after)
        came_from.append(total.argmin(axis=0))
        costs = total.min(axis=0)
    path = [int(costs.argmin())]
    for origin in reversed(came_from):
        path.append(int(origin[path[-1]]))
    return path[::-1]


def _squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mean squared differences of all pairs of sounds, [sound, other]."""
    products = a @ b.T
    squares = (np.square(x).sum(axis=1, dtype=float) for x in (a, b))
    return np.maximum(np.add.outer(*squares) - 2 * products, 0) / a.shape[1]


def _step_name(a: Voice, b: Voice, k: int, steps: int) -> str:
    return numbered(f"{a.name[:4].rstrip()}-{b.name[:3].rstrip()}", k + 1) if steps > 2 else ""
