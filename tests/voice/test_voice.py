import json

import numpy as np
import pytest
from hypothesis import given
from lookalikes import pack_by_hand, random_voices, vceds

from ddx7.errors import Ddx7Error
from ddx7.voice import Bank, Operator, Voice, init_voice


@given(vceds())
def test_every_legal_voice_survives_each_form(vced: bytes):
    voice = Voice.from_vced(vced)
    assert voice.to_vced() == vced
    assert voice.to_vmem() == pack_by_hand(vced)
    assert Voice.from_vmem(voice.to_vmem()) == voice
    assert Voice.from_json(voice.to_json()) == voice
    assert Voice.from_dict(voice.to_dict()) == voice


def test_panel_units():
    vced = bytearray(init_voice().to_vced())
    vced[134], vced[144], vced[20] = 31, 0, 14
    voice = Voice.from_vced(bytes(vced))
    assert (voice.algorithm, voice.transpose, voice.operators[5].detune) == (32, -24, 7)
    assert voice.operators[0].output_level == 99


def test_the_default_voice_is_the_init_voice():
    assert Voice() == init_voice()


def test_names_show_the_three_characters_that_are_not_ascii():
    voice = init_voice().renamed("A¥→←")
    assert voice.to_vced()[145:] == b"A\x5c\x7e\x7f      "
    assert Voice.from_vced(voice.to_vced()).name == "A¥→←"


@pytest.mark.parametrize("index", [0, 20, 121, 134, 135, 142, 144, 145])
def test_an_illegal_byte_is_named(index):
    vced = bytearray(init_voice().to_vced())
    vced[index] = 31 if index == 145 else 120
    with pytest.raises(Ddx7Error, match="wanted"):
        Voice.from_vced(bytes(vced))


@pytest.mark.parametrize(
    "bad",
    [
        "[]",
        "{",
        "[" * 100_000,
        '{"name": 5}',
        '{"name": ["A"]}',
        '{"name": "twelve chars"}',
        '{"name": "\\ud800"}',
        '{"algorithm": 0}',
        '{"algorithm": 1.5}',
        '{"algorithm": true}',
        '{"volume": 3}',
        '{"operators": 3}',
        '{"operators": [1, 2, 3, 4, 5, 6]}',
        '{"operators": [{}]}',
        '{"operators": [{"rates": [1, 2, 3]}, {}, {}, {}, {}, {}]}',
        '{"pitch_rates": 4}',
    ],
)
def test_bad_json_is_a_clear_error(bad: str):
    with pytest.raises(Ddx7Error):
        Voice.from_json(bad)


def test_json_is_plain():
    data = json.loads(Voice.from_vced(random_voices(1)[0]).to_json())
    assert len(data["operators"]) == 6
    assert isinstance(data["operators"][0]["rates"], list)


def test_operators_check_themselves():
    with pytest.raises(Ddx7Error, match=r"detune.*-8.*-7 to 7"):
        Operator(detune=-8)


def test_bank_is_a_sequence():
    vceds = random_voices(5)
    bank = Bank(map(Voice.from_vced, vceds), ["repaired"])
    assert len(bank) == 5
    assert bank[1].to_vced() == vceds[1]
    assert isinstance(bank[1:3], Bank)
    assert [v.to_vced() for v in bank[1:3]] == vceds[1:3]
    assert bank.to_vced().tobytes() == b"".join(vceds)
    assert Bank([]).to_vced().shape == (0, 155)
    assert bank.to_vced().dtype == np.uint8


def test_wrong_values_are_named_in_the_words_of_the_panel() -> None:
    for wrong, message in (
        ({"operators": [{"levels": [1, 2, 3, 100]}]}, "operator 1: L4: found 100, wanted an integer from 0 to 99"),
        ({"operators": [{"rates": [1, 2]}]}, "operator 1: rates: found (1, 2), wanted 4 integers, R1 to R4"),
        ({"pitch_levels": [0, -1, 0, 0]}, "voice: pitch EG L2: found -1, wanted an integer from 0 to 99"),
        ({"lfo_speed": 100}, "voice: LFO speed: found 100, wanted an integer from 0 to 99"),
    ):
        with pytest.raises(Ddx7Error) as caught:
            Voice.from_dict(wrong)
        assert str(caught.value) == message


def test_voices_and_banks_print_in_one_line() -> None:
    assert repr(Voice()) == "<Voice INIT VOICE: algorithm 1, feedback 0>"
    assert repr(Voice(name="")) == "<Voice unnamed: algorithm 1, feedback 0>"
    assert repr(Bank([Voice()] * 9)) == "<Bank of 9 voices: " + "INIT VOICE, " * 8 + "...>"
    assert repr(Bank([])) == "<Bank of 0 voices>"
