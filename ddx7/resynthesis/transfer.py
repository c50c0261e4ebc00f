"""A recording played by another instrument: its melody and its dynamics, the instrument's sound."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ddx7.audio.features import HOP, FrameFeatures, extract
from ddx7.audio.files import Recording, resample
from ddx7.audio.loudness import FLOOR_DB
from ddx7.audio.pitch import hz_to_midi
from ddx7.errors import AudioError, Ddx7Error
from ddx7.resynthesis.instrument import Instrument, PlaybackControls

SURE = 0.5
"""Confidence of the fundamental from which a frame counts as played."""
LOUD = 95.0  # percentile of loudness that stands for how loud a recording is played


@dataclass(frozen=True, eq=False)
class Transfer:
    """A recording, played by an instrument.

    Attributes:
      audio: float32 [time] at the instrument's sample rate, as long and about as loud as the recording.
      sample_rate: in Hz.
      features: what it was played from, before knobs were turned; fundamental and loudness as the instrument got them.
      controls: what the synthesiser was told; for FM log2 gains of OP1 to OP6, float32 [frame, 6].
      notes: what to know, a sentence each.
    """

    audio: np.ndarray
    sample_rate: int
    features: FrameFeatures
    controls: Any
    notes: tuple[str, ...]


def transfer(
    recording: Recording,
    instrument: Instrument,
    knobs: PlaybackControls | None = None,
    *,
    attack_s: float = 0.0,
    keep_level: bool = False,
    extractor: str = "pyin",
    seed: int = 0,
) -> Transfer:
    """Play a recording with an instrument.

    Args:
      recording: a melody; of chords one line is followed.
      instrument: that plays.
      knobs: turned before playing.
      attack_s: how long loudness takes to rise by 60 dB at least; 0 leaves it as it was played.
      keep_level: hand loudness over as measured, rather than moved to the range that the instrument learned.
      extractor: of the fundamental.
      seed: of noise.

    Raises:
      AudioError: no fundamental is found anywhere.
      Ddx7Error: a value means nothing.
    """
    if not 0 <= attack_s <= 10:
        raise Ddx7Error(f"attack: found {attack_s:g} s, wanted 0 to 10")
    knobs = knobs or PlaybackControls()
    rate = instrument.model.sample_rate
    samples = resample(recording.samples, recording.sample_rate, rate)
    features = extract(samples, rate, extractor)
    if not (features.f0_hz > 0).any():
        raise AudioError(f"{recording.path}: no pitch is found anywhere, a melody is wanted")
    played = _played(features.loudness_db)
    learned = instrument.card.get("range", {})
    offset_db = 0.0 if keep_level else loudness_offset(features.loudness_db, learned)
    level_db = np.maximum(features.loudness_db + offset_db, FLOOR_DB)
    level_db = _slowed(level_db, attack_s * rate / HOP)
    heard = replace(features, loudness_db=level_db.astype(np.float32))
    audio, controls = instrument.stream(knobs, seed).play_with_controls(heard.f0_hz, heard.loudness_db)
    audio = audio[: len(samples)] * np.float32(10 ** (-offset_db / 20))
    return Transfer(audio, rate, heard, controls, tuple(_remarks(features, played, knobs, learned)))


def loudness_offset(level_db: np.ndarray, learned: dict[str, Any]) -> float:
    """Decibels by which a recording is to be raised to be as loud as what an instrument learned from.

    Args:
      level_db: loudness of the recording [frame].
      learned: from `learned_range`; 0 comes back if it is empty.
    """
    return learned["loud_db"] - float(np.percentile(level_db[_played(level_db)], LOUD)) if learned else 0.0


def _played(level_db: np.ndarray) -> np.ndarray:
    return level_db > level_db.max() - 40


def _slowed(level_db: np.ndarray, frames: float) -> np.ndarray:
    """Rises no faster than 60 dB in so many frames; falls as they are."""
    if frames < 1:
        return level_db
    slowed, last = np.empty_like(level_db), FLOOR_DB
    for k, level in enumerate(level_db):
        last = min(float(level), max(last, float(level) - 60.0) + 60.0 / frames)
        slowed[k] = last
    return slowed


def _remarks(
    features: FrameFeatures, played: np.ndarray, knobs: PlaybackControls, learned: dict[str, Any]
) -> list[str]:
    found = []
    sure = features.confidence[played] >= SURE
    if sure.mean() < 0.7:
        found.append(f"only {100 * sure.mean():.0f} % of what sounds has a clear pitch; a solo melody works best")
    if learned:
        note = hz_to_midi(features.f0_hz[played]) + knobs.transpose
        low, high = learned["lowest_note"], learned["highest_note"]
        beyond = float(np.mean((note < low - 0.5) | (note > high + 0.5)))
        if beyond > 0.1:
            middle, semitones = float(np.median(note)), 0
            while middle + semitones < low:
                semitones += 12
            while middle + semitones > high:
                semitones -= 12
            advice = f"; --transpose {knobs.transpose + semitones:g} would help" if semitones else ""
            found.append(
                f"{100 * beyond:.0f} % of it lies outside what was learned, MIDI notes {low:.0f} to {high:.0f}{advice}"
            )
    return found


def learned_range(pieces: list[Any]) -> dict[str, float]:
    """For a card: the notes and the loudness of recordings that were learned from."""
    f0_hz = np.concatenate([p.features.f0_hz[p.features.confidence >= SURE] for p in pieces])
    level_db = np.concatenate([p.features.loudness_db for p in pieces])
    note = hz_to_midi(f0_hz)
    low, high = np.percentile(note, [0.5, 99.5])
    return {
        "lowest_note": round(float(low), 1),
        "highest_note": round(float(high), 1),
        "loud_db": round(float(np.percentile(level_db[_played(level_db)], LOUD)), 1),
    }
