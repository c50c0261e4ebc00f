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
from jaxtyping import ArrayLike, Float, Num

from ddx7.engine.control import Plan, controls, plan
from ddx7.engine.operators import State, initial_state, synthesise
from ddx7.engine.patch import Patch
from ddx7.engine.performance import Controllers, Performance
from ddx7.engine.tables import BLOCK, FEEDBACK
from ddx7.errors import Ddx7Error
from ddx7.voice import Voice

PIECE = 128
"""Blocks in one compiled run: 0.19 s at 44.1 kHz, small enough for a group's samples to stay in cache."""
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
    _check("note", note, 0, 127)
    _check("velocity", velocity, 0, 127)
    _check("gate", gate, 0, 3600)
    _check("duration", duration, 0, 3600)
    _check("sample_rate", sample_rate, 8000, 192000)

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
    plans: Plan, n_samples: int, sample_rate: int, performance: Performance | None = None
) -> Float[np.ndarray, "voice sample"]:
    """Render planned voices of any number and length.

    Args:
      plans: real voices, planned in one batch.
      n_samples: length.
      sample_rate: in Hz.
      performance: shared by all voices; fields per block may be of any length, the last value holds.
    """
    n_voices = len(plans.patch.algorithm)
    n_pieces = -(-n_samples // (PIECE * BLOCK))
    audio = np.empty((n_voices, n_samples), np.float32)
    held = _hold(performance or Performance(), n_pieces * PIECE)

    workers = os.cpu_count() or 1
    size = next((g for g in _GROUPS if g * workers >= n_voices), _GROUPS[-1])
    starts = range(0, n_voices, size)

    def render_group(start: int) -> None:
        stop = min(start + size, n_voices)
        rows = np.minimum(np.arange(start, start + size), n_voices - 1)
        group = jax.device_put(jax.tree.map(lambda x: x[rows], plans))
        state = initial_state(size)
        for piece in range(n_pieces):
            first = piece * PIECE
            part = jax.tree.map(lambda x, f=first: x[f : f + PIECE] if np.ndim(x) else x, held)
            samples, state = _play_piece(group, np.int32(first), state, part, sample_rate)
            begin = first * BLOCK
            wanted = min(PIECE * BLOCK, n_samples - begin)
            audio[start:stop, begin : begin + wanted] = np.asarray(samples)[: stop - start, :wanted]

    if len(starts) <= 1:
        for start in starts:
            render_group(start)
    else:
        with ThreadPoolExecutor(workers) as pool:
            for _ in pool.map(render_group, starts):
                pass
    return audio


@partial(jax.jit, static_argnames="sample_rate")
def _play_piece(
    plans: Plan, first: jax.Array, state: State, performance: Performance, sample_rate: int
) -> tuple[jax.Array, State]:
    blocks = first + jnp.arange(PIECE)
    parts = jax.vmap(lambda one: controls(one, blocks, performance, sample_rate))(plans)
    feedback = jnp.asarray(FEEDBACK, jnp.float32)[plans.patch.feedback]
    return synthesise(parts.octaves, parts.increment, plans.patch.algorithm, feedback, state)


def _hold(performance: Performance, n_blocks: int) -> Performance:
    """Every field that moves, cut or held at its last value to `n_blocks`; a constant stays one."""

    def fit(x: Num[ArrayLike, "*time"]) -> np.ndarray:
        x = np.asarray(x, np.int32)
        return x if x.ndim == 0 else x[np.minimum(np.arange(n_blocks), len(x) - 1)]

    return Performance(*(fit(x) for x in performance))


def _check(name: str, value: Num[ArrayLike, "..."], low: float, high: float) -> None:
    values = np.asarray(value, float)
    if not np.all((values >= low) & (values <= high)):
        bad = values[~((values >= low) & (values <= high))].flat[0]
        raise Ddx7Error(f"{name}: found {bad:g}, wanted {low:g} to {high:g}")
