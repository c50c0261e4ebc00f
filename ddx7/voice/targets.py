"""Writes voices as files for instruments, with the names, folders and forms that each requires.

Sources: MiniDexed's wiki for the layout of its SD card; the TX816 owner's manual.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Literal

from ddx7.errors import Ddx7Error
from ddx7.files import write_files
from ddx7.voice.minidexed import N_TONE_GENERATORS, MinidexedPerformance
from ddx7.voice.spec import VOICES_PER_BANK
from ddx7.voice.voice import Voice
from ddx7.voice.writer import to_bytes, to_volca_bytes

SaveTarget = Literal["dx7", "volca", "minidexed", "minidexed-unison", "tx816"]

N_TX816_MODULES = 8

# MiniDexed lists performance files of at most 25 characters: number, underscore, 14 of name, ".ini".
_MINIDEXED_NAME_SIZE = 14
_MINIDEXED_MAX_NUMBER = 16_384
_NUMBERED = re.compile(r"(\d+)_(.*)")
_UNSAFE = re.compile(r"[^A-Za-z0-9-]+")


def save(
    voices: Voice | Iterable[Voice],
    path: str | os.PathLike[str],
    *,
    target: SaveTarget | str = "dx7",
    name: str | None = None,
    force: bool = False,
) -> list[Path]:
    """Write voices to files for an instrument.

    - ``dx7``: `path` is a file. A `Voice` makes 163 bytes; several make a bank of 4104 bytes, filled up with INIT
      VOICE. More than 32 make several banks, ``pads_1.syx``, ``pads_2.syx`` and so on for ``pads.syx``, because most
      programs read only the first bank of a file.
    - ``volca``: 163 bytes each with the Volca FM's operator mask; `path` is a file for a `Voice`, else a folder.
    - ``minidexed``: `path` is a folder, the SD card. Banks go to ``sysex/voice``, because MiniDexed reads nothing else
      from a card; at most eight voices also make a performance in ``performance``, voice n on MIDI channel n. Each
      file gets the next free number, without which MiniDexed would ignore it.
    - ``minidexed-unison``: the same for at most eight voices that play as one, all on MIDI channel 1
      (`MinidexedPerformance.of_unison`).
    - ``tx816``: `path` is a folder for at most eight files of 163 bytes, voice n for the module on MIDI channel n.

    Args:
      voices: a `Voice`, a `Bank` or voices in order.
      path: the file or folder; missing folders are made.
      target: the instrument.
      name: of a MiniDexed bank and performance; by default that of the first voice.
      force: replace existing files.

    Returns:
      the files, in order.

    Raises:
      Ddx7Error: there is no voice, or too many for the target, or a file exists and `force` is not set, or `path` names
        a file such as ``x.syx`` where a folder is to be made. No file is written then.
    """
    if target not in _PLANS:
        raise Ddx7Error(f"target: found {target!r}, wanted one of {', '.join(_PLANS)}")
    if not isinstance(voices, Voice):
        voices = list(voices)
        if not voices:
            raise Ddx7Error(f"{os.fspath(path)}: found no voices to write, wanted at least one")
    path = Path(path)
    files = _PLANS[target](voices, path, name)
    if path not in files and path.suffix.lower() in _FILE_SUFFIXES and target != "dx7" and not path.is_dir():
        raise Ddx7Error(
            f"{path}: found the name of a file, wanted that of a folder; {target} takes {len(files)} files, "
            f"such as {next(iter(files)).name}"
        )
    return write_files(files, force=force)


def _plan_dx7(voices: Voice | list[Voice], path: Path, _name: str | None) -> dict[Path, bytes]:
    if isinstance(voices, Voice) or len(voices) <= VOICES_PER_BANK:
        return {path: to_bytes(voices)}
    banks = _banks(voices)
    digits = len(str(len(banks)))
    return {path.with_stem(f"{path.stem}_{n:0{digits}d}"): to_bytes(bank) for n, bank in enumerate(banks, start=1)}


def _plan_volca(voices: Voice | list[Voice], path: Path, _name: str | None) -> dict[Path, bytes]:
    if isinstance(voices, Voice):
        return {path: to_volca_bytes(voices)}
    digits = len(str(max(10, len(voices))))
    return {
        path / f"{n:0{digits}d}_{_file_name(voice.name)}.syx": to_volca_bytes(voice)
        for n, voice in enumerate(voices, start=1)
    }


def _plan_tx816(voices: Voice | list[Voice], path: Path, _name: str | None) -> dict[Path, bytes]:
    voices = [voices] if isinstance(voices, Voice) else voices
    if len(voices) > N_TX816_MODULES:
        raise Ddx7Error(f"TX816: found {len(voices)} voices, wanted at most {N_TX816_MODULES}, one for each module")
    return {
        path / f"{n}_{_file_name(voice.name)}.syx": to_bytes(voice, channel=n)
        for n, voice in enumerate(voices, start=1)
    }


def _plan_minidexed(
    voices: Voice | list[Voice], path: Path, name: str | None, *, unison: bool = False
) -> dict[Path, bytes]:
    voices = [voices] if isinstance(voices, Voice) else voices
    title = _file_name(name or voices[0].name)
    banks = _banks(voices)
    titles = [title[:_MINIDEXED_NAME_SIZE]]
    if len(banks) > 1:
        digits = len(str(len(banks)))
        stem = title[: _MINIDEXED_NAME_SIZE - digits - 1]
        titles = [f"{stem}_{n:0{digits}d}" for n in range(1, len(banks) + 1)]
    numbers = _free_numbers(path / "sysex" / "voice", titles, ".syx")
    files = {
        path / "sysex" / "voice" / f"{number:06d}_{title}.syx": to_bytes(bank)
        for number, title, bank in zip(numbers, titles, banks, strict=True)
    }
    if unison or len(voices) <= N_TONE_GENERATORS:
        number = _free_numbers(path / "performance", titles, ".ini")[0]
        performance = (MinidexedPerformance.of_unison if unison else MinidexedPerformance.of_parts)(
            voices, bank_number=numbers[0] - 1
        )
        files[path / "performance" / f"{number:06d}_{titles[0]}.ini"] = performance.to_ini().encode("ascii")
    return files


_FILE_SUFFIXES = (".syx", ".ini", ".mid", ".wav")

_PLANS: Mapping[str, Callable[[Voice | list[Voice], Path, str | None], dict[Path, bytes]]] = {
    "dx7": _plan_dx7,
    "volca": _plan_volca,
    "minidexed": _plan_minidexed,
    "minidexed-unison": partial(_plan_minidexed, unison=True),
    "tx816": _plan_tx816,
}


def _banks(voices: list[Voice]) -> list[list[Voice]]:
    return [voices[k : k + VOICES_PER_BANK] for k in range(0, len(voices), VOICES_PER_BANK)]


def _file_name(name: str) -> str:
    return _UNSAFE.sub("_", name).strip("_") or "VOICE"


def _free_numbers(folder: Path, titles: list[str], suffix: str) -> list[int]:
    """A number for each title: its own if a file of that title is there, else the next that no file has."""
    taken: dict[str, int] = {}
    for file in sorted(folder.rglob(f"*{suffix}")):
        if match := _NUMBERED.fullmatch(file.stem):
            # Files in subfolders occupy their numbers; `save` never replaces them.
            taken[match[2] if file.parent == folder else str(file)] = int(match[1])
    numbers = [taken.setdefault(title, max(taken.values(), default=0) + 1) for title in titles]
    if max(numbers) > _MINIDEXED_MAX_NUMBER:
        raise Ddx7Error(f"{folder}: found no free number up to {_MINIDEXED_MAX_NUMBER}, wanted {len(titles)}")
    return numbers
