"""Existing presets as a reference: every voice of a collection rendered and compared, none stored in the project.

The collection is `corpus/voices.npz` of the shared folder (`voices`, uint8 [voice, 128] packed). Damaged voices are
left out; all others are rendered in batches and compared by the log-mel distance that the tables quote.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ddx7.audio import resample
from ddx7.audio.distance import HOP, N_FFT, N_MELS, RANGE_DB, RATE
from ddx7.audio.spectra import log_mel
from ddx7.engine import Patch, plan, play
from ddx7.engine.clock import first_block_at
from ddx7.runtime import ONE_THREAD, in_groups
from ddx7.voice.health import plausible
from ddx7.voice.packing import in_range, unpack

SOUND_ALIKE_DB = 3.0
QUIET = 1e-3
"""Peak up to which a voice is no target, 40 dB below one carrier at full level."""
OCTAVES = (-12, 0, 12)
"""Offsets in semitones from the target's note at which a voice is compared: many voices sound an octave off."""
N_EXACT = 2000
"""Pairs of voice and note, the best of the coarse distances, that are compared exactly."""
HELD_OUT_EVERY = 33
"""Every so many near-duplicate clusters no model learns from."""
_BATCH, _GROUP = 512, 32
_BLOCK_FRAMES, _BLOCK_MELS = 8, 4
_SHORT_LIST = 200


class CorpusNote(NamedTuple):
    """A note that voices are rendered on.

    Attributes:
      note: MIDI note.
      velocity: MIDI velocity.
      gate_s: from note-on to note-off, seconds.
      skip_s: seconds after note-on that are cut off, as before the onset of a recorded target.
    """

    note: int
    velocity: int
    gate_s: float
    skip_s: float = 0.0

    def to_json(self) -> dict[str, float]:
        """The note under the names that stored results have."""
        return dict(zip(_NAMES_IN_JSON, self, strict=True))

    @classmethod
    def from_json(cls, stored: dict[str, float]) -> "CorpusNote":
        """Read what `to_json` wrote."""
        note, velocity, gate_s, skip_s = (stored[name] for name in _NAMES_IN_JSON)
        return cls(int(note), int(velocity), gate_s, skip_s)


_NAMES_IN_JSON = ("key", "velocity", "gate_s", "lead_s")
STANDARD_NOTE, DURATION_S = CorpusNote(60, 100, 1.0), 2.0  # of the voices that are targets


class LogMelSettings(NamedTuple):
    """Resolution of log-mel spectrograms: sample rate in Hz, and sizes in samples and bands."""

    sample_rate: int
    n_fft: int
    hop: int
    n_mels: int
    n_samples: int | None = None  # at most


