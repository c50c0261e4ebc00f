"""Envelopes as straight segments, planned move by move and then read at all times in parallel.

msfa steps its envelopes once per block of 64 samples, the real machine once per sample or by a timer, so each profile
has its clocks. Between two turning points the steps are equal. A whole envelope is therefore a few dozen straight
segments, with lengths in whole ticks, and a short loop over the turning points replaces a loop over time.

A relaxed envelope has real lengths: each adds the *rounding residual*, the amount by which rounding up lengthens the
segment in the nearest real voice. At that voice the lengths are whole and the envelope is the exact one. Around it they
move with the parameters, so the gradient of a rate includes the delay of all later segments.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Int, Num

from ddx7.engine.interpolate import Value, is_relaxed, namespace


class Segments(NamedTuple):
    """Straight segments in order of time; each lasts until the next one starts.

    Attributes:
      start: [*batch, segment] tick at which each starts.
      line: [*batch, segment, 4]: level at the start, change per tick, ticks until arrival, level from then on.
    """

    start: Value
    line: Value


class Move(NamedTuple):
    """One segment without its start time.

    Attributes:
      length: ticks until the next move begins; whole for a real voice.
      slope: change per tick.
      reach: ticks until the level arrives; at most `length`.
      end: level at arrival.
      residual: the rounding residual of the length, for the relaxed voice.
      memory: state for the next move.
    """

    length: Value
    slope: Value
    reach: Value
    end: Value
    residual: Any
    memory: Any


def follow(
    move: Callable[[Value, Any, Any], Move],
    level: Value,
    memory: Any,
    moves: Any,
    n_before: int,
    gate: Value,
) -> tuple[Segments, Any]:
    """Put moves one after another in time, from note-on to the end of the release.

    Args:
      move: (level now, memory, one of `moves`) to a `Move`.
      level: at note-on, [*batch].
      memory: at note-on.
      moves: pytree with a leading axis, one entry for each move.
      n_before: number of moves before note-off; the next one starts at note-off from the level reached there.
      gate: tick of note-off, int32 [*batch].

    Returns:
      (segments, residual of each move with a leading axis).
    """
    xp = namespace(level)
    gate = xp.asarray(gate).astype(level.dtype)
    n_moves = len(jax.tree.leaves(moves)[0])

    def body(state: tuple, xs: tuple) -> tuple:
        start, level, at_gate, memory = state
        releases, one = xs
        start, level = xp.where(releases, gate, start), xp.where(releases, at_gate, level)
        found = move(level, memory, one)
        after = start + found.length
        held = gate - start
        inside = xp.where(held >= found.reach, found.end, level + found.slope * held)
        at_gate = xp.where(after <= gate, found.end, xp.where(start <= gate, inside, at_gate))
        line = xp.stack([level, found.slope, found.reach, found.end], axis=-1)
        return (after, found.end, at_gate, found.memory), (start, line, found.residual)

    state = (xp.zeros_like(level), level, level, memory)
    releases = np.arange(n_moves) == n_before
    _, (start, line, residual) = (lax.scan if xp is jnp else _scan)(body, state, (releases, moves))
    # Moves of the held note that would start after note-off start at note-off and last no time.
    before = (np.arange(n_moves) < n_before).reshape(-1, *(1,) * gate.ndim)
    start = xp.where(before, xp.minimum(start, gate), start)
    return Segments(xp.moveaxis(start, 0, -1), xp.moveaxis(line, 0, -2)), residual


def _scan(body: Callable[[Any, Any], tuple[Any, Any]], state: Any, xs: Any) -> tuple[Any, Any]:
    """`jax.lax.scan` on NumPy arrays."""
    leaves, structure = jax.tree.flatten(xs)
    outputs = []
    for row in zip(*leaves, strict=True):
        state, output = body(state, structure.unflatten(row))
        outputs.append(output)
    return state, jax.tree.map(lambda *ys: np.array(ys), *outputs)


def read(segments: Segments, ticks: Int[Array, " time"]) -> Num[Array, " time"]:
    """Level at given times, never before the first segment.

    Args:
      segments: unbatched.
      ticks: times.

    Returns:
      level [time], in the units and dtype of the segments.
    """
    times = ticks.astype(segments.start.dtype)
    # One pass over time with one comparison for each start; a sorted search or a reduction is several times slower.
    index = sum(((times >= segments.start[k]).astype(np.int32) for k in range(1, len(segments.start))), np.int32(0))

    def at(rows: Value) -> Array:
        return rows.at[index].get(mode="promise_in_bounds")

    elapsed = times - at(segments.start)
    level, slope, reach, end = (at(segments.line[:, column]) for column in range(4))
    return jnp.where(elapsed >= reach, end, level + slope * elapsed)


def steps(distance: Value, size: Value, residual: Value) -> tuple[Value, Value]:
    """Steps of a size that cover a distance, rounded up: whole for integers, plus the rounding residual for floats.

    Args:
      distance: not negative.
      size: positive.
      residual: of the nearest real voice; unused for integers.

    Returns:
      (number of steps, residual): for integers the residual of this division, for the relaxed voice.
    """
    if is_relaxed(distance):
        return distance / size + residual, residual
    n = -(-distance // size)
    # In single precision, as the relaxed voice divides.
    return n, n.astype(np.float32) - distance.astype(np.float32) / size.astype(np.float32)
