"""Differences of a tone: its pitch, how clear that is, and a partial that is too strong or too weak all the time."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ddx7.audio.descriptors import OCTAVES_HZ, harmonic_share, partial_levels_db
from ddx7.audio.pitch import PitchEstimate, cents_between
from ddx7.matching.phrases import NO_DIFFERENCE, Difference, Pair

CENTS = 10.0  # a step; audible as a chorus; a step of detune corrects little less
CLARITY, HARMONIC = 0.2, 0.2  # of the confidence of a pitch, and of the power in its partials
PARTIAL_DB = 6.0  # beyond its octave
PITCHED = 0.4  # confidence from which a sound has a pitch, as `estimate_pitch` says
CERTAIN = 0.7  # confidence from which a pitch can be called wrong; bells and noisy basses stay below
NAMED_CENTS = 90.0  # from here on an interval has a name
N_PARTIALS, AUDIBLE_DB = 10, -15.0  # listeners resolve about so many; the strongest mask weaker ones
LOUD_DB = -15.0  # the part of a note in which partials are compared


class PartialDifference(NamedTuple):
    """The partial that differs most.

    Attributes:
      difference: its size and phrase.
      octave: index of its octave in `OCTAVES_HZ`.
      louder: whether it is too strong.
    """

    difference: Difference
    octave: int
    louder: bool


def interval_cents(pitches: Pair[PitchEstimate]) -> float:
    """Pitch of the estimate against the target; 0 where one of them is not certain."""
    if min(pitch.confidence for pitch in pitches) < CERTAIN:
        return 0.0
    return float(cents_between(pitches.estimate.f0_hz, pitches.target.f0_hz))


def pitch_difference(cents: float) -> Difference:
    """An interval in words."""
    if abs(cents) < NAMED_CENTS:
        return Difference(abs(cents) / CENTS, f"{abs(cents):.0f} cents {'sharp' if cents > 0 else 'flat'}")
    semitones = round(abs(cents) / 100)
    interval = {12: "an octave", 24: "two octaves"}.get(semitones, f"{semitones} semitones")
    return Difference(abs(cents) / CENTS, f"{interval} too {'high' if cents > 0 else 'low'}")


def clarity_difference(sounds: Pair[np.ndarray], sample_rate: int, pitches: Pair[PitchEstimate]) -> Difference:
    """A clear pitch in one sound alone.

    The confidence of a pitch also falls where operators beat. Such a sound still has its power in the partials of the
    pitch, and nobody would miss it.
    """
    target, estimate = (pitch.confidence for pitch in pitches)
    if min(target, estimate) >= PITCHED or max(target, estimate) < CERTAIN:
        return NO_DIFFERENCE
    clear = max(pitches, key=lambda pitch: pitch.confidence)
    shares = [harmonic_share(samples, sample_rate, clear.f0_hz) for samples in sounds]
    steps = min(abs(estimate - target) / CLARITY, abs(shares[1] - shares[0]) / HARMONIC)
    return Difference(steps, "no clear pitch" if estimate < target else "pitch too clear")


def partial_difference(
    sounds: Pair[np.ndarray],
    levels: Pair[np.ndarray],
    sample_rate: int,
    pitches: Pair[PitchEstimate],
) -> PartialDifference | None:
    """The partial whose level differs most from the target's, beyond its octave, in both halves of a note.

    Args:
      sounds: a note, float [time].
      levels: of both in dB over that time.
      sample_rate: in Hz.
      pitches: of both.

    Returns:
      None if no partial can be compared: neither pitch is certain, or the note is too short for its pitch.
    """
    clear = max(pitches, key=lambda pitch: pitch.confidence)
    if clear.confidence < CERTAIN:
        return None
    f0_hz = [(pitch if pitch.confidence >= PITCHED else clear).f0_hz for pitch in pitches]
    if abs(float(cents_between(*f0_hz))) >= NAMED_CENTS:
        return None
    loud = np.flatnonzero(np.all([level >= level.max() + LOUD_DB for level in levels], axis=0))
    if not len(loud):
        return None
    per_frame = len(sounds.target) / len(levels.target)
    edges = np.linspace(loud[0] * per_frame, (loud[-1] + 1) * per_frame, 3).astype(int)
    n_partials = min(N_PARTIALS, int(0.45 * sample_rate / max(f0_hz)))
    halves = []
    for start, stop in pairwise(edges):
        measured = [
            partial_levels_db(samples[start:stop], sample_rate, own_hz, n_partials)
            for samples, own_hz in zip(sounds, f0_hz, strict=True)
        ]
        if any(levels_db is None for levels_db in measured):
            return None
        halves.append(measured)
    of_half = np.asarray(halves, float)  # [half, sound, partial]
    audible = (of_half.max(axis=1) >= of_half.max(axis=(1, 2))[:, None] + AUDIBLE_DB).all(axis=0)
    if not audible.any():
        return None
    louder = of_half[:, 1] - of_half[:, 0]
    louder -= np.median(louder[:, audible], axis=1, keepdims=True)
    octaves = np.searchsorted(OCTAVES_HZ, f0_hz[0] * np.arange(1, louder.shape[1] + 1), side="right") - 1
    octaves = np.clip(octaves, 0, len(OCTAVES_HZ) - 2)
    others = ((octaves[:, None] == octaves) & ~np.eye(len(octaves), dtype=bool)).astype(float)
    others_db = 10 * np.log10(10 ** (of_half / 10) @ others + 1e-20)
    # A partial alone in its octave is a matter of balance.
    beyond = np.where(others.any(axis=0), of_half[:, 1] - of_half[:, 0] - others_db[:, 1] + others_db[:, 0], 0.0)
    # The smallest of all counts: the difference is there all the time, and no octave explains it.
    least = np.abs([*louder, *beyond]).min(axis=0)
    one_sign = np.abs(np.sign([*louder, *beyond]).sum(axis=0)) == 2 * len(louder)
    sizes = np.where(audible & one_sign, least, 0.0)
    k = int(np.argmax(sizes))
    db = float(louder[:, k].mean())
    text = f"partial {k + 1} ({f0_hz[0] * (k + 1):.0f} Hz) {abs(db):.0f} dB too {'strong' if db > 0 else 'weak'}"
    return PartialDifference(Difference(float(sizes[k]) / PARTIAL_DB, text), int(octaves[k]), db > 0)
