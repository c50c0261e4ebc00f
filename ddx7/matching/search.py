"""The third step of `match`: evolve islands of voices, refine them by gradient, and polish them on the integers.

A search lasts a given time, or it does a given amount of work, which it counts in seconds of rendered audio. A seed
then gives the same voices on every machine.
"""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Thread

import numpy as np
from jaxtyping import Float, UInt8

from ddx7.matching import population as islands
from ddx7.matching.effort import Effort
from ddx7.matching.gradient import STEPS, STEPS_PER_ROUND, compile_refinement, refine
from ddx7.matching.objective import Objective
from ddx7.matching.pitch_choice import on_own_key
from ddx7.matching.population import CHILDREN, EMPTY, ISLANDS, Population
from ddx7.matching.propose import Proposals
from ddx7.matching.result import Progress, Stage
from ddx7.matching.target import RATE, Target
from ddx7.matching.vced import force_release
from ddx7.runtime import n_cores

GENERATION = ISLANDS * CHILDREN
FIRST_DRAW = 512
"""Voices that the search starts from, half of them drawn from the prior at least."""

# Measured in CPU time: seconds of audio at `SEARCH_RATE` that one core renders and compares in a second, the cost of a
# sound at 44.1 kHz against that, and the cost of a gradient step.
AUDIO_PER_S = 1500.0
FULL_RATE_COST = 1.5
GRADIENT_COST = 5.0
AUDIO_PER_EFFORT = 1120.0
"""Seconds of audio at `SEARCH_RATE` that count as effort 1: about a second of two busy cores."""

# Gates that the search tries, as factors of the current one; that comes first. The level of a sound shows its gate only
# roughly, and an error of a tenth costs the original voice as much as a wrong voice costs.
GATE_FACTORS = (1.0, 0.97, 1.03, 0.94, 1.06, 0.88, 1.12, 0.8, 1.25)
VOICES_PER_GATE = 2  # of each island
GATE_ROUNDS = 3  # after each of the first gradient passes, for one note with a release

REFINED = 2  # voices of an island in a gradient pass: in all as many as two cores take at once

# Shares of the search.
FIRST_SHARE, GRADIENT_SHARE, POLISH_SHARE = 0.1, 0.4, 0.2
POLISH_REACH = 0.15


@dataclass(frozen=True, eq=False)
class SearchResult:
    """Outcome of a search.

    Attributes:
      target: the recording, with the gates that the search found.
      voices: distinct voices, the best of every island first.
      stages: completed stages.
      renders: voices rendered.
      elapsed_s: seconds that it took, without compilation.
      late: whether the time was over before the work was done.
      interrupted: whether the user stopped it.
    """

    target: Target
    voices: UInt8[np.ndarray, "voice 155"]
    stages: tuple[Stage, ...]
    renders: int
    elapsed_s: float
    late: bool
    interrupted: bool


