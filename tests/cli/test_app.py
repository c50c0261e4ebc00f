import dataclasses
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from running import Run

import ddx7
import ddx7.cli
from ddx7.cli.app import COMMANDS, RENAMED_OPTIONS, command_module

SLOW_TO_IMPORT = ("jax", "librosa", "matplotlib", "scipy", "soundfile", "flax")


def ddx7_process(*words: object, **settings: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "ddx7", *map(str, words)]
    return subprocess.run(command, capture_output=True, env={**os.environ, **settings}, timeout=60, check=False)


def modules_after(*words: object) -> set[str]:
    """The modules that a fresh process imports for a command."""
    program = "import sys; from ddx7.cli import main; main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, words)], capture_output=True, timeout=60, check=True
    )
    return set(done.stderr.decode().splitlines()[-1].split())


@pytest.fixture
def add_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Add a command as a developer would, by one file and one line; its `run` has the given body."""

    def add(name: str, body: str) -> None:
        (tmp_path / f"{name}.py").write_text(
            "import os, sys\n"
            "from dataclasses import dataclass\n"
            "from ddx7.errors import Ddx7Error\n"
            "@dataclass(frozen=True)\n"
            "class Command:\n"
            '    """A command for a test."""\n'
            "    def run(self) -> int:\n"
            f"        {body}\n"
        )
        monkeypatch.setattr(ddx7.cli, "__path__", [*ddx7.cli.__path__, str(tmp_path)])
        monkeypatch.setitem(COMMANDS, name, "for a test")
        monkeypatch.delitem(sys.modules, f"ddx7.cli.{name}", raising=False)

    return add


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_lists_every_command(run: Run, flag: str) -> None:
    outcome = run(flag)
    assert (outcome.code, outcome.err) == (0, "")
    for name, line in COMMANDS.items():
        assert any(text.split() == [name, *line.split()] for text in outcome.out.splitlines())


def check_explained(command: type, printed: str) -> None:
    """The help has the first line of the docstring and each field; a switch that is on has the option --no-NAME."""
    assert command.__dataclass_params__.frozen
    assert command.__doc__.splitlines()[0] in " ".join(printed.split())
    hints = get_type_hints(command, include_extras=True)
    for field in dataclasses.fields(command):
        if "Positional" not in str(field.type):
            given = [x.name for x in getattr(hints[field.name], "__metadata__", ()) if getattr(x, "name", None)]
            name = given[0] if given else field.name
            option = f"--{'no-' if field.default is True else ''}{name.replace('_', '-')}"
            assert re.search(rf"{option}(?![\w-])", printed), option


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself_and_its_arguments(run: Run, name: str) -> None:
    outcome = run(name, "--help")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(f"usage: ddx7 {name}")
    module = command_module(name)
    if isinstance(module.Command, type):
        check_explained(module.Command, outcome.out)
        return
    said = " ".join(outcome.out.split())
    assert module.__doc__.splitlines()[0] in said
    for member in get_args(module.Command):  # a command of several, each with arguments of its own
        command, settings = get_args(member)
        assert f"• {settings.name}" in said
        own = run(name, settings.name, "--help")
        assert (own.code, own.err) == (0, "")
        assert own.out.startswith(f"usage: ddx7 {name} {settings.name}")
        check_explained(command, own.out)


def test_version(run: Run) -> None:
    assert run("--version").out == f"ddx7 {ddx7.__version__}\n"


def test_without_a_command_help_goes_to_stderr_as_wrong_usage(run: Run) -> None:
    outcome = run()
    assert (outcome.code, outcome.out) == (2, "")
    assert "usage: ddx7" in outcome.err


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("shwo", "did you mean show?"),
        ("--versoin", "did you mean --version?"),
        ("xyzzy", "wanted one of show, convert"),
    ],
)
def test_unknown_command(run: Run, word: str, hint: str) -> None:
    outcome = run(word)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"ddx7: '{word}' is not a command; {hint}")


@pytest.mark.parametrize(
    "words", [("show",), ("show", "a.syx", "--nonsense"), ("convert", "a", "-o", "b", "--target", "x")]
)
def test_wrong_arguments_exit_with_2_and_leave_stdout_alone(run: Run, words: tuple[str, ...]) -> None:
    outcome = run(*words)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err


@pytest.mark.parametrize(
    "words",
    [
        ("show", "a.syx", "--old-name", "7"),
        ("show", "--old-name=7", "a.syx"),
        ("show", "--old_name", "7", "a.syx"),
        ("train", "resynth", "x", "--old"),
    ],
)
def test_a_renamed_option_is_refused_with_its_new_name(run: Run, monkeypatch, words: tuple[str, ...]) -> None:
    monkeypatch.setitem(RENAMED_OPTIONS, "show", {"--old-name": "--name"})
    monkeypatch.setitem(RENAMED_OPTIONS, "train resynth", {"--old": "--new"})
    outcome = run(*words)
    old, new, command = ("--old-name", "--name", "show") if words[0] == "show" else ("--old", "--new", "train resynth")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == f"ddx7: {old} is now {new} (see ddx7 {command} --help)\n"


def test_a_renamed_option_of_another_command_is_left_alone(run: Run, bank: Path, monkeypatch) -> None:
    monkeypatch.setitem(RENAMED_OPTIONS, "show", {"--index": "--number"})
    monkeypatch.setitem(RENAMED_OPTIONS, "train resynth", {"--all": "--everything"})
    assert run("show", bank, "--index", 1).code == 2
    assert run("show", bank, "--all").code == 0


def test_each_new_name_of_an_option_exists_and_each_old_one_is_gone(run: Run) -> None:
    for command, options in RENAMED_OPTIONS.items():
        printed = run(*command.split(), "--help").out
        for old, new in options.items():
            assert re.search(rf"{new}(?![\w-])", printed)
            assert not re.search(rf"{old}(?![\w-])", printed)


def test_a_command_is_one_file_and_one_line(run: Run, add_command) -> None:
    add_command("greet", "print('hello'); return 0")
    assert run("greet").out == "hello\n"
    assert "greet" in run("--help").out


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ("raise Ddx7Error('a.syx: found a cat, wanted a voice')", 1, "ddx7: a.syx: found a cat, wanted a voice\n"),
        ("open('no/such/file')", 1, "ddx7: no/such/file: No such file or directory\n"),
        ("raise KeyboardInterrupt", 130, "ddx7: interrupted\n"),
        ("return 3", 3, ""),
    ],
)
def test_exit_codes(run: Run, add_command, body: str, code: int, message: str) -> None:
    add_command("ends", body)
    outcome = run("ends")
    assert (outcome.code, outcome.out, outcome.err) == (code, "", message)


def test_a_mistake_in_the_program_is_not_hidden(run: Run, add_command) -> None:
    add_command("broken", "return 1 // 0")
    with pytest.raises(ZeroDivisionError):
        run("broken")


@pytest.mark.parametrize("name", ["show", "convert", "check"])
def test_reading_commands_import_only_themselves_and_what_is_quick(name: str, bank: Path, tmp_path: Path) -> None:
    modules = modules_after(name, bank, *(["-o", tmp_path / "out.syx"] if name == "convert" else []))
    assert f"ddx7.cli.{name}" in modules
    assert modules.isdisjoint(SLOW_TO_IMPORT)
    assert modules.isdisjoint(f"ddx7.cli.{other}" for other in COMMANDS if other != name)


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_help_imports_next_to_nothing(flag: str) -> None:
    assert modules_after(flag).isdisjoint((*SLOW_TO_IMPORT, "numpy", "tyro", "rich"))


def test_module_and_exit_code_of_a_real_process(bank: Path, tmp_path: Path) -> None:
    assert ddx7_process("show", bank).returncode == 0
    assert ddx7_process("show", tmp_path / "nothing.syx").returncode == 1
    assert ddx7_process("show").returncode == 2


@pytest.mark.skipif(os.name != "posix", reason="signals and pipes of POSIX")
def test_a_reader_that_closes_the_pipe_gets_no_error_message(bank: Path) -> None:
    command = [sys.executable, "-m", "ddx7", "show", str(bank), "--all"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()  # as `head` does, only sooner
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 128 + signal.SIGPIPE


@pytest.mark.skipif(os.name != "posix", reason="shells of POSIX")
@pytest.mark.parametrize(("closed", "code"), [(">&-", 0), ("2>&-", 0), (">/dev/full", 1)])
def test_a_closed_or_full_stream_gives_no_traceback(bank: Path, closed: str, code: int) -> None:
    if closed == ">/dev/full" and not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    command = f'"{sys.executable}" -m ddx7 show "{bank}" {closed}'
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code
    assert done.stderr == ("ddx7: No space left on device\n" if code else "")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_poor_encoding_gets_plain_characters(bank: Path, encoding: str) -> None:
    done = ddx7_process("show", bank, "--index", 1, PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert (done.returncode, done.stderr) == (0, b"")
    assert "+-+-+" in done.stdout.decode("ascii")


def test_colours_are_for_terminals_without_no_color(bank: Path) -> None:
    words = ("show", bank, "--index", 1)
    colour, reset = b"\x1b[1;36m", b"\x1b[0m"
    assert b"\x1b" not in ddx7_process(*words).stdout
    assert colour in ddx7_process(*words, FORCE_COLOR="1", TERM="xterm").stdout
    without = ddx7_process(*words, FORCE_COLOR="1", NO_COLOR="1", TERM="xterm").stdout
    assert colour not in without
    assert reset in without  # bold is not a colour
