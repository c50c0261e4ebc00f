"""The operator that modulates itself: solved sample after sample, voices side by side, with a gradient.

y[n] = g[n] sin 2 pi (p[n] + a (y[n-1] + y[n-2]))
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from ddx7.engine.tables import BLOCK
from ddx7.engine.waves import Ramps, all_samples, at_sample, sine

Memory = tuple[Array, Array]

GRADIENT_LIMIT = 0.499
"""Largest share of a sample's gradient that passes to each of the two before it.

Feedback 6-7 on a loud operator is chaotic: its true gradient doubles every few samples and overflows within a few
hundred. Below feedback 5 the shares stay under the limit at normal levels and the gradient is exact.
"""


def feed_back(
    lines: Ramps, amount: Float[Array, " voice"], memory: Float[Array, "voice 2"]
) -> tuple[Float[Array, "voice time block"], Float[Array, "voice 2"]]:
    """Output of the operators that feed back.

    Args:
      lines: phases and gains [voice, time].
      amount: turns per unit of the sum of the last two outputs.
      memory: last two outputs, newest first.

    Returns:
      (every sample, memory after the last).
    """
    if lines.frequency is not None:
        turns, gain = all_samples(lines)
        outputs = _solve(turns, gain, amount)
        return outputs, jnp.stack([outputs[:, -1, -1], outputs[:, -1, -2]], axis=1)

    def block(carry: Memory, line: Ramps) -> tuple[Memory, Array]:
        def sample(carry: Memory, index: Array) -> tuple[Memory, Array]:
            turns, gain = at_sample(line, index)
            return _advance(carry, turns, gain, amount)

        return lax.scan(sample, carry, jnp.arange(BLOCK))

    by_time = jax.tree.map(lambda x: x.T, lines)
    (newest, older), outputs = lax.scan(block, (memory[:, 0], memory[:, 1]), by_time)
    return jnp.moveaxis(outputs, 2, 0), jnp.stack([newest, older], axis=1)


def _advance(carry: Memory, turns: Array, gain: Array, amount: Array) -> tuple[Memory, Array]:
    newest, older = carry
    output = gain * sine(turns + amount * (newest + older))
    return (output, newest), output


@jax.custom_vjp
def _solve(turns: Array, gain: Array, amount: Array) -> Array:
    """`feed_back` from silence, with phases and gains given sample by sample; all [voice, time, block]."""

    def block(carry: Memory, xs: tuple[Array, Array]) -> tuple[Memory, Array]:
        return lax.scan(lambda carry, x: _advance(carry, *x, amount), carry, xs)

    silence = jnp.zeros_like(amount)
    _, outputs = lax.scan(block, (silence, silence), (jnp.moveaxis(turns, 0, 2), jnp.moveaxis(gain, 0, 2)))
    return jnp.moveaxis(outputs, 2, 0)


def _solve_forward(turns: Array, gain: Array, amount: Array) -> tuple[Array, tuple[Array, ...]]:
    outputs = _solve(turns, gain, amount)
    return outputs, (turns, gain, amount, outputs)


def _solve_backward(kept: tuple[Array, ...], cotangent: Array) -> tuple[Array, Array, Array]:
    turns, gain, amount, outputs = kept
    shape = turns.shape
    flat = outputs.reshape(shape[0], -1)
    before = jnp.pad(flat, ((0, 0), (2, 0)))
    recent = (before[:, 1:-1] + before[:, :-2]).reshape(shape)
    angle = turns + amount[:, None, None] * recent
    slope = 2 * np.pi * gain * sine(angle + 0.25)  # d output / d phase
    share = jnp.clip(amount[:, None, None] * slope, -GRADIENT_LIMIT, GRADIENT_LIMIT)

    # The gradient of y[n] is its own plus what y[n+1] and y[n+2] pass back, each through its share.
    def block(carry: Memory, xs: tuple[Array, Array]) -> tuple[Memory, Array]:
        def sample(carry: Memory, x: tuple[Array, Array]) -> tuple[Memory, Array]:
            passed, passed_later = carry
            own, share = x
            total = own + passed + passed_later
            return (total * share, passed), total

        return lax.scan(sample, carry, xs, reverse=True)

    zero = jnp.zeros_like(amount)
    _, total = lax.scan(block, (zero, zero), (jnp.moveaxis(cotangent, 0, 2), jnp.moveaxis(share, 0, 2)), reverse=True)
    total = jnp.moveaxis(total, 2, 0)
    return total * slope, total * sine(angle), jnp.sum(total * slope * recent, axis=(1, 2))


_solve.defvjp(_solve_forward, _solve_backward)
