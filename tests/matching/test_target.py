"""Phrases as targets, tuning, and the player's own voices."""

from dataclasses import replace

import numpy as np
import pytest

import ddx7
from ddx7.audio import find_notes, log_mel_distance
from ddx7.audio.phrase import best_part
from ddx7.audio.pitch import estimate_pitch
from ddx7.engine import DEXED, HARDWARE
from ddx7.matching.library_search import nearest_in_library
from ddx7.matching.prior import columns
from ddx7.matching.search import Search
from ddx7.matching.target import RATE, make_target
from ddx7.matching.tuning import off_by_cents, transpose_voice, tune_voice
from ddx7.voice import Operator, Voice
from ddx7.voice.packing import random_vced

KEYS, LENGTH = (55, 62, 67), 0.6


def bright(level: int = 75, sensitivity: int = 3) -> Voice:
    carrier = Operator(
        rates=(90, 40, 30, 75), levels=(99, 90, 80, 0), output_level=99, velocity_sensitivity=sensitivity
    )
    modulator = replace(carrier, output_level=level, coarse=2)
    return Voice(operators=(carrier, modulator, *Voice().operators[2:]))


def vced_of(voice: Voice) -> np.ndarray:
    return np.frombuffer(voice.to_vced(), np.uint8)


@pytest.fixture(scope="module")
def phrase() -> np.ndarray:
    """Three notes, each a little softer than the one before."""
    notes = ddx7.render(bright(), KEYS, (110, 90, 70), LENGTH - 0.15, LENGTH, RATE)
    return np.concatenate([np.zeros(2000, np.float32), *notes])


def test_a_phrase_is_judged_by_all_its_notes_with_the_dynamics_it_has(phrase):
    target = make_target(phrase, RATE, find_notes(phrase, RATE))
    assert [hand.key for hand in target.hands] == list(KEYS)
    velocities = [hand.velocity for hand in target.hands]
    assert velocities == sorted(velocities, reverse=True)
    assert sorted(target.chosen) == [0, 1, 2]
    prior = target.prior()
    assert prior.free[columns("left_depth")].all()
    assert prior.free[columns("velocity_sensitivity")].all()
    # A note is heard until the next one begins.
    heard = {listener.hand.key: listener.heard_s for listener in target.audition().listeners}
    assert heard[55] == pytest.approx(LENGTH, abs=0.03)


def test_one_note_leaves_scaling_and_velocity_alone(phrase):
    target = make_target(phrase[: round(0.6 * RATE)], RATE, find_notes(phrase[: round(0.6 * RATE)], RATE))
    free = target.prior().free
    for name in ("left_depth", "rate_scaling", "velocity_sensitivity", "transpose"):
        assert not free[columns(name)].any(), name


def test_the_voice_that_played_a_phrase_is_nearest_to_it(phrase):
    target = make_target(phrase, RATE, find_notes(phrase, RATE))
    own = vced_of(bright())
    others = random_vced(np.random.default_rng(0), 40)
    heard = nearest_in_library(np.concatenate([others, own[None]]), target.audition().at(22050), 3)
    assert heard.rows[0] == 40
    assert heard.distance[0] < 0.5 * heard.distance[1]
    played = target.perform(own[None])[0]
    assert log_mel_distance(target.sound, played, RATE) < 2


def test_wrong_dynamics_cost_something(phrase):
    target = make_target(phrase, RATE, find_notes(phrase, RATE))
    voices = np.stack([vced_of(bright()), vced_of(bright(sensitivity=0))])
    right, flat = target.audition().at(22050).distances(voices)
    assert flat > right + 0.3


def test_a_target_for_the_machine_is_played_and_heard_as_the_machine_does(phrase):
    target = make_target(phrase, RATE, find_notes(phrase, RATE), HARDWARE)
    voices = vced_of(bright())[None]
    dexed = replace(target, profile=DEXED)
    machine, other = target.perform(voices)[0], dexed.perform(voices)[0]
    hand, n = target.hands[0], round(0.05 * RATE)
    alone = ddx7.render(Voice.from_vced(voices[0]), *hand, 0.05, RATE, profile="hardware")
    np.testing.assert_allclose(machine[:n], alone, atol=1e-6)
    assert np.abs(machine - other).max() > 1e-3
    assert target.audition().distances(voices)[0] != dexed.audition().distances(voices)[0]


@pytest.mark.parametrize("cents", [-1250, -730, -37, 8, 64, 100, 1200])
def test_transposing_moves_the_pitch_by_as_many_cents(cents: float):
    voice = vced_of(bright())
    moved = transpose_voice(voice, cents, 60)
    before, after = (
        estimate_pitch(ddx7.render(Voice.from_vced(v), 60, 100, 0.8, 0.8, RATE), RATE).f0_hz for v in (voice, moved)
    )
    assert 1200 * np.log2(after / before) == pytest.approx(cents, abs=2.5)


def test_a_voice_out_of_tune_is_tuned_and_one_in_tune_left_alone(phrase):
    target = make_target(phrase, RATE, find_notes(phrase, RATE))
    voice = vced_of(bright())
    sharp = transpose_voice(voice, 45, 60)
    [sound] = target.perform(sharp[None])
    assert off_by_cents(sound, target) == pytest.approx(45, abs=6)
    mended = tune_voice(sharp, sound, target)
    assert abs(off_by_cents(target.perform(mended[None])[0], target)) < 5
    own = target.perform(voice[None])[0]
    np.testing.assert_array_equal(tune_voice(voice, own, target), voice)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_voices_and_another_seed_others():
    sound = ddx7.render(bright(), 57, 100, 0.4, 0.6, RATE)
    target = make_target(sound, RATE, find_notes(sound, RATE))

    def search(seed: int) -> np.ndarray:
        one = Search(target.audition(), target.prior(), np.random.default_rng(seed), seconds=600)
        one.budget = 2500.0
        assert not one.run()
        assert {entry["stage"] for entry in one.stages} >= {"drawing", "evolving", "gradient", "polishing"}
        return one.ranked()

    first, again, other = search(1), search(1), search(2)
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or (first != other).any()


def test_the_loudest_part_of_a_long_recording():
    samples = np.concatenate([np.full(300, 0.1), np.full(200, 0.9), np.full(500, 0.1)])
    assert best_part(samples, 100, 20.0) == (0.0, 10.0)
    start, stop = best_part(samples, 100, 2.0)
    assert (start, stop) == (3.0, 5.0)


@pytest.mark.slow
def test_a_voice_of_the_players_own_library_is_named_and_found(tmp_path):
    voice = bright().renamed("MINE")
    ddx7.save([voice, replace(Voice(), name="OTHER")], tmp_path / "own.syx")
    sound = ddx7.render(voice, 57, 100, 0.4, 0.6, RATE)
    found = ddx7.match((sound, RATE), seconds=1, library=[tmp_path])
    [nearest_own, *_] = found.report["library"]
    assert nearest_own["voice"] == "MINE (own.syx, voice 1)"
    assert found.distances[0] <= nearest_own["distance_db"] + 0.1
