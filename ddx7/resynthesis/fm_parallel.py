"""FM without a loop over samples, for training: every sample of every operator at once, with a gradient of the levels.

It needs voices in which no learned level feeds back: those without feedback, and those whose feedback operator keeps
its level and its fixed frequency. Such an operator is chaotic at feedback 7, and no control changes its course. So its
output is drawn once and serves as noise; a gradient through chaos would tell nothing.
"""

from functools import lru_cache
from math import pi, sin

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, UInt32

from ddx7.engine.tables import BLOCK, FEEDBACK
from ddx7.engine.waves import sine
from ddx7.resynthesis.structure import TURN, Structure
from ddx7.voice.algorithms import FEEDBACK_OPERATOR, MODULATION

_NOISE_SAMPLES = 1 << 17  # eight seconds at 16 kHz
_SETTLING_SAMPLES = 256
_NOISE_RATE = 16_000


def parallel_outputs(
    structure: Structure,
    octaves: Float[Array, "sound frame 6"],
    increments: UInt32[Array, "sound frame 6"],
    key: Key[Array, ""],
) -> Float[Array, "sound 6 time"]:
    """Outputs of OP1 to OP6 from silence; at gain 1 they peak at 1.

    Args:
      structure: without a level that feeds back and moves.
      octaves: log2 gains of OP1 to OP6; they move in straight lines from each frame to the next.
      increments: phase advance per sample, 2^32 a cycle.
      key: decides which part of the noise each sound gets.
    """
    after = jnp.exp2(octaves)
    before = jnp.pad(after[:, :-1], ((0, 0), (1, 0), (0, 0)))
    rise = (np.arange(BLOCK, dtype=np.float32) + 1) / BLOCK
    advance = increments * np.uint32(BLOCK)
    start = jnp.cumsum(advance, axis=1, dtype=jnp.uint32) - advance
    index = np.arange(BLOCK, dtype=np.uint32)

    modulation = MODULATION[structure.voice.algorithm - 1]
    loop = int(FEEDBACK_OPERATOR[structure.voice.algorithm - 1]) if structure.voice.feedback else None
    outputs: dict[int, Array] = {}
    for op in reversed(np.flatnonzero(structure.active).tolist()):  # modulators come first
        if op == loop:
            noise = jnp.asarray(feedback_noise(structure))
            n = increments.shape[1] * BLOCK
            first = jax.random.randint(key, (len(octaves), 1), 0, len(noise))
            outputs[op] = noise[(first + jnp.arange(n)) % len(noise)].reshape(*octaves.shape[:2], BLOCK)
            continue
        phase = start[..., op, None] + index * increments[..., op, None]
        turns = phase.astype(jnp.int32).astype(jnp.float32) * jnp.float32(2.0**-32)
        turns = sum((outputs[source] for source in np.flatnonzero(modulation[op]).tolist() if source in outputs), turns)
        gain = before[..., op, None] + rise * (after - before)[..., op, None]
        outputs[op] = gain * _sine(turns)
    silent = jnp.zeros((*octaves.shape[:2], BLOCK), octaves.dtype)
    return jnp.stack([outputs.get(op, silent).reshape(len(octaves), -1) for op in range(octaves.shape[2])], axis=1)


@lru_cache(maxsize=8)
def feedback_noise(structure: Structure) -> np.ndarray:
    """Output of the feedback operator at its highest level, in turns; float32 [time].

    The phase of its own hardly matters beside the feedback; at `_NOISE_RATE` it advances as at the models' rate.
    """
    op = int(FEEDBACK_OPERATOR[structure.voice.algorithm - 1])
    gain = structure.index_limits[op] / TURN
    step = structure.voice.operators[op].frequency / _NOISE_RATE
    amount = float(FEEDBACK[structure.voice.feedback]) / 2
    newest = older = 0.0
    outputs = np.empty(_NOISE_SAMPLES + _SETTLING_SAMPLES, np.float32)
    for k in range(len(outputs)):
        newest, older = gain * sin(2 * pi * (k * step % 1.0 + amount * (newest + older))), newest
        outputs[k] = newest
    return outputs[_SETTLING_SAMPLES:]


@jax.custom_jvp
def _sine(turns: Array) -> Array:
    return sine(turns)


@_sine.defjvp
def _sine_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (turns,), (tangent,) = primals, tangents
    return sine(turns), jnp.float32(2 * pi) * sine(turns + 0.25) * tangent
