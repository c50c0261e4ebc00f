"""Ctrl-C ends a command within a second and says so, whatever the command is doing.

Python handles a signal between two of its own instructions. Compiling a program takes seconds without one, and an
import may swallow the exception. A thread therefore receives each Ctrl-C, too: where the command has not ended a moment
later, the thread ends the process. A command with something to keep, such as the best voice so far, is given the time
to write it, unless Ctrl-C comes again.
"""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from ddx7.cli.terminal import complain, note
from ddx7.files import remove_temporary_files

_PATIENCE_S = 0.8
INTERRUPTED = 130
"""The exit code."""
_SHOW_CURSOR = "\x1b[?25h"  # which a progress bar hides


class Interrupts:
    """The interrupts of a run.

    Attributes:
      asked: whether Ctrl-C was pressed.
      kept: what the command does before it ends, in words; None where there is nothing to keep.
    """

    def __init__(self) -> None:
        self.asked = False
        self.kept: str | None = None
        self._ended = threading.Event()
        self._telling, self._is_told = threading.Lock(), False

    def watch(self, receiver: socket.socket) -> None:
        """Wait for interrupts until the other end of the socket is closed."""
        n_asked = 0
        while signals := receiver.recv(16):
            n_asked += signals.count(signal.SIGINT)
            if not n_asked or self._ended.wait(_PATIENCE_S):
                continue
            if self.kept and n_asked == 1:
                note(f"{self.kept}; Ctrl-C again ends at once")
            else:
                remove_temporary_files()
                if sys.stderr.isatty():
                    sys.stderr.write(_SHOW_CURSOR)
                self.tell()
                sys.stderr.flush()
                os._exit(INTERRUPTED)

    def end(self) -> None:
        """The command has ended by itself."""
        self._ended.set()

    def tell(self) -> None:
        """Print once that the command was interrupted."""
        with self._telling:
            if not self._is_told:
                complain("interrupted")
            self._is_told = True


_current = Interrupts()


@contextmanager
def prompt_interrupts() -> Iterator[Interrupts]:
    """End the process soon after Ctrl-C, unless the block ends before; without effect outside the main thread."""
    global _current
    interrupts = Interrupts()
    handles = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT)
    if not handles or not callable(handler):
        yield interrupts
        return

    def ask(number: int, frame: FrameType | None) -> None:
        interrupts.asked = True
        handler(number, frame)

    sender, receiver = socket.socketpair()
    sender.setblocking(False)
    watcher = threading.Thread(target=interrupts.watch, args=(receiver,), daemon=True)
    before, previous = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False), _current
    _current = interrupts
    watcher.start()
    signal.signal(signal.SIGINT, ask)
    try:
        yield interrupts
    finally:
        interrupts.end()
        _current = previous
        signal.signal(signal.SIGINT, handler)
        signal.set_wakeup_fd(before)
        sender.close()
        watcher.join()
        receiver.close()


@contextmanager
def keeping(what: str | None = None) -> Iterator[Callable[[str], None]]:
    """Give the block the time to keep what it has after a first Ctrl-C.

    Args:
      what: what happens then, such as "stopping after this step"; None if there is nothing to keep yet.

    Yields:
      a function that takes such words as soon as there is something.
    """
    interrupts, before = _current, _current.kept
    interrupts.kept = what

    def keep(what: str) -> None:
        interrupts.kept = what

    try:
        yield keep
    finally:
        interrupts.kept = before
