"""Operators that trade places: proved by listening, over all algorithms."""

import numpy as np
import pytest

from ddx7.voice.algorithms import CARRIERS
from ddx7.voice.packing import VCED_COLUMNS, random_vced
from ddx7.voice.symmetry import permuted, sorted_operators, symmetries

N_ALGORITHMS = len(CARRIERS)


def render_each(vced):
    from ddx7.engine import Patch, plan, play

    n = len(vced)
    plans = plan(Patch.from_vced(vced), np.full(n, 60), np.full(n, 100), np.full(n, 100), 44100)
    return play(plans, 4000)


def voices_of(algorithm, feedback, n, seed=0):
    vced = random_vced(np.random.default_rng([seed, algorithm]), n)
    vced[:, VCED_COLUMNS["algorithm"]] = algorithm
    vced[:, VCED_COLUMNS["feedback"]] = feedback
    for quiet in ("left_depth", "right_depth", "fixed", "amp_mod_sensitivity", "velocity_sensitivity"):
        vced[:, VCED_COLUMNS[quiet]] = 0
    vced[:, VCED_COLUMNS["rates"]] = 99
    vced[:, VCED_COLUMNS["levels"]] = (99, 99, 99, 0)
    vced[:, VCED_COLUMNS["output_level"]] = np.clip(vced[:, VCED_COLUMNS["output_level"]], 40, 80)
    return vced


@pytest.mark.parametrize("feedback", [0, 3])
def test_every_symmetry_keeps_the_sound_and_others_do_not(feedback):
    originals, others, kept = [], [], []
    rng = np.random.default_rng(1)
    for algorithm in range(N_ALGORITHMS):
        voice = voices_of(algorithm, feedback, 1)
        group = symmetries(algorithm, feedback > 0)
        some = group[rng.choice(len(group), min(len(group), 4), replace=False)]
        members = {tuple(p) for p in group}
        outside = [p for p in rng.permuted(np.tile(np.arange(6), (40, 1)), axis=1) if tuple(p) not in members][:2]
        for order in [*some, *outside]:
            originals.append(voice[0])
            others.append(permuted(voice, order[None])[0])
            kept.append(tuple(order) in members)
    a, b, kept = render_each(np.array(originals)), render_each(np.array(others)), np.array(kept)
    error = np.abs(a - b).max(axis=1) / np.abs(a).max(axis=1)
    assert error[kept].max() < 1e-3  # sums of floats in another order, nothing else
    assert error[~kept].min() > 0.01


def test_groups_are_groups_of_known_size():
    for algorithm in range(N_ALGORITHMS):
        for looped in (False, True):
            group = {tuple(p) for p in symmetries(algorithm, looped)}
            assert tuple(range(6)) in group
            assert {tuple(np.array(p)[list(q)]) for p in group for q in group} == group
    # Six carriers side by side; with feedback on OP6 five that trade places.
    assert len(symmetries(31, False)) == 720
    assert len(symmetries(31, True)) == 120
    assert len(symmetries(0, True)) == 1


@pytest.mark.parametrize("feedback", [0, 5])
def test_voices_that_differ_by_a_symmetry_become_equal(feedback):
    rng = np.random.default_rng(2)
    for algorithm in range(N_ALGORITHMS):
        voices = voices_of(algorithm, feedback, 3)
        group = symmetries(algorithm, feedback > 0)
        shuffled = permuted(voices, group[rng.integers(0, len(group), 3)])
        once = sorted_operators(voices)
        np.testing.assert_array_equal(once, sorted_operators(shuffled))
        np.testing.assert_array_equal(once, sorted_operators(once))
        # Nothing but an order: each voice keeps its six operators.
        rows = VCED_COLUMNS["levels"], VCED_COLUMNS["output_level"]
        for row in rows:
            np.testing.assert_array_equal(np.sort(once[:, row.ravel()]), np.sort(voices[:, row.ravel()]))
