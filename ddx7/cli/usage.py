"""What is wrong with the words of a command line, in one sentence.

tyro decides whether words fit a command. `explain` says why they do not: it reads the options from the fields of the
command, as tyro does.
"""

import dataclasses
import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from tyro.conf import Positional, UseAppendAction

_POSITIONAL = get_args(Positional[int])[1]
_ONE_AT_A_TIME = get_args(UseAppendAction[tuple[int, ...]])[1]
_NUMBERS: dict[object, tuple[str, Callable[[str], object]]] = {int: ("a whole number", int), float: ("a number", float)}
_FRAME = re.compile("[─│╭╮╰╯]+")


@dataclass(frozen=True)
class Option:
    """An option or a positional argument of a command.

    Attributes:
      names: its spellings, such as ("--output", "-o"); empty for a positional argument.
      metavar: the word for its value in the help, such as "OUT"; empty for a switch.
      wanted: the values that it takes, in words; empty for any.
      accepts: whether a word is such a value.
      many: it takes any number of words.
      required: it has no default.
    """

    names: tuple[str, ...]
    metavar: str
    wanted: str
    accepts: Callable[[str], bool]
    many: bool
    required: bool

    @property
    def is_switch(self) -> bool:
        """It takes no value."""
        return not self.metavar

    @property
    def shown(self) -> str:
        """As a usage line shows it: "-o OUT" or "FILE"."""
        return f"{min(self.names, key=len)} {self.metavar}" if self.names else self.metavar


def options_of(command: type) -> list[Option]:
    """The options and positional arguments of a command, in order."""
    hints = get_type_hints(command, include_extras=True)
    return [_option(field, hints[field.name]) for field in dataclasses.fields(command)]


def _option(field: dataclasses.Field, hint: Any) -> Option:
    kind, *marks = get_args(hint) if get_origin(hint) is Annotated else [hint]
    settings = next((mark for mark in marks if hasattr(mark, "metavar")), None)
    kinds = [part for part in get_args(kind) if part is not NoneType] if NoneType in get_args(kind) else [kind]
    several = get_origin(kinds[0]) is tuple
    many = several and _ONE_AT_A_TIME not in marks
    kind = get_args(kinds[0])[0] if several else kinds[0]
    dashed = (getattr(settings, "name", None) or field.name).replace("_", "-")
    names = () if _POSITIONAL in marks else (f"--{dashed}", *(getattr(settings, "aliases", None) or ()))
    wanted, accepts = _values(kind)
    metavar = (settings and settings.metavar) or ("{" + wanted + "}" if get_origin(kind) is Literal else dashed.upper())
    if kind is bool:
        metavar = ""
        # A switch that is on has an option that turns it off.
        names = tuple(f"--no-{name.lstrip('-')}" for name in names) if field.default is True else names
    required = field.default is field.default_factory is dataclasses.MISSING
    return Option(names, metavar, wanted, accepts, many, required)


def _values(kind: Any) -> tuple[str, Callable[[str], bool]]:
    if get_origin(kind) is Literal:
        choices = get_args(kind)
        return " or ".join(filter(None, (", ".join(choices[:-1]), choices[-1]))), choices.__contains__
    wanted, convert = _NUMBERS.get(kind, ("", str))

    def accepts(word: str) -> bool:
        try:
            convert(word)
        except ValueError:
            return False
        return True

    return wanted, accepts


def explain(command: type, words: Sequence[str], prog: str) -> str | None:
    """What is wrong with the words after a command.

    Args:
      command: the dataclass of the command.
      words: the words.
      prog: the command as the user writes it, such as "ddx7 train gan".

    Returns:
      a sentence, or None if all words fit.
    """
    options = options_of(command)
    return next(_faults(options, list(words), prog), None)


def _faults(options: Sequence[Option], words: list[str], prog: str) -> Iterator[str]:
    by_name = {name: option for option in options for name in option.names}
    given: set[Option] = set()
    places = [option for option in options if not option.names]
    while words:
        word = words.pop(0)
        if not _is_option(word):
            if not places:
                fitting = ", ".join(o.metavar for o in options if not o.names) or "options"
                yield f"found {word!r} too many, wanted only {fitting}"
                continue
            option = places[0] if places[0].many else places.pop(0)
            given.add(option)
            if not option.accepts(word):
                yield f"found {word!r}, wanted {option.wanted}"
            continue
        name, equals, value = word.partition("=")
        option = by_name.get(name.replace("_", "-"))
        if option is None:
            yield f"{name} is not an option of {prog}{_near(name, by_name)}"
            continue
        given.add(option)
        if option.is_switch:
            if equals:
                yield f"{name}: found the value {value!r}, wanted none"
            continue
        values = [value] if equals else _values_after(option, words)
        if not values:
            yield f"{name}: found no value, wanted {option.wanted or option.metavar}"
        yield from (f"{name}: found {v!r}, wanted {option.wanted}" for v in values if not option.accepts(v))
    # A positional argument of any number may be empty; the command says what it needs.
    if missing := [o for o in options if o.required and not (o.many and not o.names) and o not in given]:
        required = " ".join(o.shown for o in options if o.required)
        yield f"found no {' and no '.join(o.shown for o in missing)}, wanted {prog} {required}"


def _is_option(word: str) -> bool:
    return word.startswith("-") and len(word) > 1 and not re.match(r"-[\d.]", word)


def _values_after(option: Option, words: list[str]) -> list[str]:
    """Takes the words of an option."""
    n = next((k for k, word in enumerate(words) if _is_option(word)), len(words))
    n = n if option.many else min(n, 1)
    values = words[:n]
    del words[:n]
    return values


def _near(name: str, names: Iterable[str]) -> str:
    known = [*names, "--help"]
    longer = [other for other in known if other.startswith(name) and name.startswith("--")]
    near = longer or difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def explain_subcommand(commands: dict[str, type], words: Sequence[str], prog: str) -> str | None:
    """What is wrong with the words after a command that has subcommands.

    Args:
      commands: the dataclass of each subcommand, by name.
      words: the words.
      prog: the command as the user writes it, such as "ddx7 train".

    Returns:
      a sentence, or None if all words fit.
    """
    if words and words[0] in commands:
        return explain(commands[words[0]], words[1:], f"{prog} {words[0]}")
    wanted = f"wanted one of {', '.join(commands)}"
    if not words:
        return f"found no word after {prog}, {wanted}"
    return f"found {words[0]!r}, {wanted}{_near(words[0], commands)}"


def unframed(text: str) -> str:
    """The text of tyro's box, in one line."""
    return " ".join(_FRAME.sub(" ", text).split())
