"""A standard note on each of many voices, and its log-mel spectrogram as a feature vector."""

from functools import partial

import jax
import numpy as np
from jaxtyping import Float, UInt8

from ddx7.audio.spectra import log_mel
from ddx7.engine import Patch, plan, play
from ddx7.engine.clock import first_block_at
from ddx7.runtime import ONE_THREAD, in_groups

RATE = 22_050
NOTE, VELOCITY, GATE_S, DURATION_S = 60, 100, 1.0, 2.0
FLOOR_DB = -80.0
"""Level of silence; one carrier at full level peaks at -18 dB."""
_GROUP = 32
_N_FFT, _HOP, _MELS = 1024, 512, 64


def render_notes(
    vced: UInt8[np.ndarray, "voice 155"],
    note: int = NOTE,
    velocity: int = VELOCITY,
    gate_s: float = GATE_S,
    duration_s: float = DURATION_S,
) -> Float[np.ndarray, "voice sample"]:
    """Render one note on every voice at 22,050 Hz.

    Args:
      vced: legal bytes.
      note: MIDI note.
      velocity: MIDI velocity.
      gate_s: from note-on to note-off, seconds.
      duration_s: of the audio, seconds.
    """
    n = len(vced)
    gate = first_block_at(gate_s, RATE)
    notes, velocities, gates = (np.full(n, x) for x in (note, velocity, gate))
    plans = plan(Patch.from_vced(vced), notes, velocities, gates, RATE)
    return play(plans, round(duration_s * RATE))


def note_log_mel(audio: Float[np.ndarray, "voice sample"]) -> Float[np.ndarray, "voice feature"]:
    """Log-mel spectrograms in dB, flattened; the mean absolute difference of two is their distance."""
    spectrograms = in_groups(lambda group: np.asarray(_log_mel(audio[group])), len(audio), _GROUP)
    return spectrograms.reshape(len(audio), -1)


def pairwise_distance_db(
    a: Float[np.ndarray, "voice feature"], b: Float[np.ndarray, "other feature"]
) -> Float[np.ndarray, "voice other"]:
    """Mean absolute difference in dB of each sound of one set to each of another."""
    return np.stack([np.abs(row - b).mean(axis=1) for row in a])


@partial(jax.jit, compiler_options=ONE_THREAD)
def _log_mel(audio: jax.Array) -> jax.Array:
    return log_mel(audio, RATE, n_fft=_N_FFT, hop=_HOP, n_mels=_MELS, floor_db=FLOOR_DB)
