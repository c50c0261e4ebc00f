"""The fixed part of an FM instrument: algorithm, frequencies and feedback, as on a DX7."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ddx7.errors import Ddx7Error
from ddx7.voice import Operator, Voice
from ddx7.voice.algorithms import CARRIERS, FEEDBACK_OPERATOR, MODULATION

TURN = 2 * np.pi
FULL_INDEX = 2 * TURN
"""Modulation index in radians that a DX7 operator reaches at output level 99."""
SHALLOW = 2.0
"""Modulation index in radians below which more is always brighter. The carrier vanishes at 2.4 and returns beyond."""


@dataclass(frozen=True)
class Structure:
    """A DX7 voice without its levels and envelopes.

    Attributes:
      voice: gives algorithm, feedback, ratios and fixed frequencies; an operator at output level 0 is left out.
      index_limits: highest modulation index of each operator in radians, OP1 to OP6, at most `FULL_INDEX`; of a
        carrier it is the level instead, 2 pi for a peak of 1.

    Raises:
      Ddx7Error: limits out of range, or no carrier is in use.
    """

    voice: Voice
    index_limits: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.index_limits) != len(self.voice.operators):
            raise Ddx7Error(f"index limits: found {len(self.index_limits)}, wanted one for each operator")
        if not all(0 <= limit <= FULL_INDEX for limit in self.index_limits):
            raise Ddx7Error(f"index limits: found {self.index_limits}, wanted 0 to {FULL_INDEX:.2f} radians")
        if not (self.carriers & self.active).any():
            raise Ddx7Error(f"algorithm {self.voice.algorithm}: no carrier has an output level, wanted at least one")

    @property
    def carriers(self) -> np.ndarray:
        """Which operators are carriers, bool [6]."""
        return CARRIERS[self.voice.algorithm - 1] > 0

    @property
    def active(self) -> np.ndarray:
        """Which operators are in use, bool [6]."""
        return np.array([operator.output_level > 0 for operator in self.voice.operators])

    @property
    def noise_carriers(self) -> np.ndarray:
        """Which carriers the feedback operator modulates, bool [6]."""
        modulates = MODULATION[self.voice.algorithm - 1][:, FEEDBACK_OPERATOR[self.voice.algorithm - 1]] > 0
        return self.carriers & modulates & (self.voice.feedback > 0)

    def to_dict(self) -> dict[str, Any]:
        """The structure as JSON values."""
        return {"voice": self.voice.to_dict(), "index_limits": list(self.index_limits)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Structure":
        """The structure that `to_dict` describes."""
        return cls(Voice.from_dict(data["voice"]), tuple(data["index_limits"]))


def from_voice(voice: Voice, index_limit: float) -> Structure:
    """The structure of a voice, with one limit for all modulators, as in DDX7 (Caspe et al. 2022).

    Args:
      voice: any.
      index_limit: I_max in radians; the paper has 2, 2 pi and 4 pi.
    """
    carriers = CARRIERS[voice.algorithm - 1] > 0
    return Structure(voice, tuple(TURN if c else float(index_limit) for c in carriers))


def _tuned(ratio: float) -> Operator:
    """An operator at the ratio, or at the nearest ratio of coarse and fine."""
    choices = (
        Operator(output_level=99, coarse=c, fine=round((ratio / c - 1) * 100))
        for c in range(1, 32)
        if c <= ratio < 2 * c
    )
    return min(choices, key=lambda operator: (round(abs(operator.frequency - ratio), 9), operator.fine))


def _paper(name: str, algorithm: int, ratios: dict[int, float]) -> Voice:
    def operator(number: int) -> Operator:
        if number not in ratios:
            return Operator()
        return _tuned(ratios[number])

    return Voice(operators=tuple(operator(n) for n in range(1, 7)), algorithm=algorithm, name=name)


def _ratios(*values: float) -> dict[int, float]:
    return dict(enumerate(values, 1))


PAPER: dict[str, Voice] = {
    "violin": _paper("STRINGS 1", 2, _ratios(1.0, 1.0, 1.0, 1.0, 3.0, 14.0)),
    "flute": _paper("FLUTE 1", 16, _ratios(1.0, 1.0, 1.0, 2.0, 2.0, 1.5)),
    "trumpet": _paper("BRASS 3", 18, _ratios(1.0, 1.0, 1.0, 1.0, 3.2, 8.5)),
    "flute-y": _paper("Y", 16, _ratios(1.0, 1.0, 1.0, 2.0)),
    "trumpet-y": _paper("Y", 16, _ratios(1.0, 1.0, 1.0, 3.2)),
    "violin-1x4": _paper("1 STACK 4", 1, {3: 1.0, 4: 1.0, 5: 3.0, 6: 14.0}),
    "violin-2x2": _paper("2 STACKS 2", 5, _ratios(1.0, 1.0, 1.0, 1.0)),
    "2": _paper("1 STACK 2", 5, _ratios(1.0, 1.0)),
}
"""Algorithms and ratios of DDX7 (Caspe et al. 2022), without feedback, from the published code.

