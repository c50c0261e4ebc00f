"""The canonical form of voices: 0 for every inaudible parameter, so that voices with equal bytes sound the same.

A parameter counts as inaudible only where that is provable: at every note, velocity and controller position the samples
stay the same, bit for bit, and the known behaviour of the real DX7 agrees. The canonical form therefore keeps apart:

- oscillator sync: here every note starts in phase, on a DX7 without sync none does;
- LFO settings that need a controller: a player has a modulation wheel;
- equal routings under two algorithm numbers: a DX7 divides the level by the number of carriers;
- parameters whose effect is merely too quiet or too late to be audible.
"""

from types import SimpleNamespace

import numpy as np
from jaxtyping import UInt8

from ddx7.voice.algorithms import CARRIERS, FEEDBACK_OPERATOR, MODULATION
from ddx7.voice.health import scaled_up
from ddx7.voice.packing import VCED_COLUMNS, rows
from ddx7.voice.spec import FIELDS, N_OPERATORS, OPERATOR_PARAMETERS

AUDIBLE = np.array([field.parameter.audible for field in FIELDS])
"""Which bytes of the edit form reach the sound, bool [155]: all but the name."""

# At a fixed frequency coarse selects one of four decades from 1 Hz and wraps around.
_DECADES = 4


def sound_key(vced: UInt8[np.ndarray, "*voice 155"]) -> UInt8[np.ndarray, "*voice 145"]:
    """The audible bytes of voices: voices with equal keys sound the same.

    The key is the canonical form without the name. Voices with different keys may sound the same, too.

    Args:
      vced: legal bytes.
    """
    return canonical(vced)[..., AUDIBLE]


def canonical(vced: UInt8[np.ndarray, "*voice 155"]) -> UInt8[np.ndarray, "*voice 155"]:
    """Set every inaudible parameter of voices to 0.

    - All parameters of an operator without output (output level 0 and no scaling that raises it, or L1-L4 all 0), or
      whose output reaches no carrier with output; and the feedback, if it is that operator's.
    - Curves of level scaling where the depth is 0, and the break point where both depths are.
    - Multiples of four of coarse at a fixed frequency.
    - Pitch modulation sensitivity and pitch envelope where all frequencies are fixed, and the rates of a pitch envelope
      whose levels are all the same.
    - PMD without pitch modulation sensitivity, AMD where no operator has amplitude modulation sensitivity, the delay
      without PMD and AMD, and the rest of the LFO without either sensitivity.

    Args:
      vced: legal bytes.

    Returns:
      legal bytes, with the names of `vced`.
    """
    v = rows(vced)
    reaching = _reaching(v)
    for row in OPERATOR_PARAMETERS:
        setattr(v, row.name, getattr(v, row.name) * (reaching[..., None] if row.count > 1 else reaching))
    v.feedback = v.feedback * np.take_along_axis(reaching, FEEDBACK_OPERATOR[v.algorithm][..., None], -1)[..., 0]

    v.left_curve = v.left_curve * (v.left_depth > 0)
    v.right_curve = v.right_curve * (v.right_depth > 0)
    v.break_point = v.break_point * ((v.left_depth > 0) | (v.right_depth > 0))
    v.coarse = np.where(v.fixed == 1, v.coarse % _DECADES, v.coarse)
    tuned = np.any(reaching & (v.fixed == 0), axis=-1)
    v.pitch_mod_sensitivity = v.pitch_mod_sensitivity * tuned
    v.pitch_levels = v.pitch_levels * tuned[..., None]
    v.pitch_rates = v.pitch_rates * np.any(v.pitch_levels != v.pitch_levels[..., :1], axis=-1, keepdims=True)

    on_pitch, on_amp = v.pitch_mod_sensitivity > 0, np.any(v.amp_mod_sensitivity > 0, axis=-1)
    v.lfo_pitch_depth = v.lfo_pitch_depth * on_pitch
    v.lfo_amp_depth = v.lfo_amp_depth * on_amp
    v.lfo_delay = v.lfo_delay * ((v.lfo_pitch_depth > 0) | (v.lfo_amp_depth > 0))
    for name in ("lfo_speed", "lfo_sync", "lfo_wave"):
        setattr(v, name, getattr(v, name) * (on_pitch | on_amp))

    result = np.empty(np.shape(vced), np.uint8)
    for name, columns in VCED_COLUMNS.items():
        result[..., columns] = getattr(v, name)
    return result


def _reaching(v: SimpleNamespace) -> np.ndarray:
    """Operators whose output reaches the sound, however faintly; bool [..., operator], OP1 first."""
    # At every velocity, a full envelope at output level 0 and full output at envelope level 0 stay below the gain from
    # which the engine computes an operator at all.
    sounds = ((v.output_level > 0) | scaled_up(v)) & np.any(v.levels > 0, axis=-1)
    reaching = sounds & (CARRIERS[v.algorithm] > 0)
    modulates = MODULATION[v.algorithm] > 0
    # Modulators have higher numbers than the operators they modulate, so one pass upwards finds all.
    for source in range(1, N_OPERATORS):
        through = np.any(modulates[..., source] & reaching, axis=-1)
        reaching[..., source] |= sounds[..., source] & through
    return reaching
