"""Work and time of a search: how far it is, its clock, its stages and its progress reports."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ddx7.matching.result import Progress, Stage

AUDIO_PER_EFFORT = 1120.0
"""Seconds of audio at the rate of the search that count as effort 1: about 0.4 s of one core of a shared AMD EPYC. So
the default 30 s on two quiet cores are an effort of some 120 to 140."""


@dataclass
class Effort:
    """A search's time or work, how far it is in that, and its reports.

    A search with a budget of work gives the same voices for a seed on every machine. Without one it lasts as long as it
    may.

    Attributes:
      seconds: time in seconds; with a budget, a limit that ends what would take too long.
      budget: seconds of audio at the rate of the search to render and compare; None for all that the time allows.
      progress: called with the state of the search, a few times a second.
      renders: voices rendered so far.
      spent: seconds of audio so far.
      late: whether the clock ended a part of a search with a budget.
      stages: completed stages.
    """

    seconds: float | int
    budget: float | int | None
    progress: Callable[[Progress], None] | None = None
    renders: int = 0
    spent: float = 0.0
    late: bool = False
    stages: list[Stage] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._start = time.monotonic()
        self._stage: tuple[str, float] | None = None

    @property
    def elapsed_s(self) -> float:
        """Seconds on the clock."""
        return time.monotonic() - self._start

    @property
    def position(self) -> float:
        """How far the search is, from 0 to 1."""
        return self.elapsed_s / self.seconds if self.budget is None else self.spent / max(self.budget, 1e-9)

    def restart(self) -> None:
        """Set the clock to zero."""
        self._start = time.monotonic()

    def charge(self, renders: int, audio_s: float) -> None:
        """Count rendered voices and seconds of audio."""
        self.renders += renders
        self.spent += audio_s

    def over(self, share: float = 1.0) -> bool:
        """Whether a share of the time is over; with a budget, remembers that in `late`."""
        over = self.elapsed_s > self.seconds * share
        self.late = self.late or (over and self.budget is not None)
        return over

    def enter(self, stage: str, distance: float) -> None:
        """End the current stage and begin another one.

        Args:
          stage: its name.
          distance: of the best voice so far, at the rate of the stage that ends; infinite before the first one.
        """
        self.leave(distance)
        self._stage = stage, self.elapsed_s

    def leave(self, distance: float) -> None:
        """End the current stage, if there is one."""
        if self._stage:
            name, start_s = self._stage
            least = round(distance, 3) if distance < float("inf") else None
            self.stages.append(Stage(name, round(start_s, 2), round(self.elapsed_s, 2), self.renders, least))
            self._stage = None

    def tell(self, distance: float = float("inf"), best: bytes = b"") -> None:
        """Report progress within the current stage.

        Args:
          distance: of the best voice so far, at full rate; infinite before the first one.
          best: that voice, in edit form; empty before the first one.
        """
        if self.progress and self._stage:
            elapsed_s, position = self.elapsed_s, self.position
            if self.budget is None:
                total_s = self.seconds
            else:
                total_s = elapsed_s / position if position else max(elapsed_s, self.budget / AUDIO_PER_EFFORT)
            self.progress(Progress(elapsed_s, total_s, self._stage[0], self.renders, distance, best))
