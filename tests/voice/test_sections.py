"""Parts of a voice by name: which bytes they are, and how they may be written."""

import numpy as np
import pytest

from ddx7.errors import ArgumentError
from ddx7.voice.sections import PART_NAMES, PARTS, SECTIONS, part_bytes, parts_in
from ddx7.voice.spec import FIELDS


def labels(parts):
    return {FIELDS[k].label for k in np.flatnonzero(part_bytes(parts))}


def test_parts_hold_the_parameters_that_the_panel_shows_under_their_names():
    assert labels(["algorithm"]) == {"algorithm"}
    assert labels(["pitch-eg"]) == {f"pitch EG {letter}{k}" for letter in "RL" for k in (1, 2, 3, 4)}
    assert "operator 3 amp mod sensitivity" in labels(["lfo"])
    assert "operator 6 velocity sensitivity" in labels(["velocity"]) & labels(["scaling"])
    assert labels(["envelopes"]) == {f"operator {op} {x}{k}" for op in range(1, 7) for x in "RL" for k in range(1, 5)}


def test_an_operator_is_its_21_bytes():
    # In the edit form OP6 comes first.
    assert np.flatnonzero(part_bytes(["op6"])).tolist() == list(range(21))
    assert np.flatnonzero(part_bytes(["op1"])).tolist() == list(range(105, 126))


def test_all_parts_together_are_the_voice_without_its_name():
    assert np.flatnonzero(part_bytes(PART_NAMES)).tolist() == list(range(145))
    assert np.flatnonzero(part_bytes(PARTS)).tolist() == list(range(145))
    sections = [part_bytes([name]).astype(int) for name in SECTIONS]
    assert np.sum(sections, axis=0).max() == 1, "sections do not overlap"


def test_capitals_spaces_and_underscores_do_not_matter():
    for spelling in ("pitch-eg", " Pitch EG ", "PITCH_EG"):
        assert labels([spelling]) == labels(["pitch-eg"])
    assert labels("lfo") == labels(["lfo"])
    assert parts_in("algorithm, LFO,,op1") == ("algorithm", "LFO", "op1")


def test_an_unknown_part_gets_one_sentence_with_all_names():
    with pytest.raises(ArgumentError, match=r"lock: found colour, name, wanted some of algorithm, .*ratios.*, op6$"):
        part_bytes(["lfo", "name", "colour"])
