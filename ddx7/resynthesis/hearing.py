"""Voices on the notes of a learned instrument: how they sound, how far off that is, and levels set by ear."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from ddx7.audio import log_mel_distance, resample
from ddx7.audio.features import HOP
from ddx7.engine import render
from ddx7.resynthesis.curves import Notes
from ddx7.voice import Voice

RATE = 44_100
"""Sample rate in Hz at which voices are heard; a DX7 has 49,096."""

_TUNED_ON = 4  # notes
_STEPS = (1, -1, 2, -2, 4, -4, 8, -8)  # of the output level
_MOST_ROUNDS = 8
_WORTH_DB = 0.01


def play_voices(voices: Sequence[Voice], notes: Notes, sample_rate: int) -> Float[np.ndarray, "voice note sample"]:
    """Each voice on each note, as long as the longest.

    Args:
      voices: at least one.
      notes: keys, velocities, times.
      sample_rate: in Hz, any.
    """
    n = len(notes.keys)
    frame_s = HOP / notes.sample_rate
    keys, velocities, gates_s = (np.tile(x, len(voices)) for x in (notes.keys, notes.velocities, notes.gates * frame_s))
    each = [voice for voice in voices for _ in range(n)]
    sound = render(each, keys, velocities, gates_s, float(notes.lengths.max()) * frame_s, sample_rate)
    return sound.reshape(len(voices), n, -1)


def distances(
    targets: Sequence[np.ndarray], sounds: Sequence[np.ndarray], sample_rate: int
) -> Float[np.ndarray, " note"]:
    """Log-mel distance of each pair in dB; NaN where the target is silent."""
    pairs = zip(targets, sounds, strict=True)
    return np.array([log_mel_distance(a, b, sample_rate) if a.any() else np.nan for a, b in pairs])


def tune_levels(voice: Voice, notes: Notes, targets: Sequence[np.ndarray]) -> Voice:
    """The same voice with output levels that sound nearest to given notes at `RATE`.

    An envelope may be right and the sound still not: noise that an operator makes by feedback spreads over all
    frequencies up to half the sample rate, so that less of it is heard at a higher one.

    Args:
      voice: fitted already.
      notes: a few of them are listened to.
      targets: how the notes should sound, at their sample rate.
    """
    order = np.lexsort((notes.velocities, notes.keys))
    chosen = np.unique(order[np.linspace(0, len(order) - 1, _TUNED_ON + 2).round().astype(int)[1:-1]])
    few, wanted = notes[chosen], [targets[i] for i in chosen]

    def score(voices: Sequence[Voice]) -> np.ndarray:
        rate = notes.sample_rate
        played = play_voices(voices, few, RATE)
        found = [distances(wanted, [resample(s, RATE, rate) for s in sounds], rate) for sounds in played]
        # A target may be silent, and then says nothing.
        return np.array([np.nanmean(d) if np.isfinite(d).any() else 0.0 for d in found])

    best = float(score([voice])[0])
    for _ in range(_MOST_ROUNDS):
        near = [_louder(voice, op, step) for op in range(6) for step in _STEPS]
        near = [other for other in near if other != voice]
        if not near:
            break
        errors = score(near)
        if errors.min() > best - _WORTH_DB:
            break
        voice, best = near[int(errors.argmin())], float(errors.min())
    return voice


def _louder(voice: Voice, op: int, step: int) -> Voice:
    """One operator at another output level, if it is in use."""
    was = voice.operators[op]
    if not was.output_level:
        return voice
    changed = replace(was, output_level=min(max(was.output_level + step, 1), 99))
    return replace(voice, operators=(*voice.operators[:op], changed, *voice.operators[op + 1 :]))
