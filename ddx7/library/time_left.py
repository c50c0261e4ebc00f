"""How long work on many voices still takes, for a line of progress."""

import time
from collections.abc import Callable

EVERY_S = 3.0
"""Seconds between two reports."""
LEAST_S = 2.0
"""Where the rest takes less, nothing more is said."""


def reports_of_time_left(
    report: Callable[[str], None], what: str, *, clock: Callable[[], float] = time.monotonic
) -> Callable[[int, int], None]:
    """Report what is done now, and return a callback that reports every few seconds how long the rest takes.

    Args:
      report: takes what is being done now, in a few words.
      what: the work, such as "rendering 962 candidates".
      clock: in seconds.

    Returns:
      a function of the number of finished voices and of all.
    """
    report(what)
    start = told = clock()

    def show(done: int, total: int) -> None:
        nonlocal told
        now = clock()
        left_s = (now - start) * (total - done) / max(done, 1)
        if left_s >= LEAST_S and now - told >= EVERY_S:
            told = now
            report(f"{what}, {done:,} done, about {left_s:.0f} s left")

    return show
