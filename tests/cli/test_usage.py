"""Words that do not fit a command get one sentence that says which, what fits, and where the help is; exit code 2."""

import dataclasses
import re
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest
from running import Run

from ddx7.cli.app import COMMANDS, command_module
from ddx7.cli.usage import options_of, unframed


def _all_commands() -> dict[str, type]:
    """The dataclass of each command and subcommand, by its words."""
    found = {}
    for name in COMMANDS:
        command = command_module(name).Command
        if isinstance(command, type):
            found[name] = command
        else:
            found |= {f"{name} {mark.name}": part for part, mark in map(get_args, get_args(command))}
    return found


ALL = _all_commands()
WIDTH = 80  # of the help where there is no terminal


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("show", "found no FILE[:N], wanted ddx7 show FILE[:N]"),
        ("show a.syx --indx 3", "--indx is not an option of ddx7 show; did you mean --index?"),
        ("show a.syx --ind=3", "--ind is not an option of ddx7 show; did you mean --index?"),
        ("show a.syx -q", "-q is not an option of ddx7 show"),
        ("show a.syx --json=1", "--json: found the value '1', wanted none"),
        ("show a.syx b.syx", "found 'b.syx' too many, wanted only FILE[:N]"),
        ("doctor now", "found 'now' too many, wanted only options"),
        ("convert a -o b --target x", "--target: found 'x', wanted dx7, volca, minidexed, minidexed-unison or tx816"),
        ("corpus read x -o y.npz", "found 'read', wanted scan"),
        ("vary a.syx -o", "-o: found no value, wanted OUT.syx"),
        ("vary a.syx -o b.syx --amount x", "--amount: found 'x', wanted a number"),
        ("generate -o b.syx --count --pad", "--count: found no value, wanted a whole number"),
        ("generate -o b.syx --count 1.5", "--count: found '1.5', wanted a whole number"),
        ("generate -o b.syx --no-scren", "--no-scren is not an option of ddx7 generate; did you mean --no-screen?"),
        ("resynth a.wav -o x --transpose -1x", "--transpose: found '-1x', wanted a number"),
        ("match a.wav", "found no -o OUT, wanted ddx7 match RECORDING... -o OUT"),
        ("morph a -o", "-o: found no value, wanted OUT.syx"),
        (
            "morph",
            "found no FILE[:N] and no FILE[:N] and no -o OUT.syx, wanted ddx7 morph FILE[:N] FILE[:N] -o OUT.syx",
        ),
        ("nearest a", "found no --library FOLDER..., wanted ddx7 nearest VOICE[:N]|RECORDING --library FOLDER..."),
        ("train", "found no word after ddx7 train, wanted one of encoder, gan, resynth"),
        ("train encodr x", "found 'encodr', wanted one of encoder, gan, resynth; did you mean encoder?"),
        ("train gan x -o y --stps 3", "--stps is not an option of ddx7 train gan; did you mean --steps?"),
    ],
)
def test_words_that_do_not_fit(run: Run, line: str, sentence: str) -> None:
    outcome = run(*line.split())
    command = next(name for name in sorted([*COMMANDS, *ALL], key=len, reverse=True) if line.startswith(name))
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == f"ddx7: {sentence} (see ddx7 {command} --help)\n"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("generate -o b.syx --count 0", "--count: found 0, wanted 1 to 1024"),
        ("generate -o b.syx --algorithm 33", "--algorithm: found 33, wanted 1 to 32"),
        ("generate -o b.syx --category kazoo", "--category: found kazoo, wanted some of piano"),
        ("generate -o b.syx --seed -1", "--seed: found -1, wanted 0 to 4294967295"),
        ("vary BANK -o b.syx --index 1 --count 0", "--count: found 0, wanted 1 to 512"),
        ("vary BANK -o b.syx --index 1 --amount nan", "--amount: found nan, wanted more than 0 and at most 1"),
        ("vary BANK -o b.syx --index 1 --lock brass", "--lock: found brass, wanted some of algorithm"),
        ("morph BANK:1 BANK:2 -o b.syx --steps 1", "--steps: found 1, wanted 2 to 64"),
        ("resynth a.wav -o out --mod-index 0", "--mod-index: found 0, wanted a factor above 0"),
        ("resynth a.wav -o out --ratio 2=99", "--ratio: found 99, wanted above 0 and up to 64"),
        ("train gan BANK -o out --batch 0", "--batch: found 0, wanted at least 1"),
        ("train resynth BANK -o out --config ours", "--config: found 'ours', wanted fm-tcn"),
    ],
)
def test_a_value_out_of_range_is_wrong_usage(
    run: Run, bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = run(*line.replace("BANK", bank.name).split())
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"ddx7: {sentence}")
    assert outcome.err.endswith(" --help)\n")
    assert outcome.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == [bank.name]


@pytest.mark.parametrize("name", ALL)
def test_every_option_of_every_command_is_known_to_tyro_and_to_the_sentences(run: Run, name: str) -> None:
    options = options_of(ALL[name])
    assert len(options) == len(dataclasses.fields(ALL[name]))
    printed = run(*name.split(), "--help").out
    for option in options:
        for spelling in option.names or (option.metavar.split("...")[0],):
            assert re.search(rf"{re.escape(spelling)}(?![\w-])", printed), spelling
    near = f"{next(o.names[0] for o in options if o.names)}x"
    assert f"{near} is not an option of ddx7 {name}; did you mean {near[:-1]}?" in run(*name.split(), near).err


@pytest.mark.parametrize("name", [*COMMANDS, *ALL])
def test_help_breaks_lines_only_where_they_are_full_and_names_no_none(run: Run, name: str) -> None:
    printed = run(*name.split(), "--help").out
    assert "None" not in printed
    assert "\n\n\n" not in printed
    texts = [re.sub("[│╭╰╮╯─]", " ", line).rstrip() for line in printed.splitlines() if len(line) == WIDTH]
    indents = [len(text) - len(text.lstrip()) for text in texts]
    for k, (text, following) in enumerate(pairwise(texts)):
        if text and indents[k] == indents[k + 1] > 4:  # two lines of one text
            assert len(f"{text} {following.split()[0]}") > WIDTH - 2, (text, following)


def test_a_complaint_of_tyro_that_is_not_understood_becomes_one_line() -> None:
    box = "╭─ Bad ──╮\n│ Found x │\n│ ─────── │\n│ wanted y. │\n╰─────────╯\n"
    assert unframed(box) == "Bad Found x wanted y."
