"""Voices as sequences of whole numbers that a model can write one after the other.

Every voice becomes 145 tokens, the bytes that reach the sound: first what the rest hangs on (algorithm, transposition,
feedback), then operator by operator from OP1, each from its output level and frequency to its envelope and scaling,
then vibrato, tremolo and pitch envelope. Among voices that sound the same one is taken: inaudible bytes are 0
(`ddx7.library.canonical`) and operators that could trade places are sorted (`ddx7.voice.symmetry`).
"""

import numpy as np

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


def _in_order(names: tuple[str, ...]) -> np.ndarray:
    return np.concatenate([np.atleast_1d(VCED_COLUMNS[name]) for name in names])


_BY_OPERATOR = np.concatenate([VCED_COLUMNS[name].reshape(N_OPERATORS, -1) for name in _OF_OPERATOR], axis=1)

N_FIRST, N_OF_OPERATOR = len(_in_order(_FIRST)), _BY_OPERATOR.shape[1]
COLUMNS = np.concatenate([_in_order(_FIRST), _BY_OPERATOR.ravel(), _in_order(_LAST)])
"""VCED byte of each token, int [145]."""
N_TOKENS = len(COLUMNS)
OPERATOR = np.full(N_TOKENS, -1)
"""Operator that each token belongs to, OP1 is 0; -1 for the voice as a whole, int [145]."""
OPERATOR[N_FIRST : N_FIRST + _BY_OPERATOR.size] = np.repeat(np.arange(N_OPERATORS), N_OF_OPERATOR)
KIND = np.concatenate(
    [
        np.arange(N_FIRST),
        N_FIRST + np.tile(np.arange(N_OF_OPERATOR), N_OPERATORS),
        np.arange(N_FIRST + N_OF_OPERATOR, N_TOKENS - (N_OPERATORS - 1) * N_OF_OPERATOR),
    ]
)
"""What each token says, the same for all operators, int [145], from 0."""
N_KINDS = int(KIND.max()) + 1
SIZES = VCED_MAX[COLUMNS].astype(int) + 1
"""How many values each token can have, int [145]."""
N_VALUES = int(SIZES.max())


def to_tokens(vced: np.ndarray) -> np.ndarray:
    """Voices, uint8 [voice, 155], as tokens, uint8 [voice, 145]; the name is left out."""
    return sorted_operators(canonical(vced))[:, COLUMNS]


def to_vced(tokens: np.ndarray) -> np.ndarray:
    """Tokens as voices that sound alike, named INIT VOICE.

    An operator that is off gets the settings of Yamaha's INIT VOICE, so that turning it up does what players expect.

    Args:
      tokens: [voice, 145], each below its `SIZES`.

    Returns:
      uint8 [voice, 155].
    """
    vced = np.tile(INIT_VCED, (len(tokens), 1))
    vced[:, COLUMNS] = tokens
    off = np.all(vced[:, OPERATOR_COLUMNS] == 0, axis=-1)
    neutral = INIT_VCED.copy()
    neutral[VCED_COLUMNS["output_level"]] = 0
    vced[:, OPERATOR_COLUMNS] = np.where(off[:, :, None], neutral[OPERATOR_COLUMNS], vced[:, OPERATOR_COLUMNS])
    return vced
