"""`generate`: as many voices as asked for, as asked for, well, named, and none twice."""

from importlib import import_module

import numpy as np
import pytest

import ddx7
from ddx7.errors import Ddx7Error
from ddx7.generation.gan.conditions import YES, describe_conditions
from ddx7.generation.gan.voice_generator import load_weights
from ddx7.generation.generate import make_bank
from ddx7.library.canonical import sound_key
from ddx7.library.categories import CATEGORIES
from ddx7.library.classify import load_classifier
from ddx7.library.screening import measure_voices, screen_voices
from ddx7.voice.health import has_stuck_note, is_silent


@pytest.fixture(scope="module")
def maker(taught):
    return load_weights(taught)


def test_a_bank_is_well_distinct_and_hangs_on_the_seed(maker):
    made = make_bank(20, seed=4, maker=maker)
    vced = made.bank.to_vced()
    assert len(vced) == 20
    assert not (is_silent(vced) | has_stuck_note(vced)).any()
    drums = np.array([bool({"percussion", "effect"} & set(kinds)) for kinds in made.kinds])
    assert not screen_voices(vced, without_pitch=drums).rejected.any()
    assert len(np.unique(sound_key(vced), axis=0)) == 20
    assert len({voice.name for voice in made.bank}) == 20
    assert made.bank == make_bank(20, seed=4, maker=maker).bank
    other = make_bank(20, seed=5, maker=maker).bank.to_vced()
    assert not {row.tobytes() for row in sound_key(vced)} & {row.tobytes() for row in sound_key(other)}
    assert made.report["heard"] >= 20
    assert made.report["duds"] == sum(made.report["reasons"].values())


def test_wishes_are_granted_one_by_one_and_together(maker):
    made = make_bank(6, algorithm=22, fixed=False, category=["brass", "bell"], audition=False, seed=1, maker=maker)
    assert {voice.algorithm for voice in made.bank} == {22}
    assert all(operator.fixed == 0 for voice in made.bank for operator in voice.operators if operator.output_level)
    assert made.kinds == (("brass", "bell"),) * 6
    assert (made.report["heard"], made.report["duds"]) == (0, 0)
    pads = make_bank(6, pad=True, audition=False, maker=maker).bank.to_vced()
    assert (describe_conditions(pads, np.zeros((6, len(CATEGORIES)), bool)).sweeping == YES).all()
    fixed = make_bank(6, fixed=True, audition=False, maker=maker).bank.to_vced()
    assert (describe_conditions(fixed, np.zeros((6, len(CATEGORIES)), bool)).fixed == YES).all()


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"count": 0}, "count: found 0, wanted 1 to 1024"),
        ({"category": "kazoo"}, "category: found kazoo, wanted some of piano"),
        ({"algorithm": 33}, "algorithm: found 33, wanted 1 to 32"),
        ({"seed": -1}, "seed: found -1, wanted 0 or more"),
    ],
)
def test_wrong_wishes_get_a_sentence(wish, message):
    with pytest.raises(Ddx7Error, match=message):
        ddx7.generate(**wish)


def test_what_cannot_be_found_is_said(maker, monkeypatch):
    module = import_module("ddx7.generation.generate")  # the package has the function under this name
    monkeypatch.setattr(module, "silent", lambda vced: np.ones(len(vced), bool))
    with pytest.raises(Ddx7Error, match="found 0 voices as asked for"):
        make_bank(2, audition=False, maker=maker)


def test_what_is_kept_sounds_more_as_asked_than_what_is_drawn():
    def organs(bank: ddx7.Bank) -> float:
        vced = bank.to_vced()
        return float(load_classifier().probabilities(vced, measure_voices(vced))[:, CATEGORIES.index("organ")].mean())

    kept = ddx7.generate(6, category="organ", seed=9)
    assert len(kept) == 6
    drawn = ddx7.generate(6, category="organ", seed=9, audition=False)
    assert 1 - organs(kept) < 0.5 * (1 - organs(drawn))
