"""The search as a whole: what it finds, how it spends its budget, and that the seed decides."""

from dataclasses import replace

import numpy as np
import pytest

from ddx7.matching.effort import AUDIO_PER_EFFORT
from ddx7.matching.library_search import LibrarySeeds
from ddx7.matching.propose import Proposals, propose_for_target
from ddx7.matching.result import Progress
from ddx7.matching.search import SearchResult, rank_proposals, search
from ddx7.matching.target import SEARCH_RATE, Target

ALL_STAGES = ["compiling", "drawing", "refining", "evolving", "polishing"]
ONE_PASS = 2300.0  # budget with rounds of refinement for a short note
NO_PASS = 800.0  # and with none


@pytest.fixture(scope="module")
def proposals(note_target: Target) -> Proposals:
    return propose_for_target(note_target, use_encoder=False, n_fitted=0)


@pytest.fixture(scope="module")
def told() -> list[Progress]:
    return []


@pytest.fixture(scope="module")
def result(note_target: Target, bright_vced: np.ndarray, told: list[Progress]) -> SearchResult:
    """A search that starts from the right voice, among others, on a gate that is an eighth too long."""
    wrong = propose_for_target(note_target.with_gate(0.45), use_encoder=False, n_fitted=0)
    wrong = replace(wrong, prior=note_target.prior())  # a gate near the end would say that nothing is sustained
    seeds = bright_vced[None].repeat(4, axis=0)
    library = LibrarySeeds(seeds, wrong.search_objective.distances(seeds), ())
    return search(replace(wrong, library=library), seconds=600, seed=1, budget=ONE_PASS, progress=told.append)


@pytest.mark.slow
def test_the_search_finds_the_gate(result: SearchResult):
    assert result.target.events[0].gate_s == pytest.approx(0.4, rel=0.04)
    assert result.target.notes[0].gate_s == result.target.events[0].gate_s
    best = result.target.objective(SEARCH_RATE).distances(result.voices[:1])[0]
    assert best < 0.5


def test_the_search_goes_through_its_stages_and_comes_nearer(result: SearchResult):
    assert [stage.name for stage in result.stages] == ALL_STAGES
    assert not result.late
    assert not result.interrupted
    renders = [stage.renders for stage in result.stages]
    assert renders == sorted(renders)
    assert renders[-1] == result.renders
    assert result.stages[0].distance is None
    distances = [stage.distance for stage in result.stages[1:-1]]  # polishing measures at another rate
    assert distances[-1] <= distances[0]


def test_progress_names_every_stage_and_counts_up(result: SearchResult, told: list[Progress]):
    assert list(dict.fromkeys(progress.stage for progress in told)) == list(dict.fromkeys(ALL_STAGES))
    assert told[-1].renders == result.renders
    assert told[0].distance == np.inf
    assert told[0].seconds == pytest.approx(
        ONE_PASS / AUDIO_PER_EFFORT
    )  # before anything tells how fast this machine is


def test_progress_shows_the_best_voice_with_the_distance_that_a_result_has(
    proposals: Proposals, bright_vced: np.ndarray
):
    told: list[Progress] = []
    seeds = bright_vced[None].repeat(4, axis=0)
    library = LibrarySeeds(seeds, proposals.search_objective.distances(seeds), ())
    search(replace(proposals, library=library), seconds=600, seed=1, budget=NO_PASS, progress=told.append)
    shown = {progress.best: progress.distance for progress in told if progress.best}
    assert shown
    voices = np.stack([np.frombuffer(best, np.uint8) for best in shown])
    np.testing.assert_allclose(list(shown.values()), proposals.objective.distances(voices), rtol=1e-3)
    distances = [progress.distance for progress in told]
    assert distances == sorted(distances, reverse=True)


def test_voices_of_a_result_are_distinct(result: SearchResult):
    assert len(np.unique(result.voices, axis=0)) == len(result.voices) > 4


@pytest.mark.parametrize("budget", [NO_PASS, pytest.param(2500.0, marks=pytest.mark.slow)])
def test_the_same_seed_gives_the_same_voices_and_another_seed_others(proposals: Proposals, budget: float):
    first, again, other = (search(proposals, seconds=600, seed=seed, budget=budget).voices for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or (first != other).any()


def test_an_interrupt_keeps_the_best_voices_and_needs_some(proposals: Proposals):
    def interrupt_in(stage: str):
        def progress(now: Progress) -> None:
            if now.stage == stage and now.renders:
                raise KeyboardInterrupt

        return progress

    stopped = search(proposals, seconds=600, budget=NO_PASS, progress=interrupt_in("evolving"))
    assert stopped.interrupted
    assert len(stopped.voices) > 4
    assert stopped.stages[-1].name == "evolving"
    with pytest.raises(KeyboardInterrupt):
        search(proposals, seconds=600, budget=NO_PASS, progress=lambda now: interrupt_now())


def interrupt_now() -> None:
    raise KeyboardInterrupt


def test_a_clock_that_ends_the_work_is_reported(proposals: Proposals):
    assert search(proposals, seconds=1e-6, budget=NO_PASS).late


def test_a_search_without_a_budget_lasts_as_long_as_it_may(proposals: Proposals):
    found = search(proposals, seconds=1.5)
    assert found.elapsed_s >= 1.5
    assert not found.late
    names = [stage.name for stage in found.stages]
    assert (*names[:3], names[-1]) == ("compiling", "drawing", "refining", "polishing")


def test_proposals_are_ranked_with_the_distances_they_have(proposals: Proposals, bright_vced: np.ndarray, rng):
    voices = np.concatenate([proposals.prior.draw(rng, 7), bright_vced[None]])
    distances = np.array([3.0, 1.0, 2.0, 5.0, 8.0, 7.0, 6.0, 0.5])
    given = replace(proposals, prior=replace(proposals.prior, proposed=voices), distances=distances)
    ranking = rank_proposals(given)
    # Two voices on each of four islands: 3 and 8, 1 and 7, 2 and 6, 5 and 0.5.
    np.testing.assert_array_equal(ranking.voices, voices[[0, 1, 2, 7, 4, 5, 6, 3]])
    assert ranking.renders == 8
    assert [(stage.name, stage.distance) for stage in ranking.stages] == [("rendering proposals", 0.5)]
