"""Solves the feedback loop sample by sample, with the voices in parallel, and differentiates it.

With one operator in the loop, y[n] = g[n] sin 2 pi (p[n] + a (y[n-1] + y[n-2])). With several, each modulates those
after it in the same sample, and the output of one of them returns to the first one sample later.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from ddx7.engine.chip import Chip, feed, operate
from ddx7.engine.tables import BLOCK
from ddx7.engine.waves import Ramps, all_samples, at_sample, sine

Memory = tuple[Array, Array]
Loop = tuple[Array, Array, Array]
"""Amount [voice], coupling [slot, slot, voice] and source [slot, voice]."""

GRADIENT_LIMIT = 0.499
"""Largest share of a sample's gradient that passes to each of the two before it.

Feedback 6-7 on a loud operator is chaotic: its true gradient doubles every few samples and overflows within a few
hundred. Below feedback 5 the shares stay under the limit at normal levels, and the gradient is exact.
"""


def feed_back(
    lines: Ramps,
    amount: Float[Array, " voice"],
    coupling: Float[Array, "voice slot slot"],
    source: Float[Array, "voice slot"],
    memory: Float[Array, "voice 2"],
    chip: Chip | None = None,
) -> tuple[Float[Array, "voice slot time block"], Float[Array, "voice 2"]]:
    """Outputs of the operators in the loop.

    Args:
      lines: phases and gains [voice, slot, time]; feedback enters the first slot.
      amount: turns per unit of the sum of the last two outputs that feed back.
      coupling: how much each slot (row) is modulated by those before it.
      source: 1 at the slot whose output feeds back.
      memory: its last two outputs, newest first.
      chip: plays with the sound chip's tables; None computes exactly.

    Returns:
      (every sample, memory after the last).
    """
    loop = amount, jnp.moveaxis(coupling, 0, -1), source.T
    if lines.frequency is not None:
        turns, gain = all_samples(lines)
        outputs = _solve(turns, gain, *loop, chip)
        fed = jnp.sum(source[:, :, None] * outputs[:, :, -1, :-3:-1], axis=1)
        return outputs, fed

    def block(carry: Memory, line: Ramps) -> tuple[Memory, Array]:
        def sample(carry: Memory, index: Array) -> tuple[Memory, Array]:
            turns, gain = at_sample(line, index)
            return _advance(carry, turns, gain, loop, chip)

        carry, outputs = lax.scan(sample, carry, jnp.arange(BLOCK))
        return carry, outputs.transpose(2, 1, 0)  # here, because they are in cache

    by_time = jax.tree.map(lambda x: jnp.moveaxis(x, 2, 0).swapaxes(1, 2), lines)  # [time, slot, voice]
    (newest, older), outputs = lax.scan(block, (memory[:, 0], memory[:, 1]), by_time)
    return jnp.moveaxis(outputs, 0, 2), jnp.stack([newest, older], axis=1)


def _advance(carry: Memory, turns: Array, gain: Array, loop: Loop, chip: Chip | None) -> tuple[Memory, Array]:
    """One sample of all slots [slot, voice]."""
    amount, coupling, source = loop
    newest, older = carry
    outputs = [operate(turns[0] + feed(amount * (newest + older), chip), gain[0], chip)]
    for slot in range(1, len(turns)):
        angle = turns[slot]
        for before, output in enumerate(outputs):
            angle = angle + coupling[slot, before] * output
        outputs.append(operate(angle, gain[slot], chip))
    return (_fed_back(outputs, source), newest), jnp.stack(outputs)


def _fed_back(outputs: list[Array], source: Array) -> Array:
    """The output that feeds back, [voice]; a single slot is its own source."""
    if len(outputs) == 1:
        return outputs[0]
    return sum((source[k] * output for k, output in enumerate(outputs)), jnp.zeros_like(outputs[0]))


@jax.custom_jvp
def _solve(turns: Array, gain: Array, amount: Array, coupling: Array, source: Array, chip: Chip | None) -> Array:
    """`feed_back` from silence, with one phase and gain per sample; [voice, slot, time, block]."""
    loop = amount, coupling, source

    def block(carry: Memory, xs: tuple[Array, Array]) -> tuple[Memory, Array]:
        return lax.scan(lambda carry, x: _advance(carry, *x, loop, chip), carry, xs)

    silence = jnp.zeros_like(amount)
    _, outputs = lax.scan(block, (silence, silence), (_by_sample(turns), _by_sample(gain)))
    return _by_voice(outputs)


@_solve.defjvp
def _solve_jvp(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Array, Array]:
    """The routing and the chip's tables are constants, so their tangents are ignored."""
    turns, gain, amount, coupling, source, _ = primals
    turns_dot, gain_dot, amount_dot = tangents[:3]
    outputs = _solve(*primals)
    fed = jnp.einsum("sv,vstb->vtb", source, outputs)
    before = jnp.pad(fed.reshape(len(fed), -1), ((0, 0), (2, 0)))
    recent = (before[:, 1:-1] + before[:, :-2]).reshape(fed.shape)
    angle = turns + jnp.einsum("rsv,vstb->vrtb", coupling, outputs)
    angle = angle.at[:, 0].add(amount[:, None, None] * recent)
    slope = 2 * np.pi * gain * sine(angle + 0.25)  # d output / d phase

    # `reach` is the effect of each slot's output on the sample that feeds back.
    n_slots = turns.shape[1]
    reach = [source[0]] * n_slots
    for slot in reversed(range(n_slots)):
        later = (coupling[k, slot][:, None, None] * slope[:, k] * reach[k] for k in range(slot + 1, n_slots))
        reach[slot] = sum(later, jnp.broadcast_to(source[slot][:, None, None], fed.shape))
    share = amount[:, None, None] * slope[:, 0]
    ring = jnp.abs(share * reach[0])
    share = jnp.where(ring > GRADIENT_LIMIT, share * (GRADIENT_LIMIT / jnp.maximum(ring, GRADIENT_LIMIT)), share)

    angle_dot = turns_dot.at[:, 0].add(amount_dot[:, None, None] * recent)
    return outputs, _propagate(slope * angle_dot + sine(angle) * gain_dot, slope, share, coupling, source)