Stacks of four and of two take their place in an algorithm that has them; its other operators are off.
"""


def noise_beside(algorithm: int, *ratios: float, noise_hz: float = 4000.0) -> Structure:
    """A structure with a noise source: OP2 feeds back at 7 and modulates OP1; OP3 to OP6 play the tone.

    OP1 has a fixed frequency, and its level is that of the noise. The level of OP2 sets the bandwidth. The modulators
    of the tone stay below `SHALLOW`.

    Args:
      algorithm: one in which OP2 feeds back and modulates nothing but OP1: 2, 9, 12 or 15.
      ratios: of OP3 to OP6, each rounded to coarse and fine.
      noise_hz: centre frequency of the noise.
    """
    decade = int(np.log10(noise_hz))
    noise = Operator(output_level=99, fixed=1, coarse=decade, fine=round((np.log10(noise_hz) - decade) * 100))
    tone = _paper("", algorithm, _ratios(1.0, 1.0, *ratios)).operators
    voice = Voice(operators=(noise, *tone[1:]), algorithm=algorithm)
    return with_feedback(from_voice(voice, SHALLOW), 7)


NOISE_INDEX = 1.89 * TURN
"""Modulation index in radians at which chaotic feedback leaves no line at the frequency of the carrier.

Measured with OP2 at 1 kHz and feedback 7: the line is within 4 dB of the noise around it, and the noise flat within
0.5 dB. At 2 turns the line stands 13 dB above the noise, at 1.7 turns 16 dB.
"""


def steady_noise_beside(algorithm: int, *ratios: float) -> Structure:
    """`noise_beside`, whose OP2 has a fixed frequency and a limit at which the noise is flat and without a line.

    For an `FmSynth` in which OP2 is steady: then no learned level feeds back.
    """
    structure = noise_beside(algorithm, *ratios)
    first, _, *tone = structure.voice.operators
    modulator = Operator(output_level=99, fixed=1, coarse=3, fine=0)
    voice = replace(structure.voice, operators=(first, modulator, *tone))
    return Structure(voice, (TURN, NOISE_INDEX, *structure.index_limits[2:]))


def with_feedback(structure: Structure, feedback: int, index_limit: float = FULL_INDEX) -> Structure:
    """The same structure with feedback, and a limit for it.

    An operator that feeds back at 6 or 7 and at full level gives noise.

    Args:
      structure: any.
      feedback: 0-7.
      index_limit: of the operator that feeds back, radians.
    """
    voice = replace(structure.voice, feedback=feedback)
    at = int(FEEDBACK_OPERATOR[voice.algorithm - 1])
    limits = tuple(index_limit if k == at else limit for k, limit in enumerate(structure.index_limits))
    return Structure(voice, limits)


SHALLOW_STRUCTURES: dict[str, Structure] = {
    "flute": noise_beside(12, 1.0, 1.0, 2.0, 3.0),
    "violin": noise_beside(12, 1.0, 1.0, 2.0, 3.0),
    "trumpet": noise_beside(9, 1.0, 1.0, 1.0, 2.0),
}
"""Structures of this project by instrument; docs/resynthesis.md describes their search and scores."""

TONE_RATIOS = (1.0, 1.0, 2.0, 5.0)
"""Ratios of OP3, a carrier, and of its modulators OP4 to OP6, for any instrument: they reach the sixteenth harmonic.

Fitted to single frames of flute, violin and trumpet with free levels up to 2 radians, they come within 3.9, 4.5 and
3.7 dB of the levels of all harmonics, ratios of 1, 2 and 3 within 3.7, 4.6 and 4.1 dB, and two pairs of a carrier and a
modulator within 4 to 7 dB.
"""
