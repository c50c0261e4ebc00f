"""Renders planned voices by numba's machine code instead of JAX: the same sound, sooner and faster on a CPU."""

import threading
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from ddx7.engine import kernel_data, kernel_envelopes, kernels
from ddx7.engine.clock import blocks_covering
from ddx7.engine.control import Plan, plan
from ddx7.engine.controllers import ControllerInput
from ddx7.engine.lfo import SYNC_PHASE
from ddx7.engine.operators import LONGEST_LOOP, SLOT_CARRIERS, SLOT_MODULATION, SLOTS, crosses
from ddx7.engine.patch import Patch
from ddx7.engine.profile import ControlTables
from ddx7.engine.tables import AMP_MOD_SENSITIVITY, BLOCK, DEPTH, EG_RATE, ONE, PITCH_MOD_SENSITIVITY
from ddx7.engine.waves import SINE_COEFFICIENTS
from ddx7.runtime import in_threads, n_cores
from ddx7.voice.spec import VCED_SIZE

_BLOCKS_A_CALL = 1024
"""Blocks that one call computes; the interpreter sees an interrupt between two calls."""

_SOURCES = np.array(
    [
        [[*np.flatnonzero(row), *(kernel_data.SILENCE for _ in range(3))][:3] for row in modulation]
        for modulation in SLOT_MODULATION
    ],
    np.int32,
)
"""[algorithm - 1, slot, 3] slots that modulate each."""
_COUPLING = SLOT_MODULATION[:, [1, 2, 2], [0, 0, 1]]


def play(
    plans: Plan,
    lengths: Int[np.ndarray, " voice"],
    controller_input: ControllerInput,
    audio: Float[np.ndarray, "voice channel sample"],
) -> None:
    """Render planned voices into `audio`, on all cores.

    Args:
      plans: real voices, planned in one batch, of a profile that computes exactly.
      lengths: samples of each voice.
      controller_input: shared by all voices, or with a leading voice axis.
      audio: one channel, or six for the operators; zeros, written up to each voice's length.
    """
    notes = _notes(plans, lengths, controller_input)
    tables, scalars = _tables(plans.tables)
    n = len(lengths)
    state = kernel_data.NoteState(
        np.zeros((n, 6), np.int32), np.zeros((n, 6), np.float32), np.zeros((n, 2), np.float32)
    )

    stop = threading.Event()

    def play_group(members: np.ndarray) -> None:
        scratch = _scratch()
        n_blocks = blocks_covering(int(lengths[members].max()))
        for first in range(0, n_blocks, _BLOCKS_A_CALL):
            if stop.is_set():
                return
            part = min(_BLOCKS_A_CALL, n_blocks - first)
            kernels.play(members, first, part, notes, tables, scalars, state, scratch, audio)

    try:
        in_threads(play_group, _groups(notes, n_cores()))
    finally:
        stop.set()  # after an interrupt, no other thread goes on for long


def plan_envelopes(
    stages: tuple[np.ndarray, ...], climbs: np.ndarray, gate: np.ndarray, samples: int, ceiling: int
) -> tuple[Int[np.ndarray, "... segment"], Int[np.ndarray, "... segment 4"]]:
    """Starts and lines of amplitude envelopes.

    Args:
      stages: targets, increments, waits and whether the stage stays in silence, each [..., 4] or broadcast to that.
      climbs: slope of each move of a stage, 0 for the first.
      gate: tick of note-off [...].
      samples: in a tick.
      ceiling: of an attack, in octaves.
    """
    shape = np.broadcast_shapes(*(x.shape for x in stages), (*np.shape(gate), 1))
    columns = np.empty((*shape, len(stages)), np.int64)
    for k, column in enumerate(stages):
        columns[..., k] = column
    gates = _plain(np.broadcast_to(gate, shape[:-1]).ravel(), np.int64)
    n_segments = shape[-1] * len(climbs)
    start = np.empty((len(gates), n_segments), np.int32)
    line = np.empty((len(gates), n_segments, 4), np.int32)
    kernel_envelopes.plan_moves(
        columns.reshape(-1, *columns.shape[-2:]), _plain(climbs, np.int64), gates, samples, ceiling, start, line
    )
    return start.reshape(*shape[:-1], n_segments), line.reshape(*shape[:-1], n_segments, 4)


def compile_kernels() -> None:
    """Compile all of the machine code, or load it from the cache."""
    one = np.ones((1, 4), np.int32)
    plan_envelopes((one, one, one, one), np.zeros(1, np.int64), np.ones(1, np.int32), 1, 17)
    patch = Patch.from_vced(np.zeros((1, VCED_SIZE), np.uint8))
    plans = plan(patch, np.array([60]), np.array([100]), np.array([1]), EG_RATE)
    play(plans, np.array([BLOCK]), ControllerInput(), np.zeros((1, 1, BLOCK), np.float32))


