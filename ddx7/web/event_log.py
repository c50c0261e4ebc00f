"""Events of a session in order, for any number of readers that may come back and go on where they were."""

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

_KEPT = 4000


@dataclass(frozen=True)
class ServerEvent:
    """One event.

    Attributes:
      number: 1, 2, 3 ... within its session.
      data: JSON-ready.
    """

    number: int
    data: dict[str, Any]


class EventLog:
    """Events of a session; threads append, and coroutines read."""

    def __init__(self) -> None:
        self._events: dict[int, ServerEvent] = {}
        self._newest: dict[str, int] = {}
        self._last = 0
        self._lock = threading.Lock()
        self._readers: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}

    def append(self, data: dict[str, Any], replaces: str = "") -> None:
        """Add an event and wake the readers.

        Args:
          data: JSON-ready.
          replaces: a name; an older event of the same name is dropped, so that whoever comes back gets the newest.
        """
        with self._lock:
            self._last += 1
            if replaces:
                self._events.pop(self._newest.get(replaces, 0), None)
                self._newest[replaces] = self._last
            self._events[self._last] = ServerEvent(self._last, data)
            while len(self._events) > _KEPT:
                del self._events[next(iter(self._events))]
            readers = list(self._readers.items())
        for wake, loop in readers:
            if not loop.is_closed():
                loop.call_soon_threadsafe(wake.set)

    @property
    def last(self) -> int:
        """Number of the newest event; 0 before the first."""
        return self._last

    def after(self, number: int) -> list[ServerEvent]:
        """Events that are newer than `number`. A number of another run of the server counts as none."""
        with self._lock:
            return [event for event in self._events.values() if event.number > number or number > self._last]

    async def follow(self, number: int, wait_s: float | int) -> AsyncIterator[ServerEvent | None]:
        """Events after `number`, then new ones as they come; None after `wait_s` without one."""
        wake = asyncio.Event()
        with self._lock:
            self._readers[wake] = asyncio.get_running_loop()
        try:
            while True:
                wake.clear()
                for event in self.after(number):
                    yield event
                    number = event.number
                try:
                    await asyncio.wait_for(wake.wait(), wait_s)
                except TimeoutError:
                    yield None
        finally:
            with self._lock:
                self._readers.pop(wake, None)
