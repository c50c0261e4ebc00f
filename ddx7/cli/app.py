"""The table of commands and what all of them share: parsing, exit codes, and one line for each error.

Each command is a module of its own name in this folder, with _ for a dash. The module holds a frozen dataclass
`Command`: its fields are the arguments, its docstring is the help, and its `run` returns the exit code. A command with
subcommands holds a union of such dataclasses. The command line imports the chosen module alone.
"""

import difflib
import inspect
import io
import logging
import os
import sys
import textwrap
from collections.abc import Sequence
from contextlib import redirect_stderr
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

from ddx7 import __version__
from ddx7.cli.interrupt import INTERRUPTED, Interrupts, prompt_interrupts
from ddx7.cli.terminal import UsageError, complain, plain_where_needed
from ddx7.cli.words import STDIN, plain_paths
from ddx7.errors import ArgumentError, Ddx7Error

COMMANDS = {
    "show": "print voices as a DX7 programmer reads them",
    "convert": "convert voice files from one format to another",
    "render": "render voices, chords and MIDI files to audio files",
    "match": "find DX7 voices that sound like recordings",
    "resynth": "play recordings or MIDI with a learned instrument",
    "export": "fit a DX7 voice to a learned instrument",
    "generate": "generate banks of new voices",
    "vary": "make variations of a voice",
    "morph": "morph from one voice to another in even steps",
    "nearest": "find the voice that sounds most like a voice or a recording",
    "fad": "measure the Frechet audio distance of sounds to recordings",
    "listen-test": "make a blind listening test of matches",
    "demo": "match a recording that ships with ddx7",
    "train": "train a model on your own voices or recordings",
    "check": "read voice files and report their faults",
    "corpus": "collect the voices of many files in one training file",
    "ui": "open a page in the browser to do all of this",
    "doctor": "check the installation",
}
"""Every command with its line in ``ddx7 --help``."""

RENAMED_OPTIONS: dict[str, dict[str, str]] = {
    "corpus": {"--listen": "--measure"},
    "generate": {"--no-audition": "--no-screen"},
    "resynth": {"--room": "--reverb"},
}
"""By command, such as "resynth" or "train resynth": each option that has a new name, and that name, with dashes."""

_OPTION_OF = {"extractor": "f0", "ratios": "ratio"}
"""Arguments of the library whose option has another name."""

_NO_BACKEND = "Unable to initialize backend"  # begins what jax raises for a device that it lacks
_HELP_WIDTH = 78
_SEEDS = 1 << 32  # what every generator of random numbers takes

