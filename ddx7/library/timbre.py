"""What stands out in how a voice sounds, in a handful of words that names and descriptions are made from."""

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from ddx7.library.measures import NoteMeasures

TimbreDescriptor = Literal["bright", "dark", "slow", "short", "long", "noisy"]

KEY_HZ = 261.63
"""The key on which voices are measured, a middle C."""

# Where a middle C of public voices stands out. Of some 9,000 of them a fifth is brighter, a fifth darker, a tenth
# starts more slowly, an eighth is gone when the key is let go, a fifth rings on for longer and a twelfth is noisier.
BRIGHT_OCTAVES, DARK_OCTAVES = 2.3, 0.9
SLOW_S, LONG_S, GONE_DB, NOISY = 0.2, 2.0, -13.0, 0.15


def timbre_descriptors(heard: "NoteMeasures", k: int) -> list[TimbreDescriptor]:
    """What stands out in one of some voices, of which a middle C was measured."""
    octaves = np.log2(max(float(heard.centre_hz[k]), 1.0) / KEY_HZ)
    fades = heard.held_db[k] < GONE_DB
    slow = heard.attack_s[k] > SLOW_S
    stands_out: dict[TimbreDescriptor, bool] = {
        "bright": bool(octaves > BRIGHT_OCTAVES),
        "dark": bool(octaves < DARK_OCTAVES),
        "slow": bool(slow),
        "short": bool(fades and not slow),
        "long": bool(heard.release_s[k] > LONG_S and not fades),
        "noisy": bool(heard.noise[k] > NOISY),
    }
    return [trait for trait, found in stands_out.items() if found]
