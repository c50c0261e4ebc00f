"""The search: islands of whole voices, evolved, improved by gradient, and polished on the integers.

How much is done is counted in seconds of sound heard, not by the clock, so that the same seed gives the same voices;
the clock only ends what would take too long.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Thread

import numpy as np

from ddx7.matching.gradient import LOOK_EVERY, STEPS, compile_refinement, refine
from ddx7.matching.objective import Objective
from ddx7.matching.prior import Prior, cross, force_release, mutate, structure
from ddx7.matching.result import Progress
from ddx7.runtime import n_cores

SEARCH_RATE = 22050
ISLANDS, ISLANDERS, CHILDREN = 4, 24, 16
GENERATION = ISLANDS * CHILDREN
FIRST_DRAW = 512
ALIKE = 6  # islanders of one structure, at most: others need time to show what they are worth

# Measured on two cores, with a third to spare for a busy machine: seconds of sound at `SEARCH_RATE` that one core
# renders and compares in a second; what a sound costs at 44.1 kHz beside that; and what a step of the gradient costs.
SOUND_PER_S = 560.0
FULL_RATE_COST = 3.7
GRADIENT_COST = 10.0

# Times as long as so far that a key may have to be held, unchanged first. The level of a sound tells it only roughly,
# and to be a tenth off costs the voice that made a sound as much as a wrong voice costs.
GATES = (1.0, 0.97, 1.03, 0.94, 1.06, 0.88, 1.12, 0.8, 1.25)
HEARD_ON_GATES = 2  # voices of each island
HOLDS = 3  # times that this is looked for, once after each of the first descents, of a note that is let go

DESCENDING = 2  # voices of an island that follow the gradient at a time: as many in all as two cores take together

# Shares of the work.
GRADIENT, POLISH = 0.4, 0.2


@dataclass
class Search:
    """The state of one search: islands of voices with their distances, best first, and what was spent on them.

    Attributes:
      full: what to listen for, at the rate of the result. How long keys are held is part of the search.
      prior: where voices come from.
      rng: all chance.
      seconds: the work to do is what two or more cores do in about this time; the search ends when it is over.
      progress: told a few times a second.
      seeds: voices to begin with beside the drawn ones, uint8 [voice, 155].
    """

    full: Objective
    prior: Prior
    rng: np.random.Generator
    seconds: float
    progress: Callable[[Progress], None] | None = None
    seeds: np.ndarray = field(default_factory=lambda: np.zeros((0, 155), np.uint8))
    renders: int = 0
    spent: float = 0.0
    stages: list[dict[str, float | str]] = field(default_factory=list)
    islands: np.ndarray = field(default_factory=lambda: np.zeros((ISLANDS, 0, 155), np.uint8))
    distances: np.ndarray = field(default_factory=lambda: np.zeros((ISLANDS, 0)))
    descended: set[bytes] = field(default_factory=set)
    late: bool = False

    def __post_init__(self) -> None:
        self.start = time.monotonic()
        self.half = self.full.at(SEARCH_RATE)
        self.budget = self.seconds * SOUND_PER_S * n_cores()

    @property
    def elapsed(self) -> float:
        """Seconds since the search began, without compilation."""
        return time.monotonic() - self.start

    def run(self) -> bool:
        """Search until the work is done or the time is up; True if it was interrupted with something to show."""
        short = self.half.for_gradient()
        compiling = Thread(target=compile_refinement, args=(short,))
        one_pass = STEPS * GRADIENT_COST * short.seconds * ISLANDS * DESCENDING
        passes = int(GRADIENT * self.budget / one_pass)
        try:
            self._enter("compiling")
            if passes:
                compiling.start()  # beside the search: on a machine's first use it takes half a minute, later seconds
            for audition in (self.half, self.full):
                audition.distances(self.prior.draw(np.random.default_rng(0), GENERATION))
            self._leave()
            self.start = time.monotonic()
            self._enter("drawing")
            drawn = FIRST_DRAW - min(len(self.prior.proposed), FIRST_DRAW // 2)
            self._settle(np.concatenate([self.seeds, self.prior.proposed, self.prior.draw(self.rng, drawn)]))
            evolution = 1 - POLISH - passes * one_pass / self.budget
            for k in range(passes + 1):
                self._enter("evolving")
                self._evolve(self.half, (evolution * (k + 1) / (passes + 1)) * self.budget + k * one_pass, reach=1.0)
                if k < passes:
                    self._enter("gradient")
                    waited = time.monotonic()
                    compiling.join()
                    self.start += time.monotonic() - waited
                    self._descend(short)
                    if k < HOLDS and self.prior.sustains and len(self.full.listeners) == 1:
                        self._hold()
                        short = self.half.for_gradient()
            self._enter("polishing")
            self._rescore(self.full)
            self._evolve(self.full, self.budget, reach=0.15)
        except KeyboardInterrupt:
            if not self.distances.size:
                raise
            return True
        finally:
            self._leave()
            if compiling.is_alive():
                compiling.join()  # an interpreter must not end in the middle of it; the next search wants it, too
        return False

    def glance(self) -> bool:
        """Hear what was proposed and search no further; True if that was interrupted."""
        try:
            self._enter("hearing proposals")
            self._settle(np.concatenate([self.seeds, self.prior.proposed]))
        except KeyboardInterrupt:
            if not self.distances.size:
                raise
            return True
        finally:
            self._leave()
        return False

    def ranked(self) -> np.ndarray:
        """Distinct voices, uint8 [voice, 155]: every island's best first, then the second ones, and so on."""
        # Rank by rank through the islands, so that a prefix of the pool holds voices that differ.
        pool = self.islands.swapaxes(0, 1).reshape(-1, self.islands.shape[-1])
        return pool[np.sort(np.unique(pool, axis=0, return_index=True)[1])]

    def _settle(self, voices: np.ndarray) -> None:
        """Spread fresh voices over the islands."""
        voices = voices[: len(voices) // ISLANDS * ISLANDS]
        distances = self._score(voices, self.half)
        self.islands = voices.reshape(-1, ISLANDS, voices.shape[1]).swapaxes(0, 1)
        self.distances = distances.reshape(-1, ISLANDS).T
        self._select()

    def _evolve(self, audition: Objective, until: float, reach: float) -> None:
        while self.spent < until and not self._over(audition):
            self._generation(audition, reach)

    def _generation(self, audition: Objective, reach: float) -> None:
        children = []
        for island in self.islands:
            picks = self.rng.integers(0, len(island), (2, CHILDREN, 2))
            # Islands are sorted, so the smaller index wins the tournament.
            mothers, fathers = island[picks.min(axis=-1)]
            crossed = np.where(self.rng.random((CHILDREN, 1)) < 0.5 * reach, cross(self.rng, mothers, fathers), mothers)
            children.append(mutate(self.rng, crossed, self.prior, reach))
        new = np.concatenate(children)
        distances = self._score(new, audition)
        self._add(new.reshape(ISLANDS, CHILDREN, -1), distances.reshape(ISLANDS, CHILDREN))

    def _descend(self, audition: Objective) -> None:
        voices = np.concatenate([self._next(island) for island in self.islands])

        def keep_going() -> bool:
            self._tell()
            return not self._over(audition)

        found = force_release(refine(audition, voices, keep_going))
        self.spent += len(found) * LOOK_EVERY * GRADIENT_COST * audition.seconds * len(voices)
        if found.size:
            distances = self._score(found.reshape(-1, found.shape[-1]), self.half)
            shape = len(found), ISLANDS, DESCENDING
            found, distances = found.reshape(*shape, -1).swapaxes(0, 1), distances.reshape(shape).swapaxes(0, 1)
            self._add(found.reshape(ISLANDS, -1, found.shape[-1]), distances.reshape(ISLANDS, -1))

    def _hold(self) -> None:
        """Hold the key as long as suits the best voices best."""
        best = self.islands[:, :HEARD_ON_GATES].reshape(-1, self.islands.shape[-1])
        [listener] = self.half.listeners
        gates_s = [factor * listener.hand.gate_s for factor in GATES]
        nearest = [self._score(best, self.half.held(gate_s)).min() for gate_s in gates_s]
        if k := int(np.argmin(nearest)):
            self.half, self.full = self.half.held(gates_s[k]), self.full.held(gates_s[k])
            self._rescore(self.half)

    def _next(self, island: np.ndarray) -> np.ndarray:
        """The best voice if it changed since a gradient improved it, and the best ones of structures new to it."""
        kinds = structure(island)
        chosen = [] if island[0].tobytes() in self.descended else [0]
        for k, kind in enumerate(kinds):
            if kind not in self.descended and all(kind != kinds[j] for j in chosen):
                chosen.append(k)
        chosen = list(dict.fromkeys([*chosen, *range(len(island))]))[:DESCENDING]
        self.descended |= {island[k].tobytes() for k in chosen} | {kinds[k] for k in chosen}
        return island[chosen]

    def _rescore(self, audition: Objective) -> None:
        flat = self.islands.reshape(-1, self.islands.shape[-1])
        self.distances = self._score(flat, audition).reshape(self.distances.shape)
        self._select()

    def _add(self, voices: np.ndarray, distances: np.ndarray) -> None:
        self.islands = np.concatenate([self.islands, voices], axis=1)
        self.distances = np.concatenate([self.distances, distances], axis=1)
        self._select()

    def _select(self) -> None:
        crowded = np.stack([_crowded(*island) for island in zip(self.islands, self.distances, strict=True)])
        order = np.lexsort((self.distances, crowded), axis=1)[:, :ISLANDERS]
        self.islands = np.take_along_axis(self.islands, order[:, :, None], axis=1)
        self.distances = np.take_along_axis(self.distances, order, axis=1)
        self._tell()

    def _score(self, voices: np.ndarray, audition: Objective) -> np.ndarray:
        distances = audition.distances(voices)
        self.renders += len(voices)
        cost = FULL_RATE_COST if audition is self.full else 1.0
        self.spent += cost * audition.seconds * len(voices)
        return distances

    def _over(self, audition: Objective) -> bool:
        """Whether the clock ends this part of the search; polishing keeps its share of the time."""
        over = self.elapsed > self.seconds * (1 if audition is self.full else 1 - POLISH)
        self.late = self.late or over
        return over

    def _least(self) -> float:
        return float(self.distances.min(initial=np.inf))

    def _enter(self, stage: str) -> None:
        self._leave()
        self.stages.append({"stage": stage, "start_s": round(self.elapsed, 2)})
        self._tell()

    def _leave(self) -> None:
        if self.stages:
            entry = self.stages[-1]
            entry |= {"end_s": round(self.elapsed, 2), "renders": self.renders}
            if self.distances.size:
                entry["distance"] = round(self._least(), 3)

    def _tell(self) -> None:
        if self.progress:
            stage = str(self.stages[-1]["stage"])
            self.progress(Progress(self.elapsed, self.seconds, stage, self.renders, self._least()))


def _crowded(voices: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Which voices have `ALIKE` better ones of their structure beside them, or a copy; bool [voice]."""
    kinds = structure(voices)
    order = np.argsort(distances, kind="stable")
    crowded, seen, counts = np.zeros(len(voices), bool), set(), Counter()
    for k in order:
        identity = voices[k].tobytes()
        crowded[k] = counts[kinds[k]] >= ALIKE or identity in seen
        seen.add(identity)
        counts[kinds[k]] += 1
    return crowded
