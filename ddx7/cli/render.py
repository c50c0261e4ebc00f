"""``ddx7 render``: voices, chords and MIDI files as sound files."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import numpy as np
from tyro.conf import Positional, arg

from ddx7.cli import choose
from ddx7.cli.naming import file_name
from ddx7.cli.terminal import UsageError, note, note_repairs, progress, result
from ddx7.errors import Ddx7Error
from ddx7.files import refuse_to_overwrite
from ddx7.voice import Bank, Voice, load

_SUFFIXES = (".wav", ".flac")
_TAIL_S = 10.0  # for a release that is longer, or never ends
_LONGEST_S = 3600.0
_NOT_WITH_MIDI = ("note", "velocity", "gate", "duration")

_KEY = re.compile(r"([A-G])([#b]?)(-?\d)", re.IGNORECASE)
_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"": 0, "#": 1, "b": -1}
_LOWEST_OCTAVE = -2


@dataclass(frozen=True)
class Command:
    """Play voices on keys, or a MIDI file, into WAV or FLAC files.

    Several voices go one after another into one file, or, if OUT is a folder or left out, each into a file of its own.
    With --midi, programme changes choose among the voices; every channel, also 10, plays.

    Sound keeps its level (one carrier at full level peaks at -18 dBFS) unless it would exceed -1 dBFS; then all of it
    is scaled down.
    """

    file: Annotated[Positional[Path], arg(metavar="FILE")]
    """SysEx of any kind, bare voice bytes, JSON, a MiniDexed performance, or a zip."""
    index: Annotated[str, arg(metavar="N", help_behavior_hint="(such as 7 or 1,3,5-8)")] = ""
    """Play these voices; the first is 1."""
    name: Annotated[str, arg(metavar="TEXT", help_behavior_hint="(capitals do not matter)")] = ""
    """Play the voices of that name, or with that in their name."""
    all: bool = False
    """Play every voice."""
    note: Annotated[str, arg(metavar="KEY", aliases=["--notes"], help_behavior_hint="(such as 60 or C3,Eb3,G3)")] = "60"
    """Keys to hold together: MIDI notes 0-127, or names; 60 is C3, as on the DX7."""
    velocity: Annotated[int, arg(metavar="N")] = 100
    """How hard they are struck, 1-127."""
    gate: Annotated[float, arg(metavar="SECONDS")] = 1.0
    """How long they are held."""
    # Optional, not `| None`: to check a default of that type tyro 1.0 imports typeguard.
    duration: Annotated[Optional[float], arg(metavar="SECONDS", help_behavior_hint="(default: until silent)")] = None  # noqa: UP045
    """How long each voice lasts; a note still sounding is faded out. At most 10 s after the gate if left out."""
    midi: Annotated[Optional[Path], arg(metavar="FILE.mid", help_behavior_hint="")] = None  # noqa: UP045
    """Play this Standard MIDI File instead."""
    sample_rate: Annotated[int, arg(metavar="HZ")] = 44100
    """8000-192000."""
    profile: Literal["dexed", "hardware", "hardware+dac"] = "dexed"
    """Whose sound: Dexed's, that of the DX7 itself, or that of the DX7 with its converter's noise and its filter."""
    output: Annotated[Optional[Path], arg(metavar="OUT", aliases=["-o"], help_behavior_hint="")] = None  # noqa: UP045
    """A .wav or .flac file, or a folder; by default named after the voice, the MIDI file or, if there are several
    voices, FILE."""
    normalise: Annotated[bool, arg(aliases=["--normalize"])] = False
    """Bring the peak of each file to -1 dBFS."""
    force: bool = False
    """Replace files that are there."""

    def run(self) -> int:
        """Render, write and return the exit code."""
        self._check()
        keys = [_key(word) for word in self.note.split(",")]
        bank = load(self.file)
        chosen = self._chosen(bank)
        note_repairs(bank.repairs, self.file)
        jobs = self._jobs(bank, chosen)
        refuse_to_overwrite([path for path, _ in jobs], force=self.force)
        if len(jobs) > 1:
            for path, [voice] in progress(jobs, "rendering"):
                self._write(path, self._play_keys(keys, voice))
        else:
            [(path, voices)] = jobs
            if self.midi is not None:
                sound = self._play_midi(self.midi, voices)
            else:
                sound = np.concatenate([self._play_keys(keys, voice) for voice in progress(voices, "rendering")])
            self._write(path, sound)
        result(str(path) for path, _ in jobs)
        return 0

    def _check(self) -> None:
        if (self.index != "") + (self.name != "") + self.all > 1:
            raise UsageError("--index, --name and --all exclude each other")
        given = [f.name for f in fields(self) if f.name in _NOT_WITH_MIDI and getattr(self, f.name) != f.default]
        if self.midi is not None and given:
            raise UsageError(f"--midi brings its own notes and goes without {', '.join(f'--{name}' for name in given)}")
        if self.duration is not None and not 0 < self.duration <= _LONGEST_S:
            raise Ddx7Error(f"duration: found {self.duration:g}, wanted more than 0 and at most {_LONGEST_S:g}")
        if self.output is not None and not self._into_folder and self.output.suffix.lower() not in _SUFFIXES:
            raise UsageError(f"output: found {str(self.output)!r}, wanted a {' or '.join(_SUFFIXES)} file or a folder")

    @property
    def _into_folder(self) -> bool:
        return self.output is None or self.output.is_dir() or not self.output.suffix

    def _chosen(self, bank: Bank) -> list[int]:
        if self.index:
            return choose.by_number(bank, self.index, self.file)
        if self.name:
            return choose.by_name(bank, self.name, self.file)
        if len(bank) > 1 and not self.all and self.midi is None:
            raise UsageError(f"{self.file} holds {len(bank)} voices; choose with --index, --name or --all")
        return list(range(len(bank)))

    def _jobs(self, bank: Bank, chosen: Sequence[int]) -> list[tuple[Path, list[Voice]]]:
        """Which voices are heard in which file."""
        voices = [bank[k] for k in chosen]
        if self.output is not None and not self._into_folder:
            return [(self.output, voices)]
        if self.midi is not None or len(voices) == 1:
            stem = file_name(voices[0]) if self.midi is None else self.midi.stem
            return [((self.output or Path()) / f"{stem}.wav", voices)]
        folder = self.output or Path(self.file.stem)
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder}: found a file, wanted a folder for {len(voices)} sounds; name one with -o")
        digits = max(2, len(str(len(bank))))
        named = {folder / f"{k + 1:0{digits}} {file_name(bank[k])}.wav": [bank[k]] for k in chosen}
        return list(named.items())

    def _play_midi(self, path: Path, voices: Sequence[Voice]) -> np.ndarray:
        from ddx7.engine.midi import render_midi

        batches = partial(progress, what="rendering")
        return render_midi(path, voices, tail=_TAIL_S, progress=batches, **self._sound)

    @property
    def _sound(self) -> dict[str, Any]:
        return {"sample_rate": self.sample_rate, "profile": self.profile}

    def _play_keys(self, keys: Sequence[int], voice: Voice) -> np.ndarray:
        from ddx7.engine.midi import render_midi
        from ddx7.engine.midi_file import MidiNote, MidiPerformance

        score = MidiPerformance(
            tuple(MidiNote(key, self.velocity, 0.0, self.gate) for key in keys), duration_s=self.gate
        )
        if self.duration is None:
            return render_midi(score, voice, tail=_TAIL_S, **self._sound)
        tail = max(self.duration - self.gate, 0.0)
        sound = render_midi(score, voice, tail=tail, **self._sound)
        n_samples = round(self.duration * self.sample_rate)
        return np.pad(sound[:n_samples], (0, max(n_samples - len(sound), 0)))

    def _write(self, path: Path, samples: np.ndarray) -> None:
        from ddx7.audio.files import peak_limit, write_audio

        peak = _peak(samples)
        if peak == 0:
            note(f"{path}: nothing but silence")
        limited = peak_limit(samples / peak if self.normalise and peak > 0 else samples)
        if _peak(limited) < peak and not self.normalise:
            note(f"{path}: {20 * np.log10(peak / _peak(limited)):.1f} dB quieter than played, to peak at -1 dBFS")
        write_audio(path, limited, self.sample_rate, force=self.force)


def _peak(samples: np.ndarray) -> float:
    return float(np.abs(samples).max(initial=0.0))


def _key(word: str) -> int:
    """MIDI note of a number or a name; C3 is 60.

    >>> _key("60"), _key("C3"), _key("f#4"), _key("Bb-2")
    (60, 60, 78, 10)
    """
    match = _KEY.fullmatch(word.strip())
    if match is not None:
        letter, accidental, octave = match.groups()
        key = 12 * (int(octave) - _LOWEST_OCTAVE) + _SEMITONES[letter.upper()] + _ACCIDENTALS[accidental.lower()]
    else:
        key = int(word) if word.strip().isdecimal() else -1
    if not 0 <= key <= 127:
        raise UsageError(f"keys: found {word.strip()!r}, wanted 0 to 127 or C-2 to G8, between commas")
    return key
