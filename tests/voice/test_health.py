from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lookalikes import VCED_MAX, VCED_MIN, random_voices

from ddx7.errors import Ddx7Error
from ddx7.voice import Operator, Voice, diagnose, init_voice, repair
from ddx7.voice.health import is_silent, plausible

LOUD = Operator(output_level=99)


def voice(*operators: Operator, **values) -> Voice:
    """A voice of the given operators from OP1 on, the rest switched off."""
    return Voice(operators=(*operators, *(Operator(),) * (6 - len(operators))), **values)


def codes(v: Voice) -> list[str]:
    return [finding.code for finding in diagnose(v)]


def test_the_init_voice_only_has_idle_operators():
    (finding,) = diagnose(init_voice())
    assert (finding.code, finding.severity) == ("idle-operators", "note")
    assert "2, 3, 4, 5, 6" in finding.sentence


def test_a_healthy_voice_has_no_findings():
    assert diagnose(voice(*[LOUD] * 6)) == []


@pytest.mark.parametrize(
    "operators",
    [
        [Operator(), LOUD],  # algorithm 1: OP2 is a modulator
        [replace(LOUD, levels=(0, 0, 0, 0)), LOUD],
        [Operator(output_level=15), LOUD],
        [replace(LOUD, levels=(9, 9, 9, 0)), LOUD],
        [Operator(left_depth=99, left_curve=0), LOUD],
    ],
)
def test_a_voice_whose_carriers_cannot_be_heard_is_silent(operators):
    (finding,) = diagnose(voice(*operators))
    assert (finding.code, finding.severity) == ("silent", "error")
    assert "operators 1, 3" in finding.sentence


def test_many_voices_at_once_are_silent_as_each_of_them_is():
    rng = np.random.default_rng(5)
    vceds = np.frombuffer(b"".join(random_voices(600, seed=5)), np.uint8).reshape(-1, 155).copy()
    for start in range(0, 126, 21):
        vceds[:, start + 16] = rng.integers(0, 40, 600)
        vceds[rng.random(600) < 0.5, start + 9 : start + 11] = 0
    expected = ["silent" in codes(Voice.from_vced(row)) for row in vceds]
    assert is_silent(vceds).tolist() == expected
    assert 100 < sum(expected) < 500
    assert is_silent(vceds[0]) == expected[0]


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("curve", [2, 3])
def test_level_scaling_can_raise_an_operator_of_level_zero(side, curve):
    operator = Operator(**{f"{side}_depth": 50, f"{side}_curve": curve})
    assert "silent" not in codes(voice(operator))


@pytest.mark.parametrize("algorithm", range(1, 33))
def test_one_carrier_is_enough_in_every_algorithm(algorithm):
    # OP1 is a carrier everywhere; all the others are so in algorithm 32 alone.
    assert "silent" not in codes(voice(LOUD, algorithm=algorithm))
    assert ("silent" in codes(voice(Operator(), *[LOUD] * 5, algorithm=algorithm))) == (algorithm in (16, 17, 18))


def test_notes_that_never_end():
    hanging = replace(LOUD, levels=(99, 99, 99, 60))
    (finding,) = [f for f in diagnose(voice(LOUD, LOUD, hanging)) if f.code == "stuck-note"]
    assert finding.severity == "warning"
    assert "operator 3 " in finding.sentence
    assert "stuck-note" not in codes(voice(LOUD, hanging))  # a modulator may stay open
    assert "stuck-note" not in codes(voice(replace(LOUD, levels=(99, 99, 99, 5))))  # far below hearing


def test_idle_operators_are_those_that_reach_no_carrier():
    # Algorithm 1: 1<2 and 3<4<5<6. With OP4 off, OP5 and OP6 modulate nothing that sounds.
    (finding,) = diagnose(voice(LOUD, LOUD, LOUD, Operator(), LOUD, LOUD))
    assert finding.sentence == "operators 4, 5, 6 cannot be heard"


def test_blank_names():
    assert codes(voice(*[LOUD] * 6, name="   ")) == ["blank-name"]


@given(st.binary(min_size=155, max_size=155))
def test_any_bytes_are_repaired_into_the_nearest_voice(data: bytes):
    repaired, repairs = repair(data)
    expected = bytes(
        byte if low <= byte <= high else 32 if k >= 145 else min(max(byte, low), high)
        for k, (byte, low, high) in enumerate(zip(data, VCED_MIN, VCED_MAX, strict=True))
    )
    assert repaired.to_vced() == expected
    assert bool(repairs) == (expected != data)


def test_mending_names_what_it_changed():
    data = bytearray(random_voices(1)[0])
    data[134], data[150] = 40, 7
    _, (sentence,) = repair(bytes(data))
    assert sentence == "algorithm 40 became 31; 1 of the bytes of its name became spaces"


def test_mending_wants_155_bytes():
    with pytest.raises(Ddx7Error, match="found 154 bytes"):
        repair(bytes(154))


def test_plausibility_counts_illegal_bytes():
    vced = np.frombuffer(b"".join(random_voices(5)), np.uint8).reshape(5, 155).copy()
    vced[1, :2] = 100
    vced[2, :3] = 100
    vced[3, 145] = 0
    vced[4, 145:147] = 0
    assert plausible(vced).tolist() == [True, True, False, True, False]
    assert plausible(vced, np.array([3, 0, 0, 0, 0])).tolist() == [False, True, False, True, False]
