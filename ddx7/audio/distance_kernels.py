"""The perceptual distance as machine code by numba: what `ddx7.audio.perceptual` computes, of 32 sounds side by side.

`ddx7.audio.fast_distance` prepares the arguments. A complex transform takes two sounds at once, one as the real and one
as the imaginary part, and 16 such pairs fill a vector of the processor.
"""

from typing import Any

import numba
import numpy as np

from ddx7.audio.kernel_vectors import (
    LANES,
    PAIRS,
    add_scaled,
    bin_power,
    butterfly,
    last_butterfly,
    level_term,
    load_rows,
    power_term,
)


def _compiled(function: Any) -> Any:
    options = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba finds no folder for its cache
        return numba.njit(**options)(function)


@_compiled
def _transform(x: Any, y: Any, turns: Any, n: int) -> bool:
    """Fourier transform of 16 pairs, in the order of frequencies (Stockham); whether the result is in `y`."""
    length, stride, turned = n, 1, False
    while length >= 4:
        quarter = length // 4
        for p in range(quarter):
            turn = 6 * p * stride
            for q in range(stride):
                at, to = (q + stride * p) * LANES, (q + stride * 4 * p) * LANES
                if turned:
                    butterfly(y, at, stride * quarter * LANES, x, to, stride * LANES, turns, turn)
                else:
                    butterfly(x, at, stride * quarter * LANES, y, to, stride * LANES, turns, turn)
        length, stride, turned = quarter, stride * 4, not turned
    if length == 2:
        for part in range(2 * stride):
            if turned:
                last_butterfly(y, part * PAIRS, stride * LANES, x)
            else:
                last_butterfly(x, part * PAIRS, stride * LANES, y)
        turned = not turned
    return turned


@_compiled
def _spectrum(audio: Any, start: int, n: int, n_bins: int, window: Any, turns: Any, x: Any, y: Any, power: Any) -> None:
    """Power of one frame of 32 sounds, [bin, lane]; `start` is its first sample."""
    flat, stride = audio.reshape(audio.size), audio.shape[1]
    for first in range(0, n, PAIRS):
        load_rows(flat, start + first, stride, window, first, x, first * LANES)
        load_rows(flat, start + first + PAIRS * stride, stride, window, first, x, first * LANES + PAIRS)
    in_y = _transform(x, y, turns, n)
    for k in range(n_bins):
        mirrored = ((n - k) % n) * LANES
        if in_y:
            bin_power(y, k * LANES, mirrored, power, k * LANES)
        else:
            bin_power(x, k * LANES, mirrored, power, k * LANES)


@_compiled
def band_terms(audio: Any, first: int, analysis: Any, filters: Any, target: Any, scratch: Any, sums: Any) -> None:
    """Terms of the bands, of the mean spectrum and of loudness, as sums over 32 sounds.

    Args:
      audio: [32, sample] at unit RMS, with zeros before the sound.
      first: half a window before the sound.
      analysis: window [n] and roots of unity.
      filters: first and last bin of each band, plain and A-weighted filters [band, bin], A-weighting [bin].
      target: levels and inverse floors of the bands, of the mean spectrum, and of loudness.
      scratch: two rows for the transform, powers, their mean, and bands.
      sums: written: [7, 32].
    """
    window, turns = analysis
    low, high, plain, weighted, a_weights = filters
    bands, band_floors, average, average_floors, loudness, loudness_floor, exponent = target
    x, y, power, mean, columns = scratch
    n, n_frames, n_bins, n_bands = len(window), len(bands), len(a_weights), len(low)
    flat = sums.reshape(sums.size)
    flat[:] = 0
    mean[:] = 0
    for frame in range(n_frames):
        _spectrum(audio, first + frame * (n // 2), n, n_bins, window, turns, x, y, power)
        columns[:] = 0
        for lane in range(0, LANES, PAIRS):
            for band in range(n_bands):
                for k in range(low[band], high[band]):
                    add_scaled(columns, band * LANES + lane, power, k * LANES + lane, weighted[band, k])
                level_term(columns, band * LANES + lane, band_floors[band], bands[frame, band], True, flat, lane)
            for k in range(n_bins):
                add_scaled(columns, n_bands * LANES + lane, power, k * LANES + lane, a_weights[k])
                add_scaled(mean, k * LANES + lane, power, k * LANES + lane, np.float32(1))
            power_term(
                columns,
                n_bands * LANES + lane,
                np.float32(1),
                loudness_floor,
                exponent,
                loudness[frame],
                flat,
                6 * LANES + lane,
            )
    columns[:] = 0
    for lane in range(0, LANES, PAIRS):
        for band in range(n_bands):
            for k in range(low[band], high[band]):
                add_scaled(columns, band * LANES + lane, mean, k * LANES + lane, plain[band, k] / np.float32(n_frames))
            level_term(columns, band * LANES + lane, average_floors[band], average[band], False, flat, 3 * LANES + lane)


@_compiled
def partial_term(
    audio: Any,
    analysis: Any,
    weights: Any,
    target: Any,
    floors: Any,
    exponent: Any,
    scratch: Any,
    total: Any,
) -> None:
    """The term of the partials, as a sum over 32 sounds.

    Args:
      audio: [32, sample] at unit RMS, with half a window of zeros before the sound.
      analysis: window [n] and roots of unity.
      weights: A-weighting [bin].
      target: [frame, bin].
      floors: [bin].
      exponent: of the power.
      scratch: two rows for the transform, and powers.
      total: written: [32].
    """
    window, turns = analysis
    x, y, power = scratch
    total[:] = 0
    for frame in range(len(target)):
        _spectrum(audio, frame * (len(window) // 2), len(window), len(weights), window, turns, x, y, power)
        for k in range(len(weights)):
            for lane in range(0, LANES, PAIRS):
                power_term(power, k * LANES + lane, weights[k], floors[k], exponent, target[frame, k], total, lane)
