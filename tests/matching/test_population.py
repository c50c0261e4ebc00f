"""The population against slow reference rules: sorting, crowding, copies, and the choice for the gradient."""

import numpy as np
import pytest

from ddx7.audio.partials import Partials
from ddx7.matching.population import (
    CHILDREN,
    ISLANDS,
    MEMBERS,
    SAME_STRUCTURE,
    Population,
    add,
    breed,
    choose_to_refine,
    ranked,
    select,
    spread,
    with_distances,
)
from ddx7.matching.prior import Prior
from ddx7.matching.vced import columns, structure
from ddx7.voice.packing import in_range

PRIOR = Prior(Partials(np.array([1.0, 2.01, 3.5]), np.zeros(3)), cents=5.0, sustains=True)


@pytest.fixture
def voices(rng: np.random.Generator) -> np.ndarray:
    return PRIOR.draw(rng, ISLANDS * 10)


@pytest.fixture
def population(rng: np.random.Generator, voices: np.ndarray) -> Population:
    return spread(voices, rng.random(len(voices)))


def test_voices_are_dealt_to_the_islands_in_turn_and_sorted(voices, rng):
    distances = rng.random(len(voices))
    dealt = spread(voices, distances)
    for island in range(ISLANDS):
        own = distances[island::ISLANDS]
        order = np.argsort(own)
        np.testing.assert_array_equal(dealt.distances[island], own[order])
        np.testing.assert_array_equal(dealt.voices[island], voices[island::ISLANDS][order])
    assert dealt.least == distances.min()


def test_an_island_keeps_its_best_members(population, rng):
    new = np.stack([PRIOR.draw(rng, 30) for _ in range(ISLANDS)])
    grown = add(population, new, rng.random((ISLANDS, 30)))
    assert grown.voices.shape[:2] == grown.distances.shape == (ISLANDS, MEMBERS)
    assert (np.diff(grown.distances, axis=1) >= 0).all()
    assert (grown.distances[:, 0] <= population.distances[:, 0]).all()


def test_copies_and_crowded_structures_come_last(voices):
    own = voices[:1].repeat(SAME_STRUCTURE + 4, axis=0)
    own[:, columns("output_level")[5]] = np.arange(len(own))[:, None]  # one structure, different voices
    own[1] = own[0]  # and a copy
    island = np.concatenate([own, voices[1:2]])
    assert structure(voices)[0] != structure(voices)[1]
    distances = np.arange(len(island), dtype=float)
    kept = select(Population(island[None], distances[None]))
    # A copy counts as one of its structure.
    best = [0, *range(2, SAME_STRUCTURE), len(own)]
    np.testing.assert_array_equal(kept.distances[0], [*best, 1, *range(SAME_STRUCTURE, len(own))])


def test_new_distances_sort_anew(population):
    turned = with_distances(population, -population.distances.ravel())
    np.testing.assert_array_equal(turned.voices, population.voices[:, ::-1])


def test_children_are_legal_and_as_many_as_promised(population, rng):
    children = breed(rng, population, PRIOR, 1.0)
    assert children.shape == (ISLANDS, CHILDREN, 155)
    assert in_range(children.reshape(-1, 155)).all()


def test_any_first_part_of_the_ranking_is_of_all_islands(population):
    best = ranked(population)
    assert {voice.tobytes() for voice in best[:ISLANDS]} == {island[0].tobytes() for island in population.voices}
    assert len(np.unique(best, axis=0)) == len(best) == population.flat.shape[0]


def test_a_refinement_takes_what_may_end_nearest(population):
    chosen, distances = choose_to_refine(population, {})
    np.testing.assert_array_equal(chosen, population.voices[:, 0])
    np.testing.assert_array_equal(distances, population.distances[:, 0])
    stopped = {voice.tobytes(): 0.0 for voice in chosen}
    second, _ = choose_to_refine(population, stopped)
    assert not set(structure(second)) & set(structure(chosen))
    gained = {voice.tobytes(): float(distance) for voice, distance in zip(second, distances, strict=True)}
    np.testing.assert_array_equal(choose_to_refine(population, stopped | gained)[0], second)
