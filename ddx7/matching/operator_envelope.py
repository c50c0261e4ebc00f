"""An operator's envelope and output level from a course of levels in dB, in closed form."""

from itertools import pairwise

import numpy as np
from jaxtyping import Float

from ddx7.engine.tables import (
    BLOCK,
    DB_PER_OCTAVE,
    EG_CEILING_OCTAVES,
    EG_INCREMENT,
    EG_JUMP,
    EG_LEVEL,
    EG_RATE,
    EG_RATE_STEP,
    ONE,
    OUTPUT_LEVEL,
)

FLOOR_DB = -70.0
"""Level that counts as silence."""
_LEVEL_STEP_DB = DB_PER_OCTAVE / 8  # of `OUTPUT_LEVEL`; `EG_LEVEL` has twice that
_OCTAVES_PER_S = EG_INCREMENT[EG_RATE_STEP] * float(EG_RATE) / BLOCK / ONE
FALL_DB_PER_S = _OCTAVES_PER_S * DB_PER_OCTAVE
"""Speed of a decay by rate 0-99."""
# An attack climbs from EG_JUMP, in every octave more slowly than in the one below.
_CLIMB = [EG_JUMP / ONE, *range(EG_JUMP // ONE + 1, 16)]
ATTACK_S = sum((end - start) / (EG_CEILING_OCTAVES - end) for start, end in pairwise(_CLIMB)) / _OCTAVES_PER_S
"""Seconds of an attack to full level by rate 0-99."""
_STEADY_DB_PER_S = 4.0  # a slower fall at the gate is a sustained level
_SLOWEST_RELEASE_DB_PER_S = 20.0
_UNKNOWN_RELEASE_DB_PER_S = 150.0


def output_level(level_db: float | int) -> int:
    """Output level, 0-99, at so many dB below full level."""
    return int(np.argmin(np.abs(OUTPUT_LEVEL - (OUTPUT_LEVEL[-1] + level_db / _LEVEL_STEP_DB))))


def envelope_level(level_db: float | int) -> int:
    """Envelope level, 0-99, at so many dB below level 99."""
    if level_db <= FLOOR_DB:
        return 0
    return int(np.argmin(np.abs(EG_LEVEL - (EG_LEVEL[-1] + level_db / (2 * _LEVEL_STEP_DB)))))


def decay_rate(db_per_s: float | int) -> int:
    """Rate, 0-99, of a decay of so many dB a second."""
    return int(np.argmin(np.abs(np.log(FALL_DB_PER_S / max(db_per_s, 1e-3)))))


def attack_rate(seconds: float | int) -> int:
    """Rate, 0-99, of an attack of so many seconds."""
    return 99 if seconds < 0.012 else int(np.argmin(np.abs(np.log(ATTACK_S / seconds))))


def fit_envelope(
    times_s: Float[np.ndarray, " time"], level_db: Float[np.ndarray, " time"], gate_s: float | int
) -> tuple[list[int], list[int]]:
    """Fit R1-R4 and L1-L4 to a course of levels: an attack to level 99, two decays, and a release.

    Args:
      times_s: seconds from the onset, rising.
      level_db: levels; their maximum becomes level 99.
      gate_s: seconds from the onset to the release.

    Returns:
      (rates, levels); L4 is 0.
    """
    held = times_s <= gate_s
    if not held.any():
        held[0] = True
    t, level = times_s[held], np.maximum(level_db[held] - level_db[held].max(), FLOOR_DB)
    peak = int(level.argmax())
    rise_s = float(t[np.flatnonzero(level[: peak + 1] >= -4.0)[0]]) if peak else 0.0
    t_fall, fall = t[peak:], level[peak:]
    rates, levels = [attack_rate(rise_s if rise_s > 0.02 else 0.0), 99, 99, 60], [99, 99, 99, 0]
    if len(t_fall) > 1:
        knee = _knee(t_fall, fall)
        first = (fall[0] - fall[knee]) / max(t_fall[knee] - t_fall[0], 1e-3)
        rest_s = t_fall[-1] - t_fall[knee]
        second = (fall[knee] - fall[-1]) / rest_s if rest_s > 0 else first
        rates[1], levels[1] = decay_rate(max(first, 1.0)), envelope_level(fall[knee])
        if second > _STEADY_DB_PER_S:
            rates[2], levels[2] = decay_rate(second), 0
        else:
            steady = envelope_level(float(fall[knee:].mean()))
            rates[2], levels[1], levels[2] = 50, min(levels[1], steady) if knee else steady, steady
    after = times_s > gate_s
    if after.any() and level[-1] > FLOOR_DB + 10:
        drop = level[-1] - (level_db[after] - level_db[held].max())
        since = times_s[after] - gate_s
        heard = drop < level[-1] - FLOOR_DB - 5
        slope = float((drop / since)[heard][-1]) if heard.any() else _UNKNOWN_RELEASE_DB_PER_S
        rates[3] = decay_rate(max(slope, _SLOWEST_RELEASE_DB_PER_S))
    else:
        rates[3] = decay_rate(_UNKNOWN_RELEASE_DB_PER_S)
    return rates, levels


def _knee(t: np.ndarray, level: np.ndarray) -> int:
    """Index where two lines from the first point over this one to the last fit the levels best."""
    errors = [float(np.abs(np.interp(t, t[[0, k, -1]], level[[0, k, -1]]) - level).sum()) for k in range(1, len(t))]
    return 1 + int(np.argmin(errors))
