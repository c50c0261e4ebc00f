"""The search's objective: the perceptual distance of voices from the notes of a target, evaluated in batches."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, UInt8

from ddx7.audio import perceptual_distance, resample, target_features
from ddx7.audio.fast_distance import fast_distances, fast_kernels
from ddx7.audio.noise import NOISE_HZ
from ddx7.audio.perceptual import DistanceSpectra, TargetFeatures, distance_errors
from ddx7.engine import DEXED, Patch, Plan, Profile, plan, play
from ddx7.engine.clock import first_block_at
from ddx7.engine.tables import BLOCK
from ddx7.programs import StoredProgram
from ddx7.runtime import ONE_THREAD, in_groups

_GROUP = 32
_ERRORS_GROUP = 16
FADE_S = 0.01
SHORTEST_S = 0.1
"""A shorter note counts as one of this length, that of half a window of the distance's partials."""
SILENT = 1e-4
"""A voice whose peak lies below this counts as silent."""
LOUDNESS_WEIGHT = 0.4
"""Weight of a decibel of error in the level of one note against another, beside the notes' perceptual distances. It is
that of a decibel in the loudness of one note: power to the 0.3 near 1, of scale 0.356, a fifth of the distance."""

# Targets have one of these lengths at this rate. A unit is a whole number of blocks at half the rate, too.
UNIT = 256 * BLOCK
RATE = 44_100
LENGTHS = (2, 3, 4, 6, 8, 11)

_perceptual_distance = jax.jit(perceptual_distance, compiler_options=ONE_THREAD)
_distance_errors = StoredProgram("distance-errors", lambda: distance_errors, compiler_options=ONE_THREAD)


@cache
def _analysis(sample_rate: int) -> StoredProgram:
    """What `target_features` computes, of samples and the spectrum of their noise."""

    def analyse(target: jax.Array, noise: jax.Array, share: jax.Array) -> tuple[DistanceSpectra, DistanceSpectra]:
        features = target_features(target, sample_rate, noise, share)
        return features.spectra, features.floors

    return StoredProgram("target-features", lambda: analyse, str(sample_rate))


class NoteEvent(NamedTuple):
    """A note to play.

    Attributes:
      note: MIDI note.
      velocity: MIDI velocity.
      gate_s: seconds from note-on to note-off.
    """

    note: int
    velocity: int
    gate_s: float | int


