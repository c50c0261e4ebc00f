"""Names for voices that have none: ten characters that describe the sound, or two random words."""

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from ddx7.errors import Ddx7Error
from ddx7.library.categories import CATEGORIES
from ddx7.library.profanity import is_profane
from ddx7.library.timbre import timbre_descriptors
from ddx7.voice import Voice
from ddx7.voice.spec import NAME_SIZE
from ddx7.voice.voice import numbered

if TYPE_CHECKING:
    import ddx7.library.measures

NameStyle = Literal["fitting", "random"]

# From long to short, as programmers abbreviate them to make room for another word.
_NOUNS = {
    "piano": "PIANO GRAND PNO",
    "e-piano": "E.PIANO TINES ROADS E.PNO EP",
    "organ": "ORGAN DRAWBAR ORGN ORG",
    "bell": "BELLS CHIMES BELL BEL",
    "mallet": "MALLETS MALLET VIBE",
    "plucked": "PLUCKED PLUCK PLUK",
    "guitar": "GUITAR GUIT GTR",
    "bass": "BASS BASS BS",
    "strings": "STRINGS STRING STRGS STR",
    "pad": "PAD PAD",
    "brass": "BRASS HORNS BRASS BRS",
    "woodwind": "WINDS REEDS REED",
    "voice": "VOICES CHOIR VOICE VOX",
    "lead": "LEAD LEAD LD",
    "percussion": "DRUM PERC TOM",
    "effect": "EFFECT EFX FX",
    "other": "SYNTH POLY SYN",
}
_QUALITIES = {
    "bright": "BRIGHT BRITE GLASS CRISP SHARP CLEAR SILVER",
    "dark": "DARK MELLOW ROUND DEEP SOFT",
    "plain": "FINE SWEET FM GOOD CLASSIC",
    "slow": "SLOW SWELL RISING LAZY",
    "short": "SHORT TIGHT SNAPPY DRY",
    "long": "LONG WIDE SPACE OPEN",
    "noisy": "BREATHY WINDY DUSTY ROUGH",
}
_AS_QUALITY = {"brass": "BRASSY", "strings": "STRINGY", "organ": "PIPEY", "bell": "CHIMEY", "bass": "BASSY"}
_UNUSUAL = 0.3  # probability that a dot or nothing may separate the words
_READABLE = 4  # letters that a word needs where nothing separates it from another

_FIRST = """
    AMBER ARCTIC AUTUMN AZURE BIRCH BRISK CEDAR COBALT COPPER CORAL COSMIC CRIMSON DAWN DESERT DISTANT DUSK EMBER
    FABLE FERN FROST GENTLE GILDED GRANITE HARBOR HIDDEN INDIGO IRON IVORY JADE LINEN LUNAR MAPLE MARBLE MEADOW
    MISTY MOSS NIGHT NOBLE NORTH OPAL ORBIT PAPER PEARL PINE PLUM POLAR QUARTZ QUIET RAIN RIVER ROYAL RUSTY SAFFRON
    SCARLET SILENT SILK SOLAR STONE SUMMER TIDAL TOPAZ VELVET VIOLET WILLOW WINTER ZEPHYR
    """
_SECOND = """
    ARCH ATLAS BAY BEAM BLOOM BREEZE BRIDGE BROOK CANYON CLOUD COAST COMET CREEK DELTA DOME DRIFT ECHO FALLS FIELD
    FLAME GARDEN GATE GLADE GLOW GROVE HALL HEATH HILL ISLE LAKE LAMP LEAF LIGHT MILL MIRROR MOON OASIS OCEAN PATH
    PEAK PLAZA POND PORT RIDGE RING ROAD ROOM SAIL SHORE SKY SPARK SPIRE SPRING STAR STREAM TIDE TOWER TRAIL TRAIN
    VALE WAVE WELL WIND WING YARD
    """


def name_voices(
    voices: Sequence[Voice],
    categories: Sequence[Collection[str]],
    seed: int = 0,
    *,
    style: NameStyle = "fitting",
    measures: "ddx7.library.measures.NoteMeasures | None" = None,
) -> list[str]:
    """Invent names for voices, all different and free of profanity.

    Args:
      voices: of a bank, for example.
      categories: of each voice, some of `CATEGORIES`; none counts as "other".
      seed: equal seeds give equal names.
      style: "fitting" names describe category, brightness, onset and decay ("SLOW STRGS", "GLASS EP"); "random" ones
        are two unrelated words ("AMBERTRAIL").
      measures: of a middle C on each voice; None renders the voices.

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
    if style == "random" or not voices:
        candidates = [_random_names(rng) for _ in voices]
    else:
        note_measures = measures if measures is not None else _measure(voices)
        candidates = [
            _fitting_names(
                rng,
                [c for c in CATEGORIES if c in some] or ["other"],
                timbre_descriptors(note_measures, k) or ["plain"],
            )
            for k, some in enumerate(categories)
        ]
    taken: list[str] = []
    for names in candidates:
        taken.append(next(name for name in names if name not in taken and not is_profane(name)))
    return taken


def _fitting_names(rng: np.random.Generator, categories: Sequence[str], descriptors: Sequence[str]) -> Iterator[str]:
    """Adjective and noun in random spellings, then shorter ones with numbers; practically endless."""
    qualities = [word for descriptor in descriptors for word in _QUALITIES[descriptor].split()]
    adjectives = [*rng.permutation(qualities), *(_AS_QUALITY[c] for c in categories[:1] if c in _AS_QUALITY)]
    patterns = [
        ([adjective] if len(categories) == 1 else [], separator)
        for adjective in adjectives
        for separator in (rng.permutation([" ", ".", ""]) if rng.random() < _UNUSUAL else [" "])
    ]
    patterns.append(([], " "))
    for number in range(1, 10_000):
        suffix = f" {number}" if number > 1 else ""
        size = NAME_SIZE - len(suffix)
        names = dict.fromkeys(_joined(adjective, categories, separator, size) for adjective, separator in patterns)
        yield from (f"{name}{suffix}" for name in names if name)
        yield numbered(_NOUNS[categories[0]].split()[-1], number)


def _joined(adjective: list[str], categories: Sequence[str], separator: str, size: int) -> str | None:
    """The words in the longest spelling of at most `size` characters; None if there is none."""
    spellings = [_NOUNS[category].split() for category in categories[:2]]
    for shortened in range(max(map(len, spellings))):
        words = [*adjective, *(forms[min(shortened, len(forms) - 1)] for forms in spellings)]
        if not separator and any(len(word) < _READABLE or "." in word for word in words):
            continue
        name = separator.join(words)
        if len(name) <= size:
            return name
    return None


def _random_names(rng: np.random.Generator) -> Iterator[str]:
    first, second = _FIRST.split(), _SECOND.split()
    while True:
        words = rng.choice(first), rng.choice(second)
        separator = " " if len("".join(words)) < NAME_SIZE else ""
        name = separator.join(words)
        if len(name) <= NAME_SIZE:
            yield name


def _measure(voices: Sequence[Voice]) -> "ddx7.library.measures.NoteMeasures":
    from ddx7.library.measures import measure_notes
    from ddx7.library.notes import GATE_S, render_notes

    return measure_notes(render_notes(np.array([list(voice.to_vced()) for voice in voices], np.uint8)), GATE_S)
