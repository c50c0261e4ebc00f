"""A process that runs jobs, one after the other, and stays warm between them: `python -m ddx7.web.worker`.

It reads pickled messages on stdin and writes pickled messages on stdout. A job is a function of a module and its
arguments; the function's first parameter reports progress. When the server asks to stop, the next report raises
`KeyboardInterrupt`, as Ctrl-C does on the command line, so that a search ends with its best voices so far.
"""

import contextlib
import os
import pickle
import struct
import sys
import threading
import traceback
from collections.abc import Callable
from queue import Queue
from typing import Any, BinaryIO

from ddx7.errors import Ddx7Error

Report = Callable[[dict[str, Any]], None]
"""Reports progress: a JSON-ready mapping, or one with arrays that the job's owner understands."""

_SIZE = struct.Struct("<Q")
_NICENESS = 5  # a search must not delay the note that a key plays


def send_message(stream: BinaryIO, message: Any) -> None:
    """Write one message."""
    data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(_SIZE.pack(len(data)) + data)
    stream.flush()


def receive_message(stream: BinaryIO) -> Any:
    """Read one message.

    Raises:
      EOFError: the other process has ended.
    """
    head = stream.read(_SIZE.size)
    if len(head) < _SIZE.size:
        raise EOFError
    (size,) = _SIZE.unpack(head)
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return pickle.loads(data)  # noqa: S301 - from the process that started this one


def main() -> None:
    """Run jobs until stdin ends."""
    incoming, outgoing = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not end up between the messages
    with contextlib.suppress(AttributeError, OSError):
        os.nice(_NICENESS)
    lock, stopped, tasks = threading.Lock(), threading.Event(), Queue()

    def write(kind: str, content: Any) -> None:
        with lock:
            send_message(outgoing, (kind, content))

    def report(progress: dict[str, Any]) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        write("progress", progress)

    def read() -> None:
        while True:
            try:
                kind, content = receive_message(incoming)
            except (EOFError, OSError):
                os._exit(0)  # the server is gone, and a job in compiled code would not notice
            if kind == "stop":
                stopped.set()
            else:
                stopped.clear()
                tasks.put(content)

    threading.Thread(target=read, daemon=True).start()
    while True:
        function, arguments = tasks.get()
        try:
            write("done", function(report, *arguments))
        except KeyboardInterrupt:
            write("stopped", None)
        except Ddx7Error as error:
            write("failed", str(error))
        except Exception as error:
            traceback.print_exc()
            write(
                "failed", f"this failed inside ddx7 ({type(error).__name__}: {error}); the terminal shows the details"
            )


if __name__ == "__main__":
    main()