def _propagate(own: Array, slope: Array, share: Array, coupling: Array, source: Array) -> Array:
    """Tangents of the outputs; a linear recurrence in `own`, which JAX transposes for reverse mode.

    Args:
      own: tangent of each output without the loop, [voice, slot, time, block].
      slope: derivative of each output with respect to its phase, of the same shape.
      share: derivative of the first slot's output with respect to each of the last two samples, [voice, time, block].
      coupling: [slot, slot, voice].
      source: [slot, voice].

    Returns:
      [voice, slot, time, block].
    """
    n_slots = own.shape[1]

    def sample(carry: Memory, x: tuple[Array, Array, Array]) -> tuple[Memory, Array]:
        newest, older = carry
        own, slope, share = x
        outputs = [own[0] + share * (newest + older)]
        for slot in range(1, n_slots):
            angle = sum((coupling[slot, k] * output for k, output in enumerate(outputs)), jnp.zeros_like(newest))
            outputs.append(own[slot] + slope[slot] * angle)
        return (_fed_back(outputs, source), newest), jnp.stack(outputs)

    def block(carry: Memory, xs: tuple[Array, Array, Array]) -> tuple[Memory, Array]:
        return lax.scan(sample, carry, xs)

    zero = jnp.zeros_like(own[:, 0, 0, 0])
    xs = _by_sample(own), _by_sample(slope), jnp.transpose(share, (1, 2, 0))
    return _by_voice(lax.scan(block, (zero, zero), xs)[1])


def _by_sample(x: Array) -> Array:
    """[voice, slot, time, block] to [time, block, slot, voice]."""
    return jnp.transpose(x, (2, 3, 1, 0))


def _by_voice(x: Array) -> Array:
    """[time, block, slot, voice] to [voice, slot, time, block]."""
    return jnp.transpose(x, (3, 2, 0, 1))
