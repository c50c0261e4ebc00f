"""Human voices as a yardstick: every voice of a collection played and compared, none of them written into the project.

The collection is `corpus/voices.npz` of the shared folder (`voices`, uint8 [voice, 128] packed). Damaged voices are
left out, the rest rendered in batches and compared by the log-mel distance that the tables quote.
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
"""Peak of a voice that is no target: 40 dB under one carrier at full level."""
OCTAVES = (-12, 0, 12)
"""Keys to try a human voice on, from the target's: many voices sound an octave off."""
EXACTLY = 2000
"""Pairs of voice and key, the best of the screening, that are compared exactly."""
_BATCH, _GROUP = 512, 32
_BLOCK_FRAMES, _BLOCK_MELS = 8, 4
_SHORT_LIST = 200


class Hand(NamedTuple):
    """How a voice is played.

    Attributes:
      key: MIDI note.
      velocity: MIDI velocity.
      gate_s: seconds to hold the key.
      lead_s: seconds after key-down that are not listened to; those of a target that were cut off before its onset.
    """

    key: int
    velocity: int
    gate_s: float
    lead_s: float = 0.0


HAND, DURATION_S = Hand(60, 100, 1.0), 2.0  # of the voices that are targets


class Ear(NamedTuple):
    """How closely to listen: sample rate in Hz, and the spectrogram's sizes."""

    sample_rate: int
    n_fft: int
    hop: int
    n_mels: int
    n_samples: int | None = None  # at most


EXACT = Ear(RATE, N_FFT, HOP, N_MELS)
SCREEN = Ear(RATE // 2, 1024, 1024, 64, n_samples=32_768)  # 1.5 s, two pieces of a render


class Neighbour(NamedTuple):
    """A human voice near a target.

    Attributes:
      vced: uint8 [155].
      key: that it is nearest on.
      rank: its place in the screening; far from `EXACTLY`, or a nearer one may have been missed.
    """

    vced: np.ndarray
    key: int
    rank: int


@dataclass(frozen=True, eq=False)
class Lonely:
    """Voices that no other voice of the collection sounds like, on the same key.

    Attributes:
      index: of each in `load_corpus`, int [target].
      vced: uint8 [target, 155].
      neighbour: index of the voice nearest to each, int [target].
      distance_db: to it, [target].
    """

    index: np.ndarray
    vced: np.ndarray
    neighbour: np.ndarray
    distance_db: np.ndarray


def load_corpus(shared: Path) -> np.ndarray:
    """Undamaged voices, uint8 [voice, 155]."""
    packed = np.load(shared / "corpus" / "voices.npz")["voices"]
    vced = unpack(packed)
    return vced[in_range(vced).all(axis=1) & plausible(vced)].astype(np.uint8)


def hear(vced: np.ndarray, hand: Hand, n_samples: int, sample_rate: int = RATE) -> Iterator[np.ndarray]:
    """The voices' sound, batch by batch, float32 [up to 512, n_samples]."""
    lead = round(hand.lead_s * sample_rate)
    gate = first_block_at(hand.gate_s, sample_rate)
    for first in range(0, len(vced), _BATCH):
        part = vced[first : first + _BATCH]
        key, velocity, up = (np.full(len(part), x) for x in (hand.key, hand.velocity, gate))
        plans = plan(Patch.from_vced(part), key, velocity, up, sample_rate)
        yield play(plans, lead + n_samples)[:, lead:]


def spectra(audio: np.ndarray, ear: Ear = EXACT) -> np.ndarray:
    """Log-mel spectra in dB at unit RMS, float32 [sound, frame, mel]; with `EXACT` those of `log_mel_distance`."""
    return in_groups(lambda group: np.asarray(_spectra(audio[group], ear)), len(audio), _GROUP)


def distances(wanted: np.ndarray, found: np.ndarray, unit_db: float = 1.0) -> np.ndarray:
    """Log-mel distance in dB of one target's spectra [frame, mel] to many others' [sound, frame, mel]."""
    return in_groups(lambda group: np.asarray(_distances(wanted, found[group], unit_db)), len(found), _GROUP)


def lonely(shared: Path, n: int = 50, seed: int = 1, cache: Path | None = None) -> Lonely:
    """Voices without a sound-alike: none of the others, on the same key, is within `SOUND_ALIKE_DB`.

    The collection is gone through in a seeded order. A voice's nearest neighbours by means over blocks of its spectra
    are compared exactly; if none of them is a sound-alike, all voices are. So every answer is exact; the distances of
    spectra are good to 0.01 dB. Nearly silent voices are passed over.

    Args:
      shared: the shared folder.
      n: how many.
      seed: of the order.
      cache: folder for the result, which takes some minutes and 1.5 GB of memory.
    """
    path = cache and cache / f"lonely-{n}-{seed}.npz"
    if path and path.exists():
        return Lonely(**np.load(path))
    vced = load_corpus(shared)
    spectrum, peak = _listen_to_all(vced)
    coarse = np.concatenate([_blocks(spectrum[first : first + _BATCH]) for first in range(0, len(spectrum), _BATCH)])
    index, neighbour, distance = [], [], []
    for target in np.random.default_rng(seed).permutation(len(vced)):
        if peak[target] <= QUIET:
            continue
        screened = distances(coarse[target], coarse)
        screened[target] = np.inf
        if distances(spectrum[target], spectrum[np.argsort(screened)[:_SHORT_LIST]], 0.01).min() <= SOUND_ALIKE_DB:
            continue
        exact = distances(spectrum[target], spectrum, 0.01)
        exact[target] = np.inf
        if exact.min() > SOUND_ALIKE_DB:
            index.append(target)
            neighbour.append(exact.argmin())
            distance.append(exact.min())
        if len(index) == n:
            break
    found = Lonely(np.array(index), vced[index], np.array(neighbour), np.array(distance))
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **vars(found))
    return found


