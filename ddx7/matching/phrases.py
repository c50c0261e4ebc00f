"""One difference between two sounds, and how its quantities are put into words."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

LITTLE, VERY = 2.0, 4.0  # steps


@dataclass(frozen=True, eq=False)
class Pair(Generic[T]):
    """One quantity of both sounds."""

    target: T
    estimate: T

    def __iter__(self) -> Iterator[T]:
        """Target, then estimate."""
        return iter((self.target, self.estimate))


class Difference(NamedTuple):
    """One difference.

    Attributes:
      steps: its size, in units that are each just worth a word.
      text: a short phrase.
    """

    steps: float
    text: str


NO_DIFFERENCE = Difference(0.0, "")


def degree(steps: float) -> str:
    """The size of a difference as an adverb, with a space behind it; empty for a middling one."""
    return "a little " if steps < LITTLE else "very " if steps > VERY else ""


def hertz(f_hz: float) -> str:
    """Format a frequency, in kHz from 1 kHz on."""
    return f"{f_hz / 1000:g} kHz" if f_hz >= 1000 else f"{f_hz:g} Hz"


def seconds(duration_s: float) -> str:
    """Format a time with two digits, in milliseconds below 1 s."""
    if duration_s >= 0.995:
        return f"{duration_s:.1f} s"
    return f"{float(f'{1000 * duration_s:.2g}'):.0f} ms"
