"""Names for voices that have none: ten characters that say what they sound like, or that only look good."""

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
    from ddx7.library.measures import NoteMeasures

# Long to short: as programmers shortened them when something was to stand beside it.
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
_UNUSUAL = 0.3  # of the names have a dot or nothing between their words
_CLEAR_BY_ITSELF = 4  # letters of a word that is still seen where nothing parts it from another

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
    style: Literal["fitting", "random"] = "fitting",
    measures: "NoteMeasures | None" = None,
) -> list[str]:
    """Names for voices, each another, none of them nasty.

    Args:
      voices: of a bank, say.
      categories: for each voice what it sounds like, some of `CATEGORIES`; none is as good as "other".
      seed: of chance; the same gives the same names.
      style: "fitting" names tell category, brightness, onset and decay ("SLOW STRGS", "GLASS EP"); "random" ones tell
        nothing ("AMBERTRAIL").
      measures: of a middle C on each voice (`ddx7.library.listen`), if they are at hand; else the voices are played.

    Returns:
      ASCII names of at most ten characters, one for each voice.

    Raises:
      Ddx7Error: as many categories as voices are wanted, and such as there are.
    """
    if len(categories) != len(voices):
        raise Ddx7Error(f"name_voices: found categories of {len(categories)} voices, wanted those of {len(voices)}")
    unknown = sorted({c for some in categories for c in some} - set(CATEGORIES))
    if unknown:
        raise Ddx7Error(f"category: found {', '.join(unknown)}, wanted some of {', '.join(CATEGORIES)}")
    rng = np.random.default_rng(seed)
    if style == "random" or not voices:
        endless = [_random_names(rng) for _ in voices]
    else:
        heard = measures if measures is not None else _hear(voices)
        endless = [
            _fitting_names(
                rng, [c for c in CATEGORIES if c in some] or ["other"], timbre_descriptors(heard, k) or ["plain"]
            )
            for k, some in enumerate(categories)
        ]
    taken: list[str] = []
    for names in endless:
        taken.append(next(name for name in names if name not in taken and not is_profane(name)))
    return taken


def _fitting_names(rng: np.random.Generator, kinds: Sequence[str], timbre_descriptors: Sequence[str]) -> Iterator[str]:
    """Quality and noun, in what order and spelling chance says; then shorter, with numbers, without end."""
    qualities = [word for trait in timbre_descriptors for word in _QUALITIES[trait].split()]
    heads = [*rng.permutation(qualities), *(_AS_QUALITY[kind] for kind in kinds[:1] if kind in _AS_QUALITY)]
    ways = [
        ([head] if len(kinds) == 1 else [], between)
        for head in heads
        for between in (rng.permutation([" ", ".", ""]) if rng.random() < _UNUSUAL else [" "])
    ]
    ways.append(([], " "))
    for number in range(1, 10_000):
        tail = f" {number}" if number > 1 else ""
        room = NAME_SIZE - len(tail)
        names = dict.fromkeys(_joined(head, kinds, between, room) for head, between in ways)
        yield from (f"{name}{tail}" for name in names if name)
        yield numbered(_NOUNS[kinds[0]].split()[-1], number)


def _joined(head: list[str], kinds: Sequence[str], between: str, room: int) -> str | None:
    """The words in the longest spelling that has room; None if none has."""
    spellings = [_NOUNS[kind].split() for kind in kinds[:2]]
    for shortened in range(max(map(len, spellings))):
        words = [*head, *(forms[min(shortened, len(forms) - 1)] for forms in spellings)]
        if not between and any(len(word) < _CLEAR_BY_ITSELF or "." in word for word in words):
            continue
        name = between.join(words)
        if len(name) <= room:
            return name
    return None


def _random_names(rng: np.random.Generator) -> Iterator[str]:
    first, second = _FIRST.split(), _SECOND.split()
    while True:
        words = rng.choice(first), rng.choice(second)
        between = " " if len("".join(words)) < NAME_SIZE else ""
        name = between.join(words)
        if len(name) <= NAME_SIZE:
            yield name


def _hear(voices: Sequence[Voice]) -> "NoteMeasures":
    from ddx7.library.measures import measure_notes
    from ddx7.library.notes import GATE_S, render_notes

    return measure_notes(render_notes(np.array([list(voice.to_vced()) for voice in voices], np.uint8)), GATE_S)