def screen(vced: np.ndarray, sounds: Sequence[np.ndarray], hand: Hand) -> np.ndarray:
    """How near all voices are to some targets at a quick listen, float32 [target, octave, voice].

    Args:
      vced: the voices, uint8 [voice, 155].
      sounds: targets at 44.1 kHz, from key-down, one length; 1.5 s of them are heard, at half the rate.
      hand: that plays all of them.
    """
    halves = np.stack([resample(sound, RATE, SCREEN.sample_rate)[: SCREEN.n_samples] for sound in sounds])
    wanted = spectra(halves, SCREEN)
    found = np.empty((len(sounds), len(OCTAVES), len(vced)), np.float32)
    for octave, shift in enumerate(OCTAVES):
        at, shifted = 0, hand._replace(key=hand.key + shift)
        for audio in hear(vced, shifted, halves.shape[1], SCREEN.sample_rate):
            heard = spectra(audio, SCREEN)
            for row, target in zip(found[:, octave, at : at + len(audio)], wanted, strict=True):
                row[:] = distances(target, heard)
            at += len(audio)
    return found


def nearest(vced: np.ndarray, sound: np.ndarray, hand: Hand, screened: np.ndarray) -> Neighbour:
    """The nearest of many voices, each on the target's key and an octave below and above.

    The best `EXACTLY` pairs of voice and key of the screening are heard again in full and compared by the log-mel
    distance, which is all a search by ear would quote; the rest are not.

    Args:
      vced: the voices, uint8 [voice, 155].
      sound: the target at 44.1 kHz.
      hand: that plays it.
      screened: distances from `screen`, [octave, voice]; infinite where a voice must not be taken.
    """
    wanted = spectra(sound[None])[0]
    best = np.argsort(screened, axis=None, kind="stable")[:EXACTLY]
    octave, voice = np.unravel_index(best, screened.shape)
    exact = np.full(len(best), np.inf)
    for k, shift in enumerate(OCTAVES):
        rows = np.flatnonzero(octave == k)
        heard = hear(vced[voice[rows]], hand._replace(key=hand.key + shift), len(sound))
        exact[rows] = np.concatenate([distances(wanted, spectra(audio)) for audio in heard] or [np.empty(0)])
    rank = int(np.argmin(exact))
    return Neighbour(vced[voice[rank]], hand.key + OCTAVES[octave[rank]], rank)


def _listen_to_all(vced: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spectra of all voices in hundredths of a decibel, int16 [voice, frame, mel], and the peaks of their sound."""
    spectrum, peak = [], []
    for audio in hear(vced, HAND, round(DURATION_S * RATE)):
        spectrum.append(np.round(100 * spectra(audio)).astype(np.int16))
        peak.append(np.abs(audio).max(axis=1))
    return np.concatenate(spectrum), np.concatenate(peak)


def _blocks(spectrum: np.ndarray) -> np.ndarray:
    """Means of spectra over blocks, float32 [sound, block, block]; what does not fill a last block is left out."""
    whole = spectrum[:, : spectrum.shape[1] // _BLOCK_FRAMES * _BLOCK_FRAMES] / np.float32(100)
    floored = np.maximum(whole, whole.max(axis=(1, 2), keepdims=True) - RANGE_DB)
    n, frames, mels = floored.shape
    return floored.reshape(n, frames // _BLOCK_FRAMES, _BLOCK_FRAMES, mels // _BLOCK_MELS, _BLOCK_MELS).mean((2, 4))


@partial(jax.jit, static_argnums=1, compiler_options=ONE_THREAD)
def _spectra(audio: jax.Array, ear: Ear) -> jax.Array:
    def one(sound: jax.Array) -> jax.Array:
        rms = jnp.sqrt(jnp.mean(jnp.square(sound)))
        unit = sound / jnp.maximum(rms, 1e-9)
        return log_mel(unit, ear.sample_rate, n_fft=ear.n_fft, hop=ear.hop, n_mels=ear.n_mels, floor_db=-200.0)

    return jax.lax.map(one, audio, batch_size=4)


@partial(jax.jit, compiler_options=ONE_THREAD)
def _distances(wanted: jax.Array, found: jax.Array, unit_db: jax.Array) -> jax.Array:
    wanted, found = wanted * unit_db, found * unit_db
    floor = wanted.max() - RANGE_DB
    return jnp.abs(jnp.maximum(wanted, floor) - jnp.maximum(found, floor)).mean(axis=(1, 2))
