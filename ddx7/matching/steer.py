"""From a voice to others near it: closer to the recording, brighter, with a softer attack, with some parts kept.

`steer` breeds voices around one voice. For a wish such as "brighter" the aim is not the recording but the voice's own
sound, changed in one descriptor by about one audible step and in nothing else: pitch, vibrato and tremolo stay. Each of
the voices then comes from a population of its own, since those of one population differ by a few bytes.
"""

import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from ddx7.audio.descriptors import HOP_S, fall_s, level_db, rise_s
from ddx7.audio.spectra_numpy import frames, hann, power
from ddx7.errors import Ddx7Error
from ddx7.matching.mutation import mutate
from ddx7.matching.objective import NoteTarget, Objective
from ddx7.matching.result import Progress
from ddx7.matching.target import SEARCH_RATE, Target
from ddx7.matching.vced import columns, force_release
from ddx7.voice.algorithms import CARRIERS
from ddx7.voice.packing import VCED_COLUMNS
from ddx7.voice.sections import COMPANIONS, SECTIONS
from ddx7.voice.spec import FIELDS

Wish = Literal["target", "nearer", "brighter", "darker", "softer attack", "harder attack", "longer", "shorter"]
WISHES: tuple[Wish, ...] = get_args(Wish)
"""What `steer` can aim at: the recording freely or near the voice, or a change of the voice's own sound."""

_GENERATION, _PARENTS, _MAX_ISLANDS = 64, 24, 8
_GENERATIONS_PER_S = 5.0
_OVERTIME = 4.0  # times the given seconds, before the clock ends a steer on a slow machine
_REACH = {"target": 0.6, "nearer": 0.15}  # of mutation; 1 explores, near 0 polishes
_WISH_REACH = 0.12
_STEP = 25.0  # weight of a missed descriptor, in perceptual distance for one whole step
_ATTACK_S = 0.02  # added to attack times, since shorter ones sound alike
_N_FFT, _HOP = 1024, 512
_LOWEST_HZ = 40.0


@dataclass(frozen=True)
class _Direction:
    """A descriptor, and by how much it is to change.

    Attributes:
      measure: from a sound and its rate to a value on a scale of octaves.
      by: wanted change.
    """

    measure: Callable[[np.ndarray, int], float]
    by: float


def _brightness(sound: np.ndarray, sample_rate: int) -> float:
    """Centroid of the magnitude spectrum in octaves."""
    padded = np.pad(sound, (0, max(0, _N_FFT - len(sound))))
    spectrum = np.sqrt(power(frames(padded, _N_FFT, _HOP), hann(_N_FFT)).mean(axis=0))
    octave = np.log2(np.maximum(np.fft.rfftfreq(_N_FFT, 1 / sample_rate), _LOWEST_HZ))
    return float((spectrum * octave).sum() / max(spectrum.sum(), 1e-12))


def _attack(sound: np.ndarray, sample_rate: int) -> float:
    """Time to most of the highest level, in octaves."""
    return float(np.log2(np.median(rise_s(level_db(sound, sample_rate, _ATTACK_S))) + _ATTACK_S))


def _decay(sound: np.ndarray, sample_rate: int) -> float:
    """Time until the level is far below its highest, in octaves; as long as the sound where it is not."""
    level = level_db(sound, sample_rate, _ATTACK_S)
    left_s = HOP_S * (len(level) - int(np.argmax(level)))
    return float(np.log2(np.median(np.minimum(fall_s(level), left_s)) + _ATTACK_S))


_DIRECTIONS: dict[str, _Direction] = {
    "brighter": _Direction(_brightness, 0.35),
    "darker": _Direction(_brightness, -0.35),
    "softer attack": _Direction(_attack, 1.2),
    "harder attack": _Direction(_attack, -1.2),
    "longer": _Direction(_decay, 0.7),
    "shorter": _Direction(_decay, -0.7),
}
_KEPT = {"nearer": ("algorithm", "ratios")} | dict.fromkeys(_DIRECTIONS, ("modulation",))


@dataclass(frozen=True, eq=False)
class SteeredVoices:
    """Voices that `steer` found, best first.

    Attributes:
      voices: distinct, without the voice it began with.
      scores: what was reduced: for a wish not the distance to the recording.
      interrupted: whether the user stopped it.
    """

    voices: UInt8[np.ndarray, "voice 155"]
    scores: Float[np.ndarray, " voice"]
    interrupted: bool


