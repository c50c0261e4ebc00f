"""`vary`: a voice's relatives, each a little different, each still playable."""

from collections.abc import Collection

import numpy as np

from ddx7.errors import Ddx7Error
from ddx7.library.notes import render_notes
from ddx7.voice import Bank, Voice
from ddx7.voice.algorithms import CARRIERS
from ddx7.voice.packing import VCED_COLUMNS, VCED_MAX
from ddx7.voice.voice import numbered

SECTIONS = {
    "algorithm": ("algorithm",),
    "envelopes": ("rates", "levels"),
    "levels": ("output_level", "feedback"),
    "ratios": ("coarse", "fine", "detune"),
    "scaling": ("break_point", "left_depth", "right_depth", "rate_scaling", "velocity_sensitivity"),
    "modulation": ("lfo_speed", "lfo_delay", "lfo_pitch_depth", "lfo_amp_depth"),
}
"""What can be locked, and the rows of the parameter table in it. All else of a voice is never touched."""

# Groups of algorithms that differ in little (Le Vaillant and Dutoit, SPINVAE, 2023).
_ALIKE = (
    *((1, 2), (3, 4, 19), (5, 6), (7, 8, 9, 12, 13), (10, 11), (14, 15), (16, 17, 18), (20, 26, 27)),
    *((21, 23), (22, 24), (25, 29, 31, 32), (28, 30)),
)
# Standard deviation of a nudge at amount 1, as a share of the parameter's range.
_REACH = {"rates": 0.25, "levels": 0.25, "output_level": 0.2, "feedback": 0.4, "detune": 0.4, "fine": 0.04}
_OTHER_REACH = 0.25
_OF_CARRIERS = 0.25  # carriers' levels set the mix and the loudness: they move by this share of it
_NEW_RATIO, _NEW_ALGORITHM = 0.5, 0.5  # chances at amount 1, of a modulator and of a voice
_TRIES = 12
_LOUDER_DB, _SOFTER_DB = 8.0, 10.0  # than the voice they come from


def vary(voice: Voice, count: int = 8, *, amount: float = 0.2, seed: int = 0, lock: Collection[str] = ()) -> Bank:
    """Make variations of a voice.

    Every parameter is nudged in proportion to `amount`; modulators now and then take another whole ratio, and the
    algorithm gives way to one of its like. The operators that set the pitch keep their frequency. Each variation is
    played and heard: one that is silent, much louder or softer, or no other than one before it is made anew.

    Args:
      voice: where to begin.
      count: how many, 1-512.
      amount: 0 is nothing, 0.2 a sibling, 1 a distant relative.
      seed: of chance; the same gives the same voices.
      lock: sections of `SECTIONS` that stay as they are.

    Returns:
      the variations, named after the voice with a number.

    Raises:
      Ddx7Error: an argument out of range, no such section, everything locked, or the voice is silent.
    """
    if not 1 <= count <= 512:
        raise Ddx7Error(f"count: found {count}, wanted 1 to 512")
    if not 0 < amount <= 1:
        raise Ddx7Error(f"amount: found {amount:g}, wanted more than 0 and at most 1")
    unknown = set(lock) - set(SECTIONS)
    if unknown:
        raise Ddx7Error(f"lock: found {', '.join(sorted(unknown))}, wanted some of {', '.join(SECTIONS)}")
    if set(lock) == set(SECTIONS):
        raise Ddx7Error("lock: every section is locked, wanted at least one that may change")
    original = np.frombuffer(voice.to_vced(), np.uint8)
    level = _level_db(original[None])[0]
    if not np.isfinite(level):
        raise Ddx7Error(f"{voice.name or 'voice'}: makes no sound on C3, a voice that sounds is wanted")
    rng = np.random.default_rng(seed)
    kept: list[np.ndarray] = []
    seen = {original.tobytes()}
    reach = amount
    for _ in range(_TRIES):
        made = _nudged(rng, np.tile(original, (2 * count, 1)), reach, set(lock))
        change = _level_db(made) - level
        for row in made[(change < _LOUDER_DB) & (change > -_SOFTER_DB)]:
            if row.tobytes() not in seen and len(kept) < count:
                seen.add(row.tobytes())
                kept.append(row)
        if len(kept) == count:
            break
        reach *= 0.8  # nearer to the original more of them are well
    else:
        raise Ddx7Error(
            f"{voice.name or 'voice'}: found {len(kept)} variations that sound, wanted {count}; "
            f"try another amount, or lock less"
        )
    return Bank(Voice.from_vced(row).renamed(numbered(voice.name, k + 1)) for k, row in enumerate(kept))


def _nudged(rng: np.random.Generator, vced: np.ndarray, amount: float, lock: set[str]) -> np.ndarray:
    made, n = vced.copy(), len(vced)
    algorithm = vced[:, VCED_COLUMNS["algorithm"]]
    carrier = CARRIERS[algorithm] > 0
    if "algorithm" not in lock:
        swapped = rng.random(n) < _NEW_ALGORITHM * amount
        made[swapped, VCED_COLUMNS["algorithm"]] = [rng.choice(_like(a)) for a in algorithm[swapped]]
        # What is a carrier in either keeps its level and pitch.
        carrier |= CARRIERS[made[:, VCED_COLUMNS["algorithm"]]] > 0
    moving = [name for section, names in SECTIONS.items() if section not in lock for name in names]
    for name in moving:
        if name in ("algorithm", "coarse"):
            continue
        columns = VCED_COLUMNS[name]
        old = vced[:, columns].astype(float)
        size = amount * _REACH.get(name, _OTHER_REACH) * VCED_MAX[columns]
        hit = rng.random(old.shape) < 0.3 + 0.5 * amount
        step = rng.normal(0, 1, old.shape) * size * hit
        if name == "output_level":
            step *= np.where(carrier, _OF_CARRIERS, 1.0)
        if name == "fine":  # a ratio that is whole stays whole, and what sets the pitch stays in tune
            step *= (old > 0) & ~carrier
        # A parameter at 0 is mostly one that is off: it stays so, or a voice would come to life in every corner.
        step = np.where((old == 0) & (name not in ("detune", "rates")), 0, step)
        if name == "levels":
            step[..., 3] = 0  # where a note ends
        made[:, columns] = np.clip(np.round(old + step), 0, VCED_MAX[columns]).astype(np.uint8)
    if "ratios" not in lock:
        columns = VCED_COLUMNS["coarse"]
        coarse = vced[:, columns].astype(int)
        fixed = vced[:, VCED_COLUMNS["fixed"]] > 0
        hit = (rng.random(coarse.shape) < _NEW_RATIO * amount) & ~carrier & ~fixed
        away = coarse + rng.choice([-2, -1, 1, 2], coarse.shape)
        made[:, columns] = np.where(hit, np.clip(away, 0, VCED_MAX[columns]), coarse)
    return made


def _like(algorithm: int) -> list[int]:
    """Algorithms like one, which is not among them; all counted from 0."""
    group = next(group for group in _ALIKE if algorithm + 1 in group)
    return [other - 1 for other in group if other != algorithm + 1]


def _level_db(vced: np.ndarray) -> np.ndarray:
    """Loudness of the note that `render_notes` plays; minus infinity for silence."""
    audio = render_notes(vced)
    power = np.mean(np.square(audio), axis=1, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return np.where(np.abs(audio).max(axis=1) > 1e-4, 10 * np.log10(power), -np.inf)
