"""Names that tell voices apart on a display of ten characters: words for the sound, two random words, or a new word."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING, Literal

import numpy as np

from ddx7.errors import Ddx7Error
from ddx7.library.categories import CATEGORIES
from ddx7.library.name_words import FIRST_WORDS, NOUNS, PAIR_NOUNS, SECOND_WORDS, TIMBRE_WORDS
from ddx7.library.profanity import is_profane
from ddx7.library.timbre import timbre_descriptors
from ddx7.voice import Voice
from ddx7.voice.spec import NAME_SIZE

if TYPE_CHECKING:
    import ddx7.library.measures

NameStyle = Literal["fitting", "random"]

_APART = 3  # letters by which a name differs from those before it
_NEIGHBOURS = 32  # names that a new one is compared with: a bank
_TRIES = 60  # names that are compared, before one that is merely new will do
_CONSONANTS, _VOWELS = "BDFGHJKLMNPRSTVWZ", "AEIOU"
_STEM_SIZE = 4  # letters of the original in the name of its variation


def name_voices(
    voices: Sequence[Voice],
    categories: Sequence[Collection[str]],
    seed: int = 0,
    *,
    style: NameStyle = "fitting",
    measures: "ddx7.library.measures.NoteMeasures | None" = None,
    taken: Iterable[str] = (),
) -> list[str]:
    """Invent names for voices, all different and free of profanity.

    The names of a bank differ in at least three letters from one another.

    Args:
      voices: of a bank, for example.
      categories: of each voice, some of `CATEGORIES`; none counts as "other".
      seed: equal seeds give equal names.
      style: "fitting" names consist of a word for the sound and one for the category ("SLOW STRGS", "GLASS EP"), or of
        two for two categories ("HORN CHIME"); "random" ones are two unrelated words ("AMBERTRAIL").
      measures: of a middle C on each voice; None renders the voices.
      taken: names of other voices, which are not used again.

    Returns:
      ASCII names of at most ten characters, one for each voice.

    Raises:
      Ddx7Error: the number of categories is not that of the voices, or there is no such category.
    """
    if len(categories) != len(voices):
        raise Ddx7Error(f"name_voices: found categories of {len(categories)} voices, wanted those of {len(voices)}")
    unknown = sorted({c for some in categories for c in some} - set(CATEGORIES))
    if unknown:
        raise Ddx7Error(f"category: found {', '.join(unknown)}, wanted some of {', '.join(CATEGORIES)}")
    rng = np.random.default_rng(seed)
    used_names, used_words = set(taken), set[str]()
    names: list[str] = []
    note_measures = None if style == "random" or not voices else measures or _measure(voices)
    for k, some in enumerate(categories):
        if note_measures is None:
            candidates = _random_names(rng, used_words)
        else:
            ordered = [category for category in CATEGORIES if category in some] or ["other"]
            candidates = _fitting_names(rng, ordered, timbre_descriptors(note_measures, k) or ["plain"], used_words)
        name = _first_apart(candidates, names, used_names)
        names.append(name)
        used_names.add(name)
        used_words.update(_words(name))
    return names


def name_variations(original: str, voices: Sequence[bytes], taken: Iterable[str] = ()) -> list[str]:
    """Name variations of a voice: the beginning of its name, and for each a new word that depends on its bytes.

    Variations of other seeds, and variations of variations, therefore have other names, too.

    Args:
      original: name of the voice.
      voices: bytes of each variation.
      taken: names of other voices, which are not used again.

    Returns:
      a name for each, all different and none of them the original's.

    >>> name_variations("TUB BELLS", [bytes(155), bytes(154) + bytes([1])])
    ['TUB VIVUT', 'TUB RIMUD']
    """
    words = original.split()
    stem = words[0][:_STEM_SIZE] if words else ""
    used, names = {*taken, original.strip()}, list[str]()
    for data in voices:
        seed = int.from_bytes(hashlib.sha256(data).digest()[:8], "big")
        coined = (f"{stem} {word}".strip() for word in _coined_words(np.random.default_rng(seed)))
        name = _first_apart(coined, names, used)
        names.append(name)
        used.add(name)
    return names


def _first_apart(candidates: Iterator[str], before: Sequence[str], taken: Collection[str]) -> str:
    """The first candidate that reads like none of the last names; after many tries, the first one that is new."""
    new = (name for name in candidates if name not in taken and not is_profane(name))
    first = next(new)
    near = before[-_NEIGHBOURS:]
    tried = (name for name, _ in zip(_then(first, new), range(_TRIES), strict=False))
    return next((name for name in tried if all(_differ(name, other) for other in near)), first)


def _then(first: str, others: Iterator[str]) -> Iterator[str]:
    yield first
    yield from others


def _differ(a: str, b: str) -> bool:
    """Whether at least `_APART` letters must change, come or go to make one name of the other."""
    if abs(len(a) - len(b)) >= _APART:
        return True
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, start=1):
        before, row[0] = row[0], i
        for j, other in enumerate(b, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (letter != other))
    return row[-1] >= _APART


def _fitting_names(
    rng: np.random.Generator, categories: Sequence[str], descriptors: Sequence[str], used: Collection[str]
) -> Iterator[str]:
    """Two nouns of two categories; else words for the timbre, other words, and new ones, each before a noun; endless.

    Words that the bank has already come after those that it has not.
    """
    if len(categories) > 1:
        first, second = (PAIR_NOUNS[category].split() for category in categories[:2])
        yield from _pairs(rng, first, second, used)
    timbre = list(dict.fromkeys(word for descriptor in descriptors for word in TIMBRE_WORDS[descriptor].split()))
    for words in (timbre, FIRST_WORDS.split()):
        for word in rng.permutation(words):
            if word not in used:
                yield from _before_noun(rng, str(word), categories)
    for word in _coined_words(rng):
        yield from _before_noun(rng, word, categories)


def _pairs(
    rng: np.random.Generator, first: Sequence[str], second: Sequence[str], used: Collection[str]
) -> Iterator[str]:
    """Pairs of nouns that fit, those with nouns that the bank has not first."""
    fitting = [pair for pair in product(first, second) if len(" ".join(pair)) <= NAME_SIZE]
    order = sorted(rng.permutation(len(fitting)), key=lambda k: sum(noun in used for noun in fitting[k]))
    yield from (" ".join(fitting[k]) for k in order)


def _before_noun(rng: np.random.Generator, word: str, categories: Sequence[str]) -> Iterator[str]:
    """The word and a noun of one of the categories, if one fits: a long spelling rather than a short one."""
    nouns = NOUNS[str(rng.choice(categories[:2]))].split()
    room = NAME_SIZE - len(word) - 1
    longest = max((len(noun) for noun in nouns if len(noun) <= room), default=0)
    fitting = [noun for noun in nouns if longest - 1 <= len(noun) <= longest]
    if longest:
        yield f"{word} {rng.choice(fitting)}"


def _words(name: str) -> list[str]:
    """The words of a name, also where two random ones are joined."""
    joined = ([first, name.removeprefix(first)] for first in FIRST_WORDS.split() if name.startswith(first))
    return name.split() if " " in name else next(joined, [name])


def _coined_words(rng: np.random.Generator) -> Iterator[str]:
    """Five letters that can be said, such as NOVEK; endless."""
    letters = (_CONSONANTS, _VOWELS, _CONSONANTS, _VOWELS, _CONSONANTS)
    while True:
        for row in rng.integers([len(some) for some in letters], size=(_NEIGHBOURS, len(letters))):
            yield "".join(some[k] for some, k in zip(letters, row, strict=True))


def _random_names(rng: np.random.Generator, used: Collection[str]) -> Iterator[str]:
    """Two words, at first such as the bank has not; then new words. Endless."""
    fitting = [
        words for words in product(FIRST_WORDS.split(), SECOND_WORDS.split()) if len("".join(words)) <= NAME_SIZE
    ]
    order = sorted(rng.permutation(len(fitting)), key=lambda k: sum(word in used for word in fitting[k]))
    for words in (fitting[k] for k in order):
        yield (" " if len("".join(words)) < NAME_SIZE else "").join(words)
    yield from _coined_words(rng)


def _measure(voices: Sequence[Voice]) -> "ddx7.library.measures.NoteMeasures":
    from ddx7.library.measures import measure_notes
    from ddx7.library.notes import GATE_S, render_notes

    return measure_notes(render_notes(np.array([list(voice.to_vced()) for voice in voices], np.uint8)), GATE_S)
