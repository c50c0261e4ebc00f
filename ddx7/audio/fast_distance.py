"""The perceptual distance of many sounds by numba's machine code: that of `perceptual_distance`, twice as fast or more.

`ddx7.audio.perceptual` defines the distance, and JAX computes it where a gradient is wanted, on a GPU, and until the
machine code is compiled.
"""

import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from ddx7.audio import perceptual
from ddx7.audio.perceptual import DistanceTerms, TargetFeatures
from ddx7.audio.spectra_numpy import hann, unit_sine
from ddx7.machine_code import code_folder, compile_kept, has_gpu, is_kept, wish
from ddx7.runtime import in_threads

_SOURCES = [Path(__file__).parent / name for name in ("distance_kernels.py", "kernel_vectors.py")]
_WORTH = 20_000
"""Sounds that a process compares by JAX before it compiles: about as much time as compiling takes."""


@dataclass
class _Choice:
    """What this process has found so far."""

    kernels: ModuleType | None = None
    failed: bool = False
    compared: int = 0


_choice = _Choice()
_lock = threading.RLock()
_memory = threading.local()


def fast_kernels(n: int) -> ModuleType | None:
    """The kernels, if they should compare so many sounds; None where JAX should.

    Args:
      n: number of sounds; a process that compares many compiles the kernels.
    """
    wished = wish()
    if wished == "jax" or _choice.failed:
        return None
    with _lock:
        if _choice.kernels is None:
            _choice.compared += n
            if wished == "auto" and (has_gpu() or (_choice.compared < _WORTH and not is_kept(_folder()))):
                return None
            try:
                _choice.kernels = compile_kept(_folder(), _compile_all)
            except Exception:  # numba raises many kinds, and none may stop a comparison
                _choice.failed = True
    return _choice.kernels


def warm() -> None:
    """Compile the kernels, or load them from the cache."""
    fast_kernels(_WORTH)


def _compile_all() -> ModuleType:
    from ddx7.audio import distance_kernels

    # A made-up target of one frame: JAX would compile its analysis operation by operation, in every process.
    rate, n_bands = 22_050, len(_of_rate(22_050).filters[0])
    n_partials = len(_of_rate(rate).weights)
    shapes = (1, n_bands), (n_bands,), (1, n_partials), (1,)
    values: list[Any] = [np.ones(shape, np.float32) for shape in shapes]
    one: Any = np.ones((), np.float32)
    n_samples = perceptual.window_lengths(rate)[1]
    spectra, floors = perceptual.DistanceSpectra(*values), perceptual.DistanceSpectra(one, one, one, one)
    features = TargetFeatures(spectra, floors, n_samples, rate)
    fast_distances(distance_kernels, features, np.ones((1, n_samples), np.float32))
    return distance_kernels


@cache
def _folder() -> Path | None:
    return code_folder(_SOURCES)