def _groups(notes: kernel_data.Notes, workers: int) -> list[np.ndarray]:
    """Voices by group: those with a loop over several operators together, then those with one, then those without."""
    kind = np.where(notes.feedback == 0, 2, np.where(notes.crossing == 1, 0, 1))
    order = np.argsort(kind, kind="stable")
    n_groups = max(-(-len(order) // kernel_data.LANES), min(workers, len(order)))
    return np.array_split(order, n_groups)


def _aligned(shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """Zeros that start at a line of the cache."""
    n_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.zeros(n_bytes + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + n_bytes].view(dtype).reshape(shape)


def _scratch() -> kernel_data.Scratch:
    piece = (kernel_data.LANES, 6, kernel_data.PIECE)
    bits = _aligned((kernel_data.PIECE,), np.int32)
    return kernel_data.Scratch(
        bits=bits,
        powers=bits.view(np.float32),
        gains=_aligned(piece, np.float32),
        increments=_aligned(piece, np.int32),
        loop_phase=_aligned((6 * kernel_data.LANES,), np.int32),
        loop=_aligned((kernel_data.LOOP_ROWS * kernel_data.LANES,), np.float32),
        y=_aligned((kernel_data.VOICE_ROWS * BLOCK,), np.float32),
        angle=_aligned((BLOCK,), np.float32),
        segments=_aligned((6,), np.int64),
        loss=_aligned((6,), np.float32),
        lane_of=_aligned((kernel_data.LANES,), np.int64),
    )


def _tables(t: ControlTables) -> tuple[kernel_data.KernelTables, kernel_data.Scalars]:
    lfo, oscillator, modulation = t.lfo, t.oscillator, t.modulation
    low, high = oscillator.limits
    scalars = (
        *t.envelope,
        *t.pitch_envelope,
        *t.lfo_clock,
        *(lfo.hold_turn, lfo.top, lfo.keep),
        *(modulation.adds, modulation.swing_keep, modulation.depth_keep, modulation.pitch_keep, modulation.floors),
        *(t.bends_fixed, t.gain_offset, oscillator.cut, oscillator.lift, oscillator.keep, low, high),
    )
    tables = kernel_data.KernelTables(
        lfo_sine=_plain(lfo.sine, np.int32),
        lfo_hold=_plain(lfo.hold, np.int32),
        curve=_plain(modulation.curve, np.float32),
        increments=_plain(oscillator.increments, np.int32).ravel(),
        sine=SINE_COEFFICIENTS,
    )
    return tables, kernel_data.Scalars(*map(int, scalars))


def _notes(plans: Plan, lengths: np.ndarray, controller_input: ControllerInput) -> kernel_data.Notes:
    t = plans.tables
    patch: Any = plans.patch  # of NumPy arrays
    lfo = np.empty((len(lengths), 10), np.int64)
    columns = (
        np.asarray(t.lfo.speed)[patch.lfo_speed],
        np.where(patch.lfo_sync == 1, SYNC_PHASE, 0),
        patch.lfo_wave,
        np.asarray(t.lfo.wait)[patch.lfo_delay],
        np.asarray(t.lfo.ramp)[patch.lfo_delay],
        PITCH_MOD_SENSITIVITY[patch.pitch_mod_sensitivity],
        DEPTH[patch.lfo_pitch_depth],
        DEPTH[patch.lfo_amp_depth],
        controller_input.lfo_age,
        np.asarray(controller_input.delay_age) * np.asarray(t.delay_is_shared),
    )
    for column, values in enumerate(columns):
        lfo[:, column] = values
    algorithm = patch.algorithm - 1
    loss = np.empty((len(lengths), 4, 6), np.float32)
    loss[:, 0] = (AMP_MOD_SENSITIVITY / np.float32(ONE))[patch.amp_mod_sensitivity]
    loss[:, 1] = np.asarray(t.modulation.share)[patch.amp_mod_sensitivity]
    loss[:, 2] = np.asarray(t.modulation.octaves)[patch.amp_mod_sensitivity]
    loss[:, 3] = np.asarray(t.carrier_loss)[algorithm]
    loops = np.concatenate([_COUPLING, SLOTS[:, :LONGEST_LOOP] == np.asarray(t.loop_source)[:, None]], axis=1)

    return kernel_data.Notes(
        amp_start=_plain(plans.amp.start, np.int32),
        amp_line=_plain(plans.amp.line, np.int32),
        pitch_start=_plain(plans.pitch.envelope.start, np.int32),
        pitch_line=_plain(plans.pitch.envelope.line, np.int32),
        log_hz=_plain(plans.pitch.base.total(), np.int32),
        ratio=_plain(patch.fixed == 0, np.int32),
        lfo=lfo,
        loss=loss,
        input=_plain(_input(controller_input), np.int32),
        slots=_plain(SLOTS[algorithm], np.int32),
        sources=_plain(_SOURCES[algorithm], np.int32),
        carriers=_plain(SLOT_CARRIERS[algorithm], np.int32),
        feedback=_plain(np.asarray(t.feedback)[patch.feedback] / 2, np.float32),
        loop=_plain(loops[algorithm], np.float32),
        crossing=_plain(crosses(patch.algorithm, t.loop_source), np.int32),
        length=_plain(lengths, np.int64),
    )


def _plain(x: Any, dtype: type) -> np.ndarray:
    """An array of one kind: numba compiles anew for one that is read-only or not in order."""
    return np.require(x, dtype, ["C", "W", "A"])


def _input(controller_input: ControllerInput) -> np.ndarray:
    """Four fields as one array, int32 [field, voice or 1, time or 1]; the last value of a shorter field holds."""
    fields = [np.atleast_2d(np.asarray(x, np.int32)) for x in controller_input[:4]]
    rows, n_blocks = (max(field.shape[axis] for field in fields) for axis in (0, 1))

    def whole(field: np.ndarray) -> np.ndarray:
        held = field[:, np.minimum(np.arange(n_blocks), field.shape[1] - 1)]
        return np.broadcast_to(held, (rows, n_blocks))

    return np.stack([whole(field) for field in fields])
