"""A voice played and drawn: the engine's arrays for `ddx7.plot.voice`."""

import io
import math

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from ddx7.engine import ControllerInput, Patch, controls, plan, render
from ddx7.engine.tables import BLOCK, DB_PER_OCTAVE
from ddx7.plot.voice import voice_figure
from ddx7.voice import Voice

SAMPLE_RATE = 44100
VELOCITY = 100
GATE_S, DURATION_S = 1.0, 2.0

_FULL_LEVEL_OCTAVES = 1.0  # the engine's gain is 2 at full level


def picture(voice: Voice, note: int) -> Figure:
    """One note of a voice as a figure.

    Args:
      voice: what to play.
      note: MIDI note, 0-127.

    Raises:
      Ddx7Error: no such note.
    """
    audio = render(voice, note, VELOCITY, GATE_S, DURATION_S, SAMPLE_RATE)
    level_db, pitch_cents = _traces(voice, note)
    return voice_figure(
        voice,
        audio=audio,
        sample_rate=SAMPLE_RATE,
        level_db=level_db,
        pitch_cents=pitch_cents,
        block_s=BLOCK / SAMPLE_RATE,
        gate_s=GATE_S,
        caption=f"note {note}, velocity {VELOCITY}",
    )


def picture_bytes(voice: Voice, note: int, form: str) -> bytes:
    """The same as the bytes of a file; `form` is png, svg or pdf."""
    data = io.BytesIO()
    picture(voice, note).savefig(data, format=form)
    return data.getvalue()


def _traces(voice: Voice, note: int) -> tuple[np.ndarray, np.ndarray]:
    """Levels in dB [6, block] and the pitch envelope in cents [block]."""
    gate = math.ceil(GATE_S * SAMPLE_RATE / BLOCK)  # as `render` rounds it
    blocks = jnp.arange(math.ceil(DURATION_S * SAMPLE_RATE / BLOCK))
    one = plan(Patch.stack([voice])[0], note, VELOCITY, gate, SAMPLE_RATE)
    traces = jax.jit(controls)(one, blocks, ControllerInput())
    level_db = (np.asarray(traces.octaves) - _FULL_LEVEL_OCTAVES) * DB_PER_OCTAVE
    return level_db, np.asarray(traces.pitch_envelope) * 1200
