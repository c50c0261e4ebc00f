"""Perceptual distance of two sounds: what listeners' ratings agree with, for search, ranking and report.

`target_features` analyses the target once; `perceptual_distance` then compares any batch of audio with it. Pass the
features to a compiled function as an argument: XLA folds closed-over constants for many seconds.

The distance is ten times the mean of five terms, each divided by its mean over pairs of sounds that listeners compared:

- the levels of 64 bands over time, in dB, A-weighted; all count alike;
- the same levels, which count by the square of their height above the floor: what is prominent;
- the levels of the same bands in the mean spectrum, in dB, without A-weighting; a band counts by its level;
- the partials: every bin up to 8 kHz of a spectrum that resolves ten cents, A-weighted, as power to the 0.15;
- the loudness over time: A-weighted power to the 0.3.

Sounds are compared at unit RMS. The first frame begins half a window before the sound, so it contains the whole attack.
The last frame ends with the sound: a note cut off there ends in a click, which is no part of its sound and would make
the gradient meaningless.

The floor lies 80 dB below the target's highest band, and above the noise of the recording where that is known.
docs/distance.md describes how the terms were chosen, and benchmarks/listeners.py measures the agreement.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ddx7.audio.erb import erb_filterbank
from ddx7.audio.loudness import a_weighting
from ddx7.audio.noise import NOISE_HZ
from ddx7.audio.spectra import padded, stft_power
from ddx7.runtime import configure

# Samples at 44.1 kHz, 50 % overlap; at other rates the nearest power of two to the same time.
BANDS_WINDOW, N_BANDS = 2048, 64
PARTIALS_WINDOW, PARTIALS_HZ = 8192, 8000.0
LOWEST_HZ, HIGHEST_HZ = 30.0, 16_000.0
RANGE_DB = 80.0
PARTIALS_EXPONENT, LOUDNESS_EXPONENT = 0.15, 0.3
OVER_NOISE = 4.0
"""The floor lies 6 dB above the mean power of a recording's noise: few of its random peaks reach that."""
CPU_GROUP = 4
_Share: TypeAlias = float | Float[Array | np.ndarray, ""]
_NO_WEIGHT = 1e-6  # keeps a mean without weights at 0
INAUDIBLE = 1e-10  # power, -100 dB: a sound of this mean square is silent, a bin of this power is empty


class DistanceTerms(NamedTuple):
    """The parts of the perceptual distance, before division by their scales.

    Attributes:
      bands: levels of ERB bands over time, 46 ms windows, dB.
      prominent: the same, weighted towards the highest levels, dB.
      average: levels of ERB bands in the mean spectrum, dB.
      partials: linear spectrum, 186 ms windows, power to the 0.15.
      loudness: power of the A-weighted sound, 46 ms windows, to the 0.3.
    """

    bands: Float[Array, "*batch"]
    prominent: Float[Array, "*batch"]
    average: Float[Array, "*batch"]
    partials: Float[Array, "*batch"]
    loudness: Float[Array, "*batch"]


SCALES = (13.46, 17.7, 13.41, 0.0616, 0.356)
"""In the order of `DistanceTerms`: the mean of each term over all pairs of each of twelve listening studies, and over
the studies. `benchmarks/listeners.py` prints them."""
MEAN = 10.0
"""The distance where every term equals its scale."""


