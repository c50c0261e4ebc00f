"""Voices as sequences of integers, for an autoregressive model.

A voice becomes 145 tokens, its bytes without the name. The parameters that the others depend on come first (algorithm,
transposition, feedback). The operators follow from OP1 to OP6, each from output level and frequency to envelope and
scaling. Vibrato, tremolo and pitch envelope come last. Voices that sound the same share one sequence: inaudible bytes
are 0 (`ddx7.library.canonical`), and interchangeable operators are sorted (`ddx7.voice.symmetry`).
"""

import numpy as np
from jaxtyping import Integer, UInt8

from ddx7.library.canonical import canonical
from ddx7.voice.packing import INIT_VCED, VCED_COLUMNS, VCED_MAX
from ddx7.voice.spec import N_OPERATORS
from ddx7.voice.symmetry import OPERATOR_COLUMNS, sorted_operators

_FIRST = ("algorithm", "transpose", "feedback")
_OF_OPERATOR = (
    *("output_level", "fixed", "coarse", "fine", "detune", "levels", "rates"),
    *("velocity_sensitivity", "amp_mod_sensitivity", "rate_scaling"),
    *("left_depth", "right_depth", "left_curve", "right_curve", "break_point"),
)
_LAST = (
    *("pitch_mod_sensitivity", "lfo_pitch_depth", "lfo_amp_depth", "lfo_speed", "lfo_delay", "lfo_wave", "lfo_sync"),
    *("pitch_levels", "pitch_rates", "osc_sync"),
)


def _columns(names: tuple[str, ...]) -> np.ndarray:
    return np.concatenate([np.atleast_1d(VCED_COLUMNS[name]) for name in names])


_BY_OPERATOR = np.concatenate([VCED_COLUMNS[name].reshape(N_OPERATORS, -1) for name in _OF_OPERATOR], axis=1)

N_FIRST, N_OF_OPERATOR = len(_columns(_FIRST)), _BY_OPERATOR.shape[1]
"""Number of tokens before the operators, and of each operator."""
COLUMNS = np.concatenate([_columns(_FIRST), _BY_OPERATOR.ravel(), _columns(_LAST)])
"""VCED byte of each token, int [145]."""
N_TOKENS = len(COLUMNS)
OPERATOR = np.full(N_TOKENS, -1)
"""Operator of each token, OP1 is 0; -1 for parameters of the whole voice; int [145]."""
OPERATOR[N_FIRST : N_FIRST + _BY_OPERATOR.size] = np.repeat(np.arange(N_OPERATORS), N_OF_OPERATOR)
KIND = np.concatenate(
    [
        np.arange(N_FIRST),
        N_FIRST + np.tile(np.arange(N_OF_OPERATOR), N_OPERATORS),
        np.arange(N_FIRST + N_OF_OPERATOR, N_TOKENS - (N_OPERATORS - 1) * N_OF_OPERATOR),
    ]
)
"""Number of each token's parameter, the same for all operators, from 0; int [145]."""
N_KINDS = int(KIND.max()) + 1
SIZES = VCED_MAX[COLUMNS].astype(int) + 1
"""Number of values of each token, int [145]."""
N_VALUES = int(SIZES.max())


def to_tokens(vced: UInt8[np.ndarray, "voice 155"]) -> UInt8[np.ndarray, "voice 145"]:
    """Voices as tokens; names are left out."""
    return sorted_operators(canonical(vced))[:, COLUMNS]


def to_vced(tokens: Integer[np.ndarray, "voice 145"]) -> UInt8[np.ndarray, "voice 155"]:
    """Voices that sound as the tokens describe, named INIT VOICE.

    An operator that is off gets the settings of Yamaha's INIT VOICE, so that it sounds as players expect when they turn
    it up.

    Args:
      tokens: each below its `SIZES`.

    Returns:
      legal VCED bytes.
    """
    vced = np.tile(INIT_VCED, (len(tokens), 1))
    vced[:, COLUMNS] = tokens
    off = np.all(vced[:, OPERATOR_COLUMNS] == 0, axis=-1)
    neutral = INIT_VCED.copy()
    neutral[VCED_COLUMNS["output_level"]] = 0
    vced[:, OPERATOR_COLUMNS] = np.where(off[:, :, None], neutral[OPERATOR_COLUMNS], vced[:, OPERATOR_COLUMNS])
    return vced
