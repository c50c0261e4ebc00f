"""Six operators at audio rate: the feedback loop and the routing of any algorithm.

Exactly one operator of each algorithm takes feedback, and no other operator modulates it. So a scan over time solves
its recursion first, with the voices in parallel. The other five have no memory: `synthesise` computes them voice by
voice, all samples at once, in the order in which they modulate each other. The algorithm is data: a triangle of
coefficients. Where feedback comes from another operator, as in algorithms 4 and 6 of the real machine, the scan solves
the first three operators together.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, ArrayLike, Bool, Float, Int, UInt32

from ddx7.engine.chip import Chip, convert, operate
from ddx7.engine.feedback import feed_back
from ddx7.engine.tables import AUDIBLE_GAIN, BLOCK
from ddx7.engine.waves import Ramps, all_samples
from ddx7.voice.algorithms import CARRIERS, FEEDBACK_OPERATOR, MODULATION

OUTPUT_SCALE = 1 / 16
"""A full carrier has gain 2 and peaks at 0.125, as in Dexed."""

# Slot 0 is the operator that feedback enters; the others follow from OP6 down, so that modulators come first.
SLOTS = np.array([[f, *(op for op in range(5, -1, -1) if op != f)] for f in FEEDBACK_OPERATOR], np.int32)
SLOT_MODULATION = np.stack([m[np.ix_(s, s)] for m, s in zip(MODULATION, SLOTS, strict=True)])
SLOT_CARRIERS = np.stack([c[s] for c, s in zip(CARRIERS, SLOTS, strict=True)])

LONGEST_LOOP = 3
"""Largest number of slots in the feedback loop of any algorithm."""


def crosses(algorithm: Int[ArrayLike, "*voice"], loop_source: Int[ArrayLike, " 32"]) -> Bool[np.ndarray, "*voice"]:
    """Whether feedback runs from one operator to another.

    Args:
      algorithm: 1-32.
      loop_source: as for `synthesise`.
    """
    return np.asarray((np.asarray(loop_source) != FEEDBACK_OPERATOR)[np.asarray(algorithm) - 1])


class OperatorState(NamedTuple):
    """State of the operators between two runs of blocks.

    Attributes:
      phase: uint32 [*batch, 6], 2^32 a cycle.
      gain: [*batch, 6] at the end of the last block.
      feedback: [*batch, 2] last two outputs that feed back, newest first.
    """

    phase: UInt32[Array, "*batch 6"]
    gain: Float[Array, "*batch 6"]
    feedback: Float[Array, "*batch 2"]


def initial_state(n_voices: int) -> OperatorState:
    """Voices at note-on: phases at 0, silent."""
    zeros = jnp.zeros((n_voices, 6))
    return OperatorState(zeros.astype(jnp.uint32), zeros, zeros[:, :2])


def synthesise(
    octaves: Float[Array, "voice 6 time"],
    increment: UInt32[Array, "voice 6 time"],
    algorithm: Int[Array, " voice"],
    feedback: Float[Array, " voice"],
    state: OperatorState,
    frequency: Float[Array, "voice 6 time"] | None = None,
    loop_source: Int[ArrayLike, " 32"] | None = None,
    n_crossing: int = 0,
    chip: Chip | None = None,
    operators: bool = False,
) -> tuple[Float[Array, "voice ... sample"], OperatorState]:
    """Play voices over some blocks.

    Args:
      octaves: log2 gain of OP1 to OP6 at the end of each block.
      increment: phase advance per sample, 2^32 a cycle.
      algorithm: 1-32.
      feedback: turns of phase per unit of the mean of the last two outputs.
      state: from `initial_state` or the blocks before.
      frequency: turns per sample with a gradient, for relaxed voices, which start at note-on.
      loop_source: index of the operator whose output feeds back in each algorithm; by default the one it enters.
      n_crossing: number of voices, the first ones, in which that may be another operator. Their loops cost thrice as
        much.
      chip: computes with the sound chip's tables and converter instead of exactly.
      operators: returns the output of each operator instead of the sum of the carriers.

    Returns:
      (audio [voice, sample] of 64 samples a block, with `operators` [voice, 6, sample], OP1 first; state after it). The
      carriers sum to the audio: each is scaled by the share of their sum that the chip's converter keeps.
    """
    slots = jnp.asarray(SLOTS)[algorithm - 1]
    lines, phase, gain = jax.vmap(_ramps)(octaves, increment, state, frequency)
    lines = jax.tree.map(lambda x: jnp.take_along_axis(x, slots[:, :, None], axis=1), lines)

    dtype = octaves.dtype
    modulation = jnp.asarray(SLOT_MODULATION, dtype)[algorithm - 1]
    carriers = jnp.asarray(SLOT_CARRIERS, dtype)[algorithm - 1]
    leaves = FEEDBACK_OPERATOR if loop_source is None else loop_source
    source = (slots == jnp.asarray(leaves)[algorithm - 1][:, None]).astype(dtype)
    # The gradient computes each voice again instead of storing it: samples are cheaper than memory.
    voice = _voice if frequency is None else jax.checkpoint(_voice, static_argnums=5)

    def sound(rows: slice, n_slots: int) -> tuple[Array, Array]:
        some = jax.tree.map(lambda x: x[rows], (lines, modulation, carriers, source, feedback / 2, state.feedback))
        lines_, modulation_, carriers_, source_, amount, memory = some
        first = jax.tree.map(lambda x: x[:, :n_slots], lines_)
        coupling, leaves = modulation_[:, :n_slots, :n_slots], source_[:, :n_slots]
        loop, memory = feed_back(first, amount, coupling, leaves, memory, chip)
        solved = [loop[:, slot] for slot in range(n_slots)]

        def one(args: tuple[Ramps, list[Array], Array, Array]) -> Array:
            return voice(*args, chip, operators)

        return lax.map(one, (lines_, solved, modulation_, carriers_)), memory

    parts = [sound(slice(n_crossing), LONGEST_LOOP)] if n_crossing else []
    parts += [sound(slice(n_crossing, None), 1)] if n_crossing < len(algorithm) else []
    audio, memory = (jnp.concatenate(x) for x in zip(*parts, strict=True))
    if operators:
        audio = jnp.take_along_axis(audio, jnp.argsort(slots)[:, :, None, None], axis=1)
    return audio.reshape(*audio.shape[:-2], -1), OperatorState(phase, gain, memory)


def _ramps(
    octaves: Float[Array, "6 time"],
    increment: UInt32[Array, "6 time"],
    state: OperatorState,
    frequency: Float[Array, "6 time"] | None,
) -> tuple[Ramps, UInt32[Array, " 6"], Float[Array, " 6"]]:
    """Straight lines over each block, and phases and gains at the end of the last."""
    after = jnp.exp2(octaves)
    before = jnp.concatenate([state.gain[:, None].astype(after.dtype), after[:, :-1]], axis=1)
    audible = (before >= AUDIBLE_GAIN) | (after >= AUDIBLE_GAIN)
    advance = jnp.cumsum(increment * BLOCK, axis=1, dtype=jnp.uint32)
    phase = state.phase[:, None] + advance - increment * BLOCK
    start = None if frequency is None else (jnp.cumsum(frequency, axis=1) - frequency) * BLOCK
    gain = jnp.where(audible, before, 0)
    rise = jnp.where(audible, (after - before) / BLOCK, 0)
    return Ramps(phase, increment, gain, rise, start, frequency), state.phase + advance[:, -1], after[:, -1]


def _voice(
    lines: Ramps,
    solved: list[Float[Array, "time block"]],
    modulation: Float[Array, "6 6"],
    carriers: Float[Array, " 6"],
    chip: Chip | None,
    operators: bool,
) -> Float[Array, "... time block"]:
    """The sound of one voice, or with `operators` the output of each slot [6, time, block]."""
    outputs = list(solved)
    for slot in range(len(outputs), 6):
        turns, gain = all_samples(jax.tree.map(lambda x, s=slot: x[s], lines))
        for source, output in enumerate(outputs):
            turns = turns + modulation[slot, source] * output
        outputs.append(operate(turns, gain, chip))
    audible = [carriers[slot] * output for slot, output in enumerate(outputs)]
    total = sum(audible[1:], audible[0])
    sound = convert(total, chip)
    if not operators:
        return sound * OUTPUT_SCALE
    kept = 1 if chip is None else jnp.where(total == 0, 1, sound / jnp.where(total == 0, 1, total))
    return (
        jnp.stack([jnp.where(carriers[slot] > 0, kept, 1) * output for slot, output in enumerate(outputs)])
        * OUTPUT_SCALE
    )
