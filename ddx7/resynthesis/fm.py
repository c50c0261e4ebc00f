"""The synthesizer of DDX7: the DX7 engine plays operator levels that change from frame to frame."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, UInt32

from ddx7.engine.operators import OUTPUT_SCALE, OperatorState, synthesise
from ddx7.engine.tables import DB_PER_OCTAVE, FEEDBACK
from ddx7.resynthesis.fm_parallel import parallel_outputs
from ddx7.resynthesis.playback import N_OPERATORS, PlaybackControls
from ddx7.resynthesis.protocols import Synthesizer
from ddx7.resynthesis.structure import TURN, Structure
from ddx7.voice.algorithms import FEEDBACK_OPERATOR

SILENT_OCTAVES = -20.0
"""Log2 gain of an operator that is off: far below the quietest level of the engine."""
MAX_OCTAVES = 1.0
"""Highest log2 gain, that of output level 99."""


@dataclass(frozen=True)
class FmSynth(Synthesizer):
    """Six operators in the structure of a DX7 voice. Its controls are log2 gains of OP1 to OP6.

    Attributes:
      structure: algorithm, frequencies and feedback.
      scaling: how raw outputs become levels: "sigmoid" as published, or "exponential", a sigmoid to the power of ln 10,
        which reaches quiet levels as easily as loud ones (Engel et al. 2020).
      steady: numbers of operators that stay at their highest level, 1 to 6.
    """

    structure: Structure
    scaling: str = "exponential"
    steady: tuple[int, ...] = ()

    @property
    def learned(self) -> np.ndarray:
        """Operators whose levels are learned, bool [6]."""
        steady = np.isin(np.arange(1, N_OPERATORS + 1), self.steady)
        return self.structure.active & ~steady

    @property
    def n_outputs(self) -> int:
        """Raw outputs for each frame: one for each operator whose level is learned."""
        return int(self.learned.sum())

    @property
    def has_learned_feedback(self) -> bool:
        """Whether an operator feeds back whose course depends on controls; its samples must be computed in turn."""
        voice = self.structure.voice
        op = int(FEEDBACK_OPERATOR[voice.algorithm - 1])
        feeds_back = voice.feedback > 0 and bool(self.structure.active[op])
        return feeds_back and (bool(self.learned[op]) or not voice.operators[op].fixed)

    @property
    def dx7_structure(self) -> Structure:
        """The structure."""
        return self.structure

    def get_controls(self, raw: Float[Array, "*sound frame n"]) -> Float[Array, "*sound frame 6"]:
        """Log2 gains of OP1 to OP6 from a decoder's raw outputs."""
        power = 1.0 if self.scaling == "sigmoid" else np.log(10)
        limits = np.log2(np.maximum(np.array(self.structure.index_limits, np.float32) / TURN, 2.0**SILENT_OCTAVES))
        octaves = power * jax.nn.log_sigmoid(raw) / np.log(2) + limits[self.learned]
        steady = jnp.asarray(np.where(self.structure.active, limits, SILENT_OCTAVES), raw.dtype)
        full = jnp.broadcast_to(steady, (*raw.shape[:-1], N_OPERATORS))
        return full.at[..., np.flatnonzero(self.learned)].set(jnp.maximum(octaves, SILENT_OCTAVES))

    def level_offsets(self, playback: PlaybackControls) -> Float[np.ndarray, " 6"]:
        """Log2 gains that the player adds to OP1 to OP6."""
        octaves = np.array(playback.levels_db, np.float32) / np.float32(DB_PER_OCTAVE)
        octaves = octaves + np.where(self.structure.carriers, 0.0, np.log2(playback.mod_index))
        return octaves.astype(np.float32)

    def adjust_controls(
        self, controls: Float[Array, "*sound frame 6"], offsets: Float[Array, " 6"]
    ) -> Float[Array, "*sound frame 6"]:
        """Log2 gains with the player's offsets, at most `MAX_OCTAVES`."""
        return jnp.minimum(controls + offsets, MAX_OCTAVES)

    def increments(
        self, f0_hz: np.ndarray, sample_rate: int, playback: PlaybackControls | None = None
    ) -> UInt32[np.ndarray, "*sound frame 6"]:
        """Phase increments for each sample, 2^32 for one cycle.

        Double precision keeps the phases right for hours. Frequencies beyond half the sample rate fold back, as on a
        DX7.

        Args:
          f0_hz: fundamental [..., frame].
          sample_rate: in Hz.
          playback: settings of the player, whose ratios replace those of the structure.
        """
        ratio, fixed_hz = np.zeros(N_OPERATORS), np.zeros(N_OPERATORS)
        given = playback.ratios if playback else (None,) * N_OPERATORS
        for k, (operator, override) in enumerate(zip(self.structure.voice.operators, given, strict=True)):
            if override is not None:
                ratio[k] = override
            elif operator.fixed:
                fixed_hz[k] = operator.frequency
            else:
                ratio[k] = operator.frequency
        cycles = (np.asarray(f0_hz, np.float64)[..., None] * ratio + fixed_hz) / sample_rate
        return np.round(np.mod(cycles, 1.0) * 2.0**32).astype(np.uint64).astype(np.uint32)

    def init_state(self, n: int) -> OperatorState:
        """State of n sounds after endless silence."""
        zeros: Any = np.zeros((n, N_OPERATORS), np.float32)  # of NumPy: for these nothing has to be compiled
        return OperatorState(zeros.astype(np.uint32), zeros, zeros[:, :2])

    def get_signal(
        self,
        controls: Float[Array, "sound frame 6"],
        increments: UInt32[Array, "sound frame 6"],
        state: OperatorState,
        key: Key[Array, ""],
        frame: Int[Array, ""],
        *,
        differentiable: bool = False,
    ) -> tuple[Float[Array, "sound time"], OperatorState]:
        """Sound of some frames; levels move in straight lines from each frame to the next.

        Args:
          controls: log2 gains, from `get_controls`.
          increments: from `increments`.
          state: from `init_state`, or after the frames before.
          key: with `differentiable`, of the part of the feedback noise; without, feedback makes the noise itself.
          frame: unused.
          differentiable: the caller takes the gradient with respect to the controls.

        Returns:
          the sound, in which one carrier at gain 1 peaks at 1, and the state after it; a differentiable sound begins in
          silence and leaves the state as it is.
        """
        del frame
        if differentiable and not self.has_learned_feedback:
            return _sum_of(parallel_outputs(self.structure, controls, increments, key), self.structure.carriers), state
        return self._play(controls, increments, state, differentiable=differentiable)

    def get_stems(
        self,
        controls: Float[Array, "sound frame 6"],
        increments: UInt32[Array, "sound frame 6"],
        states: tuple[OperatorState, ...],
        key: Key[Array, ""],
        *,
        differentiable: bool = False,
    ) -> tuple[Float[Array, "sound 2 time"], tuple[OperatorState, ...]]:
        """`get_signal` in two parts: carriers that the feedback operator modulates, which is noise, and the others.

        Args:
          controls: from `get_controls`.
          increments: from `increments`.
          states: of both, each from `init_state`, or after the frames before.
          key: as for `get_signal`.
          differentiable: as for `get_signal`.

        Returns:
          (sound of noise and tone, states after it).
        """
        carriers, noise = self.structure.carriers, self.structure.noise_carriers
        if differentiable and not self.has_learned_feedback:
            outputs = parallel_outputs(self.structure, controls, increments, key)
            return jnp.stack([_sum_of(outputs, noise), _sum_of(outputs, carriers & ~noise)], axis=1), states
        # The engine plays twice, with the other's carriers off. It rounds outputs of single operators otherwise in a
        # block of one frame than in longer ones, and its sound always alike.
        parts, after = zip(
            *(
                self._play(jnp.where(off, SILENT_OCTAVES, controls), increments, state, differentiable=differentiable)
                for off, state in zip((carriers & ~noise, noise), states, strict=True)
            ),
            strict=True,
        )
        return jnp.stack(parts, axis=1), after

    def _play(
        self, controls: Array, increments: Array, state: OperatorState, *, differentiable: bool
    ) -> tuple[Array, OperatorState]:
        """The engine's sound."""
        voice = self.structure.voice
        n = len(controls)
        lift = self._lift
        frequency = increments.astype(jnp.float32) * 2.0**-32
        audio, state = synthesise(
            jnp.moveaxis(controls + lift * self.structure.carriers.astype(np.float32), 1, 2),
            jnp.moveaxis(increments, 1, 2),
            jnp.full(n, voice.algorithm),
            jnp.full(n, FEEDBACK[voice.feedback], jnp.float32),
            OperatorState(*map(jnp.asarray, state)),
            jnp.moveaxis(frequency, 1, 2) if differentiable else None,
        )
        return audio / (OUTPUT_SCALE * 2.0**lift), state

    @property
    def _lift(self) -> int:
        """Octaves by which carriers play louder in the engine than they sound.

        The engine silences operators 84 dB below full level. The noise in a rest of a recording is fainter.
        """
        return 0 if self.structure.carriers[FEEDBACK_OPERATOR[self.structure.voice.algorithm - 1]] else 8

    def to_dict(self) -> dict[str, Any]:
        """Settings as JSON values."""
        return {"structure": self.structure.to_dict(), "scaling": self.scaling, "steady": list(self.steady)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "FmSynth":
        """The synthesizer that `to_dict` describes."""
        return cls(Structure.from_dict(data["structure"]), data["scaling"], tuple(data.get("steady", ())))


def _sum_of(outputs: Float[Array, "sound 6 time"], which: np.ndarray) -> Float[Array, "sound time"]:
    chosen = [outputs[:, op] for op in np.flatnonzero(which).tolist()]
    return sum(chosen[1:], chosen[0])
