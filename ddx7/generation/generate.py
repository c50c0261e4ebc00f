"""`generate`: banks of voices nobody has heard, made from noise and listened to before they are kept."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ddx7.errors import Ddx7Error
from ddx7.library.canonical import sound_key
from ddx7.voice import Bank, Voice
from ddx7.voice.health import has_stuck_note, is_silent

if TYPE_CHECKING:
    from ddx7.generation.gan.conditions import VoiceConditions
    from ddx7.generation.gan.voice_generator import VoiceGenerator

Names = Literal["fitting", "random"]

MOST = 1024
_SPARE = 1.25  # voices for one that is wanted: some will be duds
# Where a kind of sound is asked for: voices drawn for one that is heard, and heard for one that is kept.
_DRAWN, _HEARD = 2, 8
_ROUNDS = 12
_LIKELY = 0.3  # from which a guess at a kind of sound is worth a name


@dataclass(frozen=True, eq=False)
class GeneratedBank:
    """Voices that were generated, and how.

    Attributes:
      bank: the voices, named.
      kinds: what each was asked to be or is taken for, for each voice; some may be empty.
      report: counts of what was drawn, left out and why; for JSON.
    """

    bank: Bank
    kinds: tuple[tuple[str, ...], ...]
    report: dict[str, Any]


def generate(
    count: int = 32,
    *,
    category: str | Sequence[str] | None = None,
    algorithm: int | None = None,
    pad: bool | None = None,
    fixed: bool | None = None,
    seed: int = 0,
    audition: bool = True,
    names: Names = "fitting",
) -> Bank:
    """Make voices from noise.

    Args:
      count: how many, 1-1024.
      category: kind of sound (`ddx7.library.categories.CATEGORIES`), or several that each voice shall be at once.
      algorithm: 1-32; None: as people choose them.
      pad: whether envelopes shall be long and sweeping; None: as it comes.
      fixed: whether operators shall have a fixed frequency; None: as it comes.
      seed: of chance; the same gives the same voices, another others.
      audition: listen to every voice and leave out duds.
      names: "fitting" say what a voice sounds like, "random" say nothing.

    Returns:
      the voices; no two sound the same.

    Raises:
      Ddx7Error: an argument out of range, or what is asked for is not found.
    """
    return make_bank(
        count,
        category=category,
        algorithm=algorithm,
        pad=pad,
        fixed=fixed,
        seed=seed,
        audition=audition,
        names=names,
    ).bank


def make_bank(
    count: int = 32,
    *,
    category: str | Sequence[str] | None = None,
    algorithm: int | None = None,
    pad: bool | None = None,
    fixed: bool | None = None,
    seed: int = 0,
    audition: bool = True,
    names: Names = "fitting",
    maker: "VoiceGenerator | None" = None,
) -> GeneratedBank:
    """What `generate` does, with a report; `maker` is a generator of one's own."""
    from ddx7.generation.gan.voice_generator import shipped

    maker = maker or shipped()
    asked = (category,) if isinstance(category, str) else tuple(category or ())
    _check(count, asked, algorithm, seed, maker)
    draws = _Draws(maker, asked, algorithm, pad, fixed, seed)
    kept, kinds, measured, counts = _collect(draws, count, listen_first=audition)
    voices = [Voice.from_vced(row) for row in kept]
    bank = Bank(
        voice.renamed(name) for voice, name in zip(voices, _names(voices, kinds, seed, names, measured), strict=True)
    )
    told = {"count": count, "category": list(asked), "algorithm": algorithm, "pad": pad, "fixed": fixed, "seed": seed}
    return GeneratedBank(bank, kinds, {**told, "audition": audition, **counts})


