"""`render` computes the audio of voices in batches on all cores; one compilation serves any voice, note and length.

It cuts time into pieces of fixed length and voices into groups of a few fixed sizes. So the compiled program does not
depend on the voices, and memory grows only with the result.
"""

from collections.abc import Iterator, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Bool, Float, Int

from ddx7.engine.checks import PerVoice, check_range, check_whole
from ddx7.engine.clock import blocks_covering, first_block_at
from ddx7.engine.control import VOICE_AXES, Plan, controls, plan
from ddx7.engine.controllers import ControllerInput, Controllers
from ddx7.engine.operators import OperatorState, crosses, initial_state, synthesise
from ddx7.engine.patch import Patch
from ddx7.engine.profile import Profile, as_profile
from ddx7.engine.renderer import fast_renderer
from ddx7.engine.tables import BLOCK, EG_RATE
from ddx7.errors import Ddx7Error
from ddx7.runtime import ONE_THREAD, configure, in_threads, n_cores
from ddx7.voice import Voice

PIECE = 256
"""Blocks in one compiled run: 0.37 s at 44.1 kHz. Half or twice that is slower: launches, or samples out of cache."""
_GROUPS = (1, 2, 4, 8, 16, 32)
_CROSSING = 8
"""Number of voices with feedback over several operators that fit into one vector of the processor."""


def render(
    voices: Voice | Sequence[Voice],
    note: PerVoice = 60,
    velocity: PerVoice = 100,
    gate: PerVoice = 1.0,
    duration: float | int = 2.0,
    sample_rate: int = 44100,
    *,
    controllers: Controllers | None = None,
    profile: str | Profile = "dexed",
    operators: bool = False,
) -> Float[np.ndarray, "..."]:
    """Play voices, each at its own note.

    Args:
      voices: one voice, or a sequence (a `Bank` is one).
      note: MIDI note 0-127; one, or one for each voice.
      velocity: MIDI velocity 1-127; likewise.
      gate: seconds the note is held; likewise. Rounded to the nearest sample; the release begins at the first block of
        64 samples at or after it.
      duration: seconds to render, rounded to the nearest sample.
      sample_rate: in Hz, 8000-192000. Envelopes and LFO keep their speed at any rate.
      controllers: wheels and pedals, the same for all voices.
      profile: "dexed", "hardware" for the DX7 itself, "hardware+dac" for the resolution of its chip, its converter and
        its output filter, too (exact at the machine's own rate of 49,096 Hz), or a `Profile`, such as
        ``dataclasses.replace(ddx7.engine.HARDWARE, ...)``.
      operators: returns each operator's own output instead of their sum.

    Returns:
      float32, [sample] if everything was single, else [voice, sample] with single values repeated. A carrier at full
      level peaks at 0.125, six at 0.75 (on the machine about 0.13 however many); velocity can lift that by 5 dB.
      With `operators` [6, sample] or [voice, 6, sample], OP1 first, on the same scale: the carriers of the voice's
      algorithm sum to the sound.

    Raises:
      Ddx7Error: a value out of range.
    """
    single = isinstance(voices, Voice) and all(np.ndim(x) == 0 for x in (note, velocity, gate))
    if isinstance(voices, Patch):
        raise Ddx7Error("render: found a Patch, wanted voices; `render_differentiable` plays patches")
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
    check_whole("note", note)
    check_whole("velocity", velocity)
    check_range("gate", gate, 0, 3600)
    check_range("duration", duration, 0, 3600)
    check_range("sample_rate", sample_rate, 8000, 192000)

    patch = Patch.stack(many if len(many) == shape[0] else many * shape[0])
    plans = plan(
        patch,
        np.broadcast_to(np.asarray(note, np.int32), shape),
        np.broadcast_to(np.asarray(velocity, np.int32), shape),
        np.broadcast_to(first_block_at(gate, sample_rate), shape),
        sample_rate,
        profile=as_profile(profile),
    )
    controller_input = ControllerInput() if controllers is None else controllers.to_input()
    audio = play(plans, round(duration * sample_rate), controller_input, operators=operators)
    return audio[0] if single else audio


