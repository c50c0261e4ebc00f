"""The exact engine as machine code by numba: what `controls` and `synthesise` compute, without JAX.

`ddx7.engine.numba_rendering` prepares the arguments. Feedback loops run sample after sample with `LANES` voices side by
side; every other operator of a voice runs over the 64 samples of a block at once, and is skipped while it is silent.
Each inner loop has a fixed number of iterations, so that its vectors have no remainder and a voice gives the same bits
in any company.
"""

from typing import Any

import numpy as np

from ddx7.engine.kernel_controls import compute_controls
from ddx7.engine.kernel_data import (
    FED,
    LANES,
    LOOP,
    OUT,
    SILENCE,
    KernelTables,
    Notes,
    NoteState,
    Scalars,
    Scratch,
    compiled,
)
from ddx7.engine.operators import OUTPUT_SCALE
from ddx7.engine.tables import AUDIBLE_GAIN, BLOCK

_F = np.float32
_TURN = _F(2.0**-32)
_ROUND = _F(1.5 * 2**23)
"""Added and subtracted, rounds a float to the nearest whole number, as `jnp.round` does."""
_AUDIBLE = _F(AUDIBLE_GAIN)
_SUM = SILENCE + 1

# Rows of the feedback loops' scratch memory; `FED` and `OUT` follow.
_GAIN, _RISE, _AMOUNT, _COUPLING, _SOURCE = 0, 3, 6, 7, 10


@compiled
def _sine(turns: Any, c0: Any, c1: Any, c2: Any, c3: Any, c4: Any, c5: Any) -> Any:
    x = turns - ((turns + _ROUND) - _ROUND)
    x2 = x * x
    x4 = x2 * x2
    return x * ((c0 + c1 * x2) + x4 * ((c2 + c3 * x2) + x4 * (c4 + c5 * x2)))


@compiled
def _loop_of_one(loop: Any, loop_phase: Any, c0: Any, c1: Any, c2: Any, c3: Any, c4: Any, c5: Any) -> None:
    """One block of feedback loops of one operator."""
    for i in range(BLOCK):
        out = (FED + 2 + i) * LANES
        for k in range(LANES):
            turns = _F(loop_phase[k]) * _TURN
            loop_phase[k] += loop_phase[LOOP * LANES + k]
            gain = loop[_GAIN * LANES + k] + _F(i + 1) * loop[_RISE * LANES + k]
            fed = loop[out - LANES + k] + loop[out - 2 * LANES + k]
            turns += loop[_AMOUNT * LANES + k] * fed
            loop[out + k] = gain * _sine(turns, c0, c1, c2, c3, c4, c5)


@compiled
def _loop_of_three(loop: Any, loop_phase: Any, c0: Any, c1: Any, c2: Any, c3: Any, c4: Any, c5: Any) -> None:
    """One block of feedback loops over up to three operators."""
    for i in range(BLOCK):
        out, fed_row = (OUT + i * LOOP) * LANES, (FED + 2 + i) * LANES
        for k in range(LANES):
            turns = _F(loop_phase[k]) * _TURN
            loop_phase[k] += loop_phase[LOOP * LANES + k]
            gain = loop[_GAIN * LANES + k] + _F(i + 1) * loop[_RISE * LANES + k]
            fed = loop[fed_row - LANES + k] + loop[fed_row - 2 * LANES + k]
            turns += loop[_AMOUNT * LANES + k] * fed
            y0 = gain * _sine(turns, c0, c1, c2, c3, c4, c5)
            turns = _F(loop_phase[LANES + k]) * _TURN + loop[_COUPLING * LANES + k] * y0
            loop_phase[LANES + k] += loop_phase[(LOOP + 1) * LANES + k]
            gain = loop[(_GAIN + 1) * LANES + k] + _F(i + 1) * loop[(_RISE + 1) * LANES + k]
            y1 = gain * _sine(turns, c0, c1, c2, c3, c4, c5)
            turns = _F(loop_phase[2 * LANES + k]) * _TURN + loop[(_COUPLING + 1) * LANES + k] * y0
            turns += loop[(_COUPLING + 2) * LANES + k] * y1
            loop_phase[2 * LANES + k] += loop_phase[(LOOP + 2) * LANES + k]
            gain = loop[(_GAIN + 2) * LANES + k] + _F(i + 1) * loop[(_RISE + 2) * LANES + k]
            y2 = gain * _sine(turns, c0, c1, c2, c3, c4, c5)
            loop[out + k] = y0
            loop[out + LANES + k] = y1
            loop[out + 2 * LANES + k] = y2
            loop[fed_row + k] = (
                loop[_SOURCE * LANES + k] * y0
                + loop[(_SOURCE + 1) * LANES + k] * y1
                + loop[(_SOURCE + 2) * LANES + k] * y2
            )


