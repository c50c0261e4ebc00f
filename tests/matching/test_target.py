"""Notes and phrases as targets: which notes count, how voices play them, and what the preset encoder is given."""

from dataclasses import replace

import numpy as np
import pytest

import ddx7
from ddx7.audio import find_notes, log_mel_distance
from ddx7.audio.phrase import best_part
from ddx7.engine import DEXED, HARDWARE
from ddx7.matching.target import RATE, SEARCH_RATE, Target, make_target
from ddx7.matching.vced import columns
from ddx7.voice import Voice

PHRASE_NOTES, NOTE_S = [55, 62, 67], 0.6


def test_the_objective_of_a_phrase_has_all_its_notes_with_their_dynamics(phrase_target: Target):
    assert [event.note for event in phrase_target.events] == PHRASE_NOTES
    velocities = [event.velocity for event in phrase_target.events]
    assert velocities == sorted(velocities, reverse=True)
    assert sorted(phrase_target.chosen) == [0, 1, 2]
    prior = phrase_target.prior()
    assert prior.free[columns("left_depth")].all()
    assert prior.free[columns("velocity_sensitivity")].all()
    # A note counts until the next one begins.
    scored_s = {note.event.note: note.scored_s for note in phrase_target.objective().note_targets}
    assert scored_s[55] == pytest.approx(NOTE_S, abs=0.03)


def test_one_note_leaves_scaling_and_velocity_alone(note_target: Target):
    free = note_target.prior().free
    for name in ("left_depth", "rate_scaling", "velocity_sensitivity", "transpose"):
        assert not free[columns(name)].any(), name


def test_wrong_dynamics_cost_something(phrase_target: Target, bright: Voice, bright_vced: np.ndarray):
    without = [replace(operator, velocity_sensitivity=0) for operator in bright.operators[:2]]
    flat = replace(bright, operators=(*without, *bright.operators[2:]))
    voices = np.stack([bright_vced, np.frombuffer(flat.to_vced(), np.uint8)])
    right, wrong = phrase_target.objective(SEARCH_RATE).distances(voices)
    assert wrong > right + 0.3


def test_a_voice_renders_the_whole_phrase(phrase_target: Target, bright_vced: np.ndarray):
    audio = phrase_target.render(bright_vced[None])
    assert audio.shape == (1, len(phrase_target.sound))
    [distance_db] = phrase_target.distances_db(audio)
    assert distance_db == log_mel_distance(phrase_target.sound, audio[0], RATE) < 2


def test_a_target_for_the_hardware_is_rendered_and_compared_with_its_profile(phrase: np.ndarray, bright_vced):
    target = make_target(phrase, RATE, find_notes(phrase, RATE), HARDWARE)
    voices = bright_vced[None]
    dexed = replace(target, profile=DEXED)
    hardware, other = target.render(voices)[0], dexed.render(voices)[0]
    event, n = target.events[0], round(0.05 * RATE)
    alone = ddx7.render(Voice.from_vced(voices[0]), *event, 0.05, RATE, profile="hardware")
    np.testing.assert_allclose(hardware[:n], alone, atol=1e-6)
    assert np.abs(hardware - other).max() > 1e-3
    assert target.objective().distances(voices)[0] != dexed.objective().distances(voices)[0]


def test_gates_of_an_objective_are_those_of_its_notes(phrase_target: Target):
    longer = phrase_target.with_gates_of(phrase_target.objective().with_gate(0.3))
    assert {event.gate_s for event in longer.events} == {note.gate_s for note in longer.notes} == {0.3}
    assert [event[:2] for event in longer.events] == [event[:2] for event in phrase_target.events]


def test_the_loudest_part_of_a_long_recording():
    samples = np.concatenate([np.full(300, 0.1), np.full(200, 0.9), np.full(500, 0.1)])
    assert best_part(samples, 100, 20.0) == (0.0, 10.0)
    start, stop = best_part(samples, 100, 2.0)
    assert (start, stop) == (3.0, 5.0)
