"""Examples to learn from: human voices and mutations of them, played and looked at, in shards on disk.

Uniformly random voices teach little about those that people make (a published comparison: accuracy falls from 0.79 to
0.23), so every example starts from a human voice. A shard is a function of the voices, a seed and its number; shards
that are there are kept, and one is written whole or not at all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np

from ddx7.audio.pitch import midi_to_hz
from ddx7.encoder.spectrogram import RATE, SPAN_S, log_frequency_spectrogram
from ddx7.encoder.tokens import to_tokens
from ddx7.engine import Patch, plan, play
from ddx7.engine.tables import BLOCK
from ddx7.files import atomic_write
from ddx7.runtime import in_groups
from ddx7.voice.packing import VCED_COLUMNS, VCED_MAX, VCED_MIN
from ddx7.voice.spec import FIELDS
from ddx7.voice.symmetry import OPERATOR_COLUMNS

NOTES = 2
"""Notes of each voice: one is enough to propose a voice, two teach what scaling and velocity do."""
SHARD = 4096
AUDIBLE_PEAK = 1e-3
"""Examples of which a note stays 40 dB under one carrier at full level are left out."""
RELEASE_S = 1.1
"""Seconds that are looked at after the key is let go."""

_GROUP = 64
_BATCH = 2048
_CATEGORICAL = np.array([f.parameter.categorical or f.parameter.name == "coarse" for f in FIELDS])
_UNTOUCHED = np.array([f.parameter.name in ("name", "osc_sync") for f in FIELDS])


@dataclass(frozen=True, eq=False)
class ExampleShard:
    """Examples.

    Attributes:
      tokens: of the voices, uint8 [example, 145].
      pictures: uint8 [example, note, frame, band].
      hands: MIDI key, MIDI velocity and seconds held of each note, float32 [example, note, 3].
    """

    tokens: np.ndarray
    pictures: np.ndarray
    hands: np.ndarray


def make_shards(
    vced: np.ndarray,
    folder: Path,
    n_shards: int,
    *,
    seed: int = 0,
    fresh: bool = True,
    progress: Callable[[int], None] | None = None,
) -> list[Path]:
    """Render what is not there yet.

    Args:
      vced: human voices, uint8 [voice, 155], legal bytes.
      folder: for the shards.
      n_shards: how many, of `SHARD` examples each, less those that cannot be heard.
      seed: of everything random.
      fresh: whether to mutate the voices; held-out examples are left as they are.
      progress: told how many shards are there.

    Returns:
      their paths, in order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"shard-{seed}-{k:04}.npz" for k in range(n_shards)]
    for k, path in enumerate(paths):
        if not path.exists():
            shard = make_shard(vced, np.random.default_rng([seed, k]), SHARD, fresh=fresh)
            packed = BytesIO()
            np.savez(packed, **vars(shard))
            atomic_write(path, packed.getvalue())
        if progress:
            progress(k + 1)
    return paths


def make_shard(vced: np.ndarray, rng: np.random.Generator, n: int, *, fresh: bool = True) -> ExampleShard:
    """Examples from human voices.

    Args:
      vced: uint8 [voice, 155].
      rng: source of chance.
      n: examples to make; those that cannot be heard are left out.
      fresh: whether to mutate the voices.
    """
    chosen = vced[rng.integers(0, len(vced), n)]
    if fresh:
        chosen = mutate_voices(rng, chosen, vced)
    hands = draw_note_events(rng, n)
    looked = [render_spectrograms(chosen, hands[:, note]) for note in range(NOTES)]
    heard = np.all([peak > AUDIBLE_PEAK for _, peak in looked], axis=0)
    pictures = np.stack([pictures for pictures, _ in looked], axis=1)
    return ExampleShard(to_tokens(chosen)[heard], pictures[heard], hands[heard])


