"""What the engine does with one note of a voice: its sound, operator levels and pitch envelope."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ddx7.engine import ControllerInput, Patch, controls, plan, render
from ddx7.engine.clock import blocks_covering, first_block_at
from ddx7.engine.tables import BLOCK, DB_PER_OCTAVE
from ddx7.voice import Voice

SAMPLE_RATE = 44100
VELOCITY = 100
GATE_S, DURATION_S = 1.0, 2.0

_FULL_LEVEL_OCTAVES = 1.0  # the engine's gain is 2 at full level


@dataclass(frozen=True, eq=False)
class NoteTraces:
    """One note of a voice.

    Attributes:
      note: MIDI note.
      velocity: MIDI velocity.
      gate_s: seconds from key-on to key-off.
      audio: full scale 1.
      sample_rate: in Hz.
      level_db: levels of OP1 to OP6, 0 dB is full level.
      pitch_cents: pitch envelope.
      block_s: seconds between two blocks.
    """

    note: int
    velocity: int
    gate_s: float
    audio: Float[np.ndarray, " time"]
    sample_rate: int
    level_db: Float[np.ndarray, "6 block"]
    pitch_cents: Float[np.ndarray, " block"]
    block_s: float

    @property
    def times_s(self) -> Float[np.ndarray, " block"]:
        """Start of each block."""
        return np.arange(len(self.pitch_cents)) * self.block_s


def trace_note(voice: Voice, note: int = 60) -> NoteTraces:
    """Play a note for one second and release it for another, at velocity 100.

    Args:
      voice: to play.
      note: MIDI note, 0-127.

    Raises:
      Ddx7Error: the note is out of range.
    """
    audio = render(voice, note, VELOCITY, GATE_S, DURATION_S, SAMPLE_RATE)
    gate_blocks = first_block_at(GATE_S, SAMPLE_RATE)
    blocks = jnp.arange(blocks_covering(round(DURATION_S * SAMPLE_RATE)))
    note_plan = plan(Patch.stack([voice])[0], note, VELOCITY, gate_blocks, SAMPLE_RATE)
    traces = jax.jit(controls)(note_plan, blocks, ControllerInput())
    return NoteTraces(
        note=note,
        velocity=VELOCITY,
        gate_s=GATE_S,
        audio=audio,
        sample_rate=SAMPLE_RATE,
        level_db=(np.asarray(traces.octaves) - _FULL_LEVEL_OCTAVES) * DB_PER_OCTAVE,
        pitch_cents=np.asarray(traces.pitch_envelope) * 1200,
        block_s=BLOCK / SAMPLE_RATE,
    )
