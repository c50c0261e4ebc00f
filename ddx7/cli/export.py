"""``ddx7 export``: a learned instrument as a voice that a DX7 plays."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from ddx7.cli.made import check_output
from ddx7.cli.resynth import read_beginning
from ddx7.cli.terminal import UsageError, note, result, result_json
from ddx7.cli.working import working

if TYPE_CHECKING:
    from ddx7.plot import NoteLevels
    from ddx7.resynthesis.export import ExportedVoice
    from ddx7.resynthesis.voice_comparison import RecordedNotes

_EXPLAINED = "mean difference of spectrograms, 2-3 dB is very close"
_BESIDE = (".wav", ".png", ".json")
_JSON_NAMES = {
    "voice_db": "distance_db",
    "model_recording_db": "instrument_recording_db",
    "model_recording_wet_db": "instrument_recording_wet_db",
}


@dataclass(frozen=True)
class Command:
    """Make a DX7 voice of a learned instrument or a recording: fit envelopes, levels and scalings to operator levels.

    Writes NAME.syx, and beside it NAME.wav (a scale by the instrument without reverb, then by the voice), NAME.png
    (operator levels of both) and NAME.json. Of a solo an instrument is learned first, in the folder NAME-instrument. A
    voice depends on note, velocity and time alone: its envelopes take the same course in every note.
    """

    model: Annotated[Positional[str], arg(metavar="MODEL")]
    """The instrument: a name such as violin, your own .safetensors file, or a solo, from which one is learned."""
    output: Annotated[Path, arg(metavar="FILE.syx", aliases=["-o"])]
    """The voice to write."""
    recording: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="")] = None
    """A solo whose notes and dynamics the fit takes; without it, notes over the whole range."""
    minutes: Annotated[float, arg(metavar="M")] = 5.0
    """Time to learn an instrument of a solo."""
    name: Annotated[str, arg(metavar="NAME")] = ""
    """Name of the voice; by default that of the model."""
    attack: Annotated[float, arg(metavar="SECONDS")] = 0.06
    """Time in which the notes of the fit rise; those of a recording have their own."""
    release: Annotated[float, arg(metavar="SECONDS")] = 0.2
    """Time in which they fall by 60 dB after key-off."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Seed of the search and of noise."""
    json: bool = False
    """Print the report as JSON."""
    force: bool = False
    """Replace existing files."""

    def run(self) -> int:
        """Fit, write, and return the exit code."""
        from ddx7.audio.sound_folder import SOUND_SUFFIXES

        if not self.minutes > 0:
            raise UsageError(f"--minutes: found {self.minutes:g}, wanted a time above 0")
        solo = Path(self.model) if Path(self.model).suffix.lower() in SOUND_SUFFIXES else None
        path = self.recording or solo
        if path and path.resolve() == self.output.with_suffix(".wav").resolve():
            raise UsageError(f"output: {self.output} would write its sound over the recording, wanted another name")
        check_output(self.output, force=self.force, beside=_BESIDE)

        import json
        import time

        from ddx7.audio.files import peak_limit, write_audio
        from ddx7.files import atomic_write
        from ddx7.plot import export_figure, figure_bytes
        from ddx7.resynthesis.export import export, sound_of
        from ddx7.resynthesis.instrument import load
        from ddx7.resynthesis.level_tuning import RATE
        from ddx7.voice import Voice, save
        from ddx7.voice.voice import panel_name

        start = time.perf_counter()
        name = self.name or panel_name(Path(self.model).stem) or "LEARNED"
        Voice().renamed(name)  # before the work, because a name may be wrong
        recording = read_beginning(path) if path else None
        for remark in recording.remarks if recording else ():
            note(f"{path.name if path else self.model}: {remark}")
        instrument = load(self.model if solo is None else self._learn(solo))
        with working(self.output.name, "export") as progress:
            made = export(
                instrument,
                recording,
                name=name,
                attack_s=self.attack,
                release_s=self.release,
                seed=self.seed,
                progress=progress,
            )
        wav, png, info = (self.output.with_suffix(suffix) for suffix in _BESIDE)
        save(made.voice, self.output, force=self.force)
        write_audio(wav, peak_limit(sound_of(made)), RATE, force=self.force)
        title = f"{made.voice.name}: levels of the operators, as learned (pale) and in the voice"
        figure = export_figure(made.voice, _note_levels(made), title)
        atomic_write(png, figure_bytes(figure), force=self.force)
        report = {
            "files": [str(path) for path in (self.output, wav, png, info)],
            "model": self.model,
            "recording": str(path) if path else None,
            "attack_s": self.attack,
            "release_s": self.release,
            "seed": self.seed,
            "took_s": round(time.perf_counter() - start, 2),
            **_report(made),
        }
        atomic_write(info, (json.dumps(report, indent=2) + "\n").encode(), force=self.force)
        if self.json:
            result_json(report)
        else:
            result([*report["files"], _summary(self.output, made)])
        return 0

    def _learn(self, solo: Path) -> Path:
        """Weights learned from a recording, beside the voice; a run that was stopped resumes."""
        from ddx7.cli.train_resynth import Resynth

        folder = self.output.with_name(f"{self.output.stem}-instrument")
        return Resynth(solo, folder, minutes=self.minutes, seed=self.seed).learn() or folder