def search(
    proposals: Proposals,
    *,
    seconds: float | int = 30.0,
    seed: int = 0,
    budget: float | int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> SearchResult:
    """Search for voices that sound like a recording.

    Args:
      proposals: the target, the prior and the voices to start from.
      seconds: time of the search; with a budget, its limit.
      seed: seed of the random generator.
      budget: seconds of audio at `SEARCH_RATE` to render and compare, instead of a time.
      progress: called a few times a second.

    Returns:
      the result; Ctrl-C ends the search early with the best voices so far.

    Raises:
      KeyboardInterrupt: Ctrl-C before there is a first result.
    """
    driver = Search(proposals, np.random.default_rng(seed), Effort(seconds, budget, progress))
    return driver.result(interrupted=driver.run())


def rank_proposals(proposals: Proposals, *, progress: Callable[[Progress], None] | None = None) -> SearchResult:
    """Rank the proposed voices and search no further.

    Args:
      proposals: the target and the voices.
      progress: called when the voices are ranked.
    """
    driver = Search(proposals, np.random.default_rng(0), Effort(1.0, 0.0, progress))
    driver.effort.enter("rendering proposals", np.inf)
    driver.start_with(np.zeros((0, 155), np.uint8))
    driver.effort.leave(driver.population.least)
    return driver.result(interrupted=False)


class Search:
    """A running search: its objectives and population, its random generator, and its effort.

    Attributes:
      objective: the objective at `SEARCH_RATE`; the search changes its gate.
      full_objective: the same at `RATE`, for polishing.
      population: the current voices.
      effort: budget, clock and progress.
    """

    def __init__(self, proposals: Proposals, rng: np.random.Generator, effort: Effort) -> None:
        self.proposals = proposals
        self.rng = rng
        self.effort = effort
        self.objective = proposals.search_objective
        self.full_objective = proposals.objective
        self.population: Population = EMPTY
        self._refined: frozenset[bytes] = frozenset()

    def run(self) -> bool:
        """Search until the work is done or the time is over; True if Ctrl-C ended it with a result."""
        effort, prior = self.effort, self.proposals.prior
        short = self.objective.for_gradient()
        compiling = Thread(target=compile_refinement, args=(short, prior.free))
        one_pass = STEPS * GRADIENT_COST * short.duration_s * ISLANDS * REFINED
        work = effort.seconds * AUDIO_PER_S * n_cores() if effort.budget is None else effort.budget
        uses_gradient = one_pass <= GRADIENT_SHARE * work
        try:
            self._enter("compiling")
            if uses_gradient:
                compiling.start()  # beside the search: half a minute on a machine's first use, seconds later
            for objective in (self.objective, self.full_objective):
                objective.distances(prior.draw(np.random.default_rng(0), GENERATION))
            effort.leave(np.inf)
            effort.restart()
            self._enter("drawing")
            self.start_with(prior.draw(self.rng, FIRST_DRAW - min(len(prior.proposed), FIRST_DRAW // 2)))
            end, until, passes = 1 - POLISH_SHARE, FIRST_SHARE if uses_gradient else 1.0, 0
            while True:
                self._enter("evolving")
                self._evolve(self.objective, min(until, end), reach=1.0)
                if until >= end:
                    break
                self._enter("gradient")
                effort.without(compiling.join)
                begin = effort.position
                self._refine(short)
                one_by_one = len(self.objective.note_targets) == 1 or self.proposals.target.separate
                if passes < GATE_ROUNDS and prior.sustains and one_by_one:
                    self._fit_gates()
                    short = self.objective.for_gradient()
                passes += 1
                # Evolution gets its share between two passes, and all that is too short for another pass.
                cost = effort.position - begin
                until = effort.position + cost * (end - GRADIENT_SHARE) / GRADIENT_SHARE
                until = until if until + cost <= end else 1.0
            self._enter("polishing")
            self._evaluate_again(self.full_objective)
            self._evolve(self.full_objective, 1.0, reach=POLISH_REACH)
        except KeyboardInterrupt:
            if not self.population.distances.size:
                raise
            return True
        finally:
            effort.leave(self.population.least)
            if compiling.is_alive():
                compiling.join()  # the interpreter must not end while a thread compiles
        return False

    def start_with(self, drawn: UInt8[np.ndarray, "voice 155"]) -> None:
        """Make the first population of the library's voices, the proposals and drawn voices.

        A voice that the user named and its variations take the place of the last two.
        """
        start, library = self.proposals.start, self.proposals.library
        others = self.proposals.prior.proposed, self.proposals.distances
        if len(start.voices):
            others, drawn = (start.voices, start.distances), drawn[:0]
        given = [library.voices, others[0]]
        n = islands.whole_rows(sum(map(len, given)) + len(drawn))
        drawn = drawn[: max(n - sum(map(len, given)), 0)]
        scored = [library.distances, others[1]]
        if len(drawn):
            scored.append(self.objective.distances(drawn))
        self.effort.charge(n, n * self.objective.duration_s)
        self._advance(islands.spread(np.concatenate([*given, drawn])[:n], np.concatenate(scored)[:n]))

    def result(self, *, interrupted: bool) -> SearchResult:
        """Outcome so far."""
        target = self.proposals.target.with_gates_of(self.full_objective)
        target, voices = on_own_key(target, islands.ranked(self.population))
        return SearchResult(
            target,
            voices,
            tuple(self.effort.stages),
            self.effort.renders,
            self.effort.elapsed_s,
            self.effort.late,
            interrupted,
        )

    def _evolve(self, objective: Objective, until: float, reach: float | int) -> None:
        """Breed generations until the search is so far."""
        while self.effort.position < until and not self._over(objective):
            children = islands.breed(self.rng, self.population, self.proposals.prior, reach)
            distances = self._distances(children.reshape(GENERATION, -1), objective)
            self._advance(islands.add(self.population, children, distances.reshape(ISLANDS, CHILDREN)))

    def _refine(self, objective: Objective) -> None:
        """Refine some voices of every island by gradient."""
        voices, self._refined = islands.choose_for_gradient(self.population, self._refined, REFINED)

        def keep_going() -> bool:
            self.effort.tell(self.population.least, self.population.best)
            return not self._over(objective)

        prior = self.proposals.prior
        refined = prior.held.hold(force_release(refine(objective, voices, keep_going, free=prior.free)))
        rounds, n, size = refined.shape
        self.effort.charge(0, rounds * STEPS_PER_ROUND * GRADIENT_COST * objective.duration_s * n)
        if not rounds:
            return
        distances = self._distances(refined.reshape(-1, size), self.objective).reshape(rounds, ISLANDS, REFINED)
        by_island = refined.reshape(rounds, ISLANDS, REFINED, size).swapaxes(0, 1).reshape(ISLANDS, -1, size)
        self._advance(islands.add(self.population, by_island, distances.swapaxes(0, 1).reshape(ISLANDS, -1)))

    def _fit_gates(self) -> None:
        """Take for each note the gate on which the best voices come nearest to it."""
        best = self.population.voices[:, :VOICES_PER_GATE].reshape(-1, self.population.voices.shape[-1])
        factors = []
        for note_target in self.objective.note_targets:
            alone = Objective((note_target,))
            gates_s = [factor * note_target.event.gate_s for factor in GATE_FACTORS]
            nearest = [self._distances(best, alone.with_gates([gate_s])).min() for gate_s in gates_s]
            factors.append(GATE_FACTORS[int(np.argmin(nearest))])
        if any(factor != 1 for factor in factors):
            gates_s = [f * note.event.gate_s for f, note in zip(factors, self.objective.note_targets, strict=True)]
            self.objective = self.objective.with_gates(gates_s)
            self.full_objective = self.full_objective.with_gates(gates_s)
            self._evaluate_again(self.objective)

    def _evaluate_again(self, objective: Objective) -> None:
        distances = self._distances(self.population.flat, objective)
        self._advance(islands.with_distances(self.population, distances))

    def _distances(self, voices: UInt8[np.ndarray, "voice 155"], objective: Objective) -> Float[np.ndarray, " voice"]:
        """Distances, charged to the effort."""
        distances = objective.distances(voices)
        cost = FULL_RATE_COST if objective.sample_rate == RATE else 1.0
        self.effort.charge(len(voices), cost * objective.duration_s * len(voices))
        return distances

    def _advance(self, population: Population) -> None:
        self.population = population
        self.effort.tell(population.least)

    def _over(self, objective: Objective) -> bool:
        """Whether the time for this part is over; polishing keeps its share."""
        return self.effort.over(1.0 if objective.sample_rate == RATE else 1 - POLISH_SHARE)

    def _enter(self, stage: str) -> None:
        self.effort.enter(stage, self.population.least)