@dataclass(frozen=True, eq=False)
class _Draws:
    """What is asked for, and rounds of voices for it."""

    maker: "VoiceGenerator"
    asked: tuple[str, ...]
    algorithm: int | None
    pad: bool | None
    fixed: bool | None
    seed: int

    def __call__(self, wanted: int, turn: int) -> tuple[np.ndarray, np.ndarray]:
        """About `wanted` voices that are well and as asked for, and how likely they are of each kind.

        Where a kind is asked for, those of several times as many whose parameters are likeliest of it, likeliest first.
        """
        from ddx7.generation.gan.conditions import UNSAID, YES, describe_conditions

        flag = {None: UNSAID, True: YES, False: -YES}
        rng = np.random.default_rng([self.seed, turn])
        places = [self.maker.categories.index(name) for name in self.asked]
        n = wanted * (_DRAWN if places else 1) + 8
        conditions = self.maker.habits.draw(
            rng,
            n,
            categories=places,
            algorithm=None if self.algorithm is None else self.algorithm - 1,
            sweeping=flag[self.pad],
            fixed=flag[self.fixed],
        )
        vced = self.maker.make(conditions, seed=int(rng.integers(2**31)))
        true = describe_conditions(vced, conditions.categories)
        vced = vced[~is_silent(vced) & ~has_stuck_note(vced) & _obeys(true, conditions)]
        likely = self.maker.kinds(vced)
        if places:
            order = _likeliest(likely[:, places])[: max(len(vced) // _DRAWN, 1)]
            vced, likely = vced[order], likely[order]
        return vced, likely


def _obeys(true: "VoiceConditions", asked: "VoiceConditions") -> np.ndarray:
    return ((asked.sweeping == 0) | (true.sweeping == asked.sweeping)) & (
        (asked.fixed == 0) | (true.fixed == asked.fixed)
    )


def _likeliest(likely: np.ndarray) -> np.ndarray:
    """Order of voices, those first that are likeliest of all kinds at once, [voice, kind]."""
    return np.argsort(-np.log(likely + 1e-6).sum(axis=1), kind="stable")


def _collect(draws: _Draws, count: int, *, listen_first: bool) -> tuple[np.ndarray, tuple, Any, dict[str, Any]]:
    """Voices, their kinds, measures of their sound if they were heard, and what was left out."""
    kept: list[np.ndarray] = []
    kinds: list[tuple[str, ...]] = []
    parts: list[Any] = []
    seen: set[bytes] = set()
    why: Counter[str] = Counter()
    n_heard = n_drawn = 0
    choice = _HEARD if listen_first and draws.asked else 1
    for turn in range(_ROUNDS):
        wanted = count - len(kept)
        vced, likely = draws(int(np.ceil(_SPARE * wanted)) * choice, turn)
        n_drawn += len(vced)
        keys = [key.tobytes() for key in sound_key(vced)]
        new = [k for k, key in enumerate(keys) if key not in seen and keys.index(key) == k]
        seen.update(keys)
        vced, likely = vced[new], likely[new]
        if not len(vced):
            continue
        if listen_first:
            fit, of_each, measured, codes = _audition(draws, vced)
            why.update(codes)
            n_heard += len(vced)
        else:
            fit, of_each, measured = np.arange(len(vced)), _kinds(draws, draws.maker.categories, likely), None
        for k in fit[:wanted]:
            kept.append(vced[k])
            kinds.append(of_each[k])
            parts.append((measured, k))
        if len(kept) == count:
            break
    else:
        raise Ddx7Error(
            f"generate: found {len(kept)} voices as asked for among {n_drawn} that were made, wanted {count}; "
            f"ask for fewer, or for less at once"
        )
    report = {"heard": n_heard, "duds": n_heard and int(sum(why.values())), "reasons": dict(why)}
    return np.array(kept), tuple(kinds), _joined(parts) if listen_first else None, report


def _audition(draws: _Draws, vced: np.ndarray) -> tuple[np.ndarray, list[tuple[str, ...]], Any, list[str]]:
    """Which voices are well, what sounds most as asked first; kinds and measures of all; of each dud why."""
    from ddx7.library.categories import CATEGORIES
    from ddx7.library.classify import load_classifier
    from ddx7.library.screening import measure_voices, screen_measures, unpitched

    heard = measure_voices(vced)
    likely = load_classifier().probabilities(vced, heard)
    kinds = _kinds(draws, CATEGORIES, likely)
    of_kind = np.array([[kind in some for kind in CATEGORIES] for some in kinds])
    verdicts = screen_measures(heard, without_pitch=unpitched(of_kind))
    duds = verdicts.duds
    order = _likeliest(likely[:, [CATEGORIES.index(name) for name in draws.asked]])
    return order[~duds[order]], kinds, heard.middle, [verdicts.codes(int(k))[0] for k in np.flatnonzero(duds)]


def _joined(parts: list[tuple[Any, int]]) -> Any:
    """Measures of voices of several rounds, in order."""
    from dataclasses import fields

    from ddx7.library.measures import NoteMeasures

    names = [field.name for field in fields(NoteMeasures)]
    return NoteMeasures(**{name: np.stack([getattr(measured, name)[k] for measured, k in parts]) for name in names})


def _kinds(draws: _Draws, categories: Sequence[str], likely: np.ndarray) -> list[tuple[str, ...]]:
    """What each voice was asked to be or, where nothing was asked, is likely taken for."""
    if draws.asked:
        return [draws.asked] * len(likely)
    return [(categories[int(row.argmax())],) if row.max() >= _LIKELY else () for row in likely]


def _names(voices: list[Voice], kinds: Sequence[tuple[str, ...]], seed: int, style: Names, measured: Any) -> list[str]:
    from ddx7.library.naming import name_voices

    return name_voices(voices, kinds, seed, style=style, measures=measured)


def _check(count: int, asked: tuple[str, ...], algorithm: int | None, seed: int, maker: "VoiceGenerator") -> None:
    if not 1 <= count <= MOST:
        raise Ddx7Error(f"count: found {count}, wanted 1 to {MOST}")
    unknown = [name for name in asked if name not in maker.categories]
    if unknown:
        raise Ddx7Error(f"category: found {', '.join(unknown)}, wanted some of {', '.join(maker.categories)}")
    if algorithm is not None and not 1 <= algorithm <= 32:
        raise Ddx7Error(f"algorithm: found {algorithm}, wanted 1 to 32")
    if seed < 0:
        raise Ddx7Error(f"seed: found {seed}, wanted 0 or more")
