"""Categories of voices, and the categories that a voice's name tells."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

from ddx7.library.category_words import BLOCKING, PHRASES, WORDS

CATEGORIES = tuple(WORDS)
"""All categories by their names on the command line; a voice may have several."""

# Letters that a word needs to be searched at either end of others, inside them, cut short, and misspelt. Shorter words
# count where they stand alone or, from three letters on, beside other known words.
_AT_END, _INSIDE, _CUT, _MISSPELT = 4, 5, 5, 6
_SHORT = 3

_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[+&/,]")
_ZERO = re.compile(r"(?<!\d)0(?=[A-Za-z]{2})")  # PR0PHET
_BREAK = "+"

# Categories beside which BASS is a register and no instrument: BASS FLUTE, BASS DRUM, BASS MARIMBA, BASS VOICE.
_NO_BASS = frozenset({"woodwind", "percussion", "mallet", "voice"})


@lru_cache(maxsize=65_536)
def categories_of_name(name: str) -> frozenset[str]:
    """The categories that a voice's name tells.

    Names of voices are ten characters of any language, cut short, run together, spaced out and misspelt. The lookup
    therefore finds words whole, inside others, cut off at the end, without their vowels, and with one letter wrong.

    Args:
      name: of any length and any characters.

    Returns:
      some of `CATEGORIES`; empty for a name that tells none.

    >>> sorted(categories_of_name("BELL PNO 2"))
    ['bell', 'piano']
    >>> categories_of_name("BASSOON")
    frozenset({'woodwind'})
    >>> categories_of_name("ZOOT")
    frozenset()
    """
    name = _ZERO.sub("O", name)
    mixed = any(c.islower() for c in name) and any(c.isupper() for c in name)
    parts = [part.upper() for part in _PARTS.findall(name if mixed else name.upper())]
    found = _meaning(parts)
    if found or len(parts) < 2:
        return found
    letters = "".join(part for part in parts if part.isalpha())
    if all(len(part) == 1 for part in parts if part.isalpha()):
        return _meaning([letters])  # P I A N O
    return _of_words([word for word in _split(letters) if len(word) >= _MISSPELT])  # STR-INGS


@dataclass(frozen=True)
class _Lexicon:
    """The table of words, indexed for lookup.

    Attributes:
      sure: categories of a word.
      vague: categories of a word in a name without a sure one.
      known: all words, also those without a category.
      cut: beginnings of words -> one of these words, all of the same categories.
      consonants: words without vowels -> one such word.
      wrong: long words with one letter less -> one such word.
      phrases: sequences of words -> category, or "".
    """

    sure: dict[str, frozenset[str]]
    vague: dict[str, frozenset[str]]
    known: frozenset[str]
    cut: dict[str, str]
    consonants: dict[str, str]
    wrong: dict[str, str]
    phrases: dict[tuple[str, ...], str]


def _meaning(parts: Sequence[str]) -> frozenset[str]:
    words: list[str] = []
    for part in parts:
        words += _split(part) if part.isalpha() else [part]
    certain, rest = _without_phrases(words)
    return _of_words(_without_sizes(rest), certain)


def _of_words(words: Iterable[str], certain: frozenset[str] = frozenset()) -> frozenset[str]:
    """Categories of words: the sure ones, else the vague ones, else "other"."""
    sure, vague = set(certain), set()
    for word in words:
        sure |= _lexicon().sure.get(word, frozenset())
        vague |= _lexicon().vague.get(word, frozenset())
    found = sure or vague - {"other"} or vague
    return frozenset(found - {"strings"} if "guitar" in found else found)  # STEEL STR GTR


def _without_phrases(words: Sequence[str]) -> tuple[frozenset[str], list[str]]:
    """Categories of the phrases in a sequence of words, and the other words."""
    found: set[str] = set()
    rest: list[str] = []
    k = 0
    while k < len(words):
        lengths = (n for n in range(len(words) - k, 1, -1) if tuple(words[k : k + n]) in _lexicon().phrases)
        length = next(lengths, 0)
        if length:
            found.add(_lexicon().phrases[tuple(words[k : k + length])])
        rest.append(_BREAK if length else words[k])
        k += length or 1
    return frozenset(found - {""}), rest


def _without_sizes(words: Sequence[str]) -> Iterator[str]:
    for word, following in pairwise([*words, _BREAK]):
        if not (word in ("BASS", "BAS", "BS") and _lexicon().sure.get(following, frozenset()) & _NO_BASS):
            yield word


@lru_cache(maxsize=65_536)  # most names consist of the same few words
def _split(letters: str) -> tuple[str, ...]:
    """The known words in a string of letters, in order; the letters themselves if there are none."""
    lexicon = _lexicon()
    if letters in lexicon.known:
        return (letters,)
    pieces, n_covered = _cover(letters, lexicon.cut)
    if n_covered == len(letters) and any(len(piece) >= _SHORT for piece in pieces):
        return tuple(pieces)
    whole = _misspelt(letters)
    if whole is not None:
        return (whole,)
    pieces, _ = _cover(letters, {})
    at_ends = {piece for piece in pieces[:1] if letters.startswith(piece)}
    at_ends |= {piece for piece in pieces[-1:] if letters.endswith(piece)}
    at_ends = {piece for piece in at_ends if len(piece) >= _AT_END and piece in lexicon.sure}
    return tuple(piece for piece in pieces if len(piece) >= _INSIDE or piece in at_ends) or (letters,)


def _cover(letters: str, endings: Mapping[str, str]) -> tuple[list[str], int]:
    """The words that cover most of the letters, and how many letters they cover.

    Args:
      letters: of a name.
      endings: abbreviations that may stand for a word at the end -> the word.
    """
    known = _lexicon().known
    # best[k] covers the first k letters. Squares of lengths favour few long words over many short ones.
    best: list[tuple[int, int, list[str]]] = [(0, 0, [])]
    for end in range(1, len(letters) + 1):
        options = [best[end - 1]]
        for start in range(end - 1):
            piece = letters[start:end]
            word = piece if piece in known else endings.get(piece) if end == len(letters) else None
            if word is not None:
                score, n_covered, words = best[start]
                options.append((score + len(piece) ** 2, n_covered + len(piece), [*words, word]))
        best.append(max(options, key=lambda option: option[0]))
    return best[-1][2], best[-1][1]


def _misspelt(letters: str) -> str | None:
    """The word behind letters without vowels, or with one letter wrong, missing, too many, or two swapped."""
    lexicon = _lexicon()
    consonants = _consonants(letters)
    if len(consonants) >= _AT_END and _is_inside(letters, lexicon.consonants.get(consonants, "")):
        return lexicon.consonants[consonants]
    if len(letters) < _MISSPELT:
        return None
    words = (lexicon.wrong.get(less, "") for less in (letters, *_one_less(letters)))
    return next((word for word in words if word.startswith(letters[0])), None)


def _is_inside(letters: str, word: str) -> bool:
    """Whether a word contains these letters in order."""
    rest = iter(word)
    return all(letter in rest for letter in letters)


def _consonants(word: str) -> str:
    """A word without vowels but the first letter, and without doubled letters."""
    return re.sub(r"(.)\1+", r"\1", word[:1] + re.sub("[AEIOUY]", "", word[1:]))


def _one_less(word: str) -> Iterator[str]:
    return (word[:k] + word[k + 1 :] for k in range(len(word)))


@cache
def _lexicon() -> _Lexicon:
    sure: dict[str, set[str]] = {}
    vague: dict[str, set[str]] = {}
    for category, text in WORDS.items():
        for entry in text.split():
            word = entry.removesuffix("~")
            for form in {word, f"{word}S"} if len(word) > _SHORT else {word}:
                (sure if word == entry else vague).setdefault(form, set()).add(category)
    known = frozenset([*sure, *vague, *BLOCKING.split()])
    # Only sure words are matched in wrong spellings; the singular stands for the plural.
    long = [word for word in sure if len(word) >= _CUT and not (word[-1] == "S" and word[:-1] in sure)]
    return _Lexicon(
        sure={word: frozenset(found) for word, found in sure.items()},
        vague={word: frozenset(found) for word, found in vague.items()},
        known=known,
        cut=_unanimous(((word[:n], word) for word in long for n in range(_CUT, len(word))), sure, known),
        consonants=_unanimous(((_consonants(word), word) for word in long), sure, known),
        wrong=_unanimous(
            ((less, word) for word in long if len(word) >= _MISSPELT for less in (word, *_one_less(word))), sure
        ),
        phrases={tuple(row.split()): category for category, text in PHRASES.items() for row in text.split("|")},
    )


def _unanimous(
    spellings: Iterable[tuple[str, str]], meanings: Mapping[str, set[str]], taken: frozenset[str] = frozenset()
) -> dict[str, str]:
    """Spelling -> a word that it may stand for, where all such words have the same categories."""
    words: dict[str, str] = {}
    disputed: set[str] = set()
    for spelling, word in spellings:
        if meanings[words.setdefault(spelling, word)] != meanings[word]:
            disputed.add(spelling)
    return {spelling: word for spelling, word in words.items() if spelling not in disputed | taken}
