"""``ddx7 convert``: voice files from one format to another."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from ddx7.cli import choose
from ddx7.cli.naming import file_name
from ddx7.cli.terminal import UsageError, counted, note, note_repairs, result
from ddx7.files import atomic_write, refuse_to_overwrite
from ddx7.voice import Bank, SaveTarget, Voice, init_voice, load, save


@dataclass(frozen=True)
class Command:
    """Convert voice files: repair, join, split, or write them for another instrument.

    By default all voices go to one file. A single voice takes 163 bytes. Up to 32 voices make one bank, filled up with
    INIT VOICE. More voices make several numbered banks.

    The command writes nothing if it cannot read one of the inputs.
    """

    inputs: Annotated[Positional[tuple[Path, ...]], arg(metavar="FILE[:N]...", help_behavior_hint="")]
    """SysEx of any kind, bare voice bytes, JSON, MiniDexed performances, or zips; bank.syx:3 is voice 3 alone."""
    output: Annotated[Path, arg(metavar="OUT", aliases=["-o"])]
    """A file. A name without suffix, or an existing folder, gets one file per input."""
    # As `help`, because tyro keeps the line breaks of a docstring.
    target: Annotated[
        SaveTarget,
        arg(
            help="The instrument that reads the files. minidexed and tx816 fill the folder OUT, and so does volca for "
            "several voices. minidexed adds a performance with one MIDI channel for each of up to eight voices; "
            "minidexed-unison adds one that plays them together."
        ),
    ] = "dx7"
    index: Annotated[str, arg(metavar="N", aliases=["--select"], help_behavior_hint="(such as 7 or 1,3,5-8)")] = ""
    """Convert these voices of the one input, in this order; the first is 1."""
    singles: bool = False
    """Write each voice to its own file in the folder OUT."""
    bank: bool = False
    """Write a single voice as a bank, too."""
    format: Literal["auto", "syx", "json"] = "auto"
    """The format to write; auto writes JSON if OUT ends in .json, else SysEx."""
    force: bool = False
    """Replace existing files."""

    def run(self) -> int:
        """Convert and return the exit code."""
        self._check()
        places = [choose.file_and_number(path, self.index) for path in self.inputs]
        banks = [self._read(*place) for place in places]
        jobs = self._jobs(banks, [path for path, _ in places])
        if len(jobs) > 1:  # all, before the first is written
            refuse_to_overwrite([path for _, path in jobs], force=self.force)
        written = [path for voices, name in jobs for path in self._write(voices, name)]
        result(map(str, written))
        n_voices = sum(map(len, banks))
        note(f"{counted(n_voices, 'voice')} from {counted(len(banks), 'file')} to {counted(len(written), 'file')}")
        return 0

    def _check(self) -> None:
        if not self.inputs:
            raise UsageError("found no input files, wanted at least one")
        if self.index and len(self.inputs) > 1:
            raise UsageError(f"--index takes one input, found {len(self.inputs)}")
        if self.singles and self.bank:
            raise UsageError("--singles and --bank exclude each other")
        if self.target != "dx7" and (self.singles or self.bank or self._as_json):
            raise UsageError(f"--target {self.target} excludes --singles, --bank and JSON")

    @property
    def _as_json(self) -> bool:
        return self.format == "json" or (self.format == "auto" and self.output.suffix.lower() == ".json")

    def _read(self, path: Path, numbers: str) -> Bank:
        bank = load(path)
        note_repairs(bank.repairs, path)
        if numbers:
            return Bank(bank[k] for k in choose.by_number(bank, numbers, path))
        return _without_empty_places(bank, path) if self.target == "volca" else bank

    def _jobs(self, banks: Sequence[Bank], paths: Sequence[Path]) -> list[tuple[list[Voice], Path]]:
        """The voices of each file to write."""
        suffix = ".json" if self._as_json else ".syx"
        voices = [voice for bank in banks for voice in bank]
        if self.singles:
            digits = max(2, len(str(len(voices))))
            return [
                ([voice], self.output / f"{n:0{digits}} {file_name(voice)}{suffix}")
                for n, voice in enumerate(voices, start=1)
            ]
        if self.target != "dx7" or (self.output.suffix and not self.output.is_dir()):
            return [(voices, self.output)]
        names = [self.output / f"{path.stem}{suffix}" for path in paths]
        duplicate = next((name for name in names if names.count(name) > 1), None)
        if duplicate:
            raise UsageError(f"two inputs would both become {duplicate}; name a file as OUT to join them")
        return [(list(bank), name) for bank, name in zip(banks, names, strict=True)]

    def _write(self, voices: list[Voice], path: Path) -> list[Path]:
        if self._as_json:
            content = {"voices": [voice.to_dict() for voice in voices]}
            return [atomic_write(path, json.dumps(content, indent=1).encode(), force=self.force)]
        # A folder for the Volca stays one, if the bank that fills it has a single voice.
        one = len(voices) == 1 and not self.bank and (self.target != "volca" or bool(path.suffix))
        contents = voices[0] if one else voices
        return save(contents, path, target=self.target, force=self.force)


def _without_empty_places(bank: Bank, path: Path) -> Bank:
    """A bank without the INIT VOICEs at its end: as files of their own they would be noise in a folder."""
    used = len(bank)
    while used > 1 and bank[used - 1] == init_voice():
        used -= 1
    if used < len(bank):
        note(f"{path}: {len(bank) - used} places at the end hold INIT VOICE and are left out")
    return Bank(bank[k] for k in range(used))