def locked_bytes(lock: Collection[str]) -> Bool[np.ndarray, " 155"]:
    """Bytes of the edit form that belong to sections.

    Args:
      lock: names of `ddx7.voice.sections.SECTIONS`.

    Raises:
      Ddx7Error: no such section.
    """
    unknown = sorted(set(lock) - set(SECTIONS))
    if unknown:
        raise Ddx7Error(f"lock: found {', '.join(unknown)}, wanted some of {', '.join(SECTIONS)}")
    rows = {row for section in lock for row in (*SECTIONS[section], *COMPANIONS.get(section, ()))}
    return np.array([field.parameter.name in rows for field in FIELDS])


def steer(
    target: Target,
    voice: UInt8[np.ndarray, " 155"],
    wish: Wish,
    *,
    lock: Collection[str] = (),
    candidates: int = 4,
    seconds: float | int = 6.0,
    seed: int = 0,
    progress: Callable[[Progress], None] | None = None,
) -> SteeredVoices:
    """Breed voices from one voice towards a wish.

    Args:
      target: the recording.
      voice: where to begin, in edit form.
      wish: "target" goes on towards the recording; "nearer" does with small steps and the same structure; the others
        change the voice's own sound on the recording's strongest note.
      lock: sections of the voice that stay as they are.
      candidates: number of voices to return, at most.
      seconds: sets the amount of work, about this time on two cores.
      seed: of the random generator.
      progress: called after every generation with the distance of the best voice from the recording, whatever the
        wish; it may raise `KeyboardInterrupt`, which ends the work early.

    Returns:
      the best voices, which differ from `voice`.

    Raises:
      Ddx7Error: no such wish or section, everything is locked, or the voice is silent on the recording's notes.
    """
    if wish not in WISHES:
        raise Ddx7Error(f"wish: found {wish!r}, wanted one of {', '.join(WISHES)}")
    sections = {*lock, *_KEPT.get(wish, ())}
    kept = locked_bytes(sections)
    prior = target.prior()
    if not (prior.free & ~kept).any():
        raise Ddx7Error("lock: found every section, wanted at least one that may change")
    objective, full_objective = target.objective(SEARCH_RATE), target.objective()
    evaluate = _evaluation(objective, voice, wish)
    rng = np.random.default_rng(seed)
    reach = _REACH.get(wish, _WISH_REACH)
    generations = max(2, round(_GENERATIONS_PER_S * seconds))
    start = time.monotonic()

    def bred(parents: np.ndarray) -> np.ndarray:
        children = np.where(kept, voice, mutate(rng, parents, prior, reach))
        return force_release(children)

    n_islands = max(1, min(candidates, _MAX_ISLANDS)) if wish in _DIRECTIONS else 1
    first = bred(np.tile(voice, (_GENERATION, 1)))
    edits = np.where(kept, voice, _direct_edits(voice, wish))
    pool = np.concatenate([voice[None], edits, first])
    island = np.arange(len(pool)) % n_islands
    scores = np.zeros(0)
    renders, interrupted = 0, False
    shown = math.inf, b""
    try:
        scores = evaluate(pool)
        if not np.isfinite(scores[0]):
            raise Ddx7Error("voice: found silence on the recording's notes, wanted an audible voice")
        for generation in range(generations):
            renders += _GENERATION
            best = int(np.argmin(scores))
            elapsed_s = time.monotonic() - start
            if progress:
                if pool[best].tobytes() != shown[1]:
                    shown = float(full_objective.distances(pool[best : best + 1])[0]), pool[best].tobytes()
                progress(Progress(elapsed_s, seconds, "evolving", renders, *shown))
            if elapsed_s > seconds * _OVERTIME and generation:
                break
            survivors = _best_of_each(scores, island, max(2, _PARENTS // n_islands))
            pool, scores, island = pool[survivors], scores[survivors], island[survivors]
            parents = _parents(rng, island, _GENERATION // n_islands)
            children = bred(pool[parents])
            pool, island = np.concatenate([pool, children]), np.concatenate([island, island[parents]])
            scores = np.concatenate([scores, evaluate(children)])
    except KeyboardInterrupt:
        if not len(scores):
            raise
        interrupted = True
    n = len(scores)  # an interrupt may come before the last scores
    return _distinct(pool[:n], scores, island[:n], voice, candidates, interrupted)


def _best_of_each(
    scores: Float[np.ndarray, " voice"], island: Int[np.ndarray, " voice"], n: int
) -> Int[np.ndarray, " kept"]:
    """Indices of the `n` best voices of each island, best first."""
    order = np.argsort(scores, kind="stable")
    return np.concatenate([order[island[order] == k][:n] for k in np.unique(island)])


def _parents(rng: np.random.Generator, island: Int[np.ndarray, " voice"], n: int) -> Int[np.ndarray, " parent"]:
    """Indices of `n` parents of each island; the better ones, which come first, are drawn more often."""
    members = [np.flatnonzero(island == k) for k in np.unique(island)]
    return np.concatenate([some[rng.integers(0, len(some), (2, n)).min(axis=0)] for some in members])


def _evaluation(
    objective: Objective, voice: np.ndarray, wish: Wish
) -> Callable[[UInt8[np.ndarray, "voice 155"]], Float[np.ndarray, " voice"]]:
    """What is reduced: distance from the recording, or from the wished sound."""
    direction = _DIRECTIONS.get(wish)
    if direction is None:
        return objective.distances
    note = objective.note_targets[0]
    own = note.render(voice[None])[0]
    wanted = direction.measure(own, note.sample_rate) + direction.by
    near: NoteTarget = replace(note, target=own)

    def evaluate(voices: np.ndarray) -> np.ndarray:
        audio = near.render(voices)
        values = np.array([direction.measure(sound, near.sample_rate) for sound in audio])
        return near.distances(audio) + _STEP * np.abs(values - wanted) / abs(direction.by)

    return evaluate


def _direct_edits(voice: np.ndarray, wish: Wish) -> UInt8[np.ndarray, "edit 155"]:
    """What a programmer would try first: modulators up for brighter, R1 of the carriers down for a softer attack."""
    carrier = CARRIERS[int(voice[VCED_COLUMNS["algorithm"]])] > 0
    level, rates = columns("output_level")[:, 0], columns("rates")
    edits = []
    for amount in (2, 4, 6, 9, 12, 16, 24, 32, 40):
        edit = voice.astype(int)
        if wish in ("brighter", "darker"):
            edit[level[~carrier]] += amount * (edit[level[~carrier]] > 0) * (1 if wish == "brighter" else -1)
        elif wish in ("softer attack", "harder attack"):
            edit[rates[carrier, 0]] += amount * (-1 if wish == "softer attack" else 1)
        elif wish in ("longer", "shorter"):
            edit[rates[carrier, 1:].ravel()] += amount * (-1 if wish == "longer" else 1)
        edits.append(np.clip(edit, 0, 99))
    legal = np.array(edits, np.uint8)
    # The edits touch columns of 0-99 alone; every other byte stays as it is.
    touched = np.zeros(len(voice), bool)
    touched[[*level, *rates.ravel()]] = True
    return np.where(touched, legal, voice)


def _distinct(
    pool: np.ndarray,
    scores: np.ndarray,
    island: np.ndarray,
    voice: np.ndarray,
    candidates: int,
    interrupted: bool,
) -> SteeredVoices:
    order = np.argsort(scores, kind="stable")
    seen, chosen = {voice.tobytes()}, []
    for k in order:
        identity = pool[k].tobytes()
        if identity not in seen and np.isfinite(scores[k]):
            seen.add(identity)
            chosen.append(k)
    firsts = [next(k for k in chosen if island[k] == number) for number in dict.fromkeys(island[chosen].tolist())]
    if len(firsts) < candidates:
        # Neighbours of the best one differ by a byte; every so many-th voice differs more.
        stride = max(1, len(chosen) // max(candidates, 1) // 2)
        firsts = list(dict.fromkeys(firsts + chosen[stride : stride * candidates : stride]))
    kept = sorted(firsts[:candidates], key=chosen.index)
    return SteeredVoices(pool[kept], scores[kept], interrupted)
