import numpy as np
import pytest

from ddx7.audio.partials import Partials
from ddx7.matching.mutation import cross, mutate
from ddx7.matching.prior import Prior
from ddx7.matching.vced import columns, force_release
from ddx7.voice.packing import in_range, random_vced

PRIOR = Prior(Partials(np.array([1.0, 2.01, 3.5]), np.zeros(3)), cents=5.0, sustains=True)


@pytest.mark.parametrize("reach", [1.0, 0.15])
def test_mutants_are_legal_differ_from_their_parent_and_end(rng, reach):
    parents = PRIOR.draw(rng, 300)
    children = mutate(rng, parents, PRIOR, reach)
    assert in_range(children).all()
    assert (children != parents).any(axis=1).mean() > 0.95
    assert (children[:, columns("levels")[:, 3]] == 0).all()


def test_polishing_moves_fewer_bytes_than_exploring(rng):
    parents = PRIOR.draw(rng, 300)
    exploring, polishing = ((mutate(rng, parents, PRIOR, reach) != parents).sum() for reach in (1.0, 0.15))
    assert polishing < 0.7 * exploring


def test_a_child_takes_each_operator_whole_from_a_parent_and_the_mothers_algorithm(rng):
    mothers, fathers = random_vced(rng, 100), random_vced(rng, 100)
    children = cross(rng, mothers, fathers)
    blocks = [x[:, :126].reshape(100, 6, 21) for x in (children, mothers, fathers)]
    from_mother, from_father = ((blocks[0] == parent).all(axis=-1) for parent in blocks[1:])
    assert (from_mother | from_father).all()
    assert 0.3 < from_father.mean() < 0.7
    np.testing.assert_array_equal(children[:, 126:], mothers[:, 126:])


def test_forcing_the_release_changes_the_last_level_and_nothing_else(rng):
    voices = random_vced(rng, 20)
    released = force_release(voices)
    assert (released[:, columns("levels")[:, 3]] == 0).all()
    others = np.setdiff1d(np.arange(155), columns("levels")[:, 3])
    np.testing.assert_array_equal(released[:, others], voices[:, others])