def _note_levels(made: "ExportedVoice") -> "NoteLevels":
    """Levels of the operators on the fitted notes, where they are audible; the others need not agree."""
    import numpy as np

    from ddx7.audio.features import HOP
    from ddx7.engine.tables import DB_PER_OCTAVE
    from ddx7.plot import NoteLevels
    from ddx7.resynthesis.fm import MAX_OCTAVES
    from ddx7.resynthesis.level_curves import audible_floor

    grid, learned = made.fitted.grid, made.fitted.model.octaves
    floor = audible_floor(learned, made.voice.algorithm)
    instrument = np.where(learned > floor, learned, np.nan) + made.raised
    fitted = np.where(made.octaves > floor + made.raised, made.octaves, np.nan)
    return NoteLevels(
        notes=grid.notes,
        velocities=grid.velocities,
        gate_s=grid.gates * HOP / grid.sample_rate,
        n_frames=grid.lengths,
        frame_s=HOP / grid.sample_rate,
        instrument_db=(instrument - MAX_OCTAVES) * DB_PER_OCTAVE,
        voice_db=(fitted - MAX_OCTAVES) * DB_PER_OCTAVE,
    )


def _summary(path: Path, made: "ExportedVoice") -> str:
    """The distances, in one line."""
    fitted = made.fitted
    line = f"{path}: {_mean(fitted.voice_db)} dB from the learned instrument without its reverb on"
    line += f" {len(fitted.voice_db)} notes, {_mean(fitted.wet_db)} dB with it"
    if fitted.recording_full_db is None or fitted.model_recording_wet_db is None or fitted.recording_db is None:
        return f"{line}, {_mean(made.phrase.voice_db)} dB dry on a scale that was not fitted (log-mel; {_EXPLAINED})"
    full_db, low_db = _mean(fitted.recording_full_db), _mean(fitted.recording_db)
    line += f"; {full_db} dB from the recording's notes, {low_db} dB below {fitted.grid.sample_rate / 2000:g} kHz,"
    return f"{line} where the instrument itself has {_mean(fitted.model_recording_wet_db)} dB (log-mel; {_EXPLAINED})"


def _report(made: "ExportedVoice") -> dict[str, Any]:
    """The result as JSON values."""
    from ddx7 import __version__

    return {
        "voice": made.voice.to_dict(),
        "envelope_fit_db": {f"OP{k}": round(e, 2) for k, e in enumerate(made.fit_db, 1)},
        "carriers_raised_db": round(float(made.raised.max()) * 6.0206, 2),
        "fitted": _notes_report(made.fitted),
        "phrase": _notes_report(made.phrase),
        "version": __version__,
    }


def _notes_report(compared: "RecordedNotes") -> dict[str, Any]:
    from ddx7.audio.features import HOP
    from ddx7.resynthesis.voice_comparison import DISTANCES

    columns = {_JSON_NAMES.get(name, name): getattr(compared, name) for name in DISTANCES}
    numbers = {k: [_number(x) for x in values] for k, values in columns.items() if values is not None}
    grid = compared.grid
    rows = zip(grid.notes.tolist(), grid.velocities.tolist(), grid.gates.tolist(), strict=True)
    return {
        **{k: _mean(values) for k, values in columns.items() if values is not None},
        "panel": {name: _number(value) for name, value in compared.panel._asdict().items()},
        "notes": [
            {
                "key": note_number,
                "velocity": velocity,
                "gate_s": round(gate * HOP / grid.sample_rate, 3),
                **{k: values[i] for k, values in numbers.items()},
            }
            for i, (note_number, velocity, gate) in enumerate(rows)
        ],
    }


def _mean(values: Any) -> float | None:
    """Of those that are numbers, to a tenth."""
    import numpy as np

    return round(float(np.nanmean(values)), 1) if np.isfinite(values).any() else None


def _number(value: float) -> float | None:
    return round(float(value), 2) if value == value else None
