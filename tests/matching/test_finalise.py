import numpy as np
import pytest

import ddx7
from ddx7.audio import log_mel_distance
from ddx7.matching.finalise import _ranked, finalise
from ddx7.matching.target import RATE, Target
from ddx7.matching.tuning import transpose_voice
from ddx7.matching.vced import columns
from ddx7.voice.packing import random_vced


@pytest.fixture(scope="module")
def pool(bright_vced: np.ndarray) -> np.ndarray:
    """Random voices, and the right one 45 cents sharp, as a search might rank them."""
    return np.concatenate([random_vced(np.random.default_rng(1), 6), transpose_voice(bright_vced, 45, 57)[None]])


def test_the_nearest_voice_comes_first_tuned_and_named(note_target: Target, pool: np.ndarray):
    found = finalise(note_target, pool, candidates=3, name="Organ")
    assert [voice.name for voice in found.voices] == ["ORGAN", "ORGAN 2", "ORGAN 3"]
    assert len(set(found.voices)) == len(found.distances) == len(found.distances_db) == 3
    assert found.distances[0] == min(found.distances)
    assert found.least_distance == pytest.approx(note_target.objective().distances(pool).min(), rel=1e-3)
    vced = np.frombuffer(found.voices[0].to_vced(), np.uint8)
    assert found.distances[0] == pytest.approx(note_target.objective().distances(vced[None])[0], rel=1e-4)
    assert found.distances_db[0] < 2
    assert np.sqrt(np.mean(found.audio**2)) == pytest.approx(np.sqrt(np.mean(note_target.sound**2)), rel=1e-5)
    assert log_mel_distance(note_target.sound, found.audio, RATE) == pytest.approx(found.distances_db[0], abs=1e-3)


def test_the_reported_sound_is_that_of_the_best_voice(note_target: Target, pool: np.ndarray):
    found = finalise(note_target, pool, candidates=1)
    again = ddx7.render(found.voices[0], *note_target.events[0], len(note_target.sound) / RATE, RATE)
    assert np.corrcoef(again, found.audio[: len(again)])[0, 1] > 0.999


def test_the_log_mel_distance_orders_voices_that_are_equally_near():
    distances, distances_db = np.array([4.0, 9.0, 4.7, 5.0, 4.5]), np.array([3.0, 1.0, 2.0, 0.5, 2.5])
    assert _ranked(distances, distances_db) == [2, 4, 0, 3, 1]


def test_candidates_differ_from_each_other(note_target: Target, bright_vced: np.ndarray):
    near = np.repeat(bright_vced[None], 12, axis=0)
    near[:, columns("output_level")[0]] -= np.arange(12, dtype=np.uint8)[:, None]  # neighbours of the right voice
    others = near[:3].copy()
    others[:, columns("output_level")[1]] -= 5  # less bright, and near enough
    found = finalise(note_target, np.concatenate([near, others]), candidates=2)
    first, second = (np.frombuffer(voice.to_vced(), np.uint8) for voice in found.voices)
    assert note_target.objective().compared_with(first).distances(second[None])[0] > 0.5
