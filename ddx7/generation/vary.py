"""`vary`: variations of a voice, each a little different and still playable."""

from collections.abc import Callable, Collection

import numpy as np

from ddx7.errors import ArgumentError, Ddx7Error
from ddx7.library.naming import name_variations
from ddx7.library.notes import render_notes
from ddx7.voice import Bank, Voice
from ddx7.voice.algorithms import CARRIERS
from ddx7.voice.packing import VCED_COLUMNS, VCED_MAX
from ddx7.voice.sections import SECTIONS, part_bytes
from ddx7.voice.spec import NAME_SIZE

# Groups of similar algorithms (Le Vaillant and Dutoit, SPINVAE, 2023).
_SIMILAR_ALGORITHMS = (
    *((1, 2), (3, 4, 19), (5, 6), (7, 8, 9, 12, 13), (10, 11), (14, 15), (16, 17, 18), (20, 26, 27)),
    *((21, 23), (22, 24), (25, 29, 31, 32), (28, 30)),
)
# Standard deviation of a change at amount 1, as a share of the parameter's range.
_SCALE = {"rates": 0.25, "levels": 0.25, "output_level": 0.2, "feedback": 0.4, "detune": 0.4, "fine": 0.04}
_OTHER_SCALE = 0.25
_CARRIER_SCALE = 0.25  # factor for the levels of carriers, which set the mix and the loudness
_NEW_RATIO, _NEW_ALGORITHM = 0.5, 0.5  # probabilities at amount 1, for each modulator and for each voice
_TRIES = 12
_MAX_LOUDER_DB, _MAX_SOFTER_DB = 8.0, 10.0  # than the original


def vary(
    voice: Voice,
    count: int = 8,
    *,
    amount: float = 0.2,
    seed: int = 0,
    lock: Collection[str] = (),
    progress: Callable[[str], None] | None = None,
) -> Bank:
    """Make variations of a voice.

    Every parameter changes at random in proportion to `amount`. Some modulators get another whole ratio, and some
    voices a similar algorithm. Carriers keep their frequency. Each variation is rendered; one that is silent, much
    louder or softer, or equal to an earlier one is replaced.

    Args:
      voice: the original.
      count: number of variations, 1-512.
      amount: more than 0 and at most 1; 0.2 gives close relatives, 1 distant ones.
      seed: equal seeds give equal voices.
      lock: parts that do not change, some of `ddx7.voice.sections.PART_NAMES`.
      progress: called with a few words for each step.

    Returns:
      the variations, each named by the beginning of the voice's name and a new word (`ddx7.library.name_variations`).

    Raises:
      Ddx7Error: an argument out of range, no such part, everything locked, or the voice is silent.
    """
    if not 1 <= count <= 512:
        raise ArgumentError(f"count: found {count}, wanted 1 to 512")
    if not 0 < amount <= 1:
        raise ArgumentError(f"amount: found {amount:g}, wanted more than 0 and at most 1")
    locked = part_bytes(lock)
    if locked[np.concatenate([np.ravel(VCED_COLUMNS[row]) for rows in SECTIONS.values() for row in rows])].all():
        raise ArgumentError("lock: found every section, wanted at least one that may change")
    if progress:
        progress(f"rendering variations until {count} are audible and different")
    original = np.frombuffer(voice.to_vced(), np.uint8)
    level = _level_db(original[None])[0]
    if not np.isfinite(level):
        raise Ddx7Error(f"{voice.name or 'voice'}: found no sound on C3, wanted an audible voice")
    rng = np.random.default_rng(seed)
    kept: list[np.ndarray] = []
    seen = {original.tobytes()}
    scale = amount
    for _ in range(_TRIES):
        changed = _changed(rng, np.tile(original, (2 * count, 1)), scale, locked)
        variations = np.where(locked, original, changed)
        change = _level_db(variations) - level
        for row in variations[(change < _MAX_LOUDER_DB) & (change > -_MAX_SOFTER_DB)]:
            if row.tobytes() not in seen and len(kept) < count:
                seen.add(row.tobytes())
                kept.append(row)
        if len(kept) == count:
            break
        scale *= 0.8  # closer to the original more variations pass
    else:
        raise Ddx7Error(
            f"{voice.name or 'voice'}: found {len(kept)} audible variations, wanted {count}; "
            f"use another amount or lock fewer sections"
        )
    names = name_variations(voice.name, [row[:-NAME_SIZE].tobytes() for row in kept])
    return Bank(Voice.from_vced(row).renamed(name) for row, name in zip(kept, names, strict=True))


def _changed(rng: np.random.Generator, vced: np.ndarray, amount: float, locked: np.ndarray) -> np.ndarray:
    """Random changes of copies of a voice; parameters whose bytes are all locked stay."""
    result, n = vced.copy(), len(vced)
    lock = {section for section, rows in SECTIONS.items() if all(locked[VCED_COLUMNS[row]].all() for row in rows)}
    algorithm = vced[:, VCED_COLUMNS["algorithm"]]
    carrier = CARRIERS[algorithm] > 0
    if "algorithm" not in lock:
        swapped = rng.random(n) < _NEW_ALGORITHM * amount
        result[swapped, VCED_COLUMNS["algorithm"]] = [rng.choice(_similar(int(a))) for a in algorithm[swapped]]
        # An operator that is a carrier in either algorithm counts as a carrier.
        carrier |= CARRIERS[result[:, VCED_COLUMNS["algorithm"]]] > 0
    moving = [name for section, names in SECTIONS.items() if section not in lock for name in names]
    for name in moving:
        if name in ("algorithm", "coarse"):
            continue
        columns = VCED_COLUMNS[name]
        old = vced[:, columns].astype(float)
        size = amount * _SCALE.get(name, _OTHER_SCALE) * VCED_MAX[columns]
        hit = rng.random(old.shape) < 0.3 + 0.5 * amount
        step = rng.normal(0, 1, old.shape) * size * hit
        if name == "output_level":
            step *= np.where(carrier, _CARRIER_SCALE, 1.0)
        if name == "fine":  # whole ratios stay whole, and carriers stay in tune
            step *= (old > 0) & ~carrier
        # A parameter at 0 is mostly switched off and stays so.
        step = np.where((old == 0) & (name not in ("detune", "rates")), 0, step)
        if name == "levels":
            step[..., 3] = 0  # L4, at which a note ends
        result[:, columns] = np.clip(np.round(old + step), 0, VCED_MAX[columns]).astype(np.uint8)
    if "ratios" not in lock:
        columns = VCED_COLUMNS["coarse"]
        coarse = vced[:, columns].astype(int)
        fixed = vced[:, VCED_COLUMNS["fixed"]] > 0
        hit = (rng.random(coarse.shape) < _NEW_RATIO * amount) & ~carrier & ~fixed
        away = coarse + rng.choice([-2, -1, 1, 2], coarse.shape)
        result[:, columns] = np.where(hit, np.clip(away, 0, VCED_MAX[columns]), coarse)
    return result


def _similar(algorithm: int) -> list[int]:
    """Other algorithms of the same group, counted from 0."""
    group = next(group for group in _SIMILAR_ALGORITHMS if algorithm + 1 in group)
    return [other - 1 for other in group if other != algorithm + 1]


def _level_db(vced: np.ndarray) -> np.ndarray:
    """RMS level of the standard note; minus infinity for silence."""
    audio = render_notes(vced)
    power = np.mean(np.square(audio), axis=1, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return np.where(np.abs(audio).max(axis=1) > 1e-4, 10 * np.log10(power), -np.inf)