EXACT = LogMelSettings(RATE, N_FFT, HOP, N_MELS)
COARSE = LogMelSettings(RATE // 2, 1024, 1024, 64, n_samples=32_768)  # 1.5 s, two segments of a render


class Neighbour(NamedTuple):
    """The nearest voice to a target.

    Attributes:
      vced: uint8 [155].
      note: MIDI note on which it is nearest.
      rank: by the coarse distance; a rank near `N_EXACT` means that a nearer voice may have been missed.
    """

    vced: np.ndarray
    note: int
    rank: int


@dataclass(frozen=True, eq=False)
class IsolatedVoices:
    """Voices that no other voice of the collection sounds like on the same note.

    Attributes:
      index: in `load_corpus`, int [target].
      vced: uint8 [target, 155].
      neighbour: index of the nearest other voice, int [target].
      distance_db: to that voice, [target].
    """

    index: np.ndarray
    vced: np.ndarray
    neighbour: np.ndarray
    distance_db: np.ndarray


def load_corpus(shared: Path) -> np.ndarray:
    """Undamaged voices, uint8 [voice, 155]."""
    return load_clusters(shared)[0]


def load_clusters(shared: Path) -> tuple[np.ndarray, np.ndarray]:
    """Undamaged voices, uint8 [voice, 155], and the near-duplicate cluster of each."""
    corpus = np.load(shared / "corpus" / "voices.npz")
    vced = unpack(corpus["voices"])
    intact = in_range(vced).all(axis=1) & plausible(vced)
    return vced[intact].astype(np.uint8), corpus["family"][intact]


def unseen_voices(shared: Path, n: int = 100, seed: int = 2, cache: Path | None = None) -> IsolatedVoices:
    """Voices without a sound-alike from clusters that nothing was taught or tuned on: the test set of `match`.

    Clusters of the development voices, those of `isolated_voices` with its defaults, are left out.

    Args:
      shared: the shared folder.
      n: number of voices.
      seed: of the order.
      cache: folder for the result.
    """
    _, cluster = load_clusters(shared)
    used = cluster[isolated_voices(shared, cache=cache).index]
    return isolated_voices(shared, n, seed, cache, among=(cluster % HELD_OUT_EVERY == 0) & ~np.isin(cluster, used))


def render_batches(vced: np.ndarray, note: CorpusNote, n_samples: int, sample_rate: int = RATE) -> Iterator[np.ndarray]:
    """Render voices batch by batch, float32 [up to 512, n_samples]."""
    skip = round(note.skip_s * sample_rate)
    gate = first_block_at(note.gate_s, sample_rate)
    for first in range(0, len(vced), _BATCH):
        part = vced[first : first + _BATCH]
        notes, velocities, gates = (np.full(len(part), x) for x in (note.note, note.velocity, gate))
        plans = plan(Patch.from_vced(part), notes, velocities, gates, sample_rate)
        yield play(plans, skip + n_samples)[:, skip:]


def log_mels(audio: np.ndarray, settings: LogMelSettings = EXACT) -> np.ndarray:
    """Log-mel spectrograms in dB at unit RMS, float32 [sound, frame, mel]; with `EXACT` as in `log_mel_distance`."""
    return in_groups(lambda group: np.asarray(_log_mels(audio[group], settings)), len(audio), _GROUP)


def distances(target: np.ndarray, others: np.ndarray, unit_db: float = 1.0) -> np.ndarray:
    """Log-mel distances in dB of one target's spectrogram [frame, mel] to many others [sound, frame, mel].

    Args:
      target: in units of `unit_db`.
      others: in units of `unit_db`.
      unit_db: decibels per unit.
    """
    return in_groups(lambda group: np.asarray(_distances(target, others[group], unit_db)), len(others), _GROUP)


def isolated_voices(
    shared: Path, n: int = 50, seed: int = 1, cache: Path | None = None, *, among: np.ndarray | None = None
) -> IsolatedVoices:
    """Voices without a sound-alike: on the same note no other voice is within `SOUND_ALIKE_DB`.

    The search visits the collection in a seeded order. It compares a voice exactly with its nearest neighbours by
    coarse spectrograms and, if none of them is a sound-alike, with all voices. The answers are exact; distances are
    rounded to 0.01 dB. Nearly silent voices are skipped.

    Args:
      shared: the shared folder.
      n: number of voices.
      seed: of the order.
      cache: folder for the result, which takes some minutes and 1.5 GB of memory.
      among: which voices of `load_corpus` may be chosen, bool [voice]; all by default. Every voice is compared with.
    """
    path = cache and cache / f"isolated-{n}-{seed}{'' if among is None else '-among'}.npz"
    if path and path.exists():
        return IsolatedVoices(**np.load(path))
    vced = load_corpus(shared)
    spectrum, peak = _measure_all(vced)
    coarse = np.concatenate([_blocks(spectrum[first : first + _BATCH]) for first in range(0, len(spectrum), _BATCH)])
    index, neighbour, distance = [], [], []
    for target in np.random.default_rng(seed).permutation(len(vced)):
        if peak[target] <= QUIET or (among is not None and not among[target]):
            continue
        by_blocks = distances(coarse[target], coarse)
        by_blocks[target] = np.inf
        if distances(spectrum[target], spectrum[np.argsort(by_blocks)[:_SHORT_LIST]], 0.01).min() <= SOUND_ALIKE_DB:
            continue
        exact = distances(spectrum[target], spectrum, 0.01)
        exact[target] = np.inf
        if exact.min() > SOUND_ALIKE_DB:
            index.append(target)
            neighbour.append(exact.argmin())
            distance.append(exact.min())
        if len(index) == n:
            break
    found = IsolatedVoices(np.array(index), vced[index], np.array(neighbour), np.array(distance))
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **vars(found))
    return found


