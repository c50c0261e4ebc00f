"""How voices are heard by the hundred: a note on each, and what it looks like as a small log-mel spectrum."""

from functools import partial

import jax
import numpy as np
from jaxtyping import Float

from ddx7.audio.spectra import log_mel
from ddx7.engine import Patch, plan, play
from ddx7.engine.tables import BLOCK
from ddx7.runtime import ONE_THREAD, in_groups

RATE = 22_050
NOTE, VELOCITY, GATE_S, DURATION_S = 60, 100, 1.0, 2.0
FLOOR_DB = -80.0
"""Below one carrier at full level peaks at -18 dB; what is quieter than this is silence."""
_GROUP = 32
_N_FFT, _HOP, _MELS = 1024, 512, 64


def render_notes(
    vced: np.ndarray,
    note: int = NOTE,
    velocity: int = VELOCITY,
    gate_s: float = GATE_S,
    duration_s: float = DURATION_S,
) -> Float[np.ndarray, "voice sample"]:
    """A note on every voice, uint8 [voice, 155], at 22,050 Hz; as it comes, 1 s of C3 and its second of release."""
    n = len(vced)
    gate = -(-round(gate_s * RATE) // BLOCK)
    key, velocities, up = (np.full(n, x) for x in (note, velocity, gate))
    plans = plan(Patch.from_vced(vced), key, velocities, up, RATE)
    return play(plans, round(duration_s * RATE))


def note_log_mel(audio: Float[np.ndarray, "voice sample"]) -> Float[np.ndarray, "voice feature"]:
    """Levels in dB over time and frequency, laid side by side; the mean difference of two is their distance."""
    seen = in_groups(lambda group: np.asarray(_spectra(audio[group])), len(audio), _GROUP)
    return seen.reshape(len(audio), -1)


def pairwise_distance_db(a: Float[np.ndarray, "voice feature"], b: Float[np.ndarray, "other feature"]) -> np.ndarray:
    """Mean absolute difference in dB of each of some voices to each of others, [voice, other]."""
    return np.stack([np.abs(row - b).mean(axis=1) for row in a])


@partial(jax.jit, compiler_options=ONE_THREAD)
def _spectra(audio: jax.Array) -> jax.Array:
    return log_mel(audio, RATE, n_fft=_N_FFT, hop=_HOP, n_mels=_MELS, floor_db=FLOOR_DB)
