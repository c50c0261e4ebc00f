"""The FM half of DDX7: levels of operators frame by frame become sound, played by the DX7 engine."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt32

from ddx7.engine.operators import OUTPUT_SCALE, OperatorState, initial_state, synthesise
from ddx7.engine.tables import FEEDBACK
from ddx7.resynthesis.structure import Structure

SILENT_OCTAVES = -20.0
"""Log2 gain of an operator that is off: far below what the engine plays."""


class FmSynth(NamedTuple):
    """Six operators whose levels come from outside.

    Attributes:
      structure: algorithm, frequencies and feedback.
      scaling: how raw outputs become levels: "sigmoid" as published, or "exponential", a sigmoid to the power of ln 10,
        which reaches quiet levels as easily as loud ones (Engel et al. 2020).
    """

    structure: Structure
    scaling: str = "exponential"

    @property
    def n_outputs(self) -> int:
        """Raw values a frame that `controls` wants: one for each operator in use."""
        return int(self.structure.active.sum())

    def controls(self, raw: Float[Array, "*frame n"]) -> Float[Array, "*frame 6"]:
        """Log2 gains of OP1 to OP6 from a network's raw outputs."""
        power = 1.0 if self.scaling == "sigmoid" else np.log(10)
        octaves = power * jax.nn.log_sigmoid(raw) / np.log(2) + np.log2(self.structure.gains)
        full = jnp.full((*raw.shape[:-1], 6), SILENT_OCTAVES, raw.dtype)
        return full.at[..., np.flatnonzero(self.structure.active)].set(jnp.maximum(octaves, SILENT_OCTAVES))

    def increments(self, f0_hz: np.ndarray, sample_rate: int) -> np.ndarray:
        """Phase advance per sample, 2^32 a cycle, worked out in double precision so that phases stay right for hours.

        Args:
          f0_hz: fundamental [..., frame].
          sample_rate: in Hz.

        Returns:
          uint32 [..., frame, 6]; frequencies above half the rate fold back, as on a DX7.
        """
        operators = self.structure.voice.operators
        ratio = np.array([0.0 if op.fixed else op.frequency for op in operators])
        fixed = np.array([op.frequency if op.fixed else 0.0 for op in operators])
        cycles = (np.asarray(f0_hz, np.float64)[..., None] * ratio + fixed) / sample_rate
        return np.round(np.mod(cycles, 1.0) * 2.0**32).astype(np.uint64).astype(np.uint32)

    def begin(self, n: int) -> OperatorState:
        """Silence."""
        return initial_state(n)

    def play(
        self,
        octaves: Float[Array, "sound frame 6"],
        increment: UInt32[Array, "sound frame 6"],
        state: OperatorState,
        key: Array,
        first: Array,
        *,
        learning: bool = False,
    ) -> tuple[Float[Array, "sound sample"], OperatorState]:
        """Sound of some frames, 64 samples each; levels move in straight lines to each frame's from the one before.

        Args:
          octaves: from `controls`.
          increment: from `increments`.
          state: after the frames before, or `begin`.
          key: unused; FM makes its noise itself.
          first: unused.
          learning: whether a gradient will be asked for.

        Returns:
          (sound, one carrier at gain 1 peaking at 1; state after it).
        """
        voice = self.structure.voice
        n = len(octaves)
        frequency = increment.astype(jnp.float32) * 2.0**-32
        audio, state = synthesise(
            jnp.moveaxis(octaves, 1, 2),
            jnp.moveaxis(increment, 1, 2),
            jnp.full(n, voice.algorithm),
            jnp.full(n, FEEDBACK[voice.feedback], jnp.float32),
            state,
            jnp.moveaxis(frequency, 1, 2) if learning else None,
        )
        return audio / OUTPUT_SCALE, state