def fast_distances(
    kernels: ModuleType, features: TargetFeatures, audio: Float[np.ndarray, "sound time"]
) -> Float[np.ndarray, " sound"]:
    """The perceptual distance of each sound, on all cores.

    Args:
      kernels: from `fast_kernels`.
      features: of the target.
      audio: as many samples as the target has, at its sample rate.
    """
    target, size = _prepared(features), kernels.LANES
    distances = np.empty(len(audio), np.float32)

    def compare(group: int) -> None:
        members = slice(group * size, (group + 1) * size)
        terms = _terms(kernels, target, audio[members])
        distances[members] = _weighted_sum(terms)[: len(audio[members])]

    in_threads(compare, range(-(-len(audio) // size)))
    return distances


def _weighted_sum(terms: DistanceTerms) -> Float[np.ndarray, " sound"]:
    """The distance from its terms, as `perceptual.weighted_sum` without JAX."""
    scaled = [perceptual.MEAN * np.asarray(term) / s for term, s in zip(terms, perceptual.SCALES, strict=True)]
    return np.sum(scaled, axis=0) / len(scaled)


def _terms(kernels: ModuleType, target: "_Target", audio: np.ndarray) -> DistanceTerms:
    """The terms of up to 32 sounds; those of missing ones are those of silence."""
    rate, lanes = target.rate, kernels.LANES
    before = len(rate.partials[0]) // 2
    padded = _scratch("padded", lanes * (before + audio.shape[1])).reshape(lanes, -1)
    padded[:, :before] = 0
    padded[len(audio) :, before:] = 0
    mean_square = np.einsum("st,st->s", audio, audio) / (audio.shape[1] * target.share) + perceptual.INAUDIBLE
    # At one level: a transform takes two sounds, and rounding errors of a loud one would reach a soft one.
    np.multiply(audio, 1 / np.sqrt(mean_square)[:, None], out=padded[: len(audio), before:])

    length, n_bins, n_bands = len(rate.bands[0]), len(rate.filters[-1]), len(rate.filters[0])
    sizes = {"x": length, "y": length, "power": n_bins, "mean": n_bins, "columns": n_bands + 1}
    scratch = tuple(_scratch(name, size * lanes) for name, size in sizes.items())
    sums, total = np.empty((7, lanes), np.float32), np.empty(lanes, np.float32)
    kernels.band_terms(padded, before - length // 2, rate.bands, rate.filters, target.bands, scratch, sums)

    sizes = {"x": len(rate.partials[0]), "y": len(rate.partials[0]), "power": len(rate.weights)}
    scratch = tuple(_scratch(name, size * lanes) for name, size in sizes.items())
    exponent = np.float32(perceptual.PARTIALS_EXPONENT)
    kernels.partial_term(
        padded, rate.partials, rate.weights, target.partials, target.partial_floors, exponent, scratch, total
    )
    n_frames, n_partials = target.share * len(target.bands[0]), target.share * target.partials.size
    return DistanceTerms(
        bands=sums[0] / (n_frames * n_bands),
        prominent=sums[1] / (sums[2] + 1e-6),
        average=sums[4] / (sums[5] + 1e-6),
        partials=total / n_partials,  # pyright: ignore[reportArgumentType]
        loudness=sums[6] / n_frames,
    )


class _Rate(NamedTuple):
    """What all targets of a sample rate share: windows with roots of unity, filters, weights of partials."""

    bands: tuple[np.ndarray, np.ndarray]
    partials: tuple[np.ndarray, np.ndarray]
    filters: tuple[np.ndarray, ...]
    weights: np.ndarray


class _Target(NamedTuple):
    """A target as the kernels take it."""

    rate: _Rate
    bands: tuple[Any, ...]
    partials: np.ndarray
    partial_floors: np.ndarray
    share: float


def _prepared(features: TargetFeatures) -> _Target:
    rate, spectra, floors = _of_rate(features.sample_rate), features.spectra, features.floors
    n_bands, share = len(rate.filters[0]), float(features.share)

    def row(values: Any, n: int) -> np.ndarray:
        return np.ascontiguousarray(np.broadcast_to(np.asarray(values, np.float32), n))

    bands = (
        np.asarray(spectra.bands, np.float32),
        1 / row(floors.bands, n_bands),
        np.asarray(spectra.average, np.float32),
        1 / (share * row(floors.average, n_bands)),  # the kernels' mean spectrum is that of all frames
        np.asarray(spectra.loudness, np.float32),
        np.float32(floors.loudness),
        np.float32(perceptual.LOUDNESS_EXPONENT),
    )
    return _Target(
        rate, bands, np.asarray(spectra.partials, np.float32), row(floors.partials, len(rate.weights)), share
    )


@cache
def _of_rate(sample_rate: int) -> _Rate:
    bands, partials = (_analysis(length) for length in perceptual.window_lengths(sample_rate))
    plain, weighted, a_weights = (np.asarray(x, np.float32) for x in perceptual.band_filters(sample_rate))
    reached = plain > 0
    low, high = reached.argmax(axis=0), len(reached) - reached[::-1].argmax(axis=0)
    high = np.where(reached.any(axis=0), high, low)
    filters = low, high, np.ascontiguousarray(plain.T), np.ascontiguousarray(weighted.T), a_weights
    return _Rate(bands, partials, filters, np.asarray(perceptual.partial_weights(sample_rate), np.float32))


def _analysis(length: int) -> tuple[np.ndarray, np.ndarray]:
    """Window, and the first three powers of each root of unity up to a quarter turn, real and imaginary parts."""
    angle = -2 * np.pi / length * np.arange(length // 4)[:, None] * np.arange(1, 4)
    parts = np.stack([np.cos(angle), np.sin(angle)], axis=-1).astype(np.float32)
    return unit_sine(hann(length)).astype(np.float32), parts.reshape(-1)


def _scratch(name: str, size: int) -> Float[np.ndarray, " value"]:
    """Memory of this thread, used again: the first touch of new pages costs as much as a transform."""
    kept = _memory.__dict__
    if len(kept.get(name, ())) < size:
        kept[name] = np.empty(size, np.float32)
    return kept[name][:size]
