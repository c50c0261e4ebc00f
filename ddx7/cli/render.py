"""``ddx7 render``: voices, chords and MIDI files to audio files."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import numpy as np
from tyro.conf import Positional, arg

from ddx7.cli import choose
from ddx7.cli.naming import file_name, midi_note
from ddx7.cli.terminal import UsageError, note, note_repairs, progress, result
from ddx7.files import refuse_to_overwrite
from ddx7.voice import Bank, Voice, load
from ddx7.voice.algorithms import ALGORITHMS

_SUFFIXES = (".wav", ".flac")
_TAIL_S = 10.0  # for a longer release, or a note that never ends
_LONGEST_S = 3600.0
_NOT_WITH_MIDI = ("note", "velocity", "gate", "duration")


@dataclass(frozen=True)
class Command:
    """Render notes, chords or a MIDI file to WAV or FLAC files.

    By default each voice gets its own file. If OUT is a .wav or .flac file, it holds all voices, one after another.
    With --midi, programme changes choose among the voices. All MIDI channels play, channel 10 included.

    One carrier at full level peaks at -18 dBFS. A sound that would exceed -1 dBFS is scaled down as a whole.
    """

    file: Annotated[Positional[Path], arg(metavar="FILE[:N]")]
    """SysEx of any kind, voice bytes without SysEx, JSON, a MiniDexed performance, or a zip."""
    index: Annotated[str, arg(metavar="N", help_behavior_hint="(such as 7 or 1,3,5-8)")] = ""
    """Render these voices; the first is 1."""
    name: Annotated[str, arg(metavar="TEXT", help_behavior_hint="(capitals do not matter)")] = ""
    """Render the voices whose name is TEXT or contains it."""
    all: bool = False
    """Render every voice."""
    note: Annotated[str, arg(metavar="NOTE", aliases=["--notes"], help_behavior_hint="(default: 60; or C3,Eb3,G3)")] = (
        "60"
    )
    """Notes to play together, as MIDI notes 0-127 or as names; 60 is C3, as on the DX7."""
    velocity: Annotated[int, arg(metavar="N")] = 100
    """Velocity of the notes, 1-127."""
    gate: Annotated[float, arg(metavar="SECONDS")] = 1.0
    """Time from key-on to key-off."""
    # Not `float | None`: tyro 1.0 imports typeguard to check a default of that type.
    duration: Annotated[Optional[float], arg(metavar="SECONDS", help_behavior_hint="(default: until silent)")] = None  # noqa: UP045
    """Length of each sound; a note that still sounds at its end fades out. By default at most 10 s after key-off."""
    midi: Annotated[Optional[Path], arg(metavar="FILE.mid", help_behavior_hint="")] = None  # noqa: UP045
    """Render this Standard MIDI File instead of single notes."""
    sample_rate: Annotated[int, arg(metavar="HZ")] = 44100
    """Sample rate of the files, 8000-192000."""
    profile: Literal["dexed", "hardware", "hardware+dac"] = "dexed"
    """The synthesizer: Dexed, the DX7, or the DX7 with the noise and the filter of its converter."""
    output: Annotated[Optional[Path], arg(metavar="OUT", aliases=["-o"], help_behavior_hint="")] = None  # noqa: UP045
    """A .wav or .flac file, or a folder; by default it has the name of the voice, the MIDI file, or the bank."""
    stems: bool = False
    """Also write the sound of each operator as files of its own, OUT op1 to OUT op6, at the scale of the whole."""
    normalise: Annotated[bool, arg(aliases=["--normalize"])] = False
    """Bring the peak of each file to -1 dBFS."""
    force: bool = False
    """Replace existing files."""

    def run(self) -> int:
        """Render, write and return the exit code."""
        self._check()
        notes = [midi_note(word) for word in self.note.split(",")]
        file, index = choose.file_and_number(self.file, self.index, self.name or self.all)
        if (file, index) != (self.file, self.index):
            return replace(self, file=file, index=index).run()
        bank = load(self.file)
        chosen = self._chosen(bank)
        note_repairs(bank.repairs, self.file)
        jobs = self._jobs(bank, chosen)
        if self.stems and any(len(voices) > 1 for _, voices in jobs):
            raise UsageError("--stems needs one voice for each file; choose one, or name a folder with -o")
        files = [[path, *(_stems(path) if self.stems else ())] for path, _ in jobs]
        refuse_to_overwrite([path for some in files for path in some], force=self.force)
        if len(jobs) > 1:
            for some, (_, [voice]) in progress(list(zip(files, jobs, strict=True)), "rendering"):
                self._write(some, self._with_stems(self._play_notes(notes, voice), voice))
        else:
            [(_, voices)] = jobs
            if self.midi is not None:
                sound = self._play_midi(self.midi, voices)
            else:
                played = [self._play_notes(notes, voice) for voice in progress(voices, "rendering")]
                sound = np.concatenate(played, axis=-1)
            self._write(files[0], self._with_stems(sound, voices[0]))
        result(str(path) for some in files for path in some)
        return 0

    def _check(self) -> None:
        choose.check_one_choice(index=self.index, name=self.name, every=self.all)
        given = [f.name for f in fields(self) if f.name in _NOT_WITH_MIDI and getattr(self, f.name) != f.default]
        if self.midi is not None and given:
            raise UsageError(f"--midi has its own notes and excludes {', '.join(f'--{name}' for name in given)}")
        if self.duration is not None and not 0 < self.duration <= _LONGEST_S:
            raise UsageError(f"--duration: found {self.duration:g}, wanted more than 0 and at most {_LONGEST_S:g}")
        if self.output is not None and not self._into_folder and self.output.suffix.lower() not in _SUFFIXES:
            raise UsageError(f"output: found {str(self.output)!r}, wanted a {' or '.join(_SUFFIXES)} file or a folder")

    @property
    def _into_folder(self) -> bool:
        return self.output is None or self.output.is_dir() or not self.output.suffix

    def _chosen(self, bank: Bank) -> list[int]:
        every = self.all or self.midi is not None
        positions = choose.chosen(bank, self.file, index=self.index, name=self.name, every=every)
        if positions is None:
            raise UsageError(f"{self.file} holds {len(bank)} voices; choose with --index, --name or --all")
        return positions

    def _jobs(self, bank: Bank, chosen: Sequence[int]) -> list[tuple[Path, list[Voice]]]:
        """The files to write, each with its voices."""
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
        from ddx7.engine.midi import read_midi, render_midi

        performance = read_midi(path)
        note_repairs(performance.repairs, path)
        show_progress = partial(progress, what="rendering")
        return render_midi(performance, voices, tail=_TAIL_S, progress=show_progress, **self._sound)

    @property
    def _sound(self) -> dict[str, Any]:
        return {"sample_rate": self.sample_rate, "profile": self.profile, "operators": self.stems}

    def _with_stems(self, sound: np.ndarray, voice: Voice) -> np.ndarray:
        """The whole sound, and with --stems the operators below it, [sound, time]."""
        if not self.stems:
            return sound[None]
        carriers = [operator - 1 for operator in ALGORITHMS[voice.algorithm - 1].carriers]
        return np.concatenate([sound[carriers].sum(axis=0, keepdims=True), sound])

    def _play_notes(self, notes: Sequence[int], voice: Voice) -> np.ndarray:
        from ddx7.engine.midi import render_midi
        from ddx7.engine.midi_file import MidiNote, MidiPerformance

        chord = MidiPerformance(
            tuple(MidiNote(note, self.velocity, 0.0, self.gate) for note in notes), duration_s=self.gate
        )
        if self.duration is None:
            return render_midi(chord, voice, tail=_TAIL_S, **self._sound)
        tail = max(self.duration - self.gate, 0.0)
        sound = render_midi(chord, voice, tail=tail, **self._sound)
        n_samples = round(self.duration * self.sample_rate)
        missing = max(n_samples - sound.shape[-1], 0)
        return np.pad(sound[..., :n_samples], [*[(0, 0)] * (sound.ndim - 1), (0, missing)])

    def _write(self, paths: Sequence[Path], samples: np.ndarray) -> None:
        """Write sounds, [sound, time], at one scale; the first is the whole."""
        from ddx7.audio.files import peak_limit, write_audio

        path, peak = paths[0], _peak(samples)
        if _peak(samples[0]) == 0:
            note(f"{path}: the sound is silent")
        limited = peak_limit(samples / peak if self.normalise and peak > 0 else samples)
        if _peak(limited) < peak and not self.normalise:
            note(f"{path}: scaled down by {20 * np.log10(peak / _peak(limited)):.1f} dB to peak at -1 dBFS")
        for place, sound in zip(paths, limited, strict=True):
            write_audio(place, sound, self.sample_rate, force=self.force)


def _stems(path: Path) -> list[Path]:
    """Where the operators of a sound go, beside it."""
    return [path.with_name(f"{path.stem} op{operator}{path.suffix}") for operator in range(1, 7)]


def _peak(samples: np.ndarray) -> float:
    return float(np.abs(samples).max(initial=0.0))
