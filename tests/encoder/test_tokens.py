"""Voices as tokens and back."""

import numpy as np

from ddx7.encoder.tokens import COLUMNS, KIND, N_KINDS, N_TOKENS, OPERATOR, SIZES, to_tokens, to_vced
from ddx7.engine import Patch, plan, play
from ddx7.voice.packing import INIT_VCED, VCED_COLUMNS, in_range, random_vced
from ddx7.voice.spec import FIELDS


def test_every_byte_but_the_name_is_one_token():
    assert sorted(COLUMNS) == list(range(145))
    assert N_TOKENS == 145
    assert ([FIELDS[column].parameter.maximum + 1 for column in COLUMNS] == SIZES).all()


def test_tokens_of_a_kind_are_one_parameter_of_different_operators():
    for kind in range(N_KINDS):
        fields = [FIELDS[column] for column in COLUMNS[kind == KIND]]
        assert len({(f.parameter.name, f.index) for f in fields}) == 1
        operators = [f.operator for f in fields]
        assert operators == [0] or operators == [1, 2, 3, 4, 5, 6]
    for column, operator in zip(COLUMNS, OPERATOR, strict=True):
        assert FIELDS[column].operator == operator + 1


def test_round_trip_keeps_the_tokens_and_the_sound():
    vced = random_vced(np.random.default_rng(0), 32)
    vced[:, VCED_COLUMNS["feedback"]] = 0
    vced[::2, VCED_COLUMNS["output_level"][:3]] = 0
    tokens = to_tokens(vced)
    restored = to_vced(tokens)
    assert in_range(restored).all()
    np.testing.assert_array_equal(to_tokens(restored), tokens)

    def render(voices):
        n = len(voices)
        return play(plan(Patch.from_vced(voices), *(np.full(n, x) for x in (60, 100, 200)), 22050), 8000)

    before, after = render(vced), render(restored)
    error = np.abs(before - after).max(axis=1) / np.maximum(np.abs(before).max(axis=1), 1e-6)
    assert np.median(error) < 1e-4
    assert error.max() < 0.05  # fast pitch modulation magnifies the order in which floats are added


def test_an_operator_that_is_off_is_that_of_init_voice():
    vced = to_vced(np.zeros((1, N_TOKENS), np.uint8))
    for row in ("rates", "levels", "coarse", "detune"):
        np.testing.assert_array_equal(vced[0, VCED_COLUMNS[row]], INIT_VCED[VCED_COLUMNS[row]])
    assert (vced[0, VCED_COLUMNS["output_level"]] == 0).all()
