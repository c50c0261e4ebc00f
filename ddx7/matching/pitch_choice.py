"""Pitches that a recording's strongest note may have, for the search to try until sound decides."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from ddx7.audio import Note
from ddx7.audio.pitch import cents_between
from ddx7.matching.measured_note import MeasuredNote
from ddx7.matching.target import Target
from ddx7.matching.vced import columns

CLEAR = 0.75
"""Confidence from which a note has one pitch; a pitch that the user gives has 1."""
_MOST = 4  # pitches beside the measured one
_LEAST_OWN, _LEAST_OTHER = 0.35, 0.1  # weights
_DIFFERENT_CENTS = 50.0
_LOWEST_HZ, _HIGHEST_HZ = 30.0, 2000.0
_STRONGEST, _HARMONICS = 16, 40
_IN_TUNE = 0.1  # of a fundamental, and of a frequency in hundredths
_LOWEST_SEMITONES, _HIGHEST_SEMITONES = -35, 24  # by transpose, and below it by coarse 0
_TRANSPOSE_CENTRE, _OCTAVE = 24, 12


class PossiblePitch(NamedTuple):
    """A pitch with its share of the proposals.

    Attributes:
      f0_hz: fundamental frequency.
      share: of the proposals; the shares of a note sum to 1.
    """

    f0_hz: float
    share: float


def possible_pitches(note: Note, partials: MeasuredNote) -> tuple[PossiblePitch, ...]:
    """Pitches of a note, the measured one first.

    A clear pitch is alone. Beside an unclear one stand the other pitch hypotheses and the common fundamental of the
    strong partials, which YIN does not find where the partials are dense and far above it.

    Args:
      note: the note.
      partials: of it.
    """
    own = PossiblePitch(note.f0_hz, 1.0)
    if note.confidence >= CLEAR:
        return (own,)
    others = [(h.f0_hz, h.weight) for h in note.pitch_hypotheses if h.f0_hz is not None]
    if (common_hz := common_fundamental(partials)) is not None:
        others.insert(0, (common_hz, _LEAST_OTHER))
    kept: list[PossiblePitch] = [own._replace(share=max(note.confidence, _LEAST_OWN))]
    for f0_hz, weight in others:
        semitones = cents_between(f0_hz, note.f0_hz) / 100
        apart = all(abs(cents_between(f0_hz, pitch.f0_hz)) > _DIFFERENT_CENTS for pitch in kept)
        if apart and _LOWEST_SEMITONES <= semitones <= _HIGHEST_SEMITONES and len(kept) <= _MOST:
            kept.append(PossiblePitch(f0_hz, max(weight, _LEAST_OTHER)))
    total = sum(pitch.share for pitch in kept)
    return tuple(pitch._replace(share=pitch.share / total) for pitch in kept)


def common_fundamental(partials: MeasuredNote) -> float | None:
    """The fundamental whose harmonics explain the loudness of the partials best; None if none explains most of it."""
    loudness = partials.loudness().mean(axis=1)
    strong = np.sort(partials.f_hz[np.argsort(-loudness)[:_STRONGEST]])
    spacing = np.abs(strong[:, None] - strong).ravel()
    candidates = np.unique(np.concatenate([spacing, spacing / 2, strong]).round(1))
    candidates = candidates[(candidates >= _LOWEST_HZ) & (candidates <= _HIGHEST_HZ)]
    if not len(candidates):
        return None
    number = np.round(partials.f_hz / candidates[:, None])
    error_hz = np.abs(partials.f_hz - number * candidates[:, None])
    reach_hz = np.minimum(_IN_TUNE * candidates[:, None], _IN_TUNE / 10 * partials.f_hz)
    tuned = (number >= 1) & (number <= _HARMONICS) & (error_hz < reach_hz)
    share = (tuned * loudness).sum(axis=1) / loudness.sum()
    # A low fundamental has a harmonic near every partial, but most of its harmonics are missing.
    hits = tuned & (loudness > 0.25 * loudness.max())
    counts = [len(np.unique(row[hit])) / max(row[hit].max(initial=1), 1) for row, hit in zip(number, hits, strict=True)]
    score = share * np.sqrt(counts)
    best = int(score.argmax())
    if share[best] < 0.5:
        return None
    weights = tuned[best] * loudness
    return float(np.sum(weights * partials.f_hz / np.maximum(number[best], 1)) / weights.sum())


def on_own_key(target: Target, voices: UInt8[np.ndarray, "voice 155"]) -> tuple[Target, UInt8[np.ndarray, "moved 155"]]:
    """Move the key of an unclear single note to where the best voice plays it without transposing.

    The key stays where the voice is transposed by octaves: a ratio of 0.5 or 2 does as much, so they prove nothing.

    Args:
      target: the recording.
      voices: the best one first.

    Returns:
      the target and the voices, which sound as before; voices that cannot be transposed so far are left out.
    """
    [place] = columns("transpose")
    if len(target.notes) != 1 or target.notes[0].confidence >= CLEAR or not len(voices):
        return target, voices
    semitones = int(voices[0, place]) - _TRANSPOSE_CENTRE
    [note], [event] = target.notes, target.events
    if semitones % _OCTAVE == 0 or not 0 <= event.note + semitones <= 127:
        return target, voices
    transposed = voices[:, place].astype(int) - semitones
    within = (transposed >= 0) & (transposed <= 2 * _TRANSPOSE_CENTRE)
    moved = voices[within].copy()
    moved[:, place] = transposed[within]
    note = replace(note, note=note.note + semitones, f0_hz=note.f0_hz * 2 ** (semitones / 12))
    events = (event._replace(note=event.note + semitones),)
    return replace(target, notes=(note,), events=events), moved
