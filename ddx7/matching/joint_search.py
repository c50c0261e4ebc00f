"""A search for one voice for several recordings: first for the strongest alone, then from what it found for all."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import UInt8

from ddx7.matching.propose import PROPOSALS, Proposals, with_touch
from ddx7.matching.result import Progress, Stage
from ddx7.matching.search import SearchResult, rank_proposals, search
from ddx7.matching.starting import StartingVoices

ALONE = 0.4
"""Share of the search that goes into the strongest recording: a voice costs a fraction of its time on all of them."""
_TAKEN = 64  # voices of the first search, which begin the second


def search_together(
    alone: Proposals,
    proposals: Proposals,
    *,
    seconds: float | int,
    seed: int = 0,
    budget: float | int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> SearchResult:
    """Search for a voice for several recordings.

    Args:
      alone: proposals for the strongest recording.
      proposals: those for all recordings.
      seconds: time of both searches; with a budget, the limit of each.
      seed: seed of the random generators.
      budget: seconds of audio to render and compare in both, instead of a time.
      progress: called a few times a second.

    Returns:
      the result for all recordings; Ctrl-C ends the search early with the best voices so far.
    """

    def earlier(now: Progress) -> None:
        if progress:
            stage = f"{now.stage}, on the strongest recording"
            progress(replace(now, seconds=now.seconds / ALONE, stage=stage))

    first = search(
        alone,
        seconds=seconds if budget is not None else ALONE * seconds,
        seed=seed,
        budget=None if budget is None else ALONE * budget,
        progress=progress and earlier,
    )
    proposals = _with_gate(proposals, first)
    proposals = _with_voices(proposals, first.voices[:_TAKEN], seed)

    def only_first() -> SearchResult:
        return replace(rank_proposals(proposals), stages=first.stages, renders=first.renders, interrupted=True)

    if first.interrupted:
        return only_first()

    def later(now: Progress) -> None:
        if progress:
            elapsed_s, renders = first.elapsed_s + now.elapsed_s, first.renders + now.renders
            progress(replace(now, elapsed_s=elapsed_s, seconds=first.elapsed_s + now.seconds, renders=renders))

    rest = None if budget is None else (1 - ALONE) * budget
    limit = seconds if rest else (1 - ALONE) * seconds
    try:
        found = search(proposals, seconds=limit, seed=seed, budget=rest, progress=progress and later)
    except KeyboardInterrupt:  # before the second search has a result of its own
        return only_first()
    return replace(
        found,
        stages=(*first.stages, *(_later(stage, first) for stage in found.stages)),
        renders=first.renders + found.renders,
        elapsed_s=first.elapsed_s + found.elapsed_s,
        late=first.late or found.late,
    )


def _with_gate(proposals: Proposals, first: SearchResult) -> Proposals:
    """Take the gate that the first search found for its one note."""
    if len(first.target.notes) != 1:
        return proposals
    gates_s = [note.event.gate_s for note in proposals.search_objective.note_targets]
    if gates_s[0] == first.target.events[0].gate_s:
        return proposals
    gates_s[0] = first.target.events[0].gate_s
    search_objective = proposals.search_objective.with_gates(gates_s)
    return replace(
        proposals,
        objective=proposals.objective.with_gates(gates_s),
        search_objective=search_objective,
        distances=search_objective.distances(proposals.prior.proposed),
    )


def _with_voices(proposals: Proposals, voices: UInt8[np.ndarray, "voice 155"], seed: int) -> Proposals:
    """Let voices compete with the proposals, each also with other answers to velocity and to the keyboard."""
    objective, prior = proposals.search_objective, proposals.prior
    voices, distances = with_touch(voices, objective.distances(voices), prior, objective, seed)
    if len(proposals.start.voices):
        order = np.argsort(distances, kind="stable")
        return replace(proposals, start=StartingVoices(voices[order], distances[order]))
    voices, distances = np.concatenate([voices, prior.proposed]), np.concatenate([distances, proposals.distances])
    nearest = np.sort(np.argsort(distances, kind="stable")[:PROPOSALS])
    return replace(proposals, prior=replace(prior, proposed=voices[nearest]), distances=distances[nearest])


def _later(stage: Stage, first: SearchResult) -> Stage:
    """A stage of the second search on the clock and the count of both."""
    start_s, end_s = (round(first.elapsed_s + s, 2) for s in (stage.start_s, stage.end_s))
    return replace(stage, start_s=start_s, end_s=end_s, renders=first.renders + stage.renders)