def play(
    plans: Plan,
    n_samples: Int[ArrayLike, "*voice"],
    controller_input: ControllerInput | None = None,
    *,
    operators: bool = False,
    out: Float[np.ndarray, "..."] | None = None,
) -> Float[np.ndarray, "voice ... sample"]:
    """Render planned voices of any number and length.

    Args:
      plans: real voices, planned in one batch.
      n_samples: length; one, or one for each voice. Similar lengths of neighbours cost least.
      controller_input: shared by all voices, or with a leading voice axis; fields per block may be of any length, the
        last value holds.
      operators: returns each operator's own output.
      out: takes the sound, instead of a new array: the first touch of much new memory costs as much as its sound.

    Returns:
      float32 [voice, longest length], with `operators` [voice, 6, longest length]; silence after a voice's own length.

    Raises:
      Ddx7Error: `out` has another shape or type, or its samples do not follow each other in memory.
    """
    lengths = np.broadcast_to(np.asarray(n_samples, np.int64), len(np.asarray(plans.patch.algorithm)))
    shape = (len(lengths), *((6,) if operators else ()), int(lengths.max()))
    audio = np.zeros(shape, np.float32) if out is None else _emptied(out, shape, lengths)
    controller_input = controller_input or ControllerInput()
    fast = fast_renderer(lengths.sum() / EG_RATE) if plans.tables.chip is None else None
    if fast is None:
        _play_by_jax(plans, lengths, controller_input, audio)
    else:
        fast.play(plans, lengths, controller_input, audio if operators else audio[:, None])
    if plans.tables.filter is not None:
        for voice, length in enumerate(lengths):
            for channel in audio[voice].reshape(-1, audio.shape[-1]):
                kept = channel[:length]
                kept[:] = np.convolve(kept, plans.tables.filter)[: len(kept)]
    return audio


def _emptied(
    out: Float[np.ndarray, "voice ... sample"], shape: tuple[int, ...], lengths: Int[np.ndarray, " voice"]
) -> Float[np.ndarray, "voice ... sample"]:
    """An array of the caller's, silent where no sample will be written."""
    if out.shape != shape or out.dtype != np.float32:
        raise Ddx7Error(f"out: found {out.dtype} {out.shape}, wanted float32 {shape}")
    if not (out.flags.c_contiguous and out.flags.writeable):
        raise Ddx7Error("out: found an array that is read-only or not contiguous, wanted one to write in order")
    for row, length in zip(out, lengths, strict=True):
        row[..., length:] = 0
    return out


def _play_by_jax(
    plans: Plan,
    lengths: Int[np.ndarray, " voice"],
    controller_input: ControllerInput,
    audio: Float[np.ndarray, "voice ... sample"],
) -> None:
    configure()
    operators = audio.ndim == 3
    workers = n_cores()

    def render_group(group: tuple[np.ndarray, int, int]) -> None:
        members, size, n_crossing = group
        rows = members[np.minimum(np.arange(size), len(members) - 1)]
        some = jax.device_put(_select(plans, rows))
        state = initial_state(size)
        inputs = controller_input.of(rows)
        for first in range(0, blocks_covering(int(lengths[members].max())), PIECE):
            part = inputs.over(first, PIECE)
            samples, state = _play_piece(some, np.int32(first), state, part, n_crossing, operators)
            begin = first * BLOCK
            for row, voice in zip(np.asarray(samples), members, strict=False):  # rows repeat to fill a group
                kept = row[..., : max(lengths[voice] - begin, 0)]
                audio[voice, ..., begin : begin + kept.shape[-1]] = kept

    in_threads(render_group, list(_groups(crosses(plans.patch.algorithm, plans.tables.loop_source), workers)))


def _groups(crossing: Bool[np.ndarray, " voice"], workers: int) -> Iterator[tuple[np.ndarray, int, int]]:
    """Groups of voices: members, size of the group when filled up, and the number of voices whose loops may cross.

    A few loops over several operators cost as much as one, so they share few groups. They come first in each.
    """
    slow, others = np.flatnonzero(crossing), np.flatnonzero(~crossing)
    size = next((g for g in _GROUPS if g * workers >= len(crossing)), _GROUPS[-1])
    n_groups = -(-len(crossing) // size)
    share = min(_CROSSING, size) if len(slow) <= n_groups * min(_CROSSING, size) else size
    for group in range(n_groups):
        front = slow[group * share : (group + 1) * share]
        back, others = others[: size - len(front)], others[size - len(front) :]
        yield np.concatenate([front, back]), size, share if len(front) else 0


def _select(plans: Plan, rows: np.ndarray) -> Plan:
    """The plans of some voices."""
    chosen = jax.tree.map(lambda x: x[rows], plans._replace(tables=None))
    return chosen._replace(tables=plans.tables)


@partial(jax.jit, static_argnames=("n_crossing", "operators"), compiler_options=ONE_THREAD)
def _play_piece(
    plans: Plan,
    first: jax.Array,
    state: OperatorState,
    controller_input: ControllerInput,
    n_crossing: int,
    operators: bool,
) -> tuple[jax.Array, OperatorState]:
    blocks = first + jnp.arange(PIECE)
    axes = (VOICE_AXES, None, ControllerInput._make(controller_input.voice_axes()))
    parts = jax.vmap(controls, in_axes=axes)(plans, blocks, controller_input)
    feedback = jnp.asarray(plans.tables.feedback)[plans.patch.feedback]
    algorithm = jnp.asarray(plans.patch.algorithm)
    source = plans.tables.loop_source
    return synthesise(
        parts.octaves,
        parts.increment,
        algorithm,
        feedback,
        state,
        loop_source=source,
        n_crossing=n_crossing,
        chip=plans.tables.chip,
        operators=operators,
    )
