"""Work and time of a search: its budget, its clock, its stages and its progress reports."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ddx7.matching.result import Progress, Stage


@dataclass
class Effort:
    """A budget of work with a clock beside it.

    The budget, in seconds of rendered audio, ends the search, so that a seed gives the same voices on every run. The
    clock only ends what would take too long.

    Attributes:
      seconds: time limit in seconds.
      budget: seconds of audio at the rate of the search that may be rendered and compared.
      progress: called with the state of the search, a few times a second.
      renders: voices rendered so far.
      spent: part of the budget that is spent.
      late: whether the clock ended a part of the search.
      stages: completed stages.
    """

    seconds: float | int
    budget: float | int
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

    def restart(self) -> None:
        """Set the clock to zero."""
        self._start = time.monotonic()

    def without(self, wait: Callable[[], None]) -> None:
        """Stop the clock while something is waited for."""
        before = time.monotonic()
        wait()
        self._start += time.monotonic() - before

    def charge(self, renders: int, audio_s: float) -> None:
        """Count rendered voices, and seconds of audio against the budget."""
        self.renders += renders
        self.spent += audio_s

    def over(self, share: float = 1.0) -> bool:
        """Whether a share of the time is over; remembers that in `late`."""
        over = self.elapsed_s > self.seconds * share
        self.late = self.late or over
        return over

    def enter(self, stage: str, distance: float) -> None:
        """End the current stage and begin another one.

        Args:
          stage: its name.
          distance: of the best voice so far; infinite before the first one.
        """
        self.leave(distance)
        self._stage = stage, self.elapsed_s
        self.tell(distance)

    def leave(self, distance: float) -> None:
        """End the current stage, if there is one."""
        if self._stage:
            name, start_s = self._stage
            least = round(distance, 3) if distance < float("inf") else None
            self.stages.append(Stage(name, round(start_s, 2), round(self.elapsed_s, 2), self.renders, least))
            self._stage = None

    def tell(self, distance: float, best: bytes = b"") -> None:
        """Report progress within the current stage.

        Args:
          distance: of the best voice so far.
          best: that voice, in edit form.
        """
        if self.progress and self._stage:
            self.progress(Progress(self.elapsed_s, self.seconds, self._stage[0], self.renders, distance, best))
