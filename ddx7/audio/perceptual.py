"""Perceptual distance of two sounds, for search and gradient: fast, differentiable, smooth at silence.

`target_features` analyses the target once; `perceptual_distance` then compares any batch of audio with it. Pass the
features to a compiled function as an argument: XLA folds closed-over constants for many seconds.

The distance has five terms, each a mean absolute difference after RMS matching:

- two mel spectra in dB, with a short window for attacks and a long one for timbre;
- the partials: a linear-frequency spectrum in dB up to 5 kHz, with a window long enough to resolve ten cents;
- the envelope in dB;
- the transport: the mean shift in octaves that turns the spectrum into the target's. The other terms stop changing once
  two partials do not overlap; this one still has a gradient towards the target.

The first frame begins half a window before the sound, so it contains the whole attack. The last frame ends with the
sound: a note cut off there ends in a click, which is no part of its sound and would make the gradient meaningless.

Each spectrum has a soft floor 60 dB below the target's highest level. A tail counts as much as the attack, decibel for
decibel, until it falls to the floor; below the floor nothing counts. docs/distance.md describes the choice of weights.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ddx7.audio.mel import mel_filterbank
from ddx7.audio.spectra import frames, padded, stft_power, to_db
from ddx7.audio.spectra_numpy import hann
from ddx7.runtime import configure

# Samples at 44.1 kHz, 50 % overlap; at other rates the nearest power of two to the same time.
SHORT, SHORT_MELS = 512, 40
LONG, LONG_MELS = 2048, 96
PARTIALS, PARTIALS_HZ = 8192, (20.0, 5000.0)
ENVELOPE = 1024
LOWEST_HZ, HIGHEST_HZ = 30.0, 16_000.0
EDGES_PER_OCTAVE = 8
RANGE_DB = 60.0
CPU_GROUP = 4
INAUDIBLE = 1e-10  # power, -100 dB: a sound of this mean square is silent, a bin of this power is empty


class DistanceTerms(NamedTuple):
    """The parts of the perceptual distance, before weighting.

    Attributes:
      short: mel spectrum, 12 ms windows, dB.
      long: mel spectrum, 46 ms windows, dB.
      partials: linear spectrum, 186 ms windows, dB.
      envelope: RMS level, 23 ms windows, dB.
      transport: shift of the spectrum, octaves.
    """

    short: Float[Array, "*batch"]
    long: Float[Array, "*batch"]
    partials: Float[Array, "*batch"]
    envelope: Float[Array, "*batch"]
    transport: Float[Array, "*batch"]


# In the order of `DistanceTerms`; the transport's is per octave.
WEIGHTS = (0.5, 0.5, 1.0, 0.25, 5.0)


class DistanceSpectra(NamedTuple):
    """The four spectra of a sound, as power or in dB; or a scalar for each of them, such as its floor."""

    short: Float[Array, "short_frame short_mel"]
    long: Float[Array, "long_frame long_mel"]
    partials: Float[Array, "partials_frame bin"]
    envelope: Float[Array, " envelope_frame"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TargetFeatures:
    """The target of `perceptual_distance`, analysed. A pytree: stack several and `vmap` for several targets.

    Attributes:
      levels_db: spectra of the target in dB, floors added as power.
      floors: power of the floor of each spectrum.
      spread: cumulative share of the amplitude of each long frame below each of a row of frequencies, 0..1.
      quiet: total amplitude of a frame 60 dB below the loudest.
      frame_weight: share of each long frame in the transport; sums to 1.
      n_samples: length of the target.
      sample_rate: in Hz.
    """

    levels_db: DistanceSpectra
    floors: DistanceSpectra
    spread: Float[Array, "*batch long_frame edge"]
    quiet: Float[Array, "*batch"]
    frame_weight: Float[Array, "*batch long_frame"]
    n_samples: int = field(metadata={"static": True})
    sample_rate: int = field(metadata={"static": True})


def target_features(target: Float[Array | np.ndarray, " time"], sample_rate: int) -> TargetFeatures:
    """Analyse a target.

    Args:
      target: samples, at least 0.1 s.
      sample_rate: in Hz; static under jit.

    Returns:
      features for `perceptual_distance`.
    """
    configure()
    power, amplitude = _spectra(jnp.asarray(target), sample_rate)
    floors = DistanceSpectra(*(spectrum.max() * 10 ** (-RANGE_DB / 10) + 1e-20 for spectrum in power))
    total = amplitude.sum(-1)
    quiet = total.max() * 10 ** (-RANGE_DB / 20)
    frame_weight = jnp.sqrt(total) * (total > quiet) + 1e-20
    return TargetFeatures(
        levels_db=DistanceSpectra(*map(to_db, power, floors)),
        floors=floors,
        spread=_below(amplitude, sample_rate) / (total[:, None] + 1e-10),
        quiet=quiet + 1e-10,
        frame_weight=frame_weight / frame_weight.sum(),
        n_samples=target.shape[-1],
        sample_rate=sample_rate,
    )


def perceptual_distance(
    features: TargetFeatures, audio: Float[Array | np.ndarray, "*batch time"]
) -> Float[Array, "*batch"]:
    """Weighted sum of `distance_terms`: 0 for the target at any level, 1 close, 6 similar, 25 for an unrelated sound.

    Args:
      features: of the target.
      audio: as many samples as the target has, at its sample rate.

    Returns:
      the distance; its gradient is finite everywhere, and zero at exact silence.

    Raises:
      ValueError: the audio is not as long as the target.
    """
    terms = distance_terms(features, audio)
    return jnp.stack([weight * term for weight, term in zip(WEIGHTS, terms, strict=True)]).sum(0)


def distance_terms(features: TargetFeatures, audio: Float[Array | np.ndarray, "*batch time"]) -> DistanceTerms:
    """The terms of the distance, which show how two sounds differ.

    Args:
      features: of the target.
      audio: as many samples as the target has, at its sample rate.

    Returns:
      the terms, unweighted.

    Raises:
      ValueError: the audio is not as long as the target.
    """
    if audio.shape[-1] != features.n_samples:
        raise ValueError(f"the audio has {audio.shape[-1]} samples, the target {features.n_samples}")
    audio = jnp.asarray(audio)
    if audio.ndim == 1:
        return _terms(features, audio)
    sounds = audio.reshape(-1, audio.shape[-1])
    # The spectra of many sounds do not fit a CPU's cache: 32 at once take more than twice the time of 8 times 4.
    group = CPU_GROUP if jax.default_backend() == "cpu" else len(sounds)
    terms = jax.lax.map(lambda sound: _terms(features, sound), sounds, batch_size=min(group, len(sounds)))
    return jax.tree.map(lambda term: term.reshape(audio.shape[:-1]), terms)


def _terms(features: TargetFeatures, audio: Float[Array, " time"]) -> DistanceTerms:
    power, amplitude = _spectra(audio, features.sample_rate)
    levels_db = map(to_db, power, features.floors)
    short, long, partials, envelope = (
        jnp.abs(estimate - target).mean() for estimate, target in zip(levels_db, features.levels_db, strict=True)
    )
    # The spread of a frame approaches the target's as it falls silent: the other terms measure missing sound, and the
    # spectrum of near silence consists of rounding errors.
    total = amplitude.sum(-1, keepdims=True)
    quiet = features.quiet
    spread = (_below(amplitude, features.sample_rate) + quiet * features.spread) / (total + quiet)
    transport = jnp.abs(spread - features.spread).sum(-1) @ features.frame_weight / EDGES_PER_OCTAVE
    return DistanceTerms(short, long, partials, envelope, transport)


def _spectra(audio: Float[Array, " time"], sample_rate: int) -> tuple[DistanceSpectra, Float[Array, "frame bin"]]:
    """Power spectra of the sound at unit RMS, and the audible amplitudes in long windows."""
    audio = audio / jnp.sqrt(jnp.mean(jnp.square(audio)) + INAUDIBLE)
    short, long, partials = (_power(audio, sample_rate, window) for window in (SHORT, LONG, PARTIALS))
    low, high = (round(f_hz * _length(PARTIALS, sample_rate) / sample_rate) for f_hz in PARTIALS_HZ)
    power = DistanceSpectra(
        short=short @ _filters(sample_rate, SHORT, SHORT_MELS),
        long=long @ _filters(sample_rate, LONG, LONG_MELS),
        partials=partials[:, low:high],
        envelope=_envelope(audio, _length(ENVELOPE, sample_rate)),
    )
    f_hz = np.fft.rfftfreq(_length(LONG, sample_rate), 1 / sample_rate)
    audible = jnp.asarray((f_hz >= LOWEST_HZ) & (f_hz <= HIGHEST_HZ), jnp.float32)
    # A bare square root would let bins that hold rounding errors dominate the gradient.
    amplitude = jnp.sqrt(long + INAUDIBLE) - INAUDIBLE**0.5
    return power, amplitude * audible


def _length(at_44100: int, sample_rate: int) -> int:
    """Samples of a window: the power of two nearest to the same time."""
    return 1 << round(np.log2(at_44100 * sample_rate / 44_100))


def _power(audio: Float[Array, " time"], sample_rate: int, window: int) -> Float[Array, "frame bin"]:
    length = _length(window, sample_rate)
    return stft_power(padded(audio, length // 2), length, length // 2)


def _filters(sample_rate: int, window: int, n_mels: int) -> Float[Array, "bin mel"]:
    length = _length(window, sample_rate)
    return jnp.asarray(mel_filterbank(sample_rate, length, n_mels, lowest_hz=LOWEST_HZ, highest_hz=HIGHEST_HZ))


def _envelope(audio: Float[Array, " time"], length: int) -> Float[Array, " frame"]:
    """Mean square in Hann windows, placed like the frames of the spectra."""
    window = hann(length)
    power = frames(jnp.square(padded(audio, length // 2)), length, length // 2)
    return power @ jnp.asarray(window / window.sum(), jnp.float32)


def _below(amplitude: Float[Array, "frame bin"], sample_rate: int) -> Float[Array, "frame edge"]:
    """Amplitude of each frame below each of a row of frequencies.

    Amplitude, unlike power, gives weak upper partials some weight. Between two edges the share of a bin grows linearly
    with pitch, so every cent counts.
    """
    f_hz = np.fft.rfftfreq(_length(LONG, sample_rate), 1 / sample_rate)[:, None]
    n_octaves = np.log2(HIGHEST_HZ / LOWEST_HZ)
    edges = np.log2(LOWEST_HZ) + np.arange(0, n_octaves, 1 / EDGES_PER_OCTAVE)
    below = np.clip((edges - np.log2(np.maximum(f_hz, 1.0))) * EDGES_PER_OCTAVE, 0, 1)
    return amplitude @ jnp.asarray(below, jnp.float32)
