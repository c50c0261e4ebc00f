"""Timbre descriptors: words for what stands out in a sound; names and descriptions use them."""

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import ddx7.library.measures

TimbreDescriptor = Literal["bright", "dark", "slow", "short", "long", "noisy"]

NOTE_HZ = 261.63
"""Frequency of the note on which voices are measured, a middle C."""

# Limits beyond which a middle C stands out. Of some 9,000 public voices a fifth is brighter, a fifth darker, a tenth
# starts more slowly, an eighth has faded before note-off, a fifth has a longer release and a twelfth is noisier.
BRIGHT_OCTAVES, DARK_OCTAVES = 2.3, 0.9
SLOW_S, LONG_S, FADED_DB, NOISY = 0.2, 2.0, -13.0, 0.15


def timbre_descriptors(measures: "ddx7.library.measures.NoteMeasures", k: int) -> list[TimbreDescriptor]:
    """The descriptors of one voice.

    Args:
      measures: of a middle C on several voices.
      k: index of the voice.
    """
    octaves = np.log2(max(float(measures.centre_hz[k]), 1.0) / NOTE_HZ)
    faded = measures.held_db[k] < FADED_DB
    slow = measures.attack_s[k] > SLOW_S
    applies: dict[TimbreDescriptor, bool] = {
        "bright": bool(octaves > BRIGHT_OCTAVES),
        "dark": bool(octaves < DARK_OCTAVES),
        "slow": bool(slow),
        "short": bool(faded and not slow),
        "long": bool(measures.release_s[k] > LONG_S and not faded),
        "noisy": bool(measures.noise[k] > NOISY),
    }
    return [descriptor for descriptor, so in applies.items() if so]