def render_spectrograms(vced: np.ndarray, hands: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Play a note on each voice and look at it.

    Args:
      vced: uint8 [voice, 155].
      hands: key, velocity and seconds held for each, [voice, 3].

    Returns:
      pictures, uint8 [voice, frame, band], and peaks of the sound, float32 [voice].
    """
    order = np.argsort(hands[:, 2], kind="stable")  # neighbours of like length are rendered together
    pictures, peaks = [], []
    for first in range(0, len(order), _BATCH):
        rows = order[first : first + _BATCH]
        key, velocity, gate_s = hands[rows].T
        gate = -(-np.round(gate_s * RATE).astype(int) // BLOCK)
        length = np.round(np.minimum(gate_s + RELEASE_S, SPAN_S) * RATE).astype(int)
        plans = plan(Patch.from_vced(vced[rows]), key.astype(int), velocity.astype(int), gate, RATE)
        audio = play(plans, length)
        pictures.append(batch_spectrograms(audio, np.asarray(midi_to_hz(key)), gate_s))
        peaks.append(np.abs(audio).max(axis=1))
    back = np.argsort(order)
    return np.concatenate(pictures)[back], np.concatenate(peaks)[back]


def batch_spectrograms(audio: np.ndarray, f0_hz: np.ndarray, gate_s: np.ndarray) -> np.ndarray:
    """`log_frequency_spectrogram` of any number of notes, [note, sample], with few compilations and on all cores."""
    n = round(SPAN_S * RATE)

    def group(members: np.ndarray) -> np.ndarray:
        part = audio[members, :n]
        part = np.pad(part, ((0, 0), (0, n - part.shape[1])))
        return np.asarray(
            log_frequency_spectrogram(part, f0_hz[members].astype(np.float32), gate_s[members].astype(np.float32))
        )

    return in_groups(group, len(audio), _GROUP)


def draw_note_events(rng: np.random.Generator, n: int) -> np.ndarray:
    """Keys, velocities and gates as recordings have them, float32 [example, note, 3]."""
    key = np.clip(np.round(rng.normal(58, 12, n)), 24, 96)
    other = np.clip(key + rng.integers(-19, 20, n) * (rng.random(n) < 0.7), 24, 96)
    hard = np.where(rng.random((n, NOTES)) < 0.6, 100, rng.integers(25, 128, (n, NOTES)))
    gate = np.exp(rng.uniform(np.log(0.1), np.log(2.8), (n, NOTES)))
    return np.stack([np.stack([key, other], axis=1), hard, gate], axis=-1).astype(np.float32)


def mutate_voices(rng: np.random.Generator, vced: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """Mutations of human voices: half stay as they are but for their transposition.

    Args:
      rng: source of chance.
      vced: uint8 [voice, 155].
      pool: voices that bytes and operators are taken from, uint8 [other, 155].

    Returns:
      uint8 [voice, 155], legal.
    """
    n = len(vced)
    result = vced.copy()
    other = pool[rng.integers(0, len(pool), n)]

    # Operators of another voice: what modulates what is as people do it within each operator.
    taken = (rng.random((n, 6)) < 0.3) & (rng.random((n, 1)) < 0.15)
    columns = OPERATOR_COLUMNS[None]
    rows = np.arange(n)[:, None, None]
    result[rows, columns] = np.where(taken[:, :, None], other[rows, columns], result[rows, columns])

    # A few bytes nudged, or as another voice has them.
    share = np.where(rng.random((n, 1)) < 0.4, np.exp(rng.uniform(np.log(0.007), np.log(0.1), (n, 1))), 0)
    hit = (rng.random(vced.shape) < share) & ~_UNTOUCHED
    step = np.round(rng.normal(0, 0.12, vced.shape) * VCED_MAX)
    nudged = np.clip(result + step, VCED_MIN, VCED_MAX).astype(np.uint8)
    swap = _CATEGORICAL | (rng.random(vced.shape) < 0.3)
    result = np.where(hit, np.where(swap, other, nudged), result)

    # Half of all human voices are transposed, and a recording tells nothing of the key that was meant.
    column = VCED_COLUMNS["transpose"]
    result[:, column] = np.where(rng.random(n) < 0.6, 24, result[:, column])
    return result
