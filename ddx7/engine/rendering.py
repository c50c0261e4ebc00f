"""`render`: voices to audio, in batches, on all cores, with one compilation for any voice, note and length.

Time is cut into pieces of fixed length and voices into groups of a few fixed sizes, so that the compiled program never
depends on what is rendered, and memory grows only with the result.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Float, Int, Num

from ddx7.compiler import ONE_THREAD
from ddx7.engine.control import Plan, controls, plan
from ddx7.engine.operators import State, initial_state, synthesise
from ddx7.engine.patch import Patch
from ddx7.engine.performance import TIME_AXES, Controllers, Performance
from ddx7.engine.tables import BLOCK, FEEDBACK
from ddx7.errors import Ddx7Error
from ddx7.voice import Voice

PIECE = 256
"""Blocks in one compiled run: 0.37 s at 44.1 kHz. Half or twice that is slower: launches, or samples out of cache."""
_GROUPS = (1, 2, 4, 8, 16, 32)


def render(
    voices: Voice | Sequence[Voice],
    note: Num[ArrayLike, "*voice"] = 60,
    velocity: Num[ArrayLike, "*voice"] = 100,
    gate: Num[ArrayLike, "*voice"] = 1.0,
    duration: float = 2.0,
    sample_rate: int = 44100,
    *,
    controllers: Controllers | None = None,
) -> Float[np.ndarray, "*voice sample"]:
    """Play voices, each on its own key.

    Args:
      voices: one voice, or a sequence (a `Bank` is one).
      note: MIDI note 0-127; one, or one for each voice.
      velocity: MIDI velocity 1-127; likewise.
      gate: seconds the key is held; likewise. Rounded to the nearest sample; the key is let go at the first block of 64
        samples at or after it.
      duration: seconds to render, rounded to the nearest sample.
      sample_rate: in Hz, 8000-192000. Envelopes and LFO keep their speed at any rate.
      controllers: wheels and pedals, the same for all voices.

    Returns:
      float32, [sample] if everything was single, else [voice, sample] with single values repeated. A carrier at full
      level peaks at 0.125, six at 0.75; velocity can lift that by 5 dB.

    Raises:
      Ddx7Error: a value out of range.
    """
    single = isinstance(voices, Voice) and all(np.ndim(x) == 0 for x in (note, velocity, gate))
    many = [voices] if isinstance(voices, Voice) else list(voices)
    if not many:
        raise Ddx7Error("render: found no voices, wanted at least one")
    try:
        shape = np.broadcast_shapes((len(many),), *(np.shape(x) for x in (note, velocity, gate)))
    except ValueError:
        sizes = ", ".join(str(np.shape(x)) for x in (note, velocity, gate))
        raise Ddx7Error(
            f"render: {len(many)} voices do not go with notes, velocities and gates of shapes {sizes}"
        ) from None
    check_range("note", note, 0, 127)
    check_range("velocity", velocity, 0, 127)
    check_range("gate", gate, 0, 3600)
    check_range("duration", duration, 0, 3600)
    check_range("sample_rate", sample_rate, 8000, 192000)

    patch = Patch.stack(many if len(many) == shape[0] else many * shape[0])
    gate_samples = np.round(np.broadcast_to(np.asarray(gate, float), shape) * sample_rate).astype(np.int64)
    gate_blocks = np.minimum(-(-gate_samples // BLOCK), np.iinfo(np.int32).max // 2).astype(np.int32)
    plans = plan(
        patch,
        np.broadcast_to(np.asarray(note, np.int32), shape),
        np.broadcast_to(np.asarray(velocity, np.int32), shape),
        gate_blocks,
        sample_rate,
    )
    performance = Performance() if controllers is None else controllers.performance()
    audio = play(plans, round(duration * sample_rate), sample_rate, performance)
    return audio[0] if single else audio


def play(
    plans: Plan, n_samples: Int[ArrayLike, "*voice"], sample_rate: int, performance: Performance | None = None
) -> Float[np.ndarray, "voice sample"]:
    """Render planned voices of any number and length.

    Args:
      plans: real voices, planned in one batch.
      n_samples: length; one, or one for each voice. Neighbours of like length cost least.
      sample_rate: in Hz.
      performance: shared by all voices, or with a leading voice axis; fields per block may be of any length, the last
        value holds.

    Returns:
      float32 [voice, longest length]; silence after a voice's own length.
    """
    n_voices = len(np.asarray(plans.patch.algorithm))
    lengths = np.broadcast_to(np.asarray(n_samples, np.int64), n_voices)
    audio = np.zeros((n_voices, lengths.max()), np.float32)
    performance = performance or Performance()

    workers = os.cpu_count() or 1
    size = next((g for g in _GROUPS if g * workers >= n_voices), _GROUPS[-1])
    starts = range(0, n_voices, size)

    def render_group(start: int) -> None:
        stop = min(start + size, n_voices)
        rows = np.minimum(np.arange(start, start + size), n_voices - 1)
        group = jax.device_put(jax.tree.map(lambda x: x[rows], plans))
        state = initial_state(size)
        for first in range(0, -(-int(lengths[start:stop].max()) // BLOCK), PIECE):
            part = _part(performance, rows, first)
            samples, state = _play_piece(group, np.int32(first), state, part, sample_rate)
            begin = first * BLOCK
            for row, voice in zip(np.asarray(samples), range(start, stop), strict=False):  # rows repeat to fill a group
                wanted = row[: max(lengths[voice] - begin, 0)]
                audio[voice, begin : begin + len(wanted)] = wanted

    if len(starts) <= 1:
        for start in starts:
            render_group(start)
    else:
        with ThreadPoolExecutor(workers) as pool:
            for _ in pool.map(render_group, starts):
                pass
    return audio


@partial(jax.jit, static_argnames="sample_rate", compiler_options=ONE_THREAD)
def _play_piece(
    plans: Plan, first: jax.Array, state: State, performance: Performance, sample_rate: int
) -> tuple[jax.Array, State]:
    blocks = first + jnp.arange(PIECE)
    axes = (0, None, Performance._make(_voice_axes(performance)))
    read = jax.vmap(partial(controls, sample_rate=sample_rate), in_axes=axes)
    parts = read(plans, blocks, performance)
    feedback = jnp.asarray(FEEDBACK, jnp.float32)[plans.patch.feedback]
    return synthesise(parts.octaves, parts.increment, jnp.asarray(plans.patch.algorithm), feedback, state)


def _voice_axes(performance: Performance) -> list[int | None]:
    """Axis of each field that runs over voices; None where all share it."""
    return [0 if np.ndim(x) > n_axes else None for x, n_axes in zip(performance, TIME_AXES, strict=True)]


def _part(performance: Performance, rows: np.ndarray, first: int) -> Performance:
    """What concerns some voices during the piece that starts at a block; a constant stays one."""

    def cut(x: ArrayLike, axis: int | None, moves: int) -> np.ndarray:
        x = np.asarray(x, np.int32)
        x = x if axis is None else x[rows]
        return x[..., np.minimum(first + np.arange(PIECE), x.shape[-1] - 1)] if moves and x.ndim else x

    return Performance(*map(cut, performance, _voice_axes(performance), TIME_AXES))


def check_range(name: str, value: Num[ArrayLike, "..."], low: float, high: float) -> None:
    """Raise a `Ddx7Error` that names the first value outside [low, high], not a number among them."""
    values = np.asarray(value, float)
    if not np.all((values >= low) & (values <= high)):
        bad = values[~((values >= low) & (values <= high))].flat[0]
        raise Ddx7Error(f"{name}: found {bad:g}, wanted {low:g} to {high:g}")
