"""Morphs: exact ends, more even steps than naive interpolation, tunings of one parent or the other."""

import itertools

import numpy as np
import pytest

from ddx7 import morph
from ddx7.errors import Ddx7Error
from ddx7.generation.morph import _shortest_path, blend, decode_between, hybrids, walk
from ddx7.library.notes import note_log_mel, pairwise_distance_db, render_notes
from ddx7.voice import Voice
from ddx7.voice.packing import VCED_COLUMNS, in_range, random_vced


def voices(n: int) -> np.ndarray:
    vced = random_vced(np.random.default_rng(8), n)
    vced[:, VCED_COLUMNS["output_level"]] = np.clip(vced[:, VCED_COLUMNS["output_level"]], 60, 90)
    vced[:, VCED_COLUMNS["levels"]] = (99, 90, 80, 0)
    vced[:, VCED_COLUMNS["rates"]] = (90, 50, 40, 60)
    vced[:, VCED_COLUMNS["fixed"]] = 0
    vced[:, VCED_COLUMNS["coarse"]] = np.random.default_rng(9).integers(1, 6, (n, 6))
    vced[:, VCED_COLUMNS["pitch_levels"]] = 50
    for name in ("left_depth", "right_depth", "lfo_pitch_depth", "fine"):
        vced[:, VCED_COLUMNS[name]] = 0
    return vced


def test_the_ends_are_the_two_voices():
    a, b = (Voice.from_vced(v) for v in voices(2))
    bank = morph(a, b, 5)
    assert len(bank) == 5
    assert bank[0] == a
    assert bank[-1] == b
    assert len({voice.name for voice in bank[1:-1]}) == 3
    assert list(morph(a, b, 2)) == [a, b]
    for steps in (1, 65):
        with pytest.raises(Ddx7Error, match="wanted 2 to 64"):
            morph(a, b, steps)
    for twin in (a, a.renamed("TWIN")):
        with pytest.raises(Ddx7Error, match="found the same voice twice"):
            morph(a, twin)
    with pytest.raises(Ddx7Error, match="found 'space', wanted one of both, hybrids, encoder"):
        morph(a, b, through="space")


def test_every_step_of_hybrids_is_legal_and_has_tunings_of_its_parents():
    a, b = voices(2)
    for step in walk(a, b, 6, "hybrids"):
        assert in_range(step).all()
        assert step[VCED_COLUMNS["algorithm"]] in (a[VCED_COLUMNS["algorithm"]], b[VCED_COLUMNS["algorithm"]])
    tunings = np.stack([VCED_COLUMNS[name] for name in ("fixed", "coarse", "fine", "detune")], axis=1)
    for hybrid in hybrids(a, b, 0.4):
        for columns in tunings:
            assert any((hybrid[columns] == parent[columns]).all() for parent in (a, b))


def test_decoded_voices_lead_from_one_end_to_the_other():
    a, b = voices(2)
    shares = np.array([0.0, 0.5, 1.0])
    between = decode_between(a, b, shares, seed=4)
    assert in_range(between).all()
    np.testing.assert_array_equal(between, decode_between(a, b, shares, seed=4))
    assert (between != decode_between(a, b, shares, seed=5)).any()
    ends = note_log_mel(render_notes(np.stack([a, b])))
    distances = np.stack([pairwise_distance_db(note_log_mel(render_notes(voices)), ends) for voices in between])
    nearer_a = np.median(distances[..., 0] - distances[..., 1], axis=1)
    assert nearer_a[0] < nearer_a[1] < nearer_a[2]


def test_more_candidates_make_no_longer_path():
    a, b = voices(4)[2:]
    lengths = {}
    for through in ("both", "hybrids", "encoder"):
        path = walk(a, b, 4, through, seed=1)
        assert in_range(path).all()
        log_mels = note_log_mel(render_notes(path))
        lengths[through] = np.square(np.diff(log_mels, axis=0)).mean(axis=1).sum()
    assert lengths["both"] <= min(lengths["hybrids"], lengths["encoder"]) * 1.0001


def test_a_morph_to_silence_works():
    a, b = voices(2)
    b[VCED_COLUMNS["output_level"]] = 0
    path = walk(a, b, 4)
    peaks = np.abs(render_notes(path)).max(axis=1)
    assert in_range(path).all()
    assert peaks[-1] < 1e-3 < peaks[0]


def test_steps_are_more_even_than_those_of_naive_interpolation():
    ratios = []
    for a, b in voices(12)[:4].reshape(2, 2, -1):
        largest = []
        for path in (walk(a, b, 7), np.stack([blend(a, b, share) for share in np.linspace(0, 1, 7)])):
            log_mels = note_log_mel(render_notes(path))
            largest.append(
                max(pairwise_distance_db(log_mels[k : k + 1], log_mels[k + 1 : k + 2])[0, 0] for k in range(6))
            )
        ratios.append(largest[0] / largest[1])
    assert np.median(ratios) < 0.9
    assert max(ratios) < 1.1


def test_the_shortest_path_is_the_shortest_of_all_paths():
    rng = np.random.default_rng(0)
    layers = [rng.normal(size=(n, 3)) for n in (1, 3, 4, 2, 1)]
    found = _shortest_path(layers)

    def cost(path):
        points = [layer[k] for layer, k in zip(layers, path, strict=True)]
        return sum(np.square(p - q).mean() for p, q in itertools.pairwise(points))

    best = min(itertools.product(*(range(len(layer)) for layer in layers)), key=cost)
    assert tuple(found) == best
