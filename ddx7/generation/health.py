"""Whether made voices are well, by their bytes; how they sound is `ddx7.library.listening`'s to say."""

import numpy as np

from ddx7.library.canonical import canonical
from ddx7.voice.algorithms import CARRIERS
from ddx7.voice.health import silent
from ddx7.voice.packing import rows

UNPITCHED = ("percussion", "effect")
"""Kinds of sound that need no pitch."""


def well(vced: np.ndarray) -> np.ndarray:
    """Which voices sound, and end when the key is let go: bool [voice].

    Args:
      vced: uint8 [voice, 155], legal.
    """
    return ~silent(vced) & ~_unending(vced)


def _unending(vced: np.ndarray) -> np.ndarray:
    """Which voices have a carrier that sounds on after its release."""
    heard = rows(canonical(vced))
    carrier = CARRIERS[heard.algorithm] > 0
    return ((heard.levels[..., 3] > 0) & (heard.output_level > 0) & carrier).any(axis=-1)
