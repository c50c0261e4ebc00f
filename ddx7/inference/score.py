"""How far voices are from a target, heard in one batch."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, partial
from os import cpu_count

import jax
import numpy as np
from jaxtyping import Float

from ddx7.audio import perceptual_distance, resample, target_features
from ddx7.audio.perceptual import TargetFeatures
from ddx7.compiler import ONE_THREAD
from ddx7.engine import Patch, Plan, plan, play
from ddx7.engine.tables import BLOCK

_GROUP = 32
# Lengths of targets at 44.1 kHz, in units that are whole blocks at half that rate, too.
_UNIT, _LENGTHS = 256 * BLOCK, (2, 3, 4, 6, 8, 11)
_compare = jax.jit(perceptual_distance, compiler_options=ONE_THREAD)
_look = partial(jax.jit, static_argnums=1)(target_features)


@dataclass(frozen=True, eq=False)
class Listener:
    """A target at one sample rate, ready to be compared with voices playing one note.

    Attributes:
      target: samples, of one of the lengths that `fit_length` makes.
      sample_rate: in Hz.
      key: MIDI note to play.
      velocity: MIDI velocity.
      gate_s: seconds to hold the key.
    """

    target: Float[np.ndarray, " sample"]
    sample_rate: int
    key: int
    velocity: int
    gate_s: float

    @cached_property
    def features(self) -> TargetFeatures:
        """The target as the distance looks at it."""
        return _look(self.target, self.sample_rate)

    @property
    def gate(self) -> int:
        """Block of key-up."""
        return -(-round(self.gate_s * self.sample_rate) // BLOCK)

    def plan(self, vced: np.ndarray) -> Plan:
        """Voices on the key, uint8 [voice, 155]."""
        n = len(vced)
        return plan(
            Patch.from_vced(vced),
            np.full(n, self.key),
            np.full(n, self.velocity),
            np.full(n, self.gate),
            self.sample_rate,
        )

    def hear(self, vced: np.ndarray) -> Float[np.ndarray, "voice sample"]:
        """The voices' sound, as long as the target."""
        return play(self.plan(vced), len(self.target), self.sample_rate)

    def distances(self, vced: np.ndarray) -> Float[np.ndarray, " voice"]:
        """Perceptual distance of each voice; infinite for a silent one."""
        audio = self.hear(vced)
        rows = np.arange(-(-len(vced) // _GROUP) * _GROUP).reshape(-1, _GROUP) % len(vced)
        features = self.features

        def compare(group: np.ndarray) -> np.ndarray:
            return np.asarray(_compare(features, audio[group]))

        with ThreadPoolExecutor(cpu_count()) as pool:
            found = np.concatenate(list(pool.map(compare, rows)))[: len(vced)]
        return np.where(np.abs(audio).max(axis=1) < 1e-4, np.inf, found)

    def at(self, sample_rate: int) -> "Listener":
        """The same target at another rate."""
        samples = resample(self.target, self.sample_rate, sample_rate)
        return replace(self, target=samples, sample_rate=sample_rate)


def fit_length(samples: Float[np.ndarray, " sample"]) -> Float[np.ndarray, " sample"]:
    """Samples at 44.1 kHz padded or cut to one of a few lengths, 0.7 to 4.1 s, so that little is ever compiled."""
    n = _UNIT * next((units for units in _LENGTHS if units * _UNIT >= len(samples)), _LENGTHS[-1])
    return np.pad(samples, (0, max(0, n - len(samples))))[:n].astype(np.float32)
