from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import ddx7
from ddx7.matching import library_search
from ddx7.matching.library_search import nearest_in_library, search_library
from ddx7.matching.target import SEARCH_RATE, Target
from ddx7.voice import Voice
from ddx7.voice.packing import random_vced


@pytest.fixture(scope="module")
def collection(bright_vced: np.ndarray) -> np.ndarray:
    """Forty random voices, and the one that plays the recordings."""
    return np.concatenate([random_vced(np.random.default_rng(0), 40), bright_vced[None]])


def test_the_voice_that_played_a_phrase_is_nearest_to_it(phrase_target: Target, collection: np.ndarray):
    nearest = nearest_in_library(collection, phrase_target.objective(SEARCH_RATE), 3)
    assert nearest.rows[0] == 40
    assert nearest.distances[0] < 0.5 * nearest.distances[1]


def test_of_a_large_collection_the_beginnings_choose(note_target: Target, collection: np.ndarray, monkeypatch):
    monkeypatch.setattr(library_search, "RENDERED_IN_FULL", 8)
    told = []
    nearest = nearest_in_library(collection, note_target.objective(SEARCH_RATE), 3, told.append)
    assert nearest.rows[0] == 40
    assert [progress.renders for progress in told] == [41, 49]
    assert {progress.stage for progress in told} == {"rendering the library"}


def test_the_nearest_voices_of_files_start_a_search_and_are_named(note_target: Target, bright: Voice, tmp_path: Path):
    ddx7.save([bright.renamed("MINE"), replace(Voice(), name="OTHER")], tmp_path / "own.syx")
    seeds = search_library([tmp_path], note_target, note_target.objective(SEARCH_RATE))
    assert seeds.hits[0].voice == "MINE (own.syx, voice 1)"
    assert [hit.distance_db for hit in seeds.hits] == sorted(hit.distance_db for hit in seeds.hits)
    [own_db] = note_target.distances_db(note_target.render(seeds.voices[:1]))
    assert seeds.hits[0].distance_db == pytest.approx(own_db)
    assert len(seeds.voices) == len(seeds.distances)
