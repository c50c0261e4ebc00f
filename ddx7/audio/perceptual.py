"""How far apart two sounds are, for search and gradient: fast, differentiable, and with no cliff at silence.

`target_features` looks at the target once; `perceptual_distance` then compares any batch of audio with it. The features
are an argument of the compiled function, never closed over: as constants they would be folded for many seconds.

Five terms, each after matching loudness (RMS), each a mean absolute difference:

- two mel spectra in dB, a short window for attacks and a long one for timbre;
- the partials: a linear-frequency spectrum in dB up to 5 kHz with a window long enough to hear ten cents;
- the envelope in dB;
- the transport: by how many octaves the spectrum has to be shifted, on average, to become the target's. The others no
  longer change once two partials do not overlap; this one still says which way to go.

Each spectrum has a soft floor 60 dB under the target's highest level: a tail counts until it sinks there, and as much
as the attack, decibel for decibel; below it, nothing counts. docs/distance.md says how the weights were found.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ddx7.audio.mel import mel_centres, mel_filterbank
from ddx7.audio.spectra import frames, stft_power, to_db

# Samples at 44.1 kHz, 50 % overlap; at other rates the nearest power of two to the same time.
SHORT, SHORT_MELS = 512, 40
LONG, LONG_MELS = 2048, 96
PARTIALS, PARTIALS_HZ = 8192, (20.0, 5000.0)
ENVELOPE = 1024
LOWEST_HZ, HIGHEST_HZ = 30.0, 16_000.0
RANGE_DB = 60.0
CPU_GROUP = 4
INAUDIBLE = 1e-10  # mean square added before matching loudness: -100 dBFS counts as silence and stays quiet


class Terms(NamedTuple):
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


# In the order of `Terms`; the transport's is per octave.
WEIGHTS = (0.5, 0.5, 0.5, 0.5, 5.0)


class Spectra(NamedTuple):
    """One sound as the terms look at it: power, or dB; or the floor of each spectrum, a scalar."""

    short: Float[Array, "short_frame short_mel"]
    long: Float[Array, "long_frame long_mel"]
    partials: Float[Array, "partials_frame bin"]
    envelope: Float[Array, " envelope_frame"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TargetFeatures:
    """What `perceptual_distance` needs to know of the target. A pytree; stack several and `vmap` for several targets.

    Attributes:
      levels_db: spectra of the target in dB, over the floors.
      floors: power of the floor of each spectrum.
      spread: cumulative share of each frame's spectrum, low to high, of the long mel bands.
      frame_weight: share of each long frame in the transport; sums to 1.
      n_samples: length of the target.
      sample_rate: in Hz.
    """

    levels_db: Spectra
    floors: Spectra
    spread: Float[Array, "*batch long_frame long_mel"]
    frame_weight: Float[Array, "*batch long_frame"]
    n_samples: int = field(metadata={"static": True})
    sample_rate: int = field(metadata={"static": True})


def target_features(target: Float[Array, " time"], sample_rate: int) -> TargetFeatures:
    """Look at a target once.

    Args:
      target: samples, at least 0.2 s.
      sample_rate: in Hz; static under jit.

    Returns:
      features for `perceptual_distance`.
    """
    power = _spectra(target, sample_rate)
    floors = Spectra(*(spectrum.max() * 10 ** (-RANGE_DB / 10) + 1e-20 for spectrum in power))
    amplitude = jnp.sqrt(power.long + floors.long).sum(-1)
    return TargetFeatures(
        levels_db=Spectra(*map(to_db, power, floors)),
        floors=floors,
        spread=_spread(power.long, floors.long),
        frame_weight=jnp.sqrt(amplitude) / jnp.sqrt(amplitude).sum(),
        n_samples=target.shape[-1],
        sample_rate=sample_rate,
    )


def perceptual_distance(features: TargetFeatures, audio: Float[Array, "*batch time"]) -> Float[Array, "*batch"]:
    """Weighted sum of `distance_terms`: 0 for the target at any loudness, about 1 close, 5 and more unlike.

    Args:
      features: of the target.
      audio: as many samples as the target had, at its sample rate.

    Returns:
      the distance; its gradient is finite everywhere, and zero at exact silence.

    Raises:
      ValueError: the audio is not as long as the target.
    """
    terms = distance_terms(features, audio)
    return jnp.stack([weight * term for weight, term in zip(WEIGHTS, terms, strict=True)]).sum(0)


def distance_terms(features: TargetFeatures, audio: Float[Array, "*batch time"]) -> Terms:
    """The parts of the distance, to see in what two sounds differ.

    Args:
      features: of the target.
      audio: as many samples as the target had, at its sample rate.

    Returns:
      the terms, unweighted.

    Raises:
      ValueError: the audio is not as long as the target.
    """
    if audio.shape[-1] != features.n_samples:
        raise ValueError(f"the audio has {audio.shape[-1]} samples, the target {features.n_samples}")
    if audio.ndim == 1:
        return _terms(features, audio)
    sounds = audio.reshape(-1, audio.shape[-1])
    # The spectra of many sounds leave the cache of a CPU: 32 at once take more than twice the time of 8 times 4.
    group = CPU_GROUP if jax.default_backend() == "cpu" else len(sounds)
    terms = jax.lax.map(lambda sound: _terms(features, sound), sounds, batch_size=min(group, len(sounds)))
    return jax.tree.map(lambda term: term.reshape(audio.shape[:-1]), terms)


def _terms(features: TargetFeatures, audio: Float[Array, " time"]) -> Terms:
    power = _spectra(audio, features.sample_rate)
    levels_db = map(to_db, power, features.floors)
    short, long, partials, envelope = (
        jnp.abs(found - wanted).mean() for found, wanted in zip(levels_db, features.levels_db, strict=True)
    )
    moved = jnp.abs(_spread(power.long, features.floors.long) - features.spread)
    transport = (moved[:, :-1] @ _band_octaves(features.sample_rate)) @ features.frame_weight
    return Terms(short, long, partials, envelope, transport)


def _spectra(audio: Float[Array, "*batch time"], sample_rate: int) -> Spectra:
    """Power spectra of the sound at unit RMS."""
    audio = audio / jnp.sqrt(jnp.mean(jnp.square(audio), -1, keepdims=True) + INAUDIBLE)
    low, high = (round(f_hz * _length(PARTIALS, sample_rate) / sample_rate) for f_hz in PARTIALS_HZ)
    return Spectra(
        short=_mel(audio, sample_rate, SHORT, SHORT_MELS),
        long=_mel(audio, sample_rate, LONG, LONG_MELS),
        partials=_power(audio, sample_rate, PARTIALS)[..., low:high],
        envelope=_envelope(audio, _length(ENVELOPE, sample_rate)),
    )


def _length(at_44100: int, sample_rate: int) -> int:
    """Samples of a window: the power of two nearest to the same time."""
    return 1 << round(np.log2(at_44100 * sample_rate / 44_100))


def _power(audio: Float[Array, "*batch time"], sample_rate: int, window: int) -> Float[Array, "*batch frame bin"]:
    length = _length(window, sample_rate)
    return stft_power(audio, length, length // 2)


def _mel(
    audio: Float[Array, "*batch time"], sample_rate: int, window: int, n_mels: int
) -> Float[Array, "*batch frame mel"]:
    filters = mel_filterbank(
        sample_rate, _length(window, sample_rate), n_mels, lowest_hz=LOWEST_HZ, highest_hz=HIGHEST_HZ
    )
    return _power(audio, sample_rate, window) @ jnp.asarray(filters)


def _envelope(audio: Float[Array, "*batch time"], length: int) -> Float[Array, "*batch frame"]:
    """Mean square in Hann windows, centred like the frames of the spectra."""
    window = np.hanning(length + 1)[:-1]
    pad = [(0, 0)] * (audio.ndim - 1) + [(length // 2, length // 2)]
    power = frames(jnp.square(jnp.pad(audio, pad)), length, length // 2)
    return power @ jnp.asarray(window / window.sum(), jnp.float32)


def _spread(mel: Float[Array, "*batch frame mel"], floor: Float[Array, ""]) -> Float[Array, "*batch frame mel"]:
    """Cumulative share of the amplitude, so that a weak upper partial still weighs something."""
    amplitude = jnp.sqrt(mel + floor)
    return jnp.cumsum(amplitude, -1) / amplitude.sum(-1, keepdims=True)


def _band_octaves(sample_rate: int) -> Float[Array, " band"]:
    """Octaves between the centres of neighbouring long mel bands."""
    centres = mel_centres(LONG_MELS, LOWEST_HZ, min(HIGHEST_HZ, sample_rate / 2))
    return jnp.asarray(np.diff(np.log2(centres)), jnp.float32)
