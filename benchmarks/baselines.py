"""What a search must beat with as many renders: chance, and CMA-ES, the usual black-box optimiser for synthesisers."""

from typing import Protocol

import cma
import numpy as np

from ddx7.matching.prior import Prior
from ddx7.voice.packing import VCED_MAX, VCED_MIN

FIRST_DRAW = 512
"""Random voices that CMA-ES starts from the best of: as many as the search draws."""
POPULATION = 64
SIGMA = 0.05
"""First step. Of 0.05, 0.1, 0.2 and 0.3 the smallest did best: wider ones lose what the first voice had."""
SILENT = 100.0  # distance of a voice that makes no sound, in place of infinity
_RANGE = VCED_MAX.astype(float) - VCED_MIN


class Judge(Protocol):
    """Whatever tells how far voices are from a target."""

    def distances(self, vced: np.ndarray, /) -> np.ndarray:
        """Of voices, uint8 [voice, 155]; infinite for a silent one."""
        ...


def best_random(judge: Judge, prior: Prior, n: int, rng: np.random.Generator) -> np.ndarray:
    """The best of `n` random voices, uint8 [155]."""
    drawn = prior.draw(rng, n)
    return drawn[np.argmin(_distances(judge, drawn))]


def cma_es(judge: Judge, prior: Prior, free: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """The best voice that CMA-ES hears within `n` renders, uint8 [155].

    Every free parameter is a coordinate from 0 to 1, rounded to the panel's steps, categorical ones, too. It starts
    from the best of `FIRST_DRAW` random voices (counted), and where it ends early again from the next best of them.

    Args:
      judge: of the voices.
      prior: where the first voices come from.
      free: which bytes may change, bool [155]; the others keep the first voice's.
      n: renders, at least `FIRST_DRAW`; less than a population of them may be left over.
      rng: all chance.
    """
    drawn = prior.draw(rng, FIRST_DRAW)
    near = _distances(judge, drawn)
    best, least, left = drawn[np.argmin(near)], near.min(), n - FIRST_DRAW
    options = {
        "bounds": [0, 1],
        "popsize": POPULATION,
        "randn": lambda *shape: rng.standard_normal(shape),
        "seed": np.nan,  # the chance is ours: leave NumPy's global generator alone
        "verbose": -9,
    }
    for start in drawn[np.argsort(near)]:
        place = (start.astype(float) - VCED_MIN)[free] / _RANGE[free]
        strategy = cma.CMAEvolutionStrategy(place, SIGMA, options)
        while left >= POPULATION and not strategy.stop():
            asked = strategy.ask()
            voices = np.tile(start, (POPULATION, 1))
            voices[:, free] = np.round(VCED_MIN[free] + np.array(asked) * _RANGE[free])
            near = _distances(judge, voices)
            strategy.tell(asked, list(near))
            left -= POPULATION
            if near.min() < least:
                best, least = voices[np.argmin(near)], near.min()
        if left < POPULATION:
            break
    return best


def _distances(judge: Judge, vced: np.ndarray) -> np.ndarray:
    parts = [judge.distances(vced[first : first + FIRST_DRAW]) for first in range(0, len(vced), FIRST_DRAW)]
    return np.nan_to_num(np.concatenate(parts), nan=SILENT, posinf=SILENT)
