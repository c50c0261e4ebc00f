"""Voices on the notes of a learned instrument: how they sound, how far off that is, and levels set by ear."""

from collections.abc import Sequence
from dataclasses import replace

import jax
import numpy as np
from jaxtyping import Float

from ddx7.audio import log_mel_distance, resample
from ddx7.audio.distance import RANGE_DB
from ddx7.audio.features import HOP
from ddx7.audio.spectra import log_mel
from ddx7.engine import render
from ddx7.resynthesis.level_curves import NoteGrid
from ddx7.voice import Voice

RATE = 44_100
"""Sample rate in Hz at which voices are heard; a DX7 has 49,096."""

_TUNED_ON = 4  # notes
_STEPS = (1, -1, 4, -4)  # of the output level
_MOST_ROUNDS = 6
_WORTH_DB = 0.01


def play_voices(voices: Sequence[Voice], notes: NoteGrid, sample_rate: int) -> Float[np.ndarray, "voice note sample"]:
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


def tune_levels(voice: Voice, notes: NoteGrid, targets: Sequence[np.ndarray]) -> Voice:
    """The same voice with output levels that sound nearest to given notes at `RATE`.

    An envelope may be right and the sound still not: noise that an operator makes by feedback spreads over all
    frequencies up to half the sample rate, so that less of it is heard at a higher one.

    Args:
      voice: fitted already.
      notes: a few of them are listened to.
      targets: how the notes should sound, at their sample rate and as loud as the voice.
    """
    order = np.lexsort((notes.velocities, notes.keys))
    chosen = np.unique(order[np.linspace(0, len(order) - 1, _TUNED_ON + 2).round().astype(int)[1:-1]])
    few, rate = notes[chosen], notes.sample_rate
    samples = int(few.lengths.max()) * HOP
    sought = np.array([np.pad(targets[i], (0, samples - len(targets[i]))) for i in chosen])
    # One scale for both, or a single carrier could be at any level.
    scale = 1 / np.maximum(np.sqrt(np.mean(np.square(sought), axis=-1, keepdims=True)), 1e-9)
    wanted = _picture(sought * scale, rate)
    floor = wanted.max(axis=(-2, -1), keepdims=True) - RANGE_DB

    def score(voices: Sequence[Voice]) -> np.ndarray:
        played = play_voices(voices, few, RATE)
        sounds = np.array([[resample(sound, RATE, rate)[:samples] for sound in row] for row in played])
        apart = np.abs(np.maximum(_picture(sounds * scale, rate), floor) - np.maximum(wanted, floor))
        return apart.mean(axis=(1, 2, 3))

    best = float(score([voice])[0])
    for _ in range(_MOST_ROUNDS):
        near = [_louder(voice, op, step) for op in range(6) for step in _STEPS if voice.operators[op].output_level]
        errors = score(near)
        if errors.min() > best - _WORTH_DB:
            break
        voice, best = near[int(errors.argmin())], float(errors.min())
    return voice


def _picture(sounds: np.ndarray, rate: int) -> np.ndarray:
    """Log-mel spectra of sounds [..., sample]; much quicker for many than `log_mel_distance`."""
    return np.asarray(_log_mel(sounds.astype(np.float32), rate, n_fft=1024, hop=256, highest_hz=rate / 2))


_log_mel = jax.jit(log_mel, static_argnums=1, static_argnames=("n_fft", "hop", "highest_hz"))


def _louder(voice: Voice, op: int, step: int) -> Voice:
    """One operator at another output level; it stays in use."""
    was = voice.operators[op]
    changed = replace(was, output_level=min(max(was.output_level + step, 1), 99))
    return replace(voice, operators=(*voice.operators[:op], changed, *voice.operators[op + 1 :]))
