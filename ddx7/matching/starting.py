"""The voices that a search begins with where the user names one: that voice, in other octaves, and variations of it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from ddx7.matching.mutation import mutate
from ddx7.matching.objective import Objective
from ddx7.matching.population import ISLANDS
from ddx7.matching.prior import Prior
from ddx7.matching.target import Target
from ddx7.matching.tuning import CLOSE_CENTS, pitch_error_cents, transpose_voice
from ddx7.matching.vced import columns, force_release
from ddx7.voice.packing import VCED_MAX
from ddx7.voice.spec import VCED_SIZE

VARIATIONS = 240
"""Variations of the voice."""
_REACHES = (0.05, 0.15, 0.4, 1.0)  # of their mutations: near ones and far ones
_SEMITONES = (12, -12, 24, -24)


@dataclass(frozen=True, eq=False)
class StartingVoices:
    """Voices that a search begins with instead of the proposals; none without a voice to start from.

    Attributes:
      voices: the voice itself first.
      distances: perceptual distance of each at the rate of the search.
    """

    voices: UInt8[np.ndarray, "voice 155"]
    distances: Float[np.ndarray, " voice"]


NO_START = StartingVoices(np.zeros((0, VCED_SIZE), np.uint8), np.zeros(0))


def starting_voices(
    voice: UInt8[np.ndarray, " 155"], target: Target, prior: Prior, objective: Objective, seed: int = 0
) -> StartingVoices:
    """Make the first voices of a search from one.

    Each island of the search gets the voice itself, tuned to the recording if it is off, and a share of the variations.

    Args:
      voice: the voice.
      target: the recording.
      prior: draws what mutation needs; its held parts stay.
      objective: distance at the rate of the search.
      seed: of the variations.
    """
    rng = np.random.default_rng(seed)
    own = prior.held.hold(force_release(voice))
    tuned = _tuned(own, target, prior)
    places = [own, tuned, *(_transposed(tuned, semitones) for semitones in _SEMITONES)]
    first = np.repeat(prior.held.hold(np.stack(places)), ISLANDS, axis=0)
    each = VARIATIONS // len(_REACHES)
    varied = [mutate(rng, np.tile(first[ISLANDS], (each, 1)), prior, reach) for reach in _REACHES]
    voices = prior.held.hold(force_release(np.concatenate([first, *varied])))
    different, where = np.unique(voices, axis=0, return_inverse=True)
    return StartingVoices(voices, objective.distances(different)[where.ravel()])


def _tuned(voice: np.ndarray, target: Target, prior: Prior) -> UInt8[np.ndarray, " 155"]:
    strongest = target.chosen[0]
    error = pitch_error_cents(target.render(voice[None])[0], target.notes[strongest])
    if not abs(error) > CLOSE_CENTS:
        return voice
    return prior.held.hold(transpose_voice(voice, -error, target.events[strongest].note, target.profile.frequencies))


def _transposed(voice: np.ndarray, semitones: int) -> UInt8[np.ndarray, " 155"]:
    [place] = columns("transpose")
    moved = voice.copy()
    moved[place] = np.clip(int(voice[place]) + semitones, 0, VCED_MAX[place])
    return moved
