"""`generate`: banks of voices that a network samples from noise and screening selects."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from ddx7.errors import ArgumentError, Ddx7Error
from ddx7.generation.gan.conditions import UNSPECIFIED, YES, VoiceConditions, describe_conditions
from ddx7.generation.gan.voice_generator import VoiceGenerator, shipped
from ddx7.library.canonical import sound_key
from ddx7.library.categories import CATEGORIES
from ddx7.library.classify import load_classifier
from ddx7.library.measures import NoteMeasures
from ddx7.library.naming import NameStyle, name_voices
from ddx7.library.screening import measure_voices, screen_measures, unpitched
from ddx7.library.time_left import reports_of_time_left
from ddx7.voice import Bank, Voice
from ddx7.voice.health import has_stuck_note, is_silent
from ddx7.voice.packing import VCED_COLUMNS

MAX_COUNT = 1024
_SPARE = 1.25  # candidates for each missing voice, because screening rejects some
_MEASURED_AT_ONCE = 128  # voices; progress is reported after each part
# With a category: voices sampled for each candidate, and candidates screened for each missing voice.
_SAMPLED_PER_CANDIDATE, _CANDIDATES_PER_VOICE = 2, 8
_MAX_ROUNDS = 12
_NEARLY_AS_LIKELY = 0.9  # of the probability of the best candidate: its algorithm decides, not how likely it is
_LIKELY = 0.3  # probability from which a predicted category is used for the name


@dataclass(frozen=True)
class GenerationRequest:
    """Which voices to generate.

    Attributes:
      count: number of voices, 1-1024.
      categories: that every voice has, all at once, some of `ddx7.library.CATEGORIES`; none leaves them open.
      algorithm: 1-32; None samples algorithms as often as programmers use them.
      pad: whether envelopes are long and sweeping; None leaves it open.
      fixed: whether operators have a fixed frequency; None leaves it open.
      seed: equal seeds give equal voices, different seeds different ones.
      screen: whether to render every voice and leave out rejected ones.
      names: "fitting" names describe the sound, "random" ones do not.
      each: whether some voices have each category, in equal parts and in this order, instead of all having all.
      taken: names of other voices, which are not used again.
    """

    count: int = 32
    categories: tuple[str, ...] = ()
    algorithm: int | None = None
    pad: bool | None = None
    fixed: bool | None = None
    seed: int = 0
    screen: bool = True
    names: NameStyle = "fitting"
    each: bool = False
    taken: tuple[str, ...] = ()

    def check(self, categories: Sequence[str]) -> None:
        """Refuse values out of range.

        Args:
          categories: that the generator can be conditioned on.

        Raises:
          ArgumentError: a value is out of range; the message names it.
        """
        if not 1 <= self.count <= MAX_COUNT:
            raise ArgumentError(f"count: found {self.count}, wanted 1 to {MAX_COUNT}")
        unknown = [name for name in self.categories if name not in categories]
        if unknown:
            raise ArgumentError(f"category: found {', '.join(unknown)}, wanted some of {', '.join(categories)}")
        if self.each and self.count < len(self.categories):
            raise ArgumentError(f"count: found {self.count}, wanted one voice or more for each of the categories")
        if self.algorithm is not None and not 1 <= self.algorithm <= 32:
            raise ArgumentError(f"algorithm: found {self.algorithm}, wanted 1 to 32")
        if self.seed < 0:
            raise ArgumentError(f"seed: found {self.seed}, wanted 0 or more")

    def parts(self) -> tuple["GenerationRequest", ...]:
        """Requests whose voices all have the same categories; with `each` one for each category.

        >>> [(part.count, part.categories) for part in GenerationRequest(7, ("brass", "bell"), each=True).parts()]
        [(4, ('brass',)), (3, ('bell',))]
        """
        if not self.each or len(self.categories) < 2:
            return (self,)
        whole, more = divmod(self.count, len(self.categories))
        return tuple(
            replace(self, count=whole + (k < more), categories=(category,), each=False)
            for k, category in enumerate(self.categories)
        )


@dataclass(frozen=True)
class ScreeningCounts:
    """What screening found while a bank was generated.

    Attributes:
      n_screened: voices that were rendered and screened; 0 without screening.
      n_rejected: those that broke a rule.
      reasons: rejected voices by the code of the first rule that they broke.
    """

    n_screened: int = 0
    n_rejected: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class GeneratedBank:
    """Generated voices, and how they came about.

    Attributes:
      bank: the voices, named.
      categories: of each voice, the requested or else the predicted ones; may be empty.
      request: that the voices were generated for.
      counts: of the screening.
    """

    bank: Bank
    categories: tuple[tuple[str, ...], ...]
    request: GenerationRequest
    counts: ScreeningCounts

    def to_dict(self) -> dict[str, object]:
        """Request, counts and voices, for JSON."""
        return {
            "count": self.request.count,
            "category": list(self.request.categories),
            "each": self.request.each,
            "algorithm": self.request.algorithm,
            "pad": self.request.pad,
            "fixed": self.request.fixed,
            "seed": self.request.seed,
            "screened": self.request.screen,
            "n_screened": self.counts.n_screened,
            "n_rejected": self.counts.n_rejected,
            "reasons": dict(self.counts.reasons),
            "voices": [
                {
                    "name": voice.name,
                    "algorithm": voice.algorithm,
                    "categories": list(categories),
                    "voice": voice.to_dict(),
                }
                for voice, categories in zip(self.bank, self.categories, strict=True)
            ],
        }


def generate(
    count: int = 32,
    *,
    category: str | Sequence[str] | None = None,
    algorithm: int | None = None,
    pad: bool | None = None,
    fixed: bool | None = None,
    seed: int = 0,
    screen: bool = True,
    names: NameStyle = "fitting",
    each: bool = False,
    taken: Iterable[str] = (),
    progress: Callable[[str], None] | None = None,
) -> Bank:
    """Generate voices from noise.

    Args:
      count: number of voices, 1-1024.
      category: one of `ddx7.library.CATEGORIES`, or several that every voice has at once, as a hybrid.
      algorithm: 1-32; None samples algorithms as often as programmers use them.
      pad: whether envelopes are long and sweeping; None leaves it open.
      fixed: whether operators have a fixed frequency; None leaves it open.
      seed: equal seeds give equal voices, different seeds different ones.
      screen: render every voice and leave out those that screening rejects.
      names: "fitting" names describe the sound, "random" ones do not.
      each: make some voices of each category instead of hybrids of all.
      taken: names of other voices, which are not used again.
      progress: called with a few words for each step.

    Returns:
      the voices; no two sound the same.

    Raises:
      Ddx7Error: an argument is out of range, or the generator finds too few voices that match the request.
    """
    categories = (category,) if isinstance(category, str) else tuple(category or ())
    request = GenerationRequest(
        count, categories, algorithm, pad, fixed, seed, screen, names, each=each, taken=tuple(taken)
    )
    return make_bank(request, progress=progress).bank


def make_bank(
    request: GenerationRequest,
    generator: VoiceGenerator | None = None,
    *,
    progress: Callable[[str], None] | None = None,
) -> GeneratedBank:
    """Generate voices, and report how.

    Args:
      request: which voices.
      generator: None takes the one that comes with the package.
      progress: called with a few words for each step.

    Raises:
      Ddx7Error: as `generate`.
    """
    generator = generator or shipped()
    request.check(generator.categories)
    known: set[bytes] = set()
    found = [_accept(part, generator, known, progress or (lambda _: None)) for part in request.parts()]
    reasons = sum((Counter(counts.reasons) for _, counts in found), Counter[str]())
    counts = ScreeningCounts(sum(c.n_screened for _, c in found), sum(reasons.values()), dict(reasons))
    return _named(request, [candidates for accepted, _ in found for candidates in accepted], counts)


def _accept(
    request: GenerationRequest, generator: VoiceGenerator, known: set[bytes], report: Callable[[str], None]
) -> tuple[list["_Candidates"], ScreeningCounts]:
    """Voices of one set of categories that match a request; adds their sounds to the known ones."""
    accepted: list[_Candidates] = []
    reasons: Counter[str] = Counter()
    n_accepted = n_sampled = n_screened = 0
    kind = f"{' and '.join(request.categories)} " if request.categories else ""
    per_voice = _CANDIDATES_PER_VOICE if request.screen and request.categories else 1
    for round_index in range(_MAX_ROUNDS):
        missing = request.count - n_accepted
        report(f"sampling {kind}voices, {n_accepted} of {request.count} found")
        vced, probabilities = _sample(request, generator, int(np.ceil(_SPARE * missing)) * per_voice, round_index)
        n_sampled += len(vced)
        new = _new_rows(vced, known)
        if not len(new):
            continue
        vced, probabilities = vced[new], probabilities[new]
        if request.screen:
            progress = reports_of_time_left(report, f"rendering and screening {len(vced)} {kind}voices")
            candidates, codes = _screened(request, vced, progress)
            n_screened += len(vced)
            reasons.update(codes)
        else:
            candidates = _Candidates(vced, _categories(request, generator.categories, probabilities), None)
        accepted.append(candidates.first(missing))
        n_accepted += len(accepted[-1].vced)
        if n_accepted == request.count:
            break
    else:
        raise Ddx7Error(
            f"generate: found {n_accepted} voices that match the request among {n_sampled} sampled ones, "
            f"wanted {request.count}; request fewer voices or fewer properties at once"
        )
    return accepted, ScreeningCounts(n_screened, sum(reasons.values()), dict(reasons))


@dataclass(frozen=True, eq=False)
class _Candidates:
    """Voices of one round, best first, with their categories and, if screened, measures of a middle C."""

    vced: UInt8[np.ndarray, "voice 155"]
    categories: list[tuple[str, ...]]
    measures: NoteMeasures | None

    def first(self, n: int) -> "_Candidates":
        measures = self.measures[np.arange(len(self.vced))[:n]] if self.measures is not None else None
        return _Candidates(self.vced[:n], self.categories[:n], measures)


def _sample(
    request: GenerationRequest, generator: VoiceGenerator, n: int, round_index: int
) -> tuple[UInt8[np.ndarray, "voice 155"], Float[np.ndarray, "voice category"]]:
    """About `n` sound voices that match the request, and probabilities of their categories by the parameters.

    With a category, the likeliest of several times as many voices, likeliest first.
    """
    flag = {None: UNSPECIFIED, True: YES, False: -YES}
    rng = np.random.default_rng([request.seed, round_index])
    indices = [generator.categories.index(name) for name in request.categories]
    conditions = generator.condition_prior.sample(
        rng,
        n * (_SAMPLED_PER_CANDIDATE if indices else 1) + 8,
        categories=indices,
        algorithm=None if request.algorithm is None else request.algorithm - 1,
        sweeping=flag[request.pad],
        fixed=flag[request.fixed],
    )
    vced = generator.sample(conditions, seed=int(rng.integers(2**31)))
    met = describe_conditions(vced, conditions.categories)
    vced = vced[~is_silent(vced) & ~has_stuck_note(vced) & _matches(met, conditions)]
    probabilities = generator.category_probabilities(vced)
    if indices:
        best = _likeliest(probabilities[:, indices], _algorithms(vced))[: max(len(vced) // _SAMPLED_PER_CANDIDATE, 1)]
        vced, probabilities = vced[best], probabilities[best]
    return vced, probabilities


def _matches(met: VoiceConditions, conditions: VoiceConditions) -> Bool[np.ndarray, " voice"]:
    return ((conditions.sweeping == UNSPECIFIED) | (met.sweeping == conditions.sweeping)) & (
        (conditions.fixed == UNSPECIFIED) | (met.fixed == conditions.fixed)
    )


def _likeliest(
    probabilities: Float[np.ndarray, "voice category"], algorithms: Int[np.ndarray, " voice"]
) -> Int[np.ndarray, " voice"]:
    """Voices by the probability of all categories at once, likeliest of their algorithm first.

    A voice counts by its rank among the voices of its algorithm, so any number of the first ones has the algorithms
    about as often as all voices have them. Without this the likeliest algorithm takes a whole bank. Voices that are
    clearly less likely than the best one come last.

    >>> probabilities = np.array([[0.99], [0.98], [0.97], [0.96], [0.95], [0.5]])
    >>> _likeliest(probabilities, np.array([18, 18, 18, 18, 22, 22])).tolist()
    [0, 4, 1, 2, 3, 5]
    """
    likelihood = np.log(probabilities + 1e-6).sum(axis=1)
    ranks = np.empty(len(likelihood))
    for algorithm in np.unique(algorithms):
        members = np.flatnonzero(algorithms == algorithm)
        order = members[np.argsort(-likelihood[members], kind="stable")]
        ranks[order] = (np.arange(len(order)) + 0.5) / len(order)
    return np.lexsort((-likelihood, ranks, likelihood < likelihood.max(initial=-np.inf) + np.log(_NEARLY_AS_LIKELY)))


def _algorithms(vced: UInt8[np.ndarray, "voice 155"]) -> Int[np.ndarray, " voice"]:
    """The algorithm of each voice, 0-31."""
    return vced[:, VCED_COLUMNS["algorithm"]].astype(np.int64)


def _new_rows(vced: UInt8[np.ndarray, "voice 155"], known: set[bytes]) -> list[int]:
    """Rows whose sound is neither known nor that of an earlier row; adds all sounds to the known ones."""
    keys = [key.tobytes() for key in sound_key(vced)]
    new = [k for k, key in enumerate(keys) if key not in known and keys.index(key) == k]
    known.update(keys)
    return new


def _screened(
    request: GenerationRequest, vced: UInt8[np.ndarray, "voice 155"], progress: Callable[[int, int], None]
) -> tuple[_Candidates, list[str]]:
    """Voices that screening accepts, best match of the requested categories first; of each rejected one the reason."""
    measures = measure_voices(vced, progress=progress, shard_size=_MEASURED_AT_ONCE)
    probabilities = load_classifier().probabilities(vced, measures)
    categories = _categories(request, CATEGORIES, probabilities)
    category_mask = np.array([[category in some for category in CATEGORIES] for some in categories])
    screening = screen_measures(measures, without_pitch=unpitched(category_mask))
    kept = np.flatnonzero(~screening.rejected)
    wanted = [CATEGORIES.index(name) for name in request.categories]
    accepted = kept[_likeliest(probabilities[kept][:, wanted], _algorithms(vced[kept]))]
    candidates = _Candidates(vced[accepted], [categories[k] for k in accepted], measures.middle[accepted])
    return candidates, [screening.codes(int(k))[0] for k in np.flatnonzero(screening.rejected)]


def _categories(
    request: GenerationRequest, names: Sequence[str], probabilities: Float[np.ndarray, "voice category"]
) -> list[tuple[str, ...]]:
    """The requested categories of each voice or, where none were, the likeliest one if it is likely enough."""
    if request.categories:
        return [request.categories] * len(probabilities)
    return [(names[int(row.argmax())],) if row.max() >= _LIKELY else () for row in probabilities]


def _named(request: GenerationRequest, accepted: list[_Candidates], counts: ScreeningCounts) -> GeneratedBank:
    voices = [Voice.from_vced(row) for candidates in accepted for row in candidates.vced]
    categories = tuple(some for candidates in accepted for some in candidates.categories)
    parts = [candidates.measures for candidates in accepted if candidates.measures is not None]
    measures = NoteMeasures.concatenate(parts) if parts else None
    names = name_voices(voices, categories, request.seed, style=request.names, measures=measures, taken=request.taken)
    bank = Bank(voice.renamed(name) for voice, name in zip(voices, names, strict=True))
    return GeneratedBank(bank, categories, request, counts)
