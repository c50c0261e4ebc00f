"""What commands that make voices have in common: one voice to begin with, a bank and a sound to end with."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ddx7.cli import choose
from ddx7.cli.terminal import UsageError, note, note_repairs, result
from ddx7.files import atomic_write, refuse_to_overwrite
from ddx7.voice import SaveTarget, Voice, load, save

_GATE_S, _EACH_S = 1.0, 2.0
_KEY, _VELOCITY, _RATE = 60, 100, 44_100


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


def write_made(
    voices: Sequence[Voice],
    path: Path,
    *,
    force: bool,
    target: SaveTarget = "dx7",
    profile: str = "dexed",
    report: Mapping[str, Any] | None = None,
) -> None:
    """Write voices, and beside them a WAV in which each plays C3 for a second, one after the other.

    Args:
      voices: to write.
      path: of the bank, or of the folder for another `target`.
      force: replace files that are there.
      target: what the bank is for.
      profile: whose sound the WAV is.
      report: what is to be known of the voices; if there is one, it is written as JSON, with a picture of them all.
    """
    from ddx7.audio.files import peak_limit, write_audio
    from ddx7.engine import render
    from ddx7.plot import figure_bytes, gallery_figure

    files = [*save(voices, path, target=target, force=force)]
    sound = render(voices, _KEY, _VELOCITY, _GATE_S, _EACH_S, profile=profile)
    files.append(write_audio(path.with_suffix(".wav"), peak_limit(sound.reshape(-1)), _RATE, force=force))
    if report is not None:
        caption = f"C3 at velocity {_VELOCITY}, held {_GATE_S:g} s of {_EACH_S:g} s"
        picture = figure_bytes(gallery_figure(voices, sound, _RATE, _GATE_S, caption))
        files.append(atomic_write(path.with_suffix(".png"), picture, force=force))
        text = json.dumps(report, indent=2) + "\n"
        files.append(atomic_write(path.with_suffix(".json"), text.encode(), force=force))
    result(map(str, files))
    note(f"the sound plays {len(voices)} voices, {_EACH_S:g} s each")
