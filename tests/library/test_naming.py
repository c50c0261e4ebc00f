import codecs
from dataclasses import fields
from itertools import combinations, product

import numpy as np
import pytest

from ddx7.errors import Ddx7Error
from ddx7.library import (
    CATEGORIES,
    NoteMeasures,
    categories_of_name,
    is_profane,
    name_variations,
    name_voices,
    name_words,
)
from ddx7.voice import Voice

PLAIN = dict.fromkeys([field.name for field in fields(NoteMeasures) if field.name != "coarse_log_mel"], 0.0) | {
    "centre_hz": 700.0
}


def measures(n: int, **different: float) -> NoteMeasures:
    values = {name: np.full(n, value) for name, value in (PLAIN | different).items()}
    return NoteMeasures(**values, coarse_log_mel=np.zeros((n, 12, 24)))


def test_names_fit_a_display_and_are_told_apart() -> None:
    categories = [{c} for c in CATEGORIES for _ in range(40)] + [set()] * 40
    names = name_voices([Voice()] * len(categories), categories, seed=3, measures=measures(len(categories)))
    assert len(set(names)) == len(names) == 720
    assert all(name.isascii() and name.isprintable() and 0 < len(name) <= 10 for name in names)
    assert not any(map(is_profane, names))
    assert names == name_voices([Voice()] * len(categories), categories, seed=3, measures=measures(len(categories)))
    assert names != name_voices([Voice()] * len(categories), categories, seed=4, measures=measures(len(categories)))


def letters_apart(a: str, b: str) -> int:
    """Levenshtein's distance, by its definition."""
    table = np.add.outer(np.arange(len(a) + 1), np.arange(len(b) + 1))
    for i, j in product(range(1, len(a) + 1), range(1, len(b) + 1)):
        table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (a[i - 1] != b[j - 1]))
    return int(table[-1, -1])


@pytest.mark.parametrize("categories", [{"brass"}, {"bell", "brass"}, {"pad", "lead"}, set()])
@pytest.mark.parametrize("style", ["fitting", "random"])
def test_the_names_of_a_bank_are_told_apart(categories: set[str], style: str) -> None:
    """Voices of one category and one timbre, which have the fewest words to differ by."""
    names = name_voices([Voice()] * 32, [categories] * 32, seed=8, measures=measures(32), style=style)  # type: ignore[arg-type]
    assert min(letters_apart(a, b) for a, b in combinations(names, 2)) >= 3
    assert not any(character.isdigit() for name in names for character in name)


def test_a_word_for_the_sound_comes_once_in_a_bank() -> None:
    names = name_voices([Voice()] * 32, [{"brass"}] * 32, measures=measures(32, centre_hz=4000.0))
    assert len({name.split()[0] for name in names}) == 32


def test_words_do_not_read_alike() -> None:
    words = " ".join([*name_words.TIMBRE_WORDS.values(), name_words.FIRST_WORDS]).split()
    assert min(letters_apart(a, b) for a, b in combinations(words, 2)) >= 2


def test_names_of_other_voices_are_not_used_again() -> None:
    first = name_voices([Voice()] * 8, [{"organ"}] * 8, seed=2, measures=measures(8))
    second = name_voices([Voice()] * 8, [{"organ"}] * 8, seed=2, measures=measures(8), taken=first)
    assert not set(first) & set(second)


def test_variations_are_named_after_the_original_and_by_their_bytes() -> None:
    rows = [bytes([k] * 155) for k in range(64)]
    names = name_variations("TUB BELLS", rows)
    assert len(set(names)) == 64
    assert all(name.startswith("TUB ") and len(name) <= 10 for name in names)
    assert name_variations("TUB BELLS", rows[:3]) == names[:3]
    assert name_variations("TUB BELLS", rows[:1], taken=names[:1]) != names[:1]
    assert name_variations("", rows[:1]) == [names[0].split()[1]]


def test_names_contain_their_category() -> None:
    # GLASS and SWELL count as bells and pads in a name without a surer word.
    categories = [frozenset({c}) for c in CATEGORIES if c != "other" for _ in range(8)]
    names = name_voices([Voice()] * len(categories), categories, measures=measures(len(categories)))
    missing = [
        name for name, category in zip(names, categories, strict=True) if not category & categories_of_name(name)
    ]
    assert missing == []


def test_two_categories_are_both_named() -> None:
    pairs = [{"bell", "piano"}, {"strings", "brass"}, {"bass", "e-piano"}]
    for name, pair in zip(name_voices([Voice()] * 3, pairs, measures=measures(3)), pairs, strict=True):
        assert categories_of_name(name) == pair, name


@pytest.mark.parametrize(
    ("different", "descriptor"),
    [
        ({"centre_hz": 4000.0}, "bright"),
        ({"centre_hz": 262.0}, "dark"),
        ({"attack_s": 0.7}, "slow"),
        ({"held_db": -40.0}, "short"),
        ({"release_s": 8.0}, "long"),
        ({"noise": 0.5}, "noisy"),
        ({}, "plain"),
    ],
)
def test_names_contain_timbre_descriptors(different: dict, descriptor: str) -> None:
    names = name_voices([Voice()] * 4, [{"pad"}] * 4, measures=measures(4, **different))
    assert all(any(word in name for word in name_words.TIMBRE_WORDS[descriptor].split()) for name in names), names


def test_voices_without_measures_are_rendered() -> None:
    """A voice that starts within 10 s is slow; the initial voice, a sine, is dark."""
    from dataclasses import replace

    slow = replace(Voice().operators[0], rates=(30, 99, 99, 60), levels=(99, 99, 99, 0), output_level=99)
    names = name_voices([Voice(operators=(slow, *Voice().operators[1:])), Voice()], [{"pad"}, {"lead"}])
    assert any(
        word in names[0]
        for word in (*name_words.TIMBRE_WORDS["slow"].split(), *name_words.TIMBRE_WORDS["dark"].split())
    )
    assert any(word in names[1] for word in name_words.TIMBRE_WORDS["dark"].split())


def test_random_names() -> None:
    names = name_voices([Voice()] * 500, [()] * 500, seed=5, style="random")
    assert len(set(names)) == 500
    assert all(name.isascii() and 0 < len(name) <= 10 and not is_profane(name) for name in names)


@pytest.mark.parametrize("stem", ["shpx", "fuvg", "anmv", "avttre"])
def test_profanity_is_found_in_every_spelling(stem: str) -> None:
    word = codecs.decode(stem, "rot13")
    for spelt in (word, word.upper(), " ".join(word), word[:2] + "." + word[2:], word[:2] + word[1:], f"AB{word}2"):
        assert is_profane(spelt), spelt
    assert is_profane(word.translate(str.maketrans("oiaset", "014537")))


@pytest.mark.parametrize("name", ["E.PIANO 1", "STRG ENS", "BRASSY 2", "CLASSIC", "GLASS EP", "HORN ENS", "SAXES", ""])
def test_decent_names_pass(name: str) -> None:
    assert not is_profane(name)


def test_no_two_words_of_random_names_make_profanity() -> None:
    for first, second in product(name_words.FIRST_WORDS.split(), name_words.SECOND_WORDS.split()):
        assert len(first + second) > 10 or not is_profane(first + second)


def test_wrong_arguments() -> None:
    with pytest.raises(Ddx7Error, match="categories of 1 voices, wanted those of 2"):
        name_voices([Voice()] * 2, [{"bass"}])
    with pytest.raises(Ddx7Error, match="found tuba"):
        name_voices([Voice()], [{"tuba"}])
    assert name_voices([], []) == []
