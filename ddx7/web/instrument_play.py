"""Learned instruments for the page: what plays in the server, and the export to a voice as a job (in the worker)."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from ddx7.audio import Recording
from ddx7.errors import Ddx7Error
from ddx7.voice import Voice
from ddx7.web.own_instruments import own_instruments
from ddx7.web.sounds import Sound
from ddx7.web.worker import Report

if TYPE_CHECKING:
    from ddx7.resynthesis import Instrument, PlaybackControls

_MEASURED = 24  # recordings whose pitch and loudness are remembered


@dataclass(frozen=True)
class InstrumentSettings:
    """How an instrument plays.

    Attributes:
      model: name of one of the package, or of the player's own.
      weights: file of the player's own; None for one of the package.
      transpose: semitones up.
      mod_index: factor of all modulation indices.
      levels_db: dB added to OP1 to OP6.
      reverb: wet level.
      attack_s: shortest time for loudness to rise by 60 dB; 0 leaves the recording's.
      release_s: time for a MIDI note to fall by 60 dB.
      vibrato_cents: of long MIDI notes.
      keep_level: play from the recording's own loudness.
      extractor: of the pitch.
      seed: of noise.
    """

    model: str
    weights: Path | None = None
    transpose: float = 0.0
    mod_index: float = 1.0
    levels_db: tuple[float, ...] = (0.0,) * 6
    reverb: float = 1.0
    attack_s: float = 0.0
    release_s: float = 0.2
    vibrato_cents: float = 15.0
    keep_level: bool = False
    extractor: str = "pyin"
    seed: int = 0

    def playback(self) -> "PlaybackControls":
        """The settings that all sources share."""
        from ddx7.resynthesis import PlaybackControls

        return PlaybackControls(self.transpose, self.mod_index, self.levels_db, reverb=self.reverb)


@dataclass(frozen=True, eq=False)
class InstrumentSound:
    """What an instrument played.

    Attributes:
      sound: mono.
      remarks: advice to the player.
    """

    sound: Sound
    remarks: tuple[str, ...]


class Instruments:
    """Loaded instruments and measured recordings of one server."""

    def __init__(self) -> None:
        self._loaded: dict[str, Instrument] = {}
        self._features: dict[tuple[str, ...], Any] = {}
        self._lock = Lock()

    def play_recording(self, sound: Sound, sound_id: str, settings: InstrumentSettings) -> InstrumentSound:
        """A recording, played by an instrument."""
        from ddx7.resynthesis import transfer
        from ddx7.resynthesis.transfer import measure

        instrument = self.instrument(settings)
        recording = _recording(sound, "the recording")
        key = (sound_id, settings.extractor, str(instrument.model.sample_rate))
        with self._lock:  # one at a time, so that a knob that moves fast does not measure twice
            if key not in self._features:
                self._features[key] = measure(recording, instrument, settings.extractor)
                while len(self._features) > _MEASURED:
                    del self._features[next(iter(self._features))]
            played = transfer(
                recording,
                instrument,
                settings.playback(),
                attack_s=settings.attack_s,
                keep_level=settings.keep_level,
                extractor=settings.extractor,
                seed=settings.seed,
                features=self._features[key],
            )
        return InstrumentSound(Sound(played.audio, played.sample_rate), played.remarks)

    def play_midi(self, data: bytes, scratch: Path, settings: InstrumentSettings) -> InstrumentSound:
        """A MIDI file, played by an instrument."""
        from ddx7.engine.midi_file import read_midi
        from ddx7.resynthesis import perform
        from ddx7.resynthesis.performance import style_of

        with tempfile.NamedTemporaryFile(dir=scratch, suffix=".mid") as file:
            file.write(data)
            file.flush()
            try:
                performance = read_midi(file.name)
            except Ddx7Error as error:
                raise Ddx7Error(str(error).replace(file.name, "the MIDI file")) from None
        instrument = self.instrument(settings)
        style = replace(style_of(instrument), release_s=settings.release_s, vibrato_cents=settings.vibrato_cents)
        if settings.attack_s:
            style = replace(style, attack_s=settings.attack_s)
        with self._lock:
            played = perform(performance, instrument, settings.playback(), style=style, seed=settings.seed)
        return InstrumentSound(Sound(played.audio, played.sample_rate), (*performance.repairs, *played.remarks))

    def instrument(self, settings: InstrumentSettings) -> "Instrument":
        """The instrument that settings name, loaded once for each version of its file."""
        from ddx7.resynthesis import load

        weights = settings.weights
        key = f"{weights} {weights.stat().st_mtime_ns}" if weights else settings.model
        with self._lock:
            if key not in self._loaded:
                self._loaded[key] = load(weights or settings.model)
            return self._loaded[key]


def instruments_to_json(folder: Path) -> list[dict[str, Any]]:
    """The instruments of the package, then the player's own in a folder; those that cannot be read are left out."""
    from ddx7.resynthesis import load, shipped

    found = []
    own = own_instruments(folder)
    for name in (*shipped(), *own):
        try:
            card: Mapping[str, Any] = load(own.get(name, name)).card
        except Ddx7Error:
            continue
        learned = card.get("range", {})
        found.append(
            {
                "name": name,
                "own": name in own,
                "minutes": card.get("minutes"),
                "lowest_note": learned.get("lowest_note"),
                "highest_note": learned.get("highest_note"),
            }
        )
    return found


@dataclass(frozen=True, eq=False)
class ExportTask:
    """What an export needs.

    Attributes:
      model: name of the instrument.
      weights: its file, if it is the player's own.
      recording: whose notes the fit takes; None for notes over the whole range.
      sample_rate: of it, in Hz.
      name: of the voice.
      seed: of the search.
    """

    model: str
    weights: Path | None
    recording: Float[np.ndarray, " time"] | None
    sample_rate: int
    name: str
    seed: int = 0


@dataclass(frozen=True, eq=False)
class ExportOutcome:
    """A voice made from an instrument.

    Attributes:
      voice: the voice.
      distance_db: from the instrument on the notes of the fit, mean.
      recording_db: from the notes of the recording, mean; None without one.
    """

    voice: Voice
    distance_db: float
    recording_db: float | None


def run_export(report: Report, task: ExportTask) -> ExportOutcome:
    """Fit a voice to an instrument (in the worker)."""
    from ddx7.resynthesis import load
    from ddx7.resynthesis.export import export

    report({"stage": "loading the instrument"})
    recording = None if task.recording is None else _recording(Sound(task.recording, task.sample_rate), "the recording")
    instrument = load(task.weights or task.model)
    made = export(
        instrument, recording, name=task.name, seed=task.seed, progress=lambda stage: report({"stage": stage})
    )
    recording_db = made.fitted.recording_db
    return ExportOutcome(
        made.voice,
        float(np.nanmean(made.fitted.voice_db)),
        None if recording_db is None else float(np.nanmean(recording_db)),
    )


def _recording(sound: Sound, name: str) -> Recording:
    return Recording(sound.samples, sound.sample_rate, Path(name))