@dataclass(frozen=True, eq=False)
class NoteTarget:
    """One note of a recording at one sample rate, and how voices play it.

    Attributes:
      target: samples, of one of the lengths that `fit_length` makes.
      sample_rate: in Hz.
      event: the note that voices play.
      scored_s: seconds from the start that the distance compares; both sides are silent after that. Shorter than the
        target where the recording goes on with another note.
      length_s: seconds from the start that belong to the note; the distance is a mean over them. Shorter than
        `scored_s` where silence follows, to which voices are held.
      profile: engine profile that renders the voices.
      noise: the recording's own noise, as `ddx7.audio.noise.noise_spectrum` measures it; none by default.
    """

    target: Float[np.ndarray, " sample"]
    sample_rate: int
    event: NoteEvent
    scored_s: float
    length_s: float
    profile: Profile = DEXED
    noise: Float[np.ndarray, " frequency"] | None = None

    @cached_property
    def features(self) -> TargetFeatures:
        """Features of the target for the perceptual distance."""
        noise = np.zeros(len(NOISE_HZ), np.float32) if self.noise is None else self.noise
        share = np.array(np.clip(self.length_s, SHORTEST_S, self.duration_s) / self.duration_s, np.float32)
        spectra, floors = _analysis(self.sample_rate)(self.target * self.window, noise, share)
        return TargetFeatures(spectra, floors, len(self.target), self.sample_rate, share)

    @cached_property
    def level_db(self) -> float:
        """RMS level of the target in dB."""
        return float(_level_db(self.target * self.window))

    @cached_property
    def window(self) -> Float[np.ndarray, " sample"]:
        """1 during the scored seconds, then a fade of 10 ms to 0."""
        n, fade = round(self.scored_s * self.sample_rate), round(FADE_S * self.sample_rate)
        return np.clip((n - np.arange(len(self.target))) / fade, 0, 1).astype(np.float32)

    @property
    def gate_blocks(self) -> int:
        """Block of the note-off."""
        return int(first_block_at(self.event.gate_s, self.sample_rate))

    @property
    def duration_s(self) -> float:
        """Seconds of audio that a voice renders."""
        return len(self.target) / self.sample_rate

    def plan(self, vced: UInt8[np.ndarray, "voice 155"]) -> Plan:
        """Plan the note for voices."""
        note, velocity, gate = (np.full(len(vced), x) for x in (self.event.note, self.event.velocity, self.gate_blocks))
        return plan(Patch.from_vced(vced), note, velocity, gate, self.sample_rate, profile=self.profile)

    def render(self, vced: UInt8[np.ndarray, "voice 155"]) -> Float[np.ndarray, "voice sample"]:
        """Render the note with voices, as long as the target and windowed as it is."""
        audio = play(self.plan(vced), len(self.target))
        audio *= self.window  # in place: new pages cost as much as a comparison
        return audio

    def distances(self, audio: Float[np.ndarray, "voice sample"]) -> Float[np.ndarray, " voice"]:
        """Perceptual distance of each rendered note; infinite for a silent one."""
        features = self.features
        if (kernels := fast_kernels(len(audio))) is not None:
            return _unless_silent(fast_distances(kernels, features, audio), audio)

        def group_distances(members: np.ndarray) -> np.ndarray:
            return np.asarray(_perceptual_distance(features, audio[members]))

        distances = in_groups(group_distances, len(audio), _GROUP)
        return _unless_silent(distances, audio)

    def errors(self, audio: Float[np.ndarray, "voice sample"]) -> Float[np.ndarray, "voice error"]:
        """Signed errors of each rendered note, whose absolute values add up to the distance, also of a silent one."""
        features = self.features

        def group_errors(members: np.ndarray) -> np.ndarray:
            return np.asarray(_distance_errors(features, audio[members]))

        return in_groups(group_errors, len(audio), _ERRORS_GROUP)

    def at_rate(self, sample_rate: int) -> "NoteTarget":
        """Resample the target."""
        return replace(self, target=resample(self.target, self.sample_rate, sample_rate), sample_rate=sample_rate)

    def with_gate(self, gate_s: float | int) -> "NoteTarget":
        """Change how long voices hold the note."""
        return replace(self, event=self.event._replace(gate_s=gate_s))

    def beginning(self) -> "NoteTarget":
        """Keep the first 0.7 s."""
        return replace(self, target=self.target[: LENGTHS[0] * UNIT * self.sample_rate // RATE])


@dataclass(frozen=True, eq=False)
class Objective:
    """The notes that one voice has to play, and their levels relative to each other.

    Attributes:
      note_targets: one for each note, all at one sample rate.
    """

    note_targets: tuple[NoteTarget, ...]

    @property
    def sample_rate(self) -> int:
        """Sample rate in Hz."""
        return self.note_targets[0].sample_rate

    @property
    def duration_s(self) -> float:
        """Seconds of audio that a voice renders for all notes."""
        return sum(note.duration_s for note in self.note_targets)

    def distances(self, vced: UInt8[np.ndarray, "voice 155"]) -> Float[np.ndarray, " voice"]:
        """Distance of each voice from the target.

        The mean of the notes' perceptual distances. With several notes the mean error of their levels relative to each
        other is added with `LOUDNESS_WEIGHT`. Infinite for a voice that leaves a note silent.
        """
        of_notes, of_levels = self.parts(vced)
        return of_notes + of_levels

    def parts(
        self, vced: UInt8[np.ndarray, "voice 155"]
    ) -> tuple[Float[np.ndarray, " voice"], Float[np.ndarray, " voice"]]:
        """The two terms of `distances`: the notes' mean perceptual distance, and what the levels between them add."""
        audio = [note.render(vced) for note in self.note_targets]
        distances = np.mean([note.distances(x) for note, x in zip(self.note_targets, audio, strict=True)], axis=0)
        if len(audio) == 1:
            return distances, np.zeros(len(distances))
        return distances, LOUDNESS_WEIGHT * np.abs(self._level_errors_db(audio)).mean(axis=0)

    def errors(self, vced: UInt8[np.ndarray, "voice 155"]) -> Float[np.ndarray, "voice error"]:
        """Signed errors of each voice, whose absolute values add up to its distance; finite for a silent voice, too."""
        audio = [note.render(vced) for note in self.note_targets]
        n = len(self.note_targets)
        errors = [note.errors(x) / n for note, x in zip(self.note_targets, audio, strict=True)]
        levels = LOUDNESS_WEIGHT / n * self._level_errors_db(audio).T
        return np.concatenate([*errors, levels.astype(np.float32)], axis=1)

    def _level_errors_db(self, audio: Sequence[Float[np.ndarray, "voice _"]]) -> Float[np.ndarray, "note voice"]:
        """Errors of the notes' levels relative to each other."""
        errors_db = np.stack([_level_db(x) - note.level_db for note, x in zip(self.note_targets, audio, strict=True)])
        return errors_db - errors_db.mean(axis=0)

    def at_rate(self, sample_rate: int) -> "Objective":
        """Resample all targets."""
        return Objective(tuple(note.at_rate(sample_rate) for note in self.note_targets))

    def with_gate(self, gate_s: float | int) -> "Objective":
        """Change how long voices hold every note."""
        return self.with_gates([gate_s] * len(self.note_targets))

    def with_gates(self, gates_s: Sequence[float | int]) -> "Objective":
        """Change how long voices hold each note."""
        return Objective(tuple(note.with_gate(s) for note, s in zip(self.note_targets, gates_s, strict=True)))

    def compared_with(self, voice: UInt8[np.ndarray, " 155"]) -> "Objective":
        """Take the sound of a voice for the target."""
        return Objective(tuple(replace(note, target=note.render(voice[None])[0]) for note in self.note_targets))

    def beginning(self) -> "Objective":
        """Keep the first 0.7 s of every note."""
        return Objective(tuple(note.beginning() for note in self.note_targets))


def fit_length(samples: Float[np.ndarray, " sample"]) -> Float[np.ndarray, " unit_sample"]:
    """Pad or cut samples at `RATE` to one of six lengths, 0.7 to 4.1 s, so that few programs compile."""
    n = UNIT * next((units for units in LENGTHS if units * UNIT >= len(samples)), LENGTHS[-1])
    return np.pad(samples, (0, max(0, n - len(samples))))[:n].astype(np.float32)


def _unless_silent(
    distances: Float[np.ndarray, " voice"], audio: Float[np.ndarray, "voice sample"]
) -> Float[np.ndarray, " voice"]:
    peak = np.maximum(audio.max(axis=1), -audio.min(axis=1))
    return np.where(peak < SILENT, np.inf, distances)


def _level_db(audio: Float[np.ndarray, "*voice sample"]) -> Float[np.ndarray, "*voice"]:
    return np.asarray(10 * np.log10(np.mean(np.square(audio), axis=-1, dtype=np.float64) + 1e-12))