def coarse_distances(vced: np.ndarray, sounds: Sequence[np.ndarray], note: CorpusNote) -> np.ndarray:
    """Distances of all voices to some targets at low resolution, float32 [target, octave, voice].

    Args:
      vced: the voices, uint8 [voice, 155].
      sounds: targets at 44.1 kHz, from note-on, of one length; 1.5 s of them count, at half the rate.
      note: of all targets.
    """
    halves = np.stack([resample(sound, RATE, COARSE.sample_rate)[: COARSE.n_samples] for sound in sounds])
    targets = log_mels(halves, COARSE)
    result = np.empty((len(sounds), len(OCTAVES), len(vced)), np.float32)
    for octave, shift in enumerate(OCTAVES):
        at, shifted = 0, note._replace(note=note.note + shift)
        for audio in render_batches(vced, shifted, halves.shape[1], COARSE.sample_rate):
            batch = log_mels(audio, COARSE)
            for row, target in zip(result[:, octave, at : at + len(audio)], targets, strict=True):
                row[:] = distances(target, batch)
            at += len(audio)
    return result


def nearest(vced: np.ndarray, sound: np.ndarray, note: CorpusNote, coarse: np.ndarray) -> Neighbour:
    """The nearest of many voices, each on the target's note and an octave below and above.

    The best `N_EXACT` pairs of voice and note by the coarse distance are rendered in full and compared by the log-mel
    distance. That is the best distance that an exhaustive search over them reaches.

    Args:
      vced: the voices, uint8 [voice, 155].
      sound: the target at 44.1 kHz.
      note: of the target.
      coarse: from `coarse_distances`, [octave, voice]; infinite for excluded voices.
    """
    target = log_mels(sound[None])[0]
    best = np.argsort(coarse, axis=None, kind="stable")[:N_EXACT]
    octave, voice = np.unravel_index(best, coarse.shape)
    exact = np.full(len(best), np.inf)
    for k, shift in enumerate(OCTAVES):
        rows = np.flatnonzero(octave == k)
        batches = render_batches(vced[voice[rows]], note._replace(note=note.note + shift), len(sound))
        exact[rows] = np.concatenate([distances(target, log_mels(audio)) for audio in batches] or [np.empty(0)])
    rank = int(np.argmin(exact))
    return Neighbour(vced[voice[rank]], note.note + OCTAVES[octave[rank]], rank)


def _measure_all(vced: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spectrograms of all voices in hundredths of a decibel, int16 [voice, frame, mel], and peaks of their sound."""
    spectrum, peak = [], []
    for audio in render_batches(vced, STANDARD_NOTE, round(DURATION_S * RATE)):
        spectrum.append(np.round(100 * log_mels(audio)).astype(np.int16))
        peak.append(np.abs(audio).max(axis=1))
    return np.concatenate(spectrum), np.concatenate(peak)


def _blocks(spectrum: np.ndarray) -> np.ndarray:
    """Means of spectrograms over whole blocks, float32 [sound, block, block]."""
    whole = spectrum[:, : spectrum.shape[1] // _BLOCK_FRAMES * _BLOCK_FRAMES] / np.float32(100)
    floored = np.maximum(whole, whole.max(axis=(1, 2), keepdims=True) - RANGE_DB)
    n, frames, mels = floored.shape
    return floored.reshape(n, frames // _BLOCK_FRAMES, _BLOCK_FRAMES, mels // _BLOCK_MELS, _BLOCK_MELS).mean((2, 4))


@partial(jax.jit, static_argnums=1, compiler_options=ONE_THREAD)
def _log_mels(audio: jax.Array, settings: LogMelSettings) -> jax.Array:
    def one(sound: jax.Array) -> jax.Array:
        rms = jnp.sqrt(jnp.mean(jnp.square(sound)))
        unit = sound / jnp.maximum(rms, 1e-9)
        return log_mel(
            unit, settings.sample_rate, n_fft=settings.n_fft, hop=settings.hop, n_mels=settings.n_mels, floor_db=-200.0
        )

    return jax.lax.map(one, audio, batch_size=4)


@partial(jax.jit, compiler_options=ONE_THREAD)
def _distances(target: jax.Array, others: jax.Array, unit_db: jax.Array) -> jax.Array:
    target, others = target * unit_db, others * unit_db
    floor = target.max() - RANGE_DB
    return jnp.abs(jnp.maximum(target, floor) - jnp.maximum(others, floor)).mean(axis=(1, 2))
