"""The table of commands and what all of them share: parsing, exit codes, and one line for whatever goes wrong.

A command is a module of its own name in this folder, holding a frozen dataclass `Command` whose fields are its
arguments, whose docstring is its help and whose `run` returns the exit code, or a union of such dataclasses, each a
command of its own. Only the chosen module is imported.
"""

import difflib
import inspect
import os
import sys
import textwrap
from collections.abc import Sequence
from importlib import import_module

from ddx7 import __version__
from ddx7.cli.terminal import UsageError, complain, plain_where_needed
from ddx7.errors import Ddx7Error

COMMANDS = {
    "show": "print voices the way a DX7 programmer reads them",
    "convert": "from one kind of voice file to another",
    "render": "play voices, chords and MIDI files into sound files",
    "match": "find DX7 voices that sound like recordings",
    "resynth": "play recordings with a learned flute, violin or trumpet",
    "export": "make a DX7 voice of a learned instrument",
    "generate": "make banks of voices nobody has heard",
    "vary": "make variations of a voice",
    "morph": "walk from one voice to another in even steps",
    "nearest": "find which of your voices sounds most like a voice or a recording",
    "fad": "measure how near a set of sounds comes to recordings",
    "demo": "match a recording that ships with ddx7",
    "train": "teach a model from voices or recordings of your own",
    "check": "read many files and say what is wrong in them",
    "corpus": "make one file to learn from of all voices in folders",
    "doctor": "say what is installed and whether it works",
}
"""Every command with its line in ``ddx7 --help``."""

_HELP_WIDTH = 78

DONE, FAILED, WRONG_USAGE, INTERRUPTED, READER_GONE = 0, 1, 2, 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
      argv: the words after ``ddx7``; those of this process if left out.

    Returns:
      The exit code: 0 done, 1 failed with one line on stderr, 2 wrong usage, 130 interrupted, 141 when whoever read
      stdout went away.
    """
    plain_where_needed(sys.stdout, sys.stderr)
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        code = _dispatch(words)
        sys.stdout.flush()
    except UsageError as error:
        complain(f"{error} (see ddx7 {words[0]} --help)" if words[:1] and words[0] in COMMANDS else str(error))
        return WRONG_USAGE
    except Ddx7Error as error:
        complain(str(error))
        return FAILED
    except BrokenPipeError:
        # Without this, Python would complain once more when it flushes stdout on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def _dispatch(words: list[str]) -> int:
    if not words:
        sys.stderr.write(_overview())
        return WRONG_USAGE
    name, *rest = words
    if name in ("-h", "--help"):
        sys.stdout.write(_overview())
        return DONE
    if name == "--version":
        sys.stdout.write(f"ddx7 {__version__}\n")
        return DONE
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"wanted one of {', '.join(COMMANDS)}"
        raise UsageError(f"{name!r} is not a command; {hint}")

    import tyro  # here, so that `ddx7 --help` answers at once

    module = import_module(f"ddx7.cli.{name}")
    # A command with commands of its own has no docstring but its module's.
    text = module.Command.__doc__ if isinstance(module.Command, type) else module.__doc__
    try:
        arguments = tyro.cli(
            module.Command,
            args=rest,
            prog=f"ddx7 {name}",
            description=_wrapped(text or ""),
            config=(tyro.conf.FlagCreatePairsOff,),
        )
    except SystemExit as stop:  # tyro has printed help (0) or what is wrong (2)
        return stop.code if isinstance(stop.code, int) else WRONG_USAGE
    return arguments.run()


def _wrapped(docstring: str) -> str:
    # tyro joins every line that begins with a letter to the one before and wraps nothing, hence the indent.
    paragraphs = inspect.cleandoc(docstring).split("\n\n")
    return "\n\n".join(textwrap.fill(p, _HELP_WIDTH, subsequent_indent="  ") for p in paragraphs)


def _overview() -> str:
    width = max(map(len, COMMANDS))
    commands = "\n".join(f"  {name:{width}}  {line}" for name, line in COMMANDS.items())
    return (
        "usage: ddx7 COMMAND ...\n\n"
        "Sound to Yamaha DX7 voices and back.\n\n"
        f"{commands}\n\n"
        "ddx7 COMMAND --help says more; ddx7 --version says which version this is.\n"
    )
