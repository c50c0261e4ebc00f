"""The third step of `match`: refine islands of voices step by step, evolve them, and do both at the full rate.

A search lasts a given time, or it does a given amount of work, which it counts in seconds of rendered audio. A seed
then gives the same voices again.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from ddx7.matching import population as islands
from ddx7.matching.early_rejection import EarlyRejection
from ddx7.matching.effort import Effort
from ddx7.matching.gauss_newton import refine
from ddx7.matching.objective import Objective
from ddx7.matching.pitch_choice import on_own_key
from ddx7.matching.population import CHILDREN, EMPTY, ISLANDS, Population
from ddx7.matching.propose import Proposals
from ddx7.matching.result import Progress, Stage
from ddx7.matching.target import RATE, Target
from ddx7.runtime import n_cores

GENERATION = ISLANDS * CHILDREN
REJECTED_CHILDREN = 2 * CHILDREN
"""Children of an island in a generation of which most are rejected early."""
FIRST_DRAW = 512
"""Voices that the search starts from, half of them drawn from the prior at least."""

# Measured in CPU time: seconds of audio at `SEARCH_RATE` that one core renders and compares in a second, and the cost
# of a sound at 44.1 kHz against that.
AUDIO_PER_S = 1500.0
FULL_RATE_COST = 1.5
ERRORS_COST = 1.8
"""Cost of a render with all its errors, as a refinement needs them, against one with its distance alone."""

# Gates that the search tries, as factors of the current one; that comes first. The level of a sound shows its gate only
# roughly, and an error of a tenth costs the original voice as much as a wrong voice costs.
GATE_FACTORS = (1.0, 0.97, 1.03, 0.94, 1.06, 0.88, 1.12, 0.8, 1.25)
VOICES_PER_GATE = 2  # of each island
GATE_ROUNDS = (1, 3, 6)  # after these rounds of refinement, for one note with a release

RENDERS_PER_STEP = 130
"""Voices that one step of a refinement renders, at most."""
LEAST_ROUNDS = 2
"""A search that is too short for so many rounds of refinement does without."""

# How far the search is when a stage ends; polishing first refines, then evolves.
REFINED, EVOLVED, POLISHED = 0.25, 0.75, 0.85
POLISH_REACH = 0.15
LONGEST_RANKING_S = 60.0
"""Refinement after a ranking ends at this time."""


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


def rank_proposals(
    proposals: Proposals, *, rounds: int = 0, progress: Callable[[Progress], None] | None = None
) -> SearchResult:
    """Rank the proposed voices, refine a few of them, and search no further.

    Args:
      proposals: the target and the voices.
      rounds: of refinement, of one voice of each island.
      progress: called after each stage and round.
    """
    n = len(proposals.prior.proposed) + ERRORS_COST * rounds * ISLANDS * RENDERS_PER_STEP
    budget = n * proposals.search_objective.duration_s
    driver = Search(proposals, np.random.default_rng(0), Effort(LONGEST_RANKING_S, budget, progress))
    driver.enter("rendering proposals")
    driver.start_with(np.zeros((0, 155), np.uint8))
    if rounds:
        driver.enter("refining")
    for _ in range(rounds):
        driver.refine_once(driver.objective)
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
        self._gains: dict[bytes, float] = {}
        self._rounds = 0
        self._measured = b""  # the last voice that was measured for a report
        self._told = np.inf, b""  # distance and bytes of the voice in the last report

    def run(self) -> bool:
        """Search until the work is done or the time is over; True if Ctrl-C ended it with a result."""
        effort, prior = self.effort, self.proposals.prior
        work = effort.seconds * AUDIO_PER_S * n_cores() if effort.budget is None else effort.budget
        one_round = ERRORS_COST * RENDERS_PER_STEP * ISLANDS * self.objective.duration_s
        refines = LEAST_ROUNDS * one_round <= work
        try:
            self.enter("compiling")
            voices = prior.draw(np.random.default_rng(0), GENERATION)
            for objective in (self.objective, self.full_objective):
                objective.distances(voices)
                if (rejection := EarlyRejection(objective)).useful:
                    rejection.objective.distances(voices)
                if refines:
                    refine(objective, voices[:1], np.random.default_rng(0), free=prior.free)
            effort.leave(np.inf)
            effort.restart()
            self.enter("drawing")
            self.start_with(prior.draw(self.rng, FIRST_DRAW - min(len(prior.proposed), FIRST_DRAW // 2)))
            if refines:
                self.enter("refining")
                self._refine(self.objective, REFINED)
            self.enter("evolving")
            self._evolve(self.objective, EVOLVED, reach=1.0)
            self.enter("polishing")
            self._evaluate_again(self.full_objective)
            self._gains = {}  # at this rate, voices that had stopped may gain again
            if refines:
                self._refine(self.full_objective, POLISHED)
            self._evolve(self.full_objective, 1.0, reach=POLISH_REACH)
        except KeyboardInterrupt:
            if not self.population.distances.size:
                raise
            return True
        finally:
            effort.leave(self.population.least)
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
        rejection = EarlyRejection(objective)
        n_children = REJECTED_CHILDREN if rejection.useful else CHILDREN
        while self.effort.position < until and not self._over(objective):
            children = islands.breed(self.rng, self.population, self.proposals.prior, reach, n_children)
            promising = np.ones(children.shape[:2], bool)
            if rejection.useful:
                promising = rejection.promising(self.population, children, self._distances)
            distances = np.full(promising.shape, np.inf)
            if promising.any():
                distances[promising] = self._distances(children[promising], objective)
            self._advance(islands.add(self.population, children, distances))

    def _refine(self, objective: Objective, until: float) -> None:
        """Refine, round by round, until the search is so far."""
        while self.effort.position < until and self.refine_once(objective):
            self._rounds += 1
            one_by_one = len(objective.note_targets) == 1 or self.proposals.target.separate
            fits_gates = objective is self.objective and self.proposals.prior.sustains and one_by_one
            if fits_gates and self._rounds in GATE_ROUNDS:
                self._fit_gates()
                objective = self.objective

    def refine_once(self, objective: Objective) -> bool:
        """Refine the voice of each island that promises most; False where the time was over before."""

        def keep_going() -> bool:
            self._tell()
            return not self._over(objective)

        chosen, before = islands.choose_to_refine(self.population, self._gains)
        steps = refine(objective, chosen, self.rng, keep_going, free=self.proposals.prior.free)
        renders = sum(step.renders for step in steps)
        self.effort.charge(renders, ERRORS_COST * self._cost(objective) * objective.duration_s * renders)
        if len(steps) < len(chosen):
            return False
        for voice, distance, step in zip(chosen, before, steps, strict=True):
            self._gains[voice.tobytes()] = 0.0  # a step has replaced it
            self._gains[step.voice.tobytes()] = float(distance - step.distance)
        refined, distances = np.stack([step.voice for step in steps]), np.array([step.distance for step in steps])
        self._advance(islands.add(self.population, refined[:, None], distances[:, None]))
        return True

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
            self._measured, self._told = b"", (np.inf, b"")
            self._evaluate_again(self.objective)

    def _evaluate_again(self, objective: Objective) -> None:
        distances = self._distances(self.population.flat, objective)
        self._advance(islands.with_distances(self.population, distances))

    def _distances(self, voices: UInt8[np.ndarray, "voice 155"], objective: Objective) -> Float[np.ndarray, " voice"]:
        """Distances, charged to the effort."""
        distances = objective.distances(voices)
        self.effort.charge(len(voices), self._cost(objective) * objective.duration_s * len(voices))
        return distances

    @staticmethod
    def _cost(objective: Objective) -> float:
        return FULL_RATE_COST if objective.sample_rate == RATE else 1.0

    def _advance(self, population: Population) -> None:
        self.population = population
        self._tell()

    def _over(self, objective: Objective) -> bool:
        """Whether the time for this part is over; polishing keeps its share."""
        return self.effort.over(1.0 if objective.sample_rate == RATE else EVOLVED)

    def enter(self, stage: str) -> None:
        """Begin a stage."""
        self.effort.enter(stage, self.population.least)
        self._tell()

    def _tell(self) -> None:
        """Report the best voice with its distance at full rate, which is the distance of the result, too."""
        if self.effort.progress is None:
            return
        best = self.population.best
        if best != self._measured:
            self._measured = best
            distance = float(self.full_objective.distances(np.frombuffer(best, np.uint8)[None])[0])
            if distance < self._told[0]:  # the best at the rate of the search may be worse at this one
                self._told = distance, best
        self.effort.tell(*self._told)
