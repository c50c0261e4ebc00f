"""Ctrl-C ends a command that does not return to Python, and leaves one with something to keep the time for it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ddx7.cli.interrupt import keeping, prompt_interrupts

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

# A compilation in small: it holds no lock of Python's and takes hours, so that only an end from outside is soon.
BUSY = "hashlib.pbkdf2_hmac('sha256', b'', b'', 2**31 - 1)"
# A handler that does nothing, as none runs during a compilation.
DEAF = "import hashlib, signal; signal.signal(signal.SIGINT, lambda *_: None)"
# Where a shell in the background started the tests, processes ignore SIGINT.
ALERT = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)"


@contextmanager
def started(program: str) -> Iterator[subprocess.Popen]:
    """A process that has printed its first line."""
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


PLAIN = f"""
{DEAF}
from ddx7.cli.interrupt import prompt_interrupts
with prompt_interrupts():
    print("ready", flush=True)
    {BUSY}
"""
WITH_SOMETHING = f"""
{DEAF}
from ddx7.cli.interrupt import keeping, prompt_interrupts
with prompt_interrupts(), keeping() as keep:
    keep("writing what there is")
    print("ready", flush=True)
    {BUSY}
"""
SWALLOWING = f"""
{ALERT}
import time
from ddx7.cli import app
app.COMMANDS["wait"] = "for a test"
class Command:
    def run(self):
        print("ready", flush=True)
        try:
            time.sleep(1000)
        except KeyboardInterrupt:
            raise ImportError("swallowed") from None
app._parse = lambda name, words: Command()
sys.exit(app.main(["wait"]))
"""


def test_a_command_that_does_not_return_to_python_is_ended() -> None:
    with started(PLAIN) as process:
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60)[1] == "ddx7: interrupted\n"
        assert process.returncode == 130


def test_something_to_keep_is_kept_until_a_second_interrupt() -> None:
    with started(WITH_SOMETHING) as process:
        process.send_signal(signal.SIGINT)
        assert process.stderr.readline() == "writing what there is; Ctrl-C again ends at once\n"
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60)[1] == "ddx7: interrupted\n"
        assert process.returncode == 130


def test_an_interrupt_that_is_swallowed_is_told_nevertheless() -> None:
    with started(SWALLOWING) as process:
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60)[1] == "ddx7: interrupted\n"
        assert process.returncode == 130


@pytest.fixture
def default_handler() -> Iterator[None]:
    """Python's own handler: a process that a shell starts in the background ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("default_handler")
def test_what_there_is_to_keep_belongs_to_its_block() -> None:
    with prompt_interrupts() as interrupts:
        with keeping("stopping after this step"):
            with keeping() as keep:
                assert interrupts.kept is None
                keep("writing")
                assert interrupts.kept == "writing"
            assert interrupts.kept == "stopping after this step"
        assert interrupts.kept is None


INTERRUPT_IN_IMPORT = """
import os, signal, sys

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background makes processes ignore it

wanted = sys.argv[1]

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == wanted:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
from ddx7.__main__ import main
sys.argv[1:] = ["show", "no.syx"]
raise SystemExit(main())
"""


@pytest.mark.parametrize("module", ["ddx7.cli", "ddx7.cli.app", "tyro", "ddx7.cli.show"])
def test_ctrl_c_during_an_import_ends_with_one_line(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPT_IN_IMPORT, module], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (130, "ddx7: interrupted\n")
