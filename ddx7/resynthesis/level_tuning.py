"""Voices on the notes of a learned instrument: their sound, its distance, and output levels tuned on the sound."""

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
"""Sample rate in Hz of the voices' sound; a DX7 has 49,096."""

_TUNED_ON = 4  # notes
_STEPS = (1, -1, 4, -4)  # of the output level
_MAX_ROUNDS = 6
_LEAST_GAIN_DB = 0.01


def play_voices(voices: Sequence[Voice], grid: NoteGrid, sample_rate: int) -> Float[np.ndarray, "voice note sample"]:
    """Each voice on each note, as long as the longest.

    Args:
      voices: at least one.
      grid: notes, velocities, times.
      sample_rate: in Hz, any.
    """
    n = len(grid.notes)
    frame_s = HOP / grid.sample_rate
    notes, velocities, gates_s = (np.tile(x, len(voices)) for x in (grid.notes, grid.velocities, grid.gates * frame_s))
    each = [voice for voice in voices for _ in range(n)]
    sound = render(each, notes, velocities, gates_s, float(grid.lengths.max()) * frame_s, sample_rate)
    return sound.reshape(len(voices), n, -1)


def distances(
    targets: Sequence[np.ndarray], estimates: Sequence[np.ndarray] | np.ndarray, sample_rate: int
) -> Float[np.ndarray, " note"]:
    """Log-mel distance of each pair in dB; NaN where the target is silent."""
    pairs = zip(targets, estimates, strict=True)
    return np.array([log_mel_distance(a, b, sample_rate) if a.any() else np.nan for a, b in pairs])


def tune_levels(voice: Voice, grid: NoteGrid, targets: Sequence[np.ndarray]) -> Voice:
    """The same voice with the output levels whose sound at `RATE` is nearest to the targets.

    Correct envelopes do not suffice: noise from a feedback operator spreads over all frequencies up to half the sample
    rate, so that less of it lies in the audible range at a higher rate.

    Args:
      voice: after the fit of its envelopes.
      grid: notes, of which the tuning uses a few.
      targets: sounds of the notes, at their sample rate and as loud as the voice.
    """
    order = np.lexsort((grid.velocities, grid.notes))
    chosen = np.unique(order[np.linspace(0, len(order) - 1, _TUNED_ON + 2).round().astype(int)[1:-1]])
    few, rate = grid[chosen], grid.sample_rate
    samples = int(few.lengths.max()) * HOP
    target = np.array([np.pad(targets[i], (0, samples - len(targets[i]))) for i in chosen])
    # One scale for both, or a single carrier could be at any level.
    scale = 1 / np.maximum(np.sqrt(np.mean(np.square(target), axis=-1, keepdims=True)), 1e-9)
    target_db = _batch_log_mel(target * scale, rate)
    floor = target_db.max(axis=(-2, -1), keepdims=True) - RANGE_DB

    def score(voices: Sequence[Voice]) -> np.ndarray:
        played = play_voices(voices, few, RATE)
        sounds = np.array([[resample(sound, RATE, rate)[:samples] for sound in row] for row in played])
        estimate_db = _batch_log_mel(sounds * scale, rate)
        difference_db = np.abs(np.maximum(estimate_db, floor) - np.maximum(target_db, floor))
        return difference_db.mean(axis=(1, 2, 3))

    best = float(score([voice])[0])
    for _ in range(_MAX_ROUNDS):
        neighbours = [
            _with_level(voice, op, step) for op in range(6) for step in _STEPS if voice.operators[op].output_level
        ]
        errors = score(neighbours)
        if errors.min() > best - _LEAST_GAIN_DB:
            break
        voice, best = neighbours[int(errors.argmin())], float(errors.min())
    return voice


def _batch_log_mel(sounds: np.ndarray, rate: int) -> np.ndarray:
    """Log-mel spectra of sounds [..., sample]; for many sounds much faster than `log_mel_distance`."""
    return np.asarray(_log_mel(sounds.astype(np.float32), rate, n_fft=1024, hop=256, highest_hz=rate / 2))


_log_mel = jax.jit(log_mel, static_argnums=1, static_argnames=("n_fft", "hop", "highest_hz"))


def _with_level(voice: Voice, op: int, step: int) -> Voice:
    """The voice with one output level changed by a step; the operator stays in use."""
    operator = voice.operators[op]
    changed = replace(operator, output_level=min(max(operator.output_level + step, 1), 99))
    return replace(voice, operators=(*voice.operators[:op], changed, *voice.operators[op + 1 :]))
