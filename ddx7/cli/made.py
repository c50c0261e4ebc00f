"""What commands that make voices have in common: one voice to begin with, a bank and a sound to end with."""

from collections.abc import Sequence
from pathlib import Path

from ddx7.cli import choose
from ddx7.cli.terminal import UsageError, note, note_repairs, result
from ddx7.files import refuse_to_overwrite
from ddx7.voice import Target, Voice, load, save

_GATE_S, _EACH_S = 1.0, 2.0
_KEY, _VELOCITY = 60, 100


def one_voice(path: Path, index: str = "", name: str = "") -> Voice:
    """The voice of a file that was asked for; the only one, if nothing was.

    Raises:
      UsageError: the file holds several and none, or more than one, was asked for.
      Ddx7Error: the file cannot be read, or there is no such voice.
    """
    if index and name:
        raise UsageError("--index and --name exclude each other")
    bank = load(path)
    note_repairs(bank.repairs, path)
    found = list(range(len(bank)))
    if index:
        found = choose.by_number(bank, index, path)
    elif name:
        found = choose.by_name(bank, name, path)
    if len(found) != 1:
        named = ", ".join(f"{k + 1} {bank[k].name}" for k in found[:6]) + (", ..." if len(found) > 6 else "")
        raise UsageError(f"{path}: found {len(found)} voices ({named}), wanted one; choose it by number or name")
    return bank[found[0]]


def check_output(path: Path, *, force: bool, beside: Sequence[str] = (".wav",)) -> None:
    """Find out before the work what would fail after it.

    Args:
      path: of the voices.
      force: whether files may be replaced.
      beside: suffixes of what is written beside them.

    Raises:
      UsageError: the path does not end in .syx.
      Ddx7Error: a file that would be written is there (without `force`).
    """
    if path.suffix.lower() != ".syx":
        raise UsageError(f"output: found {str(path)!r}, wanted a name that ends in .syx")
    refuse_to_overwrite([path, *(path.with_suffix(suffix) for suffix in beside)], force=force)


def write_made(voices: Sequence[Voice], path: Path, *, force: bool, target: Target = "dx7") -> None:
    """Write voices, and beside them a WAV in which each plays C3 for a second, one after the other."""
    from ddx7.audio.files import peak_limit, write_audio
    from ddx7.engine import render

    files = save(voices, path, target=target, force=force)
    sound = render(voices, _KEY, _VELOCITY, _GATE_S, _EACH_S).reshape(-1)
    written = write_audio(path.with_suffix(".wav"), peak_limit(sound), 44100, force=force)
    result(map(str, [*files, written]))
    note(f"the sound plays {len(voices)} voices, {_EACH_S:g} s each")
