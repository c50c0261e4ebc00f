"""The last step of `match`: choose the candidates by the distance of the search, tune them, and render the best one."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

from ddx7.matching.held import NOTHING_HELD, HeldParts
from ddx7.matching.objective import Objective
from ddx7.matching.target import Target
from ddx7.matching.tuning import tune_voice
from ddx7.matching.vced import structure
from ddx7.voice import Bank, Voice
from ddx7.voice.voice import numbered, panel_name

COMPARED = 32
"""Voices of a search, the best first, that are compared at full rate."""
TIE = 0.2
"""Voices whose distance is at most this share above the least count as equally near: ratings agree with the distance no
more finely. The log-mel distance orders them."""
DIFFERENT = 2.0
"""Perceptual distance of candidates from each other that is wanted."""
FURTHEST = 1.6
"""Candidates are at most this many times as far from the recording as the best one, and `DIFFERENT` more. Only where
there are too few of these, others follow."""
_NAMELESS = "MATCH"


@dataclass(frozen=True, eq=False)
class Candidates:
    """The voices that `match` returns, nearest first.

    Attributes:
      voices: with names, as a file holds them.
      distances: perceptual distance of each from the recording's chosen notes.
      distances_db: log-mel distance of each from the whole recording.
      audio: the recording's notes rendered by the first voice, at the recording's RMS level.
      least_distance: perceptual distance of the nearest voice of the search.
    """

    voices: Bank
    distances: tuple[float, ...]
    distances_db: tuple[float, ...]
    audio: Float[np.ndarray, " sample"]
    least_distance: float


def finalise(
    target: Target,
    voices: UInt8[np.ndarray, "voice 155"],
    *,
    candidates: int = 4,
    name: str = _NAMELESS,
    held: HeldParts = NOTHING_HELD,
) -> Candidates:
    """Choose, tune and name the candidates of a search.

    Args:
      target: the recording.
      voices: distinct voices, the best of every island first.
      candidates: number of voices to return, at most.
      name: of the best voice; the others have it with a number.
      held: parts that tuning leaves alone.
    """
    pool = voices[_compared(voices, candidates)]
    objective = target.objective()
    distances = objective.distances(pool)
    least = float(distances.min())
    tied = np.flatnonzero(_as_near_as_the_best(distances))
    distances_db = np.full(len(pool), np.inf)
    distances_db[tied] = target.distances_db(target.render(pool[tied]))
    chosen = _different(objective, pool, distances, _ranked(distances, distances_db), candidates)
    audio = target.render(pool[chosen])
    tuned = np.stack([tune_voice(pool[i], x, distances[i], target, held) for i, x in zip(chosen, audio, strict=True)])
    distances, audio = objective.distances(tuned), target.render(tuned)
    distances_db = np.array(target.distances_db(audio))
    order = _ranked(distances, distances_db)
    best = audio[order[0]]
    gain = np.sqrt(np.mean(target.sound**2) / max(np.mean(best**2), 1e-12))
    stem = panel_name(name) or _NAMELESS
    names = [stem, *(numbered(stem, k) for k in range(2, len(order) + 1))]
    bank = Bank([Voice.from_vced(tuned[i]).renamed(called) for i, called in zip(order, names, strict=True)])
    near, near_db = (tuple(map(float, x[order])) for x in (distances, distances_db))
    return Candidates(bank, near, near_db, best * gain, least)


def _compared(voices: UInt8[np.ndarray, "voice 155"], candidates: int) -> list[int]:
    """The best voices, and the best one of each further structure."""
    n = max(candidates, COMPARED)
    structures = structure(voices)
    heads = [i for i, own in enumerate(structures) if structures.index(own) == i]
    return list(dict.fromkeys([*range(min(n // 2, len(voices))), *heads, *range(len(voices))]))[:n]


def _different(
    objective: Objective,
    pool: UInt8[np.ndarray, "voice 155"],
    distances: Float[np.ndarray, " voice"],
    ranked: list[int],
    n: int,
) -> list[int]:
    """Choose the first of ranked voices, then the next ones that are far enough from all chosen ones.

    Where no voice is so far, the farthest one that is near enough to the recording follows.
    """
    chosen = ranked[:1]
    near = [i for i in ranked if distances[i] <= FURTHEST * distances[ranked[0]] + DIFFERENT]
    apart = np.full(len(pool), np.inf)
    while len(chosen) < min(n, len(ranked)):
        apart = np.minimum(apart, objective.compared_with(pool[chosen[-1]]).distances(pool))
        left = [i for i in near if i not in chosen] or [i for i in ranked if i not in chosen]
        chosen.append(next((i for i in left if apart[i] >= DIFFERENT), max(left, key=lambda i: apart[i])))
    return chosen


def _as_near_as_the_best(distances: Float[np.ndarray, " voice"]) -> Bool[np.ndarray, " voice"]:
    return distances <= (1 + TIE) * distances.min()


def _ranked(distances: Float[np.ndarray, " voice"], distances_db: Float[np.ndarray, " voice"]) -> list[int]:
    """Voices in order of the distance, those as near as the best in order of the log-mel distance."""
    tied = _as_near_as_the_best(distances)
    return sorted(range(len(distances)), key=lambda i: (not tied[i], distances_db[i] if tied[i] else distances[i]))
