"""Voices with 0 for every parameter that nothing makes audible, so that equal bytes are equal sounds.

Only what is provable is left out: at every key, velocity and controller position the samples stay the same, bit for
bit, and what is known of the real DX7 agrees. So these stay apart:

- oscillator sync: here every note starts in phase, on a DX7 without it none does;
- LFO settings that wait for a controller: a player has a modulation wheel;
- equal routings under two algorithm numbers: a DX7 divides the level by the number of carriers;
- whatever is merely too quiet or too late to be heard.
"""

from types import SimpleNamespace

import numpy as np

from ddx7.voice.algorithms import CARRIERS, FEEDBACK_OPERATOR, MODULATION
from ddx7.voice.health import scaled_up
from ddx7.voice.packing import VCED_COLUMNS, rows
from ddx7.voice.spec import FIELDS, N_OPERATORS, OPERATOR_PARAMETERS

AUDIBLE = np.array([field.parameter.audible for field in FIELDS])
"""Which bytes of the edit form reach the sound, bool [155]: all but the name."""

# At a fixed frequency coarse counts decades from 1 Hz, and the fifth is the first again.
_DECADES = 4


def sound_key(vced: np.ndarray) -> np.ndarray:
    """What of each voice reaches the sound: voices with equal keys sound the same.

    The name is left out, and what `canonical` sets to 0 is equal. Voices with different keys may sound the same, too.

    Args:
      vced: uint8 [..., 155], legal bytes.

    Returns:
      uint8 [..., 145].
    """
    return canonical(vced)[..., AUDIBLE]


def canonical(vced: np.ndarray) -> np.ndarray:
    """The same voices with 0 for every parameter that cannot be heard.

    - All of an operator that has no output (output level 0 and no scaling that raises it, or L1-L4 all 0), or whose
      output gets through to no carrier that has one; and the feedback, if it is that operator's.
    - Curves of level scaling where the depth is 0, and the break point where both depths are.
    - Whole fours of coarse at a fixed frequency.
    - Pitch modulation sensitivity and pitch envelope where all frequencies are fixed, and the rates of a pitch envelope
      whose levels are all the same.
    - PMD without pitch modulation sensitivity, AMD where no operator has amplitude modulation sensitivity, the delay
      without PMD and AMD, and the rest of the LFO without either sensitivity.

    Args:
      vced: uint8 [..., 155], legal bytes.

    Returns:
      uint8 [..., 155], legal, names as they were.
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

    kept = np.empty(np.shape(vced), np.uint8)
    for name, columns in VCED_COLUMNS.items():
        kept[..., columns] = getattr(v, name)
    return kept


def _reaching(v: SimpleNamespace) -> np.ndarray:
    """Operators whose output, if only a trace, gets through to the sound; bool [..., operator], OP1 first."""
    # The softest velocity to the hardest: full envelopes at output level 0, and full output at envelope level 0, stay
    # below the gain from which an operator is computed at all.
    sounds = ((v.output_level > 0) | scaled_up(v)) & np.any(v.levels > 0, axis=-1)
    reaching = sounds & (CARRIERS[v.algorithm] > 0)
    modulates = MODULATION[v.algorithm] > 0
    # Modulators have higher numbers than what they modulate, so one pass up finds all.
    for source in range(1, N_OPERATORS):
        heard = np.any(modulates[..., source] & reaching, axis=-1)
        reaching[..., source] |= sounds[..., source] & heard
    return reaching