DONE, FAILED, WRONG_USAGE, READER_GONE = 0, 1, 2, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
      argv: the words after ``ddx7``; those of this process by default.

    Returns:
      the exit code: 0 for done, 1 for failed with one line on stderr, 2 for wrong usage, 130 for interrupted, 141 for
      a reader of stdout that closed the pipe.
    """
    _replace_closed_streams()
    # matplotlib explains at length that it cannot write its cache; this command line has its own sentence for that.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    plain_where_needed(sys.stdout, sys.stderr)
    words = sys.argv[1:] if argv is None else list(argv)
    with prompt_interrupts() as interrupts:
        return _main(words, interrupts)


def _main(words: list[str], interrupts: Interrupts) -> int:
    try:
        code = _dispatch(words)
        sys.stdout.flush()
    except UsageError as error:
        shown = _command_shown(words)
        complain(f"{error} (see {shown} --help)" if shown else str(error))
        return WRONG_USAGE
    except ArgumentError as error:
        option = _option_of(words, error.name)
        if option is None:
            complain(str(error))
            return FAILED
        complain(f"{option}{str(error).removeprefix(error.name)} (see {_command_shown(words)} --help)")
        return WRONG_USAGE
    except Ddx7Error as error:
        complain(str(error))
        return FAILED
    except BrokenPipeError:
        # Without this, Python reports the error once more when it flushes stdout at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    except OSError as error:
        reason = error.strerror or str(error)
        complain(f"{error.filename}: {reason}" if error.filename else reason)
        return FAILED
    except KeyboardInterrupt:
        interrupts.tell()
        return INTERRUPTED
    except Exception as error:
        if not interrupts.asked:
            if str(error).startswith(_NO_BACKEND):
                complain(_wrong_platform(str(error)))
                return FAILED
            raise
        interrupts.tell()  # an import may turn the interrupt into an error of its own
        return INTERRUPTED
    return code


def _wrong_platform(message: str) -> str:
    """What is wrong with the device that JAX was asked for, in one sentence."""
    asked = os.environ.get("JAX_PLATFORMS")
    if not asked:
        return f"jax finds no device to compute on: {message}"
    return f"JAX_PLATFORMS: found {asked!r}, which jax cannot use here; unset it, or set it to cpu"


def _replace_closed_streams() -> None:
    # Python has None for a stream that the shell closed, as `ddx7 show >&-` does.
    sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115


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
        near = difflib.get_close_matches(name, [*COMMANDS, "--help", "--version"], n=1)
        hint = f"did you mean {near[0]}?" if near else f"wanted one of {', '.join(COMMANDS)}"
        raise UsageError(f"{name!r} is not a command; {hint}")
    _refuse_renamed_options(words)

    with plain_paths(rest) as plain:
        arguments = _parse(name, plain)
        if arguments is None:
            return DONE
        if (seed := getattr(arguments, "seed", None)) is not None and not 0 <= seed < _SEEDS:
            raise UsageError(f"--seed: found {seed}, wanted 0 to {_SEEDS - 1}")
        if str(getattr(arguments, "output", "")) == STDIN:
            raise UsageError("output: found '-', wanted the name of a file or folder")
        return arguments.run()


def command_module(name: str) -> ModuleType:
    """The module of a command."""
    return import_module(f"ddx7.cli.{name.replace('-', '_')}")


def _parse(name: str, words: list[str]) -> Any:
    """The arguments of a command, or None where its help was printed."""
    import tyro  # here, so that `ddx7 --help` answers at once

    from ddx7.cli.usage import explain, explain_subcommand, unframed

    module = command_module(name)
    command, prog = module.Command, f"ddx7 {name}"
    # A union of subcommands has no docstring, its module has.
    text = command.__doc__ if isinstance(command, type) else module.__doc__
    printed = io.StringIO()
    try:
        with redirect_stderr(printed):
            return tyro.cli(
                command,
                args=words,
                prog=prog,
                description=_wrapped(text or ""),
                config=(tyro.conf.FlagCreatePairsOff,),
            )
    except SystemExit as stop:
        if not stop.code:
            return None
    if subcommands := _subcommands(name):
        fault = explain_subcommand(subcommands, words, prog)
    else:
        fault = explain(command, words, prog)
    raise UsageError(fault or unframed(printed.getvalue()))


def _subcommands(name: str) -> dict[str, type]:
    """The subcommands of a command, by name; none where it has none."""
    command = command_module(name).Command
    return {} if isinstance(command, type) else {mark.name: part for part, mark in map(get_args, get_args(command))}


def _command_shown(words: Sequence[str]) -> str | None:
    """The command as the user writes it, such as "ddx7 train gan"; None for an unknown one."""
    if not words or words[0] not in COMMANDS:
        return None
    return f"ddx7 {' '.join(words[: 2 if len(words) > 1 and words[1] in _subcommands(words[0]) else 1])}"


def _option_of(words: Sequence[str], argument: str) -> str | None:
    """The option that sets an argument of the library, such as "--count"; None where the command has none."""
    from ddx7.cli.usage import options_of

    subcommands = _subcommands(words[0])
    command = subcommands[words[1]] if subcommands else command_module(words[0]).Command
    option = f"--{_OPTION_OF.get(argument, argument).replace('_', '-')}"
    return option if any(option in known.names for known in options_of(command)) else None


def _refuse_renamed_options(words: Sequence[str]) -> None:
    for command, options in RENAMED_OPTIONS.items():
        command_words = command.split()
        if list(words[: len(command_words)]) != command_words:
            continue
        for word in words[len(command_words) :]:
            option = word.partition("=")[0].replace("_", "-")
            if option in options:
                raise UsageError(f"{option} is now {options[option]}")


def _wrapped(docstring: str) -> str:
    # tyro joins each line that begins with a letter to the one before and wraps none; the indent prevents both.
    paragraphs = inspect.cleandoc(docstring).split("\n\n")
    return "\n\n".join(textwrap.fill(p, _HELP_WIDTH, subsequent_indent="  ") for p in paragraphs)


def _overview() -> str:
    width = max(map(len, COMMANDS))
    commands = "\n".join(f"  {name:{width}}  {line}" for name, line in COMMANDS.items())
    return (
        "usage: ddx7 COMMAND ...\n\n"
        "Sound to Yamaha DX7 voices and back.\n\n"
        f"{commands}\n\n"
        "ddx7 COMMAND --help explains a command; ddx7 --version prints the version.\n"
        "A FILE of - is standard input; names that follow -- may begin with a dash.\n"
    )
