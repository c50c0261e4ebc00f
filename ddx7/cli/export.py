"""``ddx7 export``: a learned instrument as a voice that a DX7 plays."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

from ddx7.cli.made import check_output
from ddx7.cli.terminal import UsageError, note, result, result_json

if TYPE_CHECKING:
    from ddx7.plot import NoteLevels
    from ddx7.resynthesis.export import ExportedVoice, RecordedNotes

_BESIDE = (".wav", ".png", ".json")
_LONGEST_S = 600.0


@dataclass(frozen=True)
class Command:
    """Make a DX7 voice of a learned instrument: six envelopes, levels and scalings fitted to what its network does.

    Writes NAME.syx, and beside it NAME.wav (a scale by the instrument, then by the voice), NAME.png (the operators'
    levels, the instrument's and the voice's) and NAME.json. A voice only knows key, velocity and time: how a note
    swells later is the envelope's, the same in every note.
    """

    model: Annotated[Positional[str], arg(metavar="MODEL")]
    """The instrument: flute, violin, trumpet, or a .safetensors file of one's own."""
    output: Annotated[Path, arg(metavar="FILE.syx", aliases=["-o"])]
    """Where to write."""
    recording: Annotated[Path | None, arg(metavar="FILE")] = None
    """A solo whose notes and dynamics to fit to, and to be compared with; without it, notes all over the range."""
    name: Annotated[str, arg(metavar="NAME")] = ""
    """Of the voice; that of the model if left out."""
    attack: Annotated[float, arg(metavar="SECONDS")] = 0.06
    """How long the notes that are fitted to take to rise; a recording's have their own."""
    release: Annotated[float, arg(metavar="SECONDS")] = 0.2
    """How long they take to fall by 60 dB when the key is let go."""
    seed: Annotated[int, arg(metavar="N")] = 0
    """Of the search, and of noise."""
    json: bool = False
    """Print what was done as JSON."""
    force: bool = False
    """Replace files that are there."""

    def run(self) -> int:
        """Fit, write, and return the exit code."""
        if self.recording and self.recording.resolve() == self.output.with_suffix(".wav").resolve():
            raise UsageError(f"output: {self.output} would write its sound over the recording, wanted another name")
        check_output(self.output, force=self.force, beside=_BESIDE)

        import json
        import time

        from ddx7.audio.files import peak_limit, read_audio, write_audio
        from ddx7.files import atomic_write
        from ddx7.plot import export_figure, figure_bytes
        from ddx7.resynthesis.export import export, sound_of
        from ddx7.resynthesis.instrument import load
        from ddx7.resynthesis.level_tuning import RATE
        from ddx7.voice import save
        from ddx7.voice.voice import panel_name

        begun = time.perf_counter()
        instrument = load(self.model)
        recording = read_audio(self.recording, max_seconds=_LONGEST_S) if self.recording else None
        made = export(
            instrument,
            recording,
            name=self.name or panel_name(Path(self.model).stem) or "LEARNED",
            attack_s=self.attack,
            release_s=self.release,
            seed=self.seed,
            progress=note,
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
            "recording": str(self.recording) if self.recording else None,
            "attack_s": self.attack,
            "release_s": self.release,
            "seed": self.seed,
            "took_s": round(time.perf_counter() - begun, 2),
            **_report(made),
        }
        atomic_write(info, (json.dumps(report, indent=2) + "\n").encode(), force=self.force)
        if self.json:
            result_json(report)
        else:
            result([_verdict(self.output, made)])
        return 0


def _note_levels(made: "ExportedVoice") -> "NoteLevels":
    """Levels of the operators on the fitted notes, where they are audible; the others need not agree."""
    import numpy as np

    from ddx7.audio.features import HOP
    from ddx7.engine.tables import DB_PER_OCTAVE
    from ddx7.plot import NoteLevels
    from ddx7.resynthesis.export import FULL_OCTAVES
    from ddx7.resynthesis.level_curves import audible_floor

    notes, learned = made.fitted.notes, made.fitted.model.octaves
    floor = audible_floor(learned, made.voice.algorithm)
    instrument = np.where(learned > floor, learned, np.nan) + made.raised
    fitted = np.where(made.octaves > floor + made.raised, made.octaves, np.nan)
    return NoteLevels(
        notes=notes.keys,
        velocities=notes.velocities,
        gate_s=notes.gates * HOP / notes.sample_rate,
        n_frames=notes.lengths,
        frame_s=HOP / notes.sample_rate,
        instrument_db=(instrument - FULL_OCTAVES) * DB_PER_OCTAVE,
        voice_db=(fitted - FULL_OCTAVES) * DB_PER_OCTAVE,
    )


def _verdict(path: Path, made: "ExportedVoice") -> str:
    """What was reached, in one line."""
    line = f"{path}: {_mean(made.fitted.voice_db)} dB from the learned instrument on {len(made.fitted.voice_db)} notes"
    if made.fitted.recording_db is None or made.fitted.model_recording_db is None:
        return f"{line}, {_mean(made.phrase.voice_db)} dB on a scale that was not fitted (log-mel; 2-3 is very close)"
    apart, learned = _mean(made.fitted.recording_db), _mean(made.fitted.model_recording_db)
    return f"{line} of the recording, {apart} dB from the recording, the instrument itself {learned} dB (log-mel)"


def _report(made: "ExportedVoice") -> dict[str, Any]:
    """As JSON values."""
    from ddx7 import __version__

    return {
        "voice": made.voice.to_dict(),
        "envelope_fit_db": {f"OP{k}": round(e, 2) for k, e in enumerate(made.fit_db, 1)},
        "carriers_raised_db": round(float(made.raised.max()) * 6.0206, 2),
        "fitted": _heard(made.fitted),
        "phrase": _heard(made.phrase),
        "version": __version__,
    }


def _heard(heard: "RecordedNotes") -> dict[str, Any]:
    from ddx7.audio.features import HOP

    columns = {
        "distance_db": heard.voice_db,
        "same_rate_db": heard.same_rate_db,
        "recording_db": heard.recording_db,
        "instrument_recording_db": heard.model_recording_db,
    }
    there = {k: [_number(x) for x in values] for k, values in columns.items() if values is not None}
    notes = heard.notes
    rows = zip(notes.keys.tolist(), notes.velocities.tolist(), notes.gates.tolist(), strict=True)
    return {
        **{k: _mean(values) for k, values in columns.items() if values is not None},
        "notes": [
            {
                "key": key,
                "velocity": velocity,
                "gate_s": round(gate * HOP / notes.sample_rate, 3),
                **{k: values[i] for k, values in there.items()},
            }
            for i, (key, velocity, gate) in enumerate(rows)
        ],
    }


def _mean(values: Any) -> float | None:
    """Of those that are numbers, to a tenth."""
    import numpy as np

    return round(float(np.nanmean(values)), 1) if np.isfinite(values).any() else None


def _number(value: float) -> float | None:
    return round(float(value), 2) if value == value else None
