"""Variations: legal, different and audible; larger with the amount; locked sections stay."""

import numpy as np
import pytest

from ddx7 import vary
from ddx7.errors import Ddx7Error
from ddx7.generation import SECTIONS
from ddx7.library.notes import note_log_mel, pairwise_distance_db, render_notes
from ddx7.voice import Voice
from ddx7.voice.algorithms import CARRIERS
from ddx7.voice.packing import VCED_COLUMNS, in_range, random_vced
from ddx7.voice.spec import FIELDS
from ddx7.voice.voice import numbered


@pytest.fixture(scope="module")
def voice() -> Voice:
    vced = random_vced(np.random.default_rng(4), 1)
    vced[:, VCED_COLUMNS["output_level"]] = 80
    vced[:, VCED_COLUMNS["levels"]] = (99, 90, 80, 0)
    vced[:, VCED_COLUMNS["rates"]] = (90, 50, 40, 60)
    vced[:, VCED_COLUMNS["fixed"]] = 0
    vced[:, VCED_COLUMNS["coarse"]] = (1, 2, 1, 3, 1, 5)
    vced[:, VCED_COLUMNS["fine"]] = 0
    vced[:, VCED_COLUMNS["pitch_levels"]] = 50
    return Voice.from_vced(vced[0]).renamed("ORIGINAL")


def bytes_of(voice: Voice) -> np.ndarray:
    return np.frombuffer(voice.to_vced(), np.uint8)


def test_variations_are_legal_different_and_audible(voice):
    bank = vary(voice, 12, amount=0.3, seed=1)
    vced = bank.to_vced()
    assert len(bank) == 12
    assert in_range(vced).all()
    assert len(np.unique(vced[:, :145], axis=0)) == 12
    assert (vced[:, :145] != bytes_of(voice)[:145]).any(axis=1).all()
    levels = [10 * np.log10(np.mean(np.square(x))) for x in render_notes(np.vstack([bytes_of(voice), vced]))]
    assert np.abs(np.array(levels[1:]) - levels[0]).max() <= 10


def test_a_larger_amount_gives_larger_distances(voice):
    original = note_log_mel(render_notes(bytes_of(voice)[None]))
    distances = [
        np.median(pairwise_distance_db(original, note_log_mel(render_notes(vary(voice, 16, amount=amount).to_vced()))))
        for amount in (0.05, 0.3, 1.0)
    ]
    assert 0 < distances[0] < 0.7 * distances[1]
    assert distances[1] < 0.9 * distances[2]


@pytest.mark.parametrize("section", SECTIONS)
def test_a_locked_section_stays_and_a_free_one_moves(voice, section):
    columns = np.concatenate([np.ravel(VCED_COLUMNS[name]) for name in SECTIONS[section]])
    count = 1 if section == "algorithm" else 24  # few algorithms are alike
    locked = vary(voice, 24, amount=1.0, lock=[section]).to_vced()
    assert (locked[:, columns] == bytes_of(voice)[columns]).all()
    free = vary(voice, count, amount=1.0, lock=[other for other in SECTIONS if other != section]).to_vced()
    moved = (free[:, :145] != bytes_of(voice)[:145]).any(axis=0)
    assert moved[columns].any()
    assert set(np.flatnonzero(moved)) <= set(columns)


def test_carriers_keep_their_frequency(voice):
    varied = vary(voice, 64, amount=1.0, lock=["algorithm"]).to_vced()
    carriers = np.flatnonzero(CARRIERS[voice.algorithm - 1])
    for name in ("coarse", "fine"):
        columns = VCED_COLUMNS[name][carriers]
        assert (varied[:, columns] == bytes_of(voice)[columns]).all()
    modulators = VCED_COLUMNS["coarse"][np.flatnonzero(CARRIERS[voice.algorithm - 1] == 0)]
    assert (varied[:, modulators] != bytes_of(voice)[modulators]).any()


def test_l4_and_parameters_outside_the_sections_never_change(voice):
    varied = vary(voice, 32, amount=1.0).to_vced()
    assert (varied[:, VCED_COLUMNS["levels"][:, 3]] == 0).all()
    untouched = [f.vced for f in FIELDS if f.parameter.name in ("transpose", "fixed", "pitch_levels", "lfo_wave")]
    assert (varied[:, untouched] == bytes_of(voice)[untouched]).all()


def test_the_same_seed_makes_the_same_voices(voice):
    once, again, other = (vary(voice, 4, seed=seed).to_vced() for seed in (5, 5, 6))
    np.testing.assert_array_equal(once, again)
    assert (once != other).any()


def test_wrong_arguments_are_named(voice):
    for wrong, message in (
        ({"count": 0}, "count: found 0, wanted 1 to 512"),
        ({"amount": 0.0}, "amount: found 0"),
        ({"lock": ["colour"]}, "lock: found colour"),
        ({"lock": tuple(SECTIONS)}, "found every section"),
    ):
        with pytest.raises(Ddx7Error, match=message):
            vary(voice, **wrong)
    silent = bytes_of(voice).copy()
    silent[VCED_COLUMNS["levels"]] = 0
    with pytest.raises(Ddx7Error, match="found no sound on C3"):
        vary(Voice.from_vced(silent))


def test_no_name_comes_twice_in_any_run(voice):
    """Neither in a bank, nor for another seed or amount, nor for variations of a variation, nor the original's."""
    first, second = vary(voice, 8, seed=0), vary(voice, 8, seed=1)
    runs = [first, second, vary(voice, 8, seed=0, amount=0.4), vary(first[0], 8, seed=0)]
    names = [variation.name for bank in runs for variation in bank]
    assert len(set(names)) == 32
    assert voice.name not in names
    assert all(name.startswith("ORIG ") and len(name) == 10 for name in names)
    assert [variation.name for variation in vary(voice.renamed(""), 8)] == [name[5:] for name in names[:8]]


def test_numbered_names_fit():
    assert numbered("TUB BELLS", 3) == "TUB BELL 3"
    assert numbered("", 3) == " 3"
    assert len(numbered("ABCDEFGHIJ", 512)) == 10
