"""A DX7 voice beside the instrument that it was made from, note by note: dry, wet, and against a recording."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ddx7.audio import resample
from ddx7.audio.metrics import NoteComparison, compare_notes
from ddx7.resynthesis.level_curves import LevelCurves, NoteGrid
from ddx7.resynthesis.level_tuning import RATE, distances, play_voices
from ddx7.voice import Voice

_LEAST_SAMPLES = 2048  # that a comparison of two notes takes in


@dataclass(frozen=True, eq=False)
class RecordedNotes:
    """The same notes played by the instrument, by the voice and perhaps in a recording.

    Distances are log-mel distances of each note in dB, float [note]. *Dry* is the instrument without its reverb but
    with its body, *wet* as it plays.

    Attributes:
      grid: the notes.
      model: levels and sound of the instrument.
      voice_audio: sound of the voice at `RATE`, float32 [note, sample].
      voice_db: of the voice from the dry instrument, both at the instrument's rate.
      same_rate_db: the same with the engine at the instrument's rate, too.
      wet_db: of the voice from the wet instrument, at the instrument's rate.
      recording_db: of the voice from the recording's notes, at the instrument's rate; None without a recording.
      recording_full_db: the same at the highest rate that the voice and the recording both have.
      model_recording_db: of the dry instrument from the recording's notes, at its rate.
      model_recording_wet_db: of the wet instrument.
      panel: means over the notes of the figures of `ddx7.audio.metrics.compare_notes`, of the voice against the
        recording's notes or, without one, the dry instrument, at the rate that both have.
    """

    grid: NoteGrid
    model: LevelCurves
    voice_audio: Float[np.ndarray, "note sample"]
    voice_db: Float[np.ndarray, " note"]
    same_rate_db: Float[np.ndarray, " note"]
    wet_db: Float[np.ndarray, " note"]
    panel: NoteComparison
    recording_db: Float[np.ndarray, " note"] | None = None
    recording_full_db: Float[np.ndarray, " note"] | None = None
    model_recording_db: Float[np.ndarray, " note"] | None = None
    model_recording_wet_db: Float[np.ndarray, " note"] | None = None

    def __getitem__(self, index: slice) -> "RecordedNotes":
        """Some of the notes; the panel stays that of all."""
        model = LevelCurves(*(getattr(self.model, name)[index] for name in ("octaves", "audio", "wet")))
        columns = {name: values[index] for name in DISTANCES if (values := getattr(self, name)) is not None}
        return replace(self, grid=self.grid[index], model=model, voice_audio=self.voice_audio[index], **columns)


DISTANCES = (
    "voice_db",
    "same_rate_db",
    "wet_db",
    "recording_db",
    "recording_full_db",
    "model_recording_db",
    "model_recording_wet_db",
)
"""Names of the distances in `RecordedNotes`."""


def compare_voice(
    voice: Voice,
    grid: NoteGrid,
    played: LevelCurves,
    sounds: Sequence[np.ndarray] | None = None,
    sounds_rate: int = RATE,
) -> RecordedNotes:
    """The voice on the notes of an instrument, with the distances between the two and from a recording.

    Args:
      voice: to play.
      grid: notes.
      played: by the instrument.
      sounds: of the recording's notes.
      sounds_rate: sample rate of these, at most `RATE`.
    """
    rate = grid.sample_rate
    full_rate, same_rate = (play_voices([voice], grid, sample_rate)[0] for sample_rate in (RATE, rate))
    at_rate = [resample(sound, RATE, rate) for sound in full_rate]
    dry, wet = grid.cut(played.audio), grid.cut(played.wet)
    result = RecordedNotes(
        grid,
        played,
        full_rate,
        distances(dry, at_rate, rate),
        distances(dry, same_rate, rate),
        distances(wet, at_rate, rate),
        _panel(dry, at_rate, rate)
        if sounds is None
        else _panel(sounds, _resampled(full_rate, sounds_rate), sounds_rate),
    )
    if sounds is None:
        return result
    low = [resample(sound, sounds_rate, rate) for sound in sounds]
    return replace(
        result,
        recording_db=distances(low, at_rate, rate),
        recording_full_db=distances(sounds, _resampled(full_rate, sounds_rate), sounds_rate),
        model_recording_db=distances(low, list(played.audio), rate),
        model_recording_wet_db=distances(low, list(played.wet), rate),
    )


def _resampled(sounds: Sequence[np.ndarray] | np.ndarray, rate: int) -> list[np.ndarray]:
    return [resample(sound, RATE, rate) for sound in sounds]


def _panel(targets: Sequence[np.ndarray], estimates: Sequence[np.ndarray], rate: int) -> NoteComparison:
    pairs = [
        (a, b) for a, b in zip(targets, estimates, strict=True) if len(a) >= _LEAST_SAMPLES and a.any() and b.any()
    ]
    rows = np.array([compare_notes(a, b, rate) for a, b in pairs]).reshape(-1, len(NoteComparison._fields))
    # A mean over the notes that have the figure; a note without a clear pitch has none of the pitch.
    found = np.isfinite(rows)
    totals = np.where(found, rows, 0.0).sum(axis=0)
    return NoteComparison(*np.where(found.any(axis=0), totals / np.maximum(found.sum(axis=0), 1), np.nan).tolist())