class DistanceSpectra(NamedTuple):
    """The parts of a sound that the terms compare, or the power of the floor of each."""

    bands: Float[Array, "*frame band"]
    average: Float[Array, " band"]
    partials: Float[Array, "*partials_frame bin"]
    loudness: Float[Array, "*frame"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TargetFeatures:
    """The target of `perceptual_distance`, analysed. A pytree: stack several and `vmap` for several targets.

    Attributes:
      spectra: the target's, on the scales that the terms compare.
      floors: power of the floor of each.
      n_samples: length of the target.
      sample_rate: in Hz.
      share: part of the target that counts, as for `target_features`.
    """

    spectra: DistanceSpectra
    floors: DistanceSpectra
    n_samples: int = field(metadata={"static": True})
    sample_rate: int = field(metadata={"static": True})
    share: float | Float[Array | np.ndarray, "*target"] = 1.0


def target_features(
    target: Float[Array | np.ndarray, " time"],
    sample_rate: int,
    noise: Float[Array | np.ndarray, " frequency"] | None = None,
    share: _Share = 1.0,
) -> TargetFeatures:
    """Analyse a target.

    Args:
      target: samples, at least 0.1 s.
      sample_rate: in Hz; static under jit.
      noise: spectrum of the recording's own noise as `noise_spectrum` makes it; none by default.
      share: part of the target that is a sound, above 0 and up to 1. The rest is silence after it, which pads it to a
        length that programs exist for: means over time and the RMS level count the sound's length alone.

    Returns:
      features for `perceptual_distance`.
    """
    configure()
    target = jnp.asarray(target)
    powers = _powers(target, sample_rate, share)
    mean_square = _mean_square(target, share)
    floors = _floors(powers, sample_rate, None if noise is None else jnp.asarray(noise) / mean_square)
    return TargetFeatures(_compressed(powers, floors), floors, target.shape[-1], sample_rate, share)


def perceptual_distance(
    features: TargetFeatures, audio: Float[Array | np.ndarray, "*batch time"]
) -> Float[Array, "*batch"]:
    """Ten times the mean of the `distance_terms`, each divided by its scale.

    0 is the target at any level; 10 is the mean over pairs of different instruments in listening studies.

    Args:
      features: of the target.
      audio: as many samples as the target has, at its sample rate.

    Returns:
      the distance; its gradient is finite everywhere, and zero at exact silence.

    Raises:
      ValueError: the audio is not as long as the target.
    """
    return weighted_sum(distance_terms(features, audio))


def weighted_sum(terms: DistanceTerms) -> Float[Array, "*batch"]:
    """The distance from its terms."""
    return sum((MEAN * term / scale for term, scale in zip(terms, SCALES, strict=True)), jnp.zeros(())) / len(SCALES)


def distance_terms(features: TargetFeatures, audio: Float[Array | np.ndarray, "*batch time"]) -> DistanceTerms:
    """The terms of the distance, which show how two sounds differ.

    Args:
      features: of the target.
      audio: as many samples as the target has, at its sample rate.

    Returns:
      the terms, not divided by their scales.

    Raises:
      ValueError: the audio is not as long as the target.
    """
    return _of_each(partial(_terms, features), features, audio)


def distance_errors(
    features: TargetFeatures, audio: Float[Array | np.ndarray, "*batch time"]
) -> Float[Array, "*batch error"]:
    """The signed errors whose absolute values add up to the distance, for least squares.

    Args:
      features: of the target.
      audio: as many samples as the target has, at its sample rate.

    Returns:
      an error for each band and frame, each band, each partial bin and frame, and each frame, weighted as in the
      distance: positive where the audio is louder than the target.

    Raises:
      ValueError: the audio is not as long as the target.
    """
    return _of_each(partial(_errors, features), features, audio)


def _of_each(function: Callable[[Array], Any], features: TargetFeatures, audio: Array | np.ndarray) -> Any:
    """A function of each sound, in groups that serve the machine."""
    if audio.shape[-1] != features.n_samples:
        raise ValueError(f"the audio has {audio.shape[-1]} samples, the target {features.n_samples}")
    audio = jnp.asarray(audio)
    if audio.ndim == 1:
        return function(audio)
    sounds = audio.reshape(-1, audio.shape[-1])
    # The spectra of many sounds do not fit a CPU's cache: 32 at once take more than twice the time of 8 times 4.
    group = CPU_GROUP if jax.default_backend() == "cpu" else len(sounds)
    found = jax.lax.map(function, sounds, batch_size=min(group, len(sounds)))
    return jax.tree.map(lambda x: x.reshape(*audio.shape[:-1], *x.shape[1:]), found)


def _errors(features: TargetFeatures, audio: Float[Array, " time"]) -> Float[Array, " error"]:
    target, share = features.spectra, features.share
    other = _compressed(_powers(audio, features.sample_rate, share), features.floors)
    bands, prominent, average, partials, loudness = (MEAN / len(SCALES) / scale for scale in SCALES)
    higher = jnp.square(jnp.maximum(other.bands, target.bands))
    mean_higher = jnp.maximum(other.average, target.average)
    errors = (
        (other.bands - target.bands)
        * (bands / (share * higher.size) + prominent * higher / (higher.sum() + _NO_WEIGHT)),
        (other.average - target.average) * average * mean_higher / (mean_higher.sum() + _NO_WEIGHT),
        (other.partials - target.partials) * partials / (share * target.partials.size),
        (other.loudness - target.loudness) * loudness / (share * target.loudness.size),
    )
    return jnp.concatenate([x.ravel() for x in errors])


def _terms(features: TargetFeatures, audio: Float[Array, " time"]) -> DistanceTerms:
    target, share = features.spectra, features.share
    other = _compressed(_powers(audio, features.sample_rate, share), features.floors)
    difference = jnp.abs(other.bands - target.bands)
    higher, mean_higher = jnp.maximum(other.bands, target.bands), jnp.maximum(other.average, target.average)
    return DistanceTerms(
        bands=difference.mean() / share,
        prominent=_weighted_mean(difference, jnp.square(higher)),
        average=_weighted_mean(jnp.abs(other.average - target.average), mean_higher),
        partials=jnp.abs(other.partials - target.partials).mean() / share,
        loudness=jnp.abs(other.loudness - target.loudness).mean() / share,
    )


def _weighted_mean(values: Float[Array, "*shape"], weights: Float[Array, "*shape"]) -> Float[Array, ""]:
    return jnp.sum(values * weights) / (jnp.sum(weights) + _NO_WEIGHT)


def _mean_square(audio: Float[Array, " time"], share: _Share) -> Float[Array, ""]:
    return jnp.mean(jnp.square(audio)) / share + INAUDIBLE


def _powers(audio: Float[Array, " time"], sample_rate: int, share: _Share) -> DistanceSpectra:
    """Powers of the sound at unit RMS."""
    audio = audio / jnp.sqrt(_mean_square(audio, share))
    bands_window, partials_window = window_lengths(sample_rate)
    power = _spectrum(audio, bands_window)
    filters, a_filters, weights = (jnp.asarray(x, jnp.float32) for x in band_filters(sample_rate))
    columns = power @ jnp.concatenate([a_filters, weights[:, None]], axis=1)
    partials = _spectrum(audio, partials_window)[:, : _n_partials(sample_rate)]
    return DistanceSpectra(
        bands=columns[:, :-1],
        average=power.mean(axis=0) / share @ filters,
        partials=partials * jnp.asarray(partial_weights(sample_rate), jnp.float32),
        loudness=columns[:, -1],
    )


def _compressed(powers: DistanceSpectra, floors: DistanceSpectra) -> DistanceSpectra:
    """Powers on the scales that the terms compare: dB above the floor, or a power of the power."""
    return DistanceSpectra(
        bands=_above(powers.bands, floors.bands),
        average=_above(powers.average, floors.average),
        partials=_power(powers.partials + floors.partials, PARTIALS_EXPONENT),
        loudness=_power(powers.loudness + floors.loudness, LOUDNESS_EXPONENT),
    )


def _above(power: Float[Array, "*shape"], floor: Float[Array, "*#shape"]) -> Float[Array, "*shape"]:
    """Level in dB above a floor to which the power is added."""
    return (10 / np.log(10)) * jnp.log1p(power / floor)


def _power(base: Float[Array, "*shape"], exponent: float) -> Float[Array, "*shape"]:
    """Power of positive numbers; XLA's own power takes three times as long."""
    return jnp.exp(exponent * jnp.log(base))


def _floors(powers: DistanceSpectra, sample_rate: int, noise: Float[Array, " frequency"] | None) -> DistanceSpectra:
    """Powers added to those of both sounds: 80 dB below the highest band, and `OVER_NOISE` times the noise's."""
    below = 10 ** (-RANGE_DB / 10)
    floors = DistanceSpectra(
        bands=powers.bands.max() * below + 1e-20,
        average=powers.average.max() * below + 1e-20,
        partials=jnp.asarray(INAUDIBLE),
        loudness=jnp.asarray(INAUDIBLE),
    )
    if noise is None:
        return floors
    bands_window, partials_window = window_lengths(sample_rate)
    bins, partials = (
        OVER_NOISE * _noise_power(noise, length, sample_rate) for length in (bands_window, partials_window)
    )
    filters, a_filters, weights = (jnp.asarray(x, jnp.float32) for x in band_filters(sample_rate))
    weighted = partials[: _n_partials(sample_rate)] * jnp.asarray(partial_weights(sample_rate), jnp.float32)
    noises = DistanceSpectra(bins @ a_filters, bins @ filters, weighted, bins @ weights)
    return jax.tree.map(jnp.add, floors, noises)


def _noise_power(noise: Float[Array, " frequency"], length: int, sample_rate: int) -> Float[Array, " bin"]:
    """Mean power of noise in the bins of a spectrum in which a sine of amplitude 1 has power 1."""
    f_hz = jnp.asarray(np.fft.rfftfreq(length, 1 / sample_rate), jnp.float32)
    hann_bandwidth = 1.5 * sample_rate / length
    return 2 * hann_bandwidth * jnp.interp(f_hz, jnp.asarray(NOISE_HZ, jnp.float32), noise)


def _spectrum(audio: Float[Array, " time"], length: int) -> Float[Array, "frame bin"]:
    return stft_power(padded(audio, length // 2), length, length // 2)


def window_lengths(sample_rate: int) -> tuple[int, int]:
    """Samples of the windows of bands and of partials."""
    return _length(BANDS_WINDOW, sample_rate), _length(PARTIALS_WINDOW, sample_rate)


def _length(at_44100: int, sample_rate: int) -> int:
    """Samples of a window: the power of two nearest to the same time."""
    return 1 << round(np.log2(at_44100 * sample_rate / 44_100))


def band_filters(sample_rate: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bands [bin, band] without and with A-weighting, and the A-weighting of each bin [bin]."""
    length = _length(BANDS_WINDOW, sample_rate)
    filters = erb_filterbank(sample_rate, length, N_BANDS, lowest_hz=LOWEST_HZ, highest_hz=HIGHEST_HZ)
    weights = a_weighting(np.fft.rfftfreq(length, 1 / sample_rate))
    return filters, filters * weights[:, None], weights


def _n_partials(sample_rate: int) -> int:
    length = _length(PARTIALS_WINDOW, sample_rate)
    return min(int(PARTIALS_HZ * length / sample_rate), length // 2 + 1)


def partial_weights(sample_rate: int) -> np.ndarray:
    """A-weighting of the bins of partials [bin]."""
    f_hz = np.fft.rfftfreq(_length(PARTIALS_WINDOW, sample_rate), 1 / sample_rate)
    return a_weighting(f_hz[: _n_partials(sample_rate)])
