"""Several recordings of one instrument make one voice: their notes, velocities, noise and levels."""

from dataclasses import replace

import numpy as np
import pytest

import ddx7
from ddx7.cli.match_task import remarks
from ddx7.errors import ArgumentError, AudioError
from ddx7.matching.library_search import LibrarySeeds
from ddx7.matching.prepare import Excerpt, PreparedRecording, read_excerpt
from ddx7.matching.propose import propose_for_target
from ddx7.matching.search import search
from ddx7.matching.target import RATE, SEARCH_RATE
from ddx7.matching.together import GAP_S, prepare_together
from ddx7.voice import Voice
from ddx7.voice.packing import VCED_COLUMNS

PLAYED = ((57, 110), (57, 50), (69, 110))  # notes and velocities
GATE_S, LENGTH_S = 0.4, 0.6


def excerpt_of(voice: Voice, note: int, velocity: int, name: str) -> Excerpt:
    sound = ddx7.render(voice, note, velocity, GATE_S, LENGTH_S, RATE)
    return replace(read_excerpt((np.concatenate([np.zeros(3000, np.float32), sound]), RATE)), name=name)


@pytest.fixture(scope="module")
def excerpts(bright: Voice) -> list[Excerpt]:
    names = ("loud", "soft", "high")
    return [excerpt_of(bright, *played, name) for played, name in zip(PLAYED, names, strict=True)]


@pytest.fixture(scope="module")
def prepared(excerpts: list[Excerpt]) -> PreparedRecording:
    return prepare_together(excerpts, velocity=[110, 50, 110])


def test_each_recording_is_a_note_of_its_own(prepared: PreparedRecording, excerpts: list[Excerpt]):
    [target] = prepared.hypotheses
    assert [event[:2] for event in target.events] == list(PLAYED)
    assert [part.name for part in prepared.joined] == ["loud", "soft", "high"]
    assert len(target.chosen) == 3
    assert {target.chosen[0]} <= {0, 2}, "the strongest comes first"
    for part, note, excerpt in zip(prepared.joined, target.notes, excerpts, strict=True):
        assert part.onset_s == pytest.approx(3000 / RATE, abs=0.004)
        assert note.onset_s == part.start_s
        own = excerpt.samples[round(part.onset_s * RATE) :][: round(0.3 * RATE)]
        joined = target.sound[round(part.start_s * RATE) :][: round(0.3 * RATE)]
        np.testing.assert_allclose(joined, own, atol=1e-6)  # levels stay those of each recording
    gaps = [after.start_s - before.stop_s for before, after in zip(prepared.joined, prepared.joined[1:], strict=False)]
    assert gaps == pytest.approx([GAP_S, GAP_S], abs=1e-4)


def test_the_voice_that_made_them_all_is_nearest(prepared: PreparedRecording, bright: Voice, bright_vced: np.ndarray):
    [target] = prepared.hypotheses
    deaf = bright_vced.copy()
    deaf[VCED_COLUMNS["velocity_sensitivity"]] = 0
    right, wrong = target.objective(SEARCH_RATE).distances(np.stack([bright_vced, deaf]))
    assert right < 0.6  # the recordings were resampled for it
    assert target.objective().distances(bright_vced[None])[0] < 0.3
    assert wrong > right + 1
    assert target.distances_db(target.render(bright_vced[None]))[0] < 1
    assert target.prior().free[VCED_COLUMNS["velocity_sensitivity"]].all()
    assert target.prior().free[VCED_COLUMNS["right_depth"]].all()


def test_velocities_follow_from_levels_where_they_are_not_told(bright: Voice, excerpts: list[Excerpt]):
    loud, soft, _ = prepare_together(excerpts).hypotheses[0].events
    level_db = [20 * np.log10(np.sqrt(np.mean(e.samples[3000:][: round(GATE_S * RATE)] ** 2))) for e in excerpts]
    assert loud.velocity <= 100
    expected = loud.velocity * 10 ** ((level_db[1] - level_db[0]) / 40)
    assert soft.velocity == pytest.approx(expected, abs=2)
    assert [e.velocity for e in prepare_together(excerpts, velocity=80).hypotheses[0].events][1] < soft.velocity


def test_proposals_of_several_recordings_answer_to_velocity(prepared: PreparedRecording):
    [target] = prepared.hypotheses
    proposals = propose_for_target(target, use_encoder=False, n_fitted=12)
    # Fitted voices alone answer to nothing.
    assert (proposals.prior.proposed[:, VCED_COLUMNS["velocity_sensitivity"]] > 0).any()


@pytest.mark.slow
def test_a_search_over_several_recordings_finds_the_sensitivity(prepared: PreparedRecording, bright_vced: np.ndarray):
    """Started from the voice without its sensitivity, the search comes most of the way back."""
    [target] = prepared.hypotheses
    deaf = bright_vced.copy()
    deaf[VCED_COLUMNS["velocity_sensitivity"]] = 0
    proposals = propose_for_target(target, use_encoder=False, n_fitted=0)
    seeds = np.tile(deaf, (4, 1))
    before = proposals.search_objective.distances(seeds)
    given = replace(proposals, library=LibrarySeeds(seeds, before, ()))
    found = search(given, seconds=600, seed=1, budget=6000.0)
    after = target.objective(SEARCH_RATE).distances(found.voices[:4])
    assert after.min() < 0.7 * before.min()
    assert found.voices[after.argmin()][VCED_COLUMNS["velocity_sensitivity"]].max() > 0


def test_a_match_of_a_list_reports_each_recording(excerpts: list[Excerpt]):
    found = ddx7.match(excerpts, fast=True, candidates=1, velocity=[110, 50, 110], name="BRIGHT")
    assert [voice.name for voice in found.voices] == ["BRIGHT"]
    assert [(r.name, r.note, r.velocity) for r in found.report.recordings] == [
        (name, *played) for name, played in zip(("loud", "soft", "high"), PLAYED, strict=True)
    ]
    assert sum(r.louder_db for r in found.report.recordings) == pytest.approx(0, abs=0.05)
    mean = np.mean([r.distance for r in found.report.recordings])
    # The mean of the notes and what the levels between them add make the whole distance, and the user is told.
    assert found.perceptual_distances[0] == pytest.approx(mean + found.report.level_distance, abs=0.02)
    aside = replace(found, report=replace(found.report, level_distance=1.25))
    [line] = [line for line in remarks(aside) if "against each other" in line]
    assert line.startswith("1.2 of the distance come from levels of the recordings against each other, ")


def test_what_is_no_set_of_recordings_gets_a_sentence(excerpts: list[Excerpt]):
    for wrong, options, words in (
        (excerpts[:1], {}, "recordings: found 1, wanted 2 to 16"),
        (excerpts, {"velocity": [100, 50]}, "velocity: found 2 for 3 recordings"),
        (excerpts, {"velocity": [100, 50, 128]}, "velocity: found 128, wanted 1 to 127"),
        (excerpts, {"note": 60}, "note: found one for 3 recordings"),
        (excerpts[0], {"velocity": [100, 50]}, "found one with several"),
        (excerpts, {"start_s": 1.0}, "found notes or a part of several"),
    ):
        with pytest.raises(ArgumentError, match=words):
            ddx7.match(wrong, fast=True, **options)
    silent = replace(excerpts[1], samples=np.zeros(RATE, np.float32))
    with pytest.raises(AudioError, match="soft: found only silence"):
        ddx7.match([excerpts[0], silent], fast=True)
