"""Parts of a voice that a search keeps as they are."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, UInt8

from ddx7.errors import ArgumentError
from ddx7.voice import Voice
from ddx7.voice.packing import INIT_VCED
from ddx7.voice.sections import part_bytes
from ddx7.voice.spec import FIELDS, VCED_SIZE

_AUDIBLE = np.array([field.parameter.audible for field in FIELDS])


@dataclass(frozen=True, eq=False)
class HeldParts:
    """Bytes that every voice of a search has in common.

    Attributes:
      vced: a voice that has them.
      mask: which bytes of it are held.
    """

    vced: UInt8[np.ndarray, " 155"]
    mask: Bool[np.ndarray, " 155"]

    def hold(self, voices: UInt8[np.ndarray, "*voice 155"]) -> UInt8[np.ndarray, "*voice 155"]:
        """The voices with these bytes."""
        return np.where(self.mask, self.vced, voices)


NOTHING_HELD = HeldParts(INIT_VCED, np.zeros(VCED_SIZE, bool))


def held_parts(voice: Voice | None, lock: Collection[str]) -> HeldParts:
    """The parts of a voice that a user locks.

    Args:
      voice: the voice that they are taken from.
      lock: some of `ddx7.voice.sections.PART_NAMES`.

    Raises:
      ArgumentError: there is no such part, all of the voice is locked, or parts are locked and there is no voice.
    """
    mask = part_bytes(lock)
    if not mask.any():
        return NOTHING_HELD
    if voice is None:
        raise ArgumentError("lock: found parts to keep and no voice that has them, wanted a voice to start from")
    if (mask | ~_AUDIBLE).all():
        raise ArgumentError("lock: found every part, wanted at least one that may change")
    return HeldParts(np.frombuffer(voice.to_vced(), np.uint8), mask)