@compiled
def play(
    members: Any,
    first: int,
    n_blocks: int,
    notes: Notes,
    tables: KernelTables,
    s: Scalars,
    state: NoteState,
    w: Scratch,
    audio: Any,
) -> None:
    """Play some voices over some blocks.

    Args:
      members: int64 [member], at most `LANES` voices.
      first: block to start at; `state` is that at its start.
      n_blocks: number of blocks.
      notes: all voices.
      tables: of the profile.
      s: of the profile.
      state: of all voices; updated.
      w: memory of this call alone.
      audio: float32 [voice, 1 or 6, sample]; written.
    """
    c0, c1, c2, c3, c4, c5 = tables.sine
    gains, increments, loop_phase, loop, y, angle = w.gains, w.increments, w.loop_phase, w.loop, w.y, w.angle
    n_members = len(members)
    slots, lane_of = notes.slots, w.lane_of
    n_lanes, n_loop = 0, 1
    for member in range(n_members):
        voice = members[member]
        lane_of[member] = -1
        if notes.feedback[voice] > 0:
            lane_of[member] = n_lanes
            n_lanes += 1
            if notes.crossing[voice]:
                n_loop = LOOP
    for k in range(len(loop)):
        loop[k] = 0
    for k in range(len(loop_phase)):
        loop_phase[k] = 0
    for k in range(len(y)):
        y[k] = 0
    for member in range(n_members):
        lane, voice = lane_of[member], members[member]
        if lane >= 0:
            loop[_AMOUNT * LANES + lane] = notes.feedback[voice]
            for k in range(3):
                loop[(_COUPLING + k) * LANES + lane] = notes.loop[voice, k]
                loop[(_SOURCE + k) * LANES + lane] = notes.loop[voice, 3 + k]
            loop[FED * LANES + lane] = state.fed[voice, 1]
            loop[(FED + 1) * LANES + lane] = state.fed[voice, 0]

    for begin in range(0, n_blocks, gains.shape[2]):
        piece = gains.shape[2]
        if n_blocks - begin < piece:
            piece = n_blocks - begin
        for member in range(n_members):
            compute_controls(
                members[member],
                first + begin,
                piece,
                notes,
                tables,
                s,
                w,
                gains[member],
                increments[member],
            )
        for block in range(piece):
            sample = (first + begin + block) * BLOCK

            if n_lanes:
                for member in range(n_members):
                    lane, voice = lane_of[member], members[member]
                    if lane < 0:
                        continue
                    for slot in range(n_loop):
                        operator = slots[voice, slot]
                        before, after = state.gain[voice, operator], gains[member, operator, block]
                        heard = before >= _AUDIBLE or after >= _AUDIBLE
                        loop[(_GAIN + slot) * LANES + lane] = before if heard else _F(0)
                        loop[(_RISE + slot) * LANES + lane] = (after - before) / _F(BLOCK) if heard else _F(0)
                        loop_phase[slot * LANES + lane] = state.phase[voice, operator]
                        loop_phase[(LOOP + slot) * LANES + lane] = increments[member, operator, block]
                if n_loop == 1:
                    _loop_of_one(loop, loop_phase, c0, c1, c2, c3, c4, c5)
                else:
                    _loop_of_three(loop, loop_phase, c0, c1, c2, c3, c4, c5)

            for member in range(n_members):
                voice, lane = members[member], lane_of[member]
                length = notes.length[voice] - sample
                if length <= 0 or sample < 0:
                    continue
                n_solved = n_loop if lane >= 0 else 0
                column = lane & (LANES - 1)
                for i in range(BLOCK):
                    y[_SUM * BLOCK + i] = 0
                for slot in range(6):
                    operator = slots[voice, slot]
                    before, after = state.gain[voice, operator], gains[member, operator, block]
                    phase, increment = state.phase[voice, operator], increments[member, operator, block]
                    out = slot * BLOCK
                    heard = before >= _AUDIBLE or after >= _AUDIBLE
                    if not heard:
                        for i in range(BLOCK):
                            y[out + i] = 0
                    elif slot < n_solved:
                        if n_loop == 1:
                            for i in range(BLOCK):
                                y[out + i] = loop[(FED + 2 + i) * LANES + column]
                        else:
                            for i in range(BLOCK):
                                y[out + i] = loop[(OUT + i * LOOP + slot) * LANES + column]
                    else:
                        rise = (after - before) / _F(BLOCK)
                        a = (notes.sources[voice, slot, 0] & 7) * BLOCK
                        b = (notes.sources[voice, slot, 1] & 7) * BLOCK
                        c = (notes.sources[voice, slot, 2] & 7) * BLOCK
                        for i in range(BLOCK):
                            turns = _F(np.int32(phase + np.int32(i) * increment)) * _TURN
                            angle[i] = turns + y[a + i] + y[b + i] + y[c + i]
                        for i in range(BLOCK):
                            gain = before + _F(i + 1) * rise
                            y[out + i] = gain * _sine(angle[i], c0, c1, c2, c3, c4, c5)
                    if heard and notes.carriers[voice, slot]:
                        for i in range(BLOCK):
                            y[_SUM * BLOCK + i] += y[out + i]
                n = length if length < BLOCK else BLOCK
                if audio.shape[1] == 1:
                    for i in range(n):
                        audio[voice, 0, sample + i] = y[_SUM * BLOCK + i] * _F(OUTPUT_SCALE)
                else:
                    for slot in range(6):
                        operator = slots[voice, slot]
                        for i in range(n):
                            audio[voice, operator, sample + i] = y[slot * BLOCK + i] * _F(OUTPUT_SCALE)

            for member in range(n_members):
                voice = members[member]
                for operator in range(6):
                    state.gain[voice, operator] = gains[member, operator, block]
                    state.phase[voice, operator] += BLOCK * increments[member, operator, block]
            for k in range(2 * LANES):
                loop[FED * LANES + k] = loop[(FED + BLOCK) * LANES + k]

    for member in range(n_members):
        lane, voice = lane_of[member], members[member]
        if lane >= 0:
            state.fed[voice, 1] = loop[FED * LANES + lane]
            state.fed[voice, 0] = loop[(FED + 1) * LANES + lane]
