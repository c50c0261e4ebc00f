"""Baselines with as many renders as a search: random voices, and CMA-ES, a usual optimiser of synthesisers."""

from typing import Protocol

import cma
import numpy as np

from ddx7.matching.prior import Prior
from ddx7.voice.packing import VCED_MAX, VCED_MIN

FIRST_DRAW = 512
"""Random voices whose best one CMA-ES starts from; the search draws as many."""
POPULATION = 64
SIGMA = 0.05
"""First step. Of 0.05, 0.1, 0.2 and 0.3 the smallest did best: larger ones leave the first voice behind."""
SILENT = 100.0  # distance of a voice that makes no sound, in place of infinity
_RANGE = VCED_MAX.astype(float) - VCED_MIN


class Evaluator(Protocol):
    """Anything that evaluates the distance of voices from a target."""

    def distances(self, vced: np.ndarray, /) -> np.ndarray:
        """Distance of each voice, uint8 [voice, 155]; infinite for a silent one."""
        ...


def best_random(objective: Evaluator, prior: Prior, n: int, rng: np.random.Generator) -> np.ndarray:
    """The best of `n` random voices, uint8 [155]."""
    drawn = prior.draw(rng, n)
    return drawn[np.argmin(_distances(objective, drawn))]


def cma_es(objective: Evaluator, prior: Prior, free: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """The best voice of CMA-ES within `n` renders, uint8 [155].

    Every free parameter, also a categorical one, is a coordinate from 0 to 1, rounded to the panel's steps. CMA-ES
    starts from the best of `FIRST_DRAW` random voices, which count, and after an early end from the next best one.

    Args:
      objective: the distance to reduce.
      prior: distribution of the first voices.
      free: which bytes may change, bool [155]; the others keep the first voice's.
      n: renders, at least `FIRST_DRAW`; less than a population of them may be left over.
      rng: random generator.
    """
    drawn = prior.draw(rng, FIRST_DRAW)
    near = _distances(objective, drawn)
    best, least, left = drawn[np.argmin(near)], near.min(), n - FIRST_DRAW
    options = {
        "bounds": [0, 1],
        "popsize": POPULATION,
        "randn": lambda *shape: rng.standard_normal(shape),
        "seed": np.nan,  # leaves NumPy's global generator alone
        "verbose": -9,
    }
    for start in drawn[np.argsort(near)]:
        place = (start.astype(float) - VCED_MIN)[free] / _RANGE[free]
        strategy = cma.CMAEvolutionStrategy(place, SIGMA, options)
        while left >= POPULATION and not strategy.stop():
            asked = strategy.ask()
            voices = np.tile(start, (POPULATION, 1))
            voices[:, free] = np.round(VCED_MIN[free] + np.array(asked) * _RANGE[free])
            near = _distances(objective, voices)
            strategy.tell(asked, list(near))
            left -= POPULATION
            if near.min() < least:
                best, least = voices[np.argmin(near)], near.min()
        if left < POPULATION:
            break
    return best


def _distances(objective: Evaluator, vced: np.ndarray) -> np.ndarray:
    parts = [objective.distances(vced[first : first + FIRST_DRAW]) for first in range(0, len(vced), FIRST_DRAW)]
    return np.nan_to_num(np.concatenate(parts), nan=SILENT, posinf=SILENT)
