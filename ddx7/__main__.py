"""``python -m ddx7`` and ``ddx7``: the command line.

Ctrl-C ends the process with one line from the first import on, before `ddx7.cli.interrupt` takes over. Python's
collector of cyclic garbage waits until a command has run for a while.
"""

import atexit
import gc
import os
import signal
import threading
from types import FrameType

_MESSAGE = b"ddx7: interrupted\n"
_INTERRUPTED = 130
_COLLECTED_AFTER_S = 5.0


def _end(number: int, frame: FrameType | None) -> None:
    # Nothing is written yet, or everything: an exception could get lost in an import, or print a traceback.
    os.write(2, _MESSAGE)
    os._exit(_INTERRUPTED)


def _put_off_collection() -> None:
    """Collect no garbage for some seconds, nor at the end of the process.

    Imports make half a million objects that stay. Python goes through them again and again while their number grows,
    and once more before it ends: together a quarter of the CPU time of `ddx7 render`.
    """
    gc.disable()
    atexit.register(gc.freeze)  # before all others, so it runs last
    timer = threading.Timer(_COLLECTED_AFTER_S, _collect)
    timer.daemon = True
    timer.start()


def _collect() -> None:
    gc.freeze()
    gc.enable()


def main() -> int:
    """Run the command line.

    Returns:
      the exit code, as `ddx7.cli.main`.
    """
    _put_off_collection()
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        from ddx7.cli import main as run

        return run()  # whoever started this process ignores Ctrl-C, or handles it
    signal.signal(signal.SIGINT, _end)
    from ddx7.cli import main as run

    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        code = run()
        signal.signal(signal.SIGINT, _end)
    except KeyboardInterrupt:
        _end(signal.SIGINT, None)
        raise
    return code


if __name__ == "__main__":
    raise SystemExit(main())
