"""The sound chip's own arithmetic: sines and levels from two tables of logarithms, and the steps of its converter.

An operator of the chip multiplies nothing. It takes twelve bits of phase, looks up the logarithm of the sine, adds the
attenuation, and looks up the exponential of the sum. Its outputs are whole numbers, 4096 to a turn of phase. Gradients
pass through the rounding: a rounded sample has the derivative of the exact one.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from ddx7.engine.interpolate import Value
from ddx7.engine.tables import AUDIBLE_GAIN
from ddx7.engine.waves import sine

TURN = 4096
"""Steps of phase in a turn, and of a signal that modulates by one turn."""
_LOG_STEPS = 1024  # in an octave of the two tables
_LEVEL_STEPS = 256  # in an octave of attenuation
_SILENT = 16383  # an attenuation to silence


class Chip(NamedTuple):
    """Tables of the operator chip and of the converter behind it; int32.

    Attributes:
      log_sine: [1024] over the first quarter of a turn, octaves below 1 in 2^-10.
      exponential: [16384] signal by log level in 2^-10 octave; the last is the loudest.
      ranges: [3] magnitudes of signal, ascending, from each of which on the converter drops one more bit.
    """

    log_sine: Value
    exponential: Value
    ranges: Value


def operate(turns: Float[Array, "*shape"], gain: Float[Array, "*#shape"], chip: Chip | None) -> Float[Array, "*shape"]:
    """The output of an operator: ``gain * sin(2 pi turns)``, or the chip's approximation of it.

    Args:
      turns: phase, modulation included.
      gain: in turns.
      chip: its tables; None computes exactly.
    """
    return gain * sine(turns) if chip is None else _look_up(turns, gain, chip)


def feed(turns: Float[Array, "*shape"], chip: Chip | None) -> Float[Array, "*shape"]:
    """Feedback in turns; the chip cuts it to whole steps before it adds it to a phase."""
    return turns if chip is None else _cut(turns)


def convert(signal: Float[Array, "*shape"], chip: Chip | None) -> Float[Array, "*shape"]:
    """A voice's signal after the converter: louder samples lose up to three of their low bits.

    Args:
      signal: sum of the carriers in turns, whole steps of 1/4096.
      chip: None returns the signal unchanged.
    """
    return signal if chip is None else _convert(signal, chip)


@jax.custom_jvp
def _look_up(turns: Array, gain: Array, chip: Chip) -> Array:
    log_sine, exponential = jnp.asarray(chip.log_sine), jnp.asarray(chip.exponential)
    step = jnp.floor(turns * TURN).astype(jnp.int32)
    quarter = len(log_sine)
    place = jnp.where(step & quarter, ~step, step) & (quarter - 1)
    loudest = exponential[_SILENT].astype(gain.dtype) / TURN
    octaves = jnp.log2(loudest / jnp.maximum(gain, AUDIBLE_GAIN))
    # A held level is a whole number of steps. Rounding to the nearest keeps float errors from cutting it a step lower.
    level = jnp.round(octaves * _LEVEL_STEPS).astype(jnp.int32) * (_LOG_STEPS // _LEVEL_STEPS)
    lost = jnp.clip(log_sine.at[place].get(mode="promise_in_bounds") + level, 0, _SILENT)
    size = exponential.at[_SILENT - lost].get(mode="promise_in_bounds").astype(turns.dtype) / TURN
    return jnp.where(step & (2 * quarter), -size, size)


@_look_up.defjvp
def _look_up_jvp(primals: tuple[Array, Array, Chip], tangents: tuple[Array, Array, Chip]) -> tuple[Array, Array]:
    _, slope = jax.jvp(lambda turns, gain: gain * sine(turns), primals[:2], tangents[:2])
    return _look_up(*primals), slope


@jax.custom_jvp
def _cut(turns: Array) -> Array:
    return jnp.floor(turns * TURN) / TURN


@_cut.defjvp
def _cut_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    return _cut(*primals), tangents[0]


@jax.custom_jvp
def _convert(signal: Array, chip: Chip) -> Array:
    size = jnp.abs(signal * TURN).astype(jnp.int32)
    dropped = jnp.sum(size >= jnp.asarray(chip.ranges)[:, *(None,) * size.ndim], axis=0, dtype=jnp.int32)
    kept = (size >> dropped) << dropped
    return jnp.sign(signal) * kept.astype(signal.dtype) / TURN


@_convert.defjvp
def _convert_jvp(primals: tuple[Array, Chip], tangents: tuple[Array, Chip]) -> tuple[Array, Array]:
    return _convert(*primals), tangents[0]


FILTER_TAPS = 256
"""Samples of the output filter's impulse response; it has decayed before 1.3 ms, the length at 192 kHz."""


def filter_taps(poles_hz: ArrayLike, sample_rate: int) -> Float[np.ndarray, " tap"]:
    """Impulse response of a low-pass filter of some poles, with its exact gain up to half the sample rate.

    The filter has minimum phase, so its response is causal.

    Args:
      poles_hz: complex, s / (2 pi); the gain at 0 Hz is 1.
      sample_rate: in Hz.

    Returns:
      float32 [`FILTER_TAPS`].
    """
    poles, n = np.asarray(poles_hz), 1 << 14
    frequency = np.arange(n // 2 + 1) * (sample_rate / n)
    gain = np.abs(np.prod(poles[:, None] / (poles[:, None] - 1j * frequency), axis=0))
    cepstrum = np.fft.irfft(np.log(gain))
    # Double the causal half of the cepstrum and clear the other: the logarithm of a causal response.
    cepstrum[1 : n // 2] *= 2
    cepstrum[n // 2 + 1 :] = 0
    return np.fft.irfft(np.exp(np.fft.rfft(cepstrum)))[:FILTER_TAPS].astype(np.float32)
