from collections import Counter

import numpy as np
import pytest

from ddx7.library import CATEGORIES, categories_of_name
from ddx7.library.category_words import BLOCKING, PHRASES, WORDS

# Categories on which human readers of these names agree.
READ_BY_PEOPLE = {
    "E.PIANO 1": "e-piano",
    "EPnoBas 2 ": "bass e-piano",
    "ELEC PNO": "e-piano",
    "E.GRAND 3": "e-piano",
    "BELL PNO": "bell piano",
    "P I A N O": "piano",
    "*Fluegel 2": "piano",
    "FlugelHorn": "brass",
    "WURILTZER": "e-piano",
    "STRG ENS": "strings",
    "STREICHER": "strings",
    "STR-INGS": "strings",
    "CORDES 4": "strings",
    "SYN-STRNGS": "strings",
    "12 STR GTR": "guitar",
    "GUITARRA": "guitar",
    "TRMPT": "brass",
    "TURMPET": "brass",
    "CUIVRES 1": "brass",
    "HornPipes": "brass organ",
    "ENGL.HORN": "woodwind",
    "BASSOON": "woodwind",
    "FLT": "woodwind",
    "BASS CLAR": "woodwind",
    "BASS-FLUTE": "woodwind",
    "BASS/FLUTE": "bass woodwind",
    "CLAVINET": "plucked",
    "KOTO": "plucked",
    "HARPSICH 2": "plucked",
    "HRPSCHRD": "plucked",
    "BASS DRUM": "percussion",
    "COW BELL": "percussion",
    "STEEL DRUM": "mallet",
    "MarimbaEdi": "mallet",
    "BELLSTRNG2": "bell strings",
    "PUFF ORGAN": "organ",
    "SLAP BASS3": "bass",
    "SUB-BASS": "bass",
    "WarmPad.2": "pad",
    "NAPPE": "pad",
    "SYN-LEAD 5": "lead",
    "SOLO VIOLN": "strings",
    "HUMAN": "voice",
    "CHORUS EP": "e-piano",
    "CHOEURS": "voice",
    "PR0PHET 5": "other",
    "SYNTH 1": "other",
    "HELICOPTER": "effect",
    "ZOOT": "",
    "INIT VOICE": "",
    "ORGANIC": "",
    "CHORDIAL": "other",
    "CARLOS": "",
    "": "",
    "\x00\x7f  \\": "",
}


@pytest.mark.parametrize(("name", "expected"), READ_BY_PEOPLE.items())
def test_names_are_read_as_people_read_them(name: str, expected: str) -> None:
    assert categories_of_name(name) == frozenset(expected.split())


@pytest.mark.parametrize("name", [name for name, expected in READ_BY_PEOPLE.items() if name.isupper() and expected])
def test_numbers_case_and_frame_change_nothing(name: str) -> None:
    for other in (name.lower(), name.title() if " " in name else name.capitalize(), f"*{name}", f"{name} 7"):
        assert categories_of_name(other) == categories_of_name(name), other


def test_every_word_of_the_table_gives_its_category() -> None:
    for category, text in WORDS.items():
        for entry in text.split():
            assert category in categories_of_name(entry.removesuffix("~")), entry


def test_the_table_has_no_contradictions() -> None:
    words = {entry.removesuffix("~") for text in WORDS.values() for entry in text.split()}
    assert not words & set(BLOCKING.split())
    phrases = Counter(row for text in PHRASES.values() for row in text.split("|"))
    assert max(phrases.values()) == 1
    assert max(len(row.split()) for text in PHRASES.values() for row in text.split("|")) <= 4  # a lost bar joins two
    assert set(PHRASES) <= {*CATEGORIES, ""}
    assert len(CATEGORIES) == 17


def test_most_names_of_public_voices_tell_a_category(shared) -> None:
    with np.load(shared / "corpus" / "voices.npz") as corpus:
        names = [bytes(row).decode("latin-1") for row in corpus["voices"][:, 118:]]
    found = [categories_of_name(name) for name in names]
    assert np.mean([bool(f) for f in found]) > 0.68
    assert {c for f in found for c in f} == set(CATEGORIES)
    # Ambiguous words give voices four categories; such names are rare.
    assert np.mean([len(f) > 2 for f in found]) < 0.002
