"""Locked parts of a voice are the same bytes in every voice of a search, whatever makes it."""

from dataclasses import replace

import numpy as np
import pytest

import ddx7
from ddx7.errors import ArgumentError
from ddx7.matching.finalise import finalise
from ddx7.matching.gauss_newton import refine
from ddx7.matching.held import held_parts
from ddx7.matching.mutation import mutate
from ddx7.matching.population import CHILDREN, ISLANDS, breed, spread
from ddx7.matching.prepare import PreparedRecording, prepare, read_excerpt
from ddx7.matching.propose import Proposals, propose
from ddx7.matching.search import search
from ddx7.matching.target import RATE, SEARCH_RATE, Target
from ddx7.voice import Operator, Voice
from ddx7.voice.packing import VCED_COLUMNS
from ddx7.voice.sections import PART_NAMES, part_bytes

LOCK = ("algorithm", "ratios", "lfo", "op2")


@pytest.fixture(scope="module")
def start() -> Voice:
    """Unlike the recorded voice: an unusual algorithm, ratios and LFO, out of tune, and a note that never ends."""
    carrier = Operator(rates=(80, 50, 50, 50), levels=(99, 95, 90, 30), output_level=90, coarse=1, fine=3, detune=4)
    modulator = Operator(rates=(70, 50, 50, 60), levels=(99, 70, 70, 0), output_level=60, coarse=14)
    operators = (carrier, modulator, carrier, modulator, *Voice().operators[4:])
    return Voice(operators=operators, algorithm=19, lfo_speed=77, lfo_wave=5, lfo_amp_depth=13, name="START")


@pytest.fixture(scope="module")
def prepared(note: np.ndarray) -> PreparedRecording:
    return prepare(read_excerpt((note, RATE)))


@pytest.fixture(scope="module")
def proposals(prepared: PreparedRecording, start: Voice) -> Proposals:
    return propose(prepared, use_encoder=False, n_fitted=8, start=start, held=held_parts(start, LOCK))


def assert_locked(voices: np.ndarray, start: Voice, lock: tuple[str, ...] = LOCK) -> None:
    locked = part_bytes(lock)
    own = np.frombuffer(start.to_vced(), np.uint8)
    assert len(voices)
    np.testing.assert_array_equal(voices[:, locked], np.tile(own[locked], (len(voices), 1)))


def test_drawn_fitted_and_varied_voices_keep_the_locked_parts(proposals: Proposals, start: Voice, rng):
    prior = proposals.prior
    assert_locked(prior.proposed, start)
    assert_locked(proposals.start.voices, start)
    assert_locked(prior.draw(rng, 50), start)
    for reach in (0.05, 1.0):
        assert_locked(mutate(rng, proposals.start.voices, prior, reach), start)
    assert not (prior.free & part_bytes(LOCK)).any()


def test_children_of_crossing_keep_the_locked_parts(proposals: Proposals, start: Voice, rng):
    population = spread(proposals.start.voices, proposals.start.distances)
    children = breed(rng, population, proposals.prior, 1.0)
    assert children.shape[:2] == (ISLANDS, CHILDREN)
    assert_locked(children.reshape(-1, 155), start)
    assert (children != population.voices[:, :1]).any()


def test_a_refinement_moves_what_is_free_alone(note_target: Target, start: Voice):
    own = np.frombuffer(start.to_vced(), np.uint8)[None]
    lock = ("envelopes", "feedback")
    objective = note_target.objective(SEARCH_RATE)
    [refined] = refine(objective, own, np.random.default_rng(0), free=~part_bytes(lock))
    assert_locked(refined.voice[None], start, lock)
    levels = VCED_COLUMNS["output_level"]
    assert (refined.voice[levels] != own[0, levels]).any()


@pytest.mark.slow
def test_a_whole_search_keeps_the_locked_parts_bit_by_bit(proposals: Proposals, start: Voice):
    found = search(proposals, seconds=600, seed=1, budget=2300.0)
    assert {"refining", "polishing"} <= {stage.name for stage in found.stages}
    assert_locked(found.voices, start)
    best = finalise(found.target, found.voices, candidates=8, held=proposals.prior.held)
    assert_locked(best.voices.to_vced(), start)
    assert best.distances[0] < proposals.start.distances[0]


def test_tuning_leaves_locked_ratios_alone_and_may_transpose(note_target: Target, bright_vced: np.ndarray):
    up = bright_vced.copy()
    up[VCED_COLUMNS["transpose"]] += 1
    up[VCED_COLUMNS["detune"]] = 9
    voice = Voice.from_vced(up)
    free, held = (
        finalise(note_target, up[None], candidates=1, held=held_parts(voice, lock)).voices.to_vced()[0]
        for lock in ((), ("ratios",))
    )
    assert (free[VCED_COLUMNS["detune"]] != 9).any()
    assert_locked(held[None], voice, ("ratios",))
    assert held[VCED_COLUMNS["transpose"]] == 24


def test_a_search_begins_with_the_voice_that_was_named(prepared: PreparedRecording, bright: Voice, note: np.ndarray):
    """The recorded voice, two octaves up, is brought down and found by the first draw alone."""
    found = ddx7.match((note, RATE), start=replace(bright, transpose=24), fast=True, candidates=1)
    assert found.perceptual_distances[0] < 0.5
    assert found.voices[0].transpose == 0
    assert [op.frequency for op in found.voices[0].operators] == [op.frequency for op in bright.operators]
    assert (found.report.start, found.report.lock) == (bright.name, ())


def test_every_answer_keeps_the_locked_parts(note: np.ndarray, start: Voice, tmp_path):
    ddx7.save([Voice(), start], tmp_path / "mine.syx")
    found = ddx7.match((note, RATE), start=f"{tmp_path / 'mine.syx'}:2", lock=LOCK, fast=True, candidates=8)
    assert len(found.voices) == 8
    assert_locked(found.voices.to_vced(), start)
    assert found.report.lock == LOCK


def test_what_cannot_be_kept_gets_a_sentence(note: np.ndarray, start: Voice):
    for wanted, words in (
        ({"lock": ["lfo"]}, "lock: found parts to keep and no voice"),
        ({"lock": PART_NAMES, "start": start}, "lock: found every part"),
        ({"lock": ["colour"], "start": start}, "lock: found colour, wanted some of algorithm"),
    ):
        with pytest.raises(ArgumentError, match=words):
            ddx7.match((note, RATE), fast=True, **wanted)
    silent = replace(start, operators=(Operator(output_level=0),) * 6)
    with pytest.raises(ddx7.Ddx7Error, match="start: START is silent on the notes of the recording"):
        ddx7.match((note, RATE), fast=True, start=silent)
