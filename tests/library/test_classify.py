import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ddx7.errors import Ddx7Error
from ddx7.library import CATEGORIES, measure_voices
from ddx7.library.classify import WEIGHTS, Classifier, categorise, features, load_classifier, save_classifier
from ddx7.library.describe import describe, describe_voices
from ddx7.voice import Voice
from ddx7.voice.packing import random_vced

OPERATOR = replace(Voice().operators[0], rates=(99, 60, 50, 60), levels=(99, 90, 90, 0), output_level=0)


def voice(*operators, **fields) -> Voice:
    return Voice(operators=(*operators, *[OPERATOR] * (6 - len(operators))), **fields)


DRAWBARS = voice(
    *(
        replace(OPERATOR, output_level=90, coarse=c, levels=(99, 99, 99, 0), rates=(99, 99, 99, 85))
        for c in (1, 2, 3, 4)
    ),
    algorithm=32,
)
KICK = voice(
    replace(OPERATOR, output_level=99, rates=(99, 70, 60, 70), levels=(99, 0, 0, 0), fixed=1, coarse=1, fine=80),
    replace(OPERATOR, output_level=80, rates=(99, 85, 60, 70), levels=(99, 0, 0, 0), fixed=1, coarse=2, fine=20),
    algorithm=1,
    feedback=7,
)
SLOW = voice(
    replace(OPERATOR, output_level=95, rates=(35, 60, 60, 35), levels=(99, 99, 99, 0)),
    algorithm=1,
    lfo_pitch_depth=40,
    pitch_mod_sensitivity=3,
    lfo_speed=35,
    lfo_wave=4,
)
VOICES = (DRAWBARS, KICK, SLOW)


@pytest.fixture(scope="module")
def vced() -> np.ndarray:
    return np.array([list(v.to_vced()) for v in VOICES], np.uint8)


@pytest.fixture(scope="module")
def measures(vced):
    return measure_voices(vced)


def test_the_card_describes_the_weights() -> None:
    data, card = WEIGHTS.read_bytes(), load_classifier().card
    assert len(data) == card["bytes"] < 500_000
    assert hashlib.sha256(data).hexdigest() == card["sha256"]
    assert card["categories"] == list(CATEGORIES)
    assert card["likeliest_is_named"] > 0.65


def test_plain_cases_are_classified(vced, measures) -> None:
    found = load_classifier().categories(vced, measures)
    named = [{c for c, so in zip(CATEGORIES, row, strict=True) if so} for row in found]
    assert "organ" in named[0]
    assert named[1] & {"percussion", "effect", "bass"}
    assert all(named)


def test_names_have_priority(vced, measures) -> None:
    named = np.zeros((3, len(CATEGORIES)), bool)
    named[0, 4] = True
    found = categorise(vced, measures, named)
    assert found[0].tolist() == named[0].tolist()
    assert (found[1:] == load_classifier().categories(vced, measures)[1:]).all()


def test_inaudible_parameters_are_no_features(vced, measures) -> None:
    """Parameters of operators that are off, and the name, are no features."""
    other = vced.copy()
    other[:, 145:] = 65
    other[0, 0:4] ^= 3  # rates of OP6, which is off
    assert np.array_equal(features(other, measures), features(vced, measures))


def test_parameters_are_written_with_their_card(tmp_path: Path, vced, measures) -> None:
    shipped = load_classifier()
    path = tmp_path / "own.safetensors"
    save_classifier(path, shipped.params, {"what": "a copy"})
    own = load_classifier(path)
    assert isinstance(own, Classifier)
    assert np.allclose(own.probabilities(vced, measures), shipped.probabilities(vced, measures), atol=1e-6)
    card = json.loads(path.with_suffix(".json").read_text())
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    other = tmp_path / "other.safetensors"
    other.write_bytes(path.read_bytes())
    other.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(Ddx7Error, match="weights are not those that the card"):
        load_classifier(other)
    with pytest.raises(Ddx7Error, match="no weights with a card"):
        load_classifier(tmp_path / "none.safetensors")


def test_descriptions_match_the_voices(vced, measures) -> None:
    organ, kick, slow = describe(vced, measures, [{"organ"}, {"percussion"}, ()])
    assert organ.startswith("A ")
    assert "organ that speaks at once and holds its level" in organ
    assert "percussion sound" in kick
    assert "is gone within a second" in kick
    assert "swells for 0." in slow
    assert slow.startswith("A pure sound")
    assert "vibrato" in slow
    assert "touch" not in organ


def test_a_register_needs_an_audible_partial() -> None:
    """The common divisor of a fifth is an inaudible octave below; a transposed voice sounds there."""
    on = replace(OPERATOR, output_level=99)
    fifth = replace(voice(on, replace(on, coarse=1, fine=50)), algorithm=32, name="QUINT")
    low = replace(fifth, operators=(on, *(OPERATOR,) * 5), transpose=-12)
    high = replace(low, transpose=12)
    sentences = describe_voices([fifth, low, high, Voice(), Voice(name="FLUTE")])
    assert "the note that" not in sentences[0]
    assert "an octave below the note" in sentences[1]
    assert "an octave above the note" in sentences[2]
    assert sentences[3] == sentences[4] == "A plain sine at the pitch of the note, as in INIT VOICE."


def test_silence_is_described_as_such() -> None:
    assert describe_voices([voice(OPERATOR)]) == ["Silent on the three test notes."]


def test_any_voice_gets_one_sentence() -> None:
    vced = random_vced(np.random.default_rng(0), 24)
    for sentence in describe_voices([Voice.from_vced(row) for row in vced]):
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert sentence.count(".") - sentence.count(" s") <= 2
        assert "  " not in sentence
