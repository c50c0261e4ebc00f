"""A recording played by another instrument: its melody and its dynamics, the instrument's sound."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Real

from ddx7.audio.f0 import HIGHEST_HZ, LOWEST_HZ, tones_outside
from ddx7.audio.features import HOP, SILENT_DB, FrameFeatures, extract
from ddx7.audio.files import Recording, resample
from ddx7.audio.loudness import FLOOR_DB, loudness, shift_loudness
from ddx7.audio.pitch import hz_to_midi
from ddx7.errors import ArgumentError, AudioError
from ddx7.resynthesis.dataset import Segment
from ddx7.resynthesis.instrument import Instrument
from ddx7.resynthesis.playback import PlaybackControls

CLEAR_PITCH = 0.5
"""Confidence of the fundamental from which a frame has a clear pitch."""
_LEAST_CLEAR_SHARE = 0.7
_LOUD_PERCENTILE = 95.0  # of the loudness of a recording, compared with that of the training's recordings
_ABOVE_DB = 3.0  # over the loud passages of the learned recordings, as a loud phrase is
_PASSAGE_FRAMES = 1000  # of which the softest gives the lower end of the learned loudness
_MIRRORED_FRAMES = 64  # at each end; pyin and loudness take in less
_MOST_CORRECTION_DB = 12.0  # of the level
_SMOOTH_FRAMES = 31  # 124 ms: shorter than a note, longer than a period of vibrato in level
_MOST_OUTSIDE_SHARE = 0.1  # of frames outside the learned range


@dataclass(frozen=True, eq=False)
class Transfer:
    """A recording, played by an instrument.

    Attributes:
      audio: float32 [time] at the instrument's sample rate, as long and as loud as the recording, frame by frame.
      target: the recording at that rate, float32 [time].
      sample_rate: in Hz.
      features: of the recording, with the loudness that the instrument played from.
      controls: of the synthesizer; for FM log2 gains of OP1 to OP6, float32 [frame, 6].
      playback: settings of the player.
      attack_s: shortest time for loudness to rise by 60 dB.
      seed: of noise.
      remarks: advice to the player, a sentence each.
      outside_s: seconds left silent because their pitch lies outside the range of the pitch extractor.
    """

    audio: Float[np.ndarray, " time"]
    target: Float[np.ndarray, " time"]
    sample_rate: int
    features: FrameFeatures
    controls: Any
    playback: PlaybackControls
    attack_s: float
    seed: int
    remarks: tuple[str, ...]
    outside_s: float = 0.0


def transfer(
    recording: Recording,
    instrument: Instrument,
    playback: PlaybackControls | None = None,
    *,
    attack_s: float = 0.0,
    keep_level: bool = False,
    extractor: str = "pyin",
    seed: int = 0,
    features: FrameFeatures | None = None,
    progress: Callable[[str], None] | None = None,
) -> Transfer:
    """Play a recording with an instrument.

    The result follows the recording's loudness: a slow gain of at most 12 dB corrects what the network plays.

    Args:
      recording: a melody; of chords the instrument plays one line.
      instrument: to play with.
      playback: settings of the player.
      attack_s: shortest time for loudness to rise by 60 dB, 0 to 10; 0 leaves the recording's.
      keep_level: play from the measured loudness, without a shift into the learned range.
      extractor: of the fundamental.
      seed: of noise.
      features: what `measure` found in the recording; without them it is measured, which takes most of the time.
      progress: called with a few words for each step.

    Raises:
      AudioError: the recording has no pitch anywhere.
      ArgumentError: a value is out of range.
    """
    if not 0 <= attack_s <= 10:
        raise ArgumentError(f"attack: found {attack_s:g} s, wanted 0 to 10")
    playback = playback or PlaybackControls()
    rate = instrument.model.sample_rate
    target = resample(recording.samples, recording.sample_rate, rate)
    report = progress or (lambda _: None)
    if features is None:
        report(f"measuring pitch and loudness of {len(target) / rate:.1f} s")
        features = _extract_to_the_ends(target, rate, extractor)
    if not (features.f0_hz > 0).any():
        raise AudioError(f"{recording.path}: no pitch is found anywhere, a melody is wanted")
    sounding = _sounding(features.loudness_db)
    learned = instrument.card.get("range", {})
    gain_db = learned.get("gain_db", 0.0)
    offset_db = gain_db if keep_level else loudness_offset(features.loudness_db, learned)
    loudness_db = shift_loudness(features.loudness_db, offset_db)
    loudness_db = _limit_rise(loudness_db, attack_s * rate / HOP)
    outside = tones_outside(target, rate, np.arange(len(loudness_db)) * HOP / rate) & sounding
    played = replace(features, loudness_db=loudness_db.astype(np.float32))
    report(f"playing {len(target) / rate:.1f} s")
    f0_hz, loudness_db = played.f0_hz, played.loudness_db
    audio, controls = play_at_level(instrument, f0_hz, loudness_db, playback, seed=seed)
    audio = audio[: len(target)] * np.float32(10 ** (-offset_db / 20))
    audio = muted(audio, outside | (features.loudness_db <= FLOOR_DB))  # a tone at another pitch would be wrong
    outside_s = float(outside.sum() * HOP / rate)
    remarks = list(_remarks(features, sounding & ~outside, playback, learned))
    if outside_s:
        spanned = f"{LOWEST_HZ:.0f} to {HIGHEST_HZ:,.0f} Hz"
        remarks.append(f"{outside_s:.2f} s of it lie outside {spanned}, where pitch is followed, and are left silent")
    return Transfer(audio, target, rate, played, controls, playback, attack_s, seed, tuple(remarks), outside_s)


def play_at_level(
    instrument: Instrument,
    f0_hz: Float[np.ndarray, " frame"],
    loudness_db: Float[np.ndarray, " frame"],
    playback: PlaybackControls,
    *,
    seed: int = 0,
    hold: bool = False,
) -> tuple[Float[np.ndarray, " time"], Any]:
    """Play as loud as asked: a slow gain of at most 12 dB corrects what the network plays.

    Args:
      instrument: to play with.
      f0_hz: fundamental of each frame.
      loudness_db: wanted.
      playback: settings of the player.
      seed: of noise.
      hold: keep the gain of the notes before and after through rests, where the instrument's own tail sounds; without
        it, rests are as loud as asked, too.

    Returns:
      (sound, controls of the synthesizer).
    """
    audio, controls = instrument.play_with_controls(f0_hz, loudness_db, playback, seed=seed)
    # A player who changes levels or reverb wants another level: the correction is that of the sound without the change.
    neutral = PlaybackControls(playback.transpose, playback.mod_index, ratios=playback.ratios)
    heard = audio if neutral == playback else instrument.play_with_controls(f0_hz, loudness_db, neutral, seed=seed)[0]
    gain_db = _level_correction(heard, loudness_db, instrument.model.sample_rate, hold=hold)
    return audio * _per_sample(10 ** (gain_db / 20), len(audio)), controls


def muted(audio: Float[np.ndarray, " time"], frames: Bool[np.ndarray, " frame"]) -> Float[np.ndarray, " time"]:
    """A sound that is silent in some frames: where a recording has digital silence, no reverb rings either.

    Args:
      audio: the sound.
      frames: of 64 samples, which are to be silent; a fade takes one frame.
    """
    if not frames.any():
        return audio
    return audio * _per_sample(~frames, len(audio))


def _per_sample(frames: np.ndarray, n: int) -> Float[np.ndarray, " time"]:
    """Values of frames in straight lines from one to the next, one for each of n samples."""
    return np.interp(np.arange(n), np.arange(len(frames)) * HOP, frames).astype(np.float32)


def _level_correction(
    audio: np.ndarray, loudness_db: np.ndarray, sample_rate: int, *, hold: bool
) -> Float[np.ndarray, " frame"]:
    """Gain in dB that brings a sound to the loudness that it was played from.

    A network that learns distances of logarithms gives the median of what it cannot know, which is softer than the
    mean, and notes beyond those that it learned can be off by more. Silence stays as it is.
    """
    margin = min(_MIRRORED_FRAMES, max(len(loudness_db) - 1, 0))
    found_db = loudness(np.pad(audio, margin * HOP, mode="reflect"), sample_rate, HOP)[margin:][: len(loudness_db)]
    sounds = (found_db > FLOOR_DB) & (loudness_db > FLOOR_DB)
    gain_db = np.where(sounds, np.clip(loudness_db - found_db, -_MOST_CORRECTION_DB, _MOST_CORRECTION_DB), 0.0)
    held_over = ~(sounds & _sounding(loudness_db))
    if hold and not held_over.all():
        frame = np.arange(len(gain_db))
        gain_db = np.interp(frame, frame[~held_over], gain_db[~held_over])
    window = np.hanning(_SMOOTH_FRAMES + 2)[1:-1]
    padded = np.pad(gain_db, _SMOOTH_FRAMES // 2, mode="edge")
    return np.convolve(padded, window / window.sum(), "valid")


def measure(recording: Recording, instrument: Instrument, extractor: str = "pyin") -> FrameFeatures:
    """Pitch and loudness of a recording, for `transfer` with changing settings.

    Args:
      recording: a melody.
      instrument: that will play it.
      extractor: of the fundamental.
    """
    rate = instrument.model.sample_rate
    return _extract_to_the_ends(resample(recording.samples, recording.sample_rate, rate), rate, extractor)


def _extract_to_the_ends(samples: np.ndarray, sample_rate: int, extractor: str) -> FrameFeatures:
    """Features of a sound that is mirrored at its ends, so that loudness does not fall where a recording is cut off."""
    margin = min(_MIRRORED_FRAMES, (len(samples) - 1) // HOP)
    if margin < 1:
        return extract(samples, sample_rate, extractor)
    features = extract(np.pad(samples, margin * HOP, mode="reflect"), sample_rate, extractor)
    inside = slice(margin, margin - (-len(samples) // HOP))
    return FrameFeatures(*(x[inside] for x in (features.f0_hz, features.confidence, features.loudness_db)))


def loudness_offset(loudness_db: np.ndarray, learned: dict[str, Any]) -> float:
    """Gain in dB that brings a recording to a loudness that an instrument learned.

    A recording that is as loud as some of those that the instrument learned from keeps its level, so that soft playing
    stays soft. Any other becomes as loud as the loudest.

    Args:
      loudness_db: loudness of the recording [frame].
      learned: from `learned_range`; if it is empty, the gain is 0.
    """
    if not learned:
        return 0.0
    loud_db = float(np.percentile(loudness_db[_sounding(loudness_db)], _LOUD_PERCENTILE))
    gain_db = learned.get("gain_db", 0.0)
    if learned.get("soft_db", np.inf) <= loud_db + gain_db <= learned["loud_db"] + _ABOVE_DB:
        return gain_db
    return learned["loud_db"] - loud_db


def _sounding(loudness_db: np.ndarray) -> np.ndarray:
    return loudness_db > loudness_db.max() - SILENT_DB


def _limit_rise(loudness_db: np.ndarray, frames: float) -> np.ndarray:
    """Loudness that rises by at most 60 dB in so many frames, and falls as before."""
    if frames < 1:
        return loudness_db
    limited, last = np.empty_like(loudness_db), FLOOR_DB
    for k, level in enumerate(loudness_db):
        last = min(float(level), max(last, float(level) - 60.0) + 60.0 / frames)
        limited[k] = last
    return limited


def _remarks(
    features: FrameFeatures, sounding: np.ndarray, playback: PlaybackControls, learned: dict[str, Any]
) -> list[str]:
    remarks = []
    if not sounding.any():
        return remarks
    clear = features.confidence[sounding] >= CLEAR_PITCH
    if clear.mean() < _LEAST_CLEAR_SHARE:
        remarks.append(f"only {100 * clear.mean():.0f} % of the sound has a clear pitch; a solo melody works best")
    note = hz_to_midi(features.f0_hz[sounding]) + playback.transpose
    if remark := outside_remark(note, playback, learned):
        remarks.append(remark)
    return remarks


def outside_remark(
    note: Real[np.ndarray, " moment"], playback: PlaybackControls, learned: dict[str, Any]
) -> str | None:
    """A sentence for a player whose notes lie outside those that an instrument learned; None if few do.

    Args:
      note: MIDI notes as played, one for each moment.
      playback: settings of the player, whose transposition is in the notes.
      learned: from `learned_range`, or empty.
    """
    if not learned:
        return None
    low, high = learned["lowest_note"], learned["highest_note"]
    outside = float(np.mean((note < low - 0.5) | (note > high + 0.5)))
    if outside <= _MOST_OUTSIDE_SHARE:
        return None
    middle, semitones = float(np.median(note)), 0
    while middle + semitones < low:
        semitones += 12
    while middle + semitones > high:
        semitones -= 12
    advice = f"; --transpose {playback.transpose + semitones:g} would help" if semitones else ""
    return f"{100 * outside:.0f} % of it lies outside the learned MIDI notes, {low:.0f} to {high:.0f}{advice}"


def learned_range(segments: list[Segment], gain: float = 1.0) -> dict[str, float]:
    """For a card: MIDI notes and loudness of the segments that an instrument learned from.

    Args:
      segments: from `ddx7.resynthesis.dataset.load_segments`.
      gain: of the corpus, from the report on it.
    """
    f0_hz = np.concatenate([s.features.f0_hz[s.features.confidence >= CLEAR_PITCH] for s in segments])
    loudness_db = np.concatenate([s.features.loudness_db for s in segments])
    note = hz_to_midi(f0_hz)
    low, high = np.percentile(note, [0.5, 99.5])
    loud_db = float(np.percentile(loudness_db[_sounding(loudness_db)], _LOUD_PERCENTILE))
    passages = [loudness_db[k : k + _PASSAGE_FRAMES] for k in range(0, len(loudness_db), _PASSAGE_FRAMES)]
    softest_db = min(float(np.percentile(p[_sounding(p)], _LOUD_PERCENTILE)) for p in passages)
    return {
        "lowest_note": round(float(low), 1),
        "highest_note": round(float(high), 1),
        "loud_db": round(loud_db, 1),
        "soft_db": round(max(softest_db, loud_db - SILENT_DB / 2), 1),
        "gain_db": round(float(20 * np.log10(gain)), 2),
    }
