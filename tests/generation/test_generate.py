"""`generate`: the requested number of voices that match the request, named and all different."""

import json
from collections import Counter
from importlib import import_module

import numpy as np
import pytest

import ddx7
from ddx7.errors import Ddx7Error
from ddx7.generation.gan.conditions import YES, describe_conditions
from ddx7.generation.gan.voice_generator import load_weights, shipped
from ddx7.generation.generate import GenerationRequest, make_bank
from ddx7.library.canonical import sound_key
from ddx7.library.categories import CATEGORIES
from ddx7.library.classify import load_classifier
from ddx7.library.screening import measure_voices, screen_voices
from ddx7.voice.health import has_stuck_note, is_silent


@pytest.fixture(scope="module")
def generator(trained_weights):
    return load_weights(trained_weights)


def test_a_bank_is_sound_distinct_and_determined_by_the_seed(generator, programs_made):
    generated = make_bank(GenerationRequest(20, seed=4), generator)
    vced = generated.bank.to_vced()
    assert len(vced) == 20
    assert not (is_silent(vced) | has_stuck_note(vced)).any()
    unpitched = np.array([bool({"percussion", "effect"} & set(some)) for some in generated.categories])
    assert not screen_voices(vced, without_pitch=unpitched).rejected.any()
    assert len(np.unique(sound_key(vced), axis=0)) == 20
    assert len({voice.name for voice in generated.bank}) == 20
    assert generated.bank == make_bank(GenerationRequest(20, seed=4), generator).bank
    before = programs_made()
    other = make_bank(GenerationRequest(20, seed=5), generator).bank.to_vced()
    assert programs_made() == before
    assert not {row.tobytes() for row in sound_key(vced)} & {row.tobytes() for row in sound_key(other)}
    assert generated.counts.n_screened >= 20
    assert generated.counts.n_rejected == sum(generated.counts.reasons.values())


def test_requests_are_met_one_by_one_and_together(generator):
    request = GenerationRequest(6, ("brass", "bell"), algorithm=22, fixed=False, screen=False, seed=1)
    generated = make_bank(request, generator)
    assert {voice.algorithm for voice in generated.bank} == {22}
    assert all(operator.fixed == 0 for voice in generated.bank for operator in voice.operators if operator.output_level)
    assert generated.categories == (("brass", "bell"),) * 6
    assert (generated.counts.n_screened, generated.counts.n_rejected) == (0, 0)
    pads = make_bank(GenerationRequest(6, pad=True, screen=False), generator).bank.to_vced()
    assert (describe_conditions(pads, np.zeros((6, len(CATEGORIES)), bool)).sweeping == YES).all()
    fixed = make_bank(GenerationRequest(6, fixed=True, screen=False), generator).bank.to_vced()
    assert (describe_conditions(fixed, np.zeros((6, len(CATEGORIES)), bool)).fixed == YES).all()


def test_the_report_names_request_and_voices(generator):
    report = make_bank(GenerationRequest(2, ("organ",), screen=False, seed=3), generator).to_dict()
    assert list(report) == [
        *("count", "category", "each", "algorithm", "pad", "fixed", "seed"),
        *("screened", "n_screened", "n_rejected", "reasons", "voices"),
    ]
    assert (report["count"], report["category"], report["screened"]) == (2, ["organ"], False)
    assert json.loads(json.dumps(report))["voices"][1]["categories"] == ["organ"]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"count": 0}, "count: found 0, wanted 1 to 1024"),
        ({"category": "kazoo"}, "category: found kazoo, wanted some of piano"),
        ({"algorithm": 33}, "algorithm: found 33, wanted 1 to 32"),
        ({"seed": -1}, "seed: found -1, wanted 0 or more"),
    ],
)
def test_a_wrong_request_gets_a_sentence(request_, message):
    with pytest.raises(Ddx7Error, match=message):
        ddx7.generate(**request_)


def test_too_few_matching_voices_raise(generator, monkeypatch):
    module = import_module("ddx7.generation.generate")  # the package has the function under this name
    monkeypatch.setattr(module, "is_silent", lambda vced: np.ones(len(vced), bool))
    with pytest.raises(Ddx7Error, match="found 0 voices that match the request"):
        make_bank(GenerationRequest(2, screen=False), generator)


def test_screened_voices_match_the_category_better_than_sampled_ones():
    def organ_probability(bank: ddx7.Bank) -> float:
        vced = bank.to_vced()
        return float(load_classifier().probabilities(vced, measure_voices(vced))[:, CATEGORIES.index("organ")].mean())

    screened = ddx7.generate(6, category="organ", seed=9)
    assert len(screened) == 6
    sampled = ddx7.generate(6, category="organ", seed=9, screen=False)
    assert 1 - organ_probability(screened) < 0.5 * (1 - organ_probability(sampled))


def test_a_category_has_the_algorithms_of_real_voices():
    brass = shipped().categories.index("brass")
    frequent = np.argsort(-shipped().condition_prior.algorithm_counts[3 + brass])[:12] + 1
    algorithms = Counter(voice.algorithm for voice in ddx7.generate(24, category="brass", seed=1, screen=False))
    assert len(algorithms) >= 5
    assert max(algorithms.values()) <= 14
    assert sum(algorithms[k] for k in frequent) >= 16
