"""Shared by the commands that make voices: choosing one voice, and writing a bank with its sound."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from ddx7.cli import choose
from ddx7.cli.terminal import UsageError, counted, note, note_repairs, result
from ddx7.files import atomic_write, check_folder, refuse_to_overwrite
from ddx7.voice import SaveTarget, Voice, load, save

_GATE_S, _EACH_S = 1.0, 2.0
_NOTE, _VELOCITY, _RATE = 60, 100, 44_100


def one_voice(path: Path, index: str = "", name: str = "") -> Voice:
    """The requested voice of a file, or its only one; a number may also follow the path after a colon.

    Raises:
      UsageError: the request matches several voices of the file.
      Ddx7Error: the file cannot be read, or has no such voice.
    """
    if index and name:
        raise UsageError("--index and --name exclude each other")
    path, index = choose.file_and_number(path, index, name)
    bank = load(path)
    note_repairs(bank.repairs, path)
    rows = list(range(len(bank)))
    if index:
        rows = choose.by_number(bank, index, path)
    elif name:
        rows = choose.by_name(bank, name, path)
    if len(rows) != 1:
        named = ", ".join(f"{k + 1} {bank[k].name}" for k in rows[:6]) + (", ..." if len(rows) > 6 else "")
        raise UsageError(f"{path}: found {len(rows)} voices ({named}), wanted one, such as {path}:{rows[0] + 1}")
    return bank[rows[0]]


def check_output(path: Path, *, force: bool, beside: Sequence[str] = (".wav", ".png")) -> None:
    """Check before the work that the results can be written.

    Args:
      path: of the voices.
      force: whether files may be replaced.
      beside: suffixes of the files that are written beside it.

    Raises:
      UsageError: the path does not end in .syx.
      Ddx7Error: one of the files exists (without `force`), or their folder cannot be written to.
    """
    if path.suffix.lower() != ".syx":
        raise UsageError(f"output: found {str(path)!r}, wanted a name that ends in .syx")
    check_folder(path.parent)
    refuse_to_overwrite([path, *(path.with_suffix(suffix) for suffix in beside)], force=force)


def write_made(
    voices: Sequence[Voice],
    path: Path,
    *,
    force: bool,
    target: SaveTarget = "dx7",
    profile: str = "dexed",
    report: Mapping[str, object] | None = None,
) -> list[Path]:
    """Write voices, and beside them a WAV in which each plays C3 for a second, in order, and a picture of that.

    Args:
      voices: to write.
      path: of the bank, or of the folder for another `target`.
      force: replace existing files.
      target: device that the bank is for.
      profile: that renders the WAV.
      report: on the voices, written as JSON; None writes none.

    Returns:
      the files.
    """
    from ddx7.audio.files import peak_limit, write_audio
    from ddx7.engine import render
    from ddx7.plot import figure_bytes, gallery_figure

    files = [*save(voices, path, target=target, force=force)]
    sound = render(voices, _NOTE, _VELOCITY, _GATE_S, _EACH_S, profile=profile)
    files.append(write_audio(path.with_suffix(".wav"), peak_limit(sound.reshape(-1)), _RATE, force=force))
    caption = f"C3 at velocity {_VELOCITY}, held {_GATE_S:g} s of {_EACH_S:g} s"
    picture = figure_bytes(gallery_figure(voices, sound, _RATE, _GATE_S, caption))
    files.append(atomic_write(path.with_suffix(".png"), picture, force=force))
    if report is not None:
        text = json.dumps(report, indent=2) + "\n"
        files.append(atomic_write(path.with_suffix(".json"), text.encode(), force=force))
    return files


def print_made(files: Sequence[Path], n_voices: int) -> None:
    """Print the files as the result, and what the sound holds."""
    result(map(str, files))
    note(f"the sound plays {counted(n_voices, 'voice')}, {_EACH_S:g} s each")
