"""How far voices are from a target, heard in batches."""

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from ddx7.audio import perceptual_distance, resample, target_features
from ddx7.audio.perceptual import TargetFeatures
from ddx7.engine import DEXED, Patch, Plan, Profile, plan, play
from ddx7.engine.clock import first_block_at
from ddx7.engine.tables import BLOCK
from ddx7.runtime import ONE_THREAD, in_groups

_GROUP = 32
FADE_S = 0.01
SILENT = 1e-4
"""Peak of a voice that nobody hears."""
LOUDNESS_WEIGHT = 0.25
"""Of a decibel of difference between notes' levels, beside the distances of their sounds: as much as the envelope's."""

# Lengths of targets at this rate, in units that are whole blocks at half that rate, too.
UNIT = 256 * BLOCK
RATE = 44_100
LENGTHS = (2, 3, 4, 6, 8, 11)
GRADIENT_LENGTHS = (2, 4, 8)

_compare = jax.jit(perceptual_distance, compiler_options=ONE_THREAD)
_look = partial(jax.jit, static_argnums=1)(target_features)


class NoteEvent(NamedTuple):
    """What plays a note.

    Attributes:
      key: MIDI note.
      velocity: MIDI velocity.
      gate_s: seconds to hold the key.
    """

    key: int
    velocity: int
    gate_s: float


@dataclass(frozen=True, eq=False)
class NoteTarget:
    """A note at one sample rate, ready to be compared with voices that play it.

    Attributes:
      target: samples, of one of the lengths that `fit_length` makes.
      sample_rate: in Hz.
      hand: what to play.
      heard_s: seconds of it that count; the rest is silence, on both sides. Shorter than the target where the
        recording goes on with another note.
      profile: whose sound the voices make.
    """

    target: Float[np.ndarray, " sample"]
    sample_rate: int
    hand: NoteEvent
    heard_s: float
    profile: Profile = DEXED

    @cached_property
    def features(self) -> TargetFeatures:
        """The target as the distance looks at it."""
        return _look(self.target * self.window, self.sample_rate)

    @cached_property
    def level_db(self) -> float:
        """RMS of the target."""
        return float(_level_db(self.target * self.window))

    @cached_property
    def window(self) -> Float[np.ndarray, " sample"]:
        """1 where the sound counts, then a short fade to 0."""
        n, fade = round(self.heard_s * self.sample_rate), round(FADE_S * self.sample_rate)
        return np.clip((n - np.arange(len(self.target))) / fade, 0, 1).astype(np.float32)

    @property
    def gate(self) -> int:
        """Block of key-up."""
        return int(first_block_at(self.hand.gate_s, self.sample_rate))

    @property
    def seconds(self) -> float:
        """Of sound to render for each voice."""
        return len(self.target) / self.sample_rate

    def plan(self, vced: np.ndarray) -> Plan:
        """Voices on the key, uint8 [voice, 155]."""
        key, velocity, gate = (np.full(len(vced), x) for x in (self.hand.key, self.hand.velocity, self.gate))
        return plan(Patch.from_vced(vced), key, velocity, gate, self.sample_rate, profile=self.profile)

    def hear(self, vced: np.ndarray) -> Float[np.ndarray, "voice sample"]:
        """The voices' sound as far as it counts, as long as the target."""
        return play(self.plan(vced), len(self.target)) * self.window

    def compare(self, audio: Float[np.ndarray, "voice sample"]) -> Float[np.ndarray, " voice"]:
        """Perceptual distance of each sound; infinite for a silent one."""
        features = self.features

        def group(members: np.ndarray) -> np.ndarray:
            return np.asarray(_compare(features, audio[members]))

        found = in_groups(group, len(audio), _GROUP)
        return np.where(np.abs(audio).max(axis=1) < SILENT, np.inf, found)

    def at(self, sample_rate: int) -> "NoteTarget":
        """The same note at another rate."""
        return replace(self, target=resample(self.target, self.sample_rate, sample_rate), sample_rate=sample_rate)

    def held(self, gate_s: float) -> "NoteTarget":
        """The same note with the key held for another time."""
        return replace(self, hand=self.hand._replace(gate_s=gate_s))

    def beginning(self) -> "NoteTarget":
        """The first 0.7 s of the same note."""
        return replace(self, target=self.target[: LENGTHS[0] * UNIT * self.sample_rate // RATE])

    def for_gradient(self) -> "NoteTarget":
        """The same note in one of three lengths, at most 3 s of it: the gradient takes long to compile for each."""
        units = len(self.target) * RATE / self.sample_rate / UNIT
        length = next((x for x in GRADIENT_LENGTHS if x >= round(units)), GRADIENT_LENGTHS[-1])
        n = length * UNIT * self.sample_rate // RATE
        return replace(self, target=np.pad(self.target[:n], (0, max(0, n - len(self.target)))))


@dataclass(frozen=True, eq=False)
class Objective:
    """Several notes that one voice has to play, and how loud they are to each other.

    Attributes:
      listeners: one for each note, all at one sample rate.
    """

    listeners: tuple[NoteTarget, ...]

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        return self.listeners[0].sample_rate

    @property
    def seconds(self) -> float:
        """Of sound to render for each voice."""
        return sum(listener.seconds for listener in self.listeners)

    def distances(self, vced: np.ndarray) -> Float[np.ndarray, " voice"]:
        """How far each voice, uint8 [voice, 155], is from all notes.

        The mean of the notes' perceptual distances, and with several notes a share of how wrong their levels are to
        each other; infinite for a voice that leaves a note silent.
        """
        audio = [listener.hear(vced) for listener in self.listeners]
        found = np.mean(
            [listener.compare(sound) for listener, sound in zip(self.listeners, audio, strict=True)], axis=0
        )
        wrong = [_level_db(sound) - listener.level_db for listener, sound in zip(self.listeners, audio, strict=True)]
        return found + LOUDNESS_WEIGHT * np.abs(wrong - np.mean(wrong, axis=0)).mean(axis=0)

    def at(self, sample_rate: int) -> "Objective":
        """The same notes at another rate."""
        return Objective(tuple(listener.at(sample_rate) for listener in self.listeners))

    def held(self, gate_s: float) -> "Objective":
        """The same notes with their keys held for another time."""
        return Objective(tuple(listener.held(gate_s) for listener in self.listeners))

    def for_gradient(self) -> "Objective":
        """The same notes in few lengths."""
        return Objective(tuple(listener.for_gradient() for listener in self.listeners))


def fit_length(samples: Float[np.ndarray, " sample"]) -> Float[np.ndarray, " sample"]:
    """Samples at `RATE` padded or cut to one of a few lengths, 0.7 to 4.1 s, so that little is ever compiled."""
    n = UNIT * next((units for units in LENGTHS if units * UNIT >= len(samples)), LENGTHS[-1])
    return np.pad(samples, (0, max(0, n - len(samples))))[:n].astype(np.float32)


def _level_db(audio: Float[np.ndarray, "*voice sample"]) -> Float[np.ndarray, "*voice"]:
    return 10 * np.log10(np.mean(np.square(audio), axis=-1, dtype=np.float64) + 1e-12)
